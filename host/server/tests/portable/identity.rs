//! `stoa:identity` by its adapter and by the host. The calls are those by which `stoa-runtime` shows what the host's own
//! does (`tests/guests/identity.rs`). Of its facts, the adapter holds those of passwords and of verifying; it signs
//! nothing and has no quotas.

use serde_json::{Value, json};
use stoa_testkit::Host;

use crate::adapted::Adapted;
use crate::application::{Call, ask, done, refused};

/// Guests that block and guests that wait.
const GUESTS: [&str; 2] = ["identity-02", "identity-03"];
const GRANT: &str = "operations = [\"passwords\", \"sign\", \"verify\"]";
/// The issuer that the host has for the label `default` where its configuration says nothing.
const GRANTS: &str =
    r#"{ "default": { "operations": ["passwords", "sign", "verify"], "issuer": "stoa:default" } }"#;

fn of<'a>(guest: &'a str, variables: &'a [(&'a str, &'a str)]) -> Adapted<'a> {
    Adapted {
        guest,
        noun: "identity",
        grant: GRANT,
        databases: "",
        variables,
        inherited: "[\"variables\"]",
    }
}

const WRONG: &[Call<'static>] = &[
    ("hash", &[("label", "other"), ("password", "p")]),
    (
        "check",
        &[("label", "other"), ("password", "p"), ("hash", "h")],
    ),
    ("sign", &[("label", "other"), ("subject", "u")]),
    ("verify", &[("label", "other"), ("token", "t")]),
    ("keys", &[("label", "other")]),
    ("hash", &[("password", "")]),
    ("check", &[("password", "p"), ("hash", "h")]),
    ("check", &[("password", ""), ("hash", "h")]),
];

/// A key that a component must never see.
const PRIVATE: &str = r#"{ "default": { "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "c2VjcmV0", "kid": "a" }] } }"#;

/// Of `password`, by another implementation, and weaker than those of today.
const WEAK: &str =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

#[test]
fn what_is_wrong_is_wrong_in_both_runs() {
    for guest in GUESTS {
        of(guest, &[("identity_grants", GRANTS)]).assert_same(WRONG);
        let long = "p".repeat(1025);
        let call = ("hash", &[("password", long.as_str())][..]);
        of(guest, &[("identity_grants", GRANTS)]).assert_same(&[call]);
    }
}

#[test]
fn denied_what_is_not_granted_in_both_runs() {
    for guest in GUESTS {
        let verifying = Adapted {
            grant: "operations = [\"verify\"]",
            ..of(
                guest,
                &[(
                    "identity_grants",
                    r#"{ "default": { "operations": ["verify"], "issuer": "i" } }"#,
                )],
            )
        };
        verifying.assert_same(&[
            ("hash", &[("password", "p")]),
            ("check", &[("password", "p"), ("hash", "h")]),
            ("sign", &[("subject", "u")]),
        ]);
        let others = Adapted {
            grant: "operations = [\"passwords\", \"sign\"]",
            ..of(
                guest,
                &[(
                    "identity_grants",
                    r#"{ "default": { "operations": ["passwords", "sign"] } }"#,
                )],
            )
        };
        others.assert_same(&[("verify", &[("token", "t")]), ("keys", &[])]);
    }
}

#[test]
fn signing_is_refused() {
    for guest in GUESTS {
        let host = of(guest, &[("identity_grants", GRANTS)]).portable();
        refused(&host, ("sign", &[("subject", "u")]), "not-portable");
    }
}

#[test]
fn what_the_adapter_lacks_is_named() {
    let keys = ("keys", &[][..]);
    for guest in GUESTS {
        let text = refused(&of(guest, &[]).portable(), keys, "no-grants");
        assert!(text.contains("`identity_grants`"), "{text}");
        let without = of(guest, &[("identity_grants", GRANTS)]);
        let text = refused(&without.portable(), keys, "no-keys");
        assert!(text.contains("`identity_jwks`"), "{text}");
        let private = of(
            guest,
            &[("identity_grants", GRANTS), ("identity_jwks", PRIVATE)],
        );
        let text = refused(&private.portable(), keys, "no-keys");
        assert!(
            text.contains("private") && !text.contains("c2VjcmV0"),
            "{text}"
        );
    }
    let deaf = Adapted {
        inherited: "[]",
        ..of("identity-02", &[("identity_grants", GRANTS)])
    };
    deaf.assert_not_inherited("variables");
}

/// A hash of one run is one of the other.
#[test]
fn passwords_are_the_same_in_both_runs() {
    for guest in GUESTS {
        let application = of(guest, &[("identity_grants", GRANTS)]);
        let (native, portable) = (application.native(), application.portable());
        let hash = |host: &Host| done(host, ("hash", &[("password", "secret")]));
        for (maker, reader) in [
            (&native, &portable),
            (&portable, &native),
            (&portable, &portable),
        ] {
            let hash = hash(maker);
            let start = "$argon2id$v=19$m=19456,t=2,p=1$";
            assert!(hash.starts_with(start), "{hash}");
            let check = |password: &str| {
                let parameters = [("password", password), ("hash", hash.as_str())];
                done(reader, ("check", &parameters))
            };
            assert_eq!(check("secret"), "true");
            assert_eq!(check("Secret"), "false");
        }
        assert_ne!(hash(&portable), hash(&portable));
        for host in [&native, &portable] {
            let check = ("check", &[("password", "password"), ("hash", WEAK)][..]);
            assert_eq!(done(host, check), "true rehash");
        }
    }
}

/// The keys that the host publishes are what the adapter is given.
#[test]
fn tokens_of_the_host_are_verified_by_the_adapter() {
    for guest in GUESTS {
        let native = of(guest, &[("identity_grants", GRANTS)]).native();
        let keys = done(&native, ("keys", &[]));
        let set: Value = serde_json::from_str(&keys).expect("it is JSON");
        let jwks = json!({ "default": set }).to_string();
        let variables = [
            ("identity_grants", GRANTS),
            ("identity_jwks", jwks.as_str()),
        ];
        let portable = of(guest, &variables).portable();
        let token = done(
            &native,
            (
                "sign",
                &[
                    ("subject", "u-1"),
                    ("audience", "shop"),
                    ("extra", r#"{"role":"admin"}"#),
                ],
            ),
        );
        let published: Value =
            serde_json::from_str(&done(&portable, ("keys", &[]))).expect("it is JSON");
        assert_eq!(published, set);
        let (signed, _) = token.rsplit_once('.').expect("a token has parts");
        let unsigned = format!("{signed}.");
        for parameters in [
            &[("token", token.as_str()), ("audience", "shop")][..],
            &[("token", token.as_str()), ("audience", "bank")],
            &[("token", token.as_str())],
            &[("token", unsigned.as_str()), ("audience", "shop")],
            &[("token", "t")],
        ] {
            let call = ("verify", parameters);
            assert_eq!(ask(&portable, call), ask(&native, call), "{parameters:?}");
        }
        let good = (
            "verify",
            &[("token", token.as_str()), ("audience", "shop")][..],
        );
        assert_eq!(done(&portable, good), r#"u-1 {"role":"admin"}"#);
    }
}
