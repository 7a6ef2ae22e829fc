use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Keys, Unsigned, sign};
use crate::admin::messages::Signature;

// TEST KEYS. Made by `openssl genpkey` for this file and published with it: they protect nothing and never may.
const ED25519_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIObZMQI7w6XYGG07/pG3VALFDluAw74FEVCKd2xXmLI9
-----END PRIVATE KEY-----
";
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJBnuorfSWcvM0J8e+0uBAAFz560xlHORugJGdiQO53E=
-----END PUBLIC KEY-----
";
const OTHER_ED25519_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIP6gIlPLpSD92ErB7hTaPK10FfZJb/3Su3MnMeugMfD4
-----END PRIVATE KEY-----
";
const P256_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQEx82+aho39YQtfQ
ryLHRxQlkQgdVXee42a5DoeBTluhRANCAASDUD5hu2x33VQlsk4vvZ1Rb2xdCGf8
YfnT3pwcDZNcgUva9WrH3OzjUwo/dvZL/q9Q+EPRU/9lKGCDwIfdLQDG
-----END PRIVATE KEY-----
";
const P256_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEg1A+Ybtsd91UJbJOL72dUW9sXQhn
/GH5096cHA2TXIFL2vVqx9zs41MKP3b2S/6vUPhD0VP/ZShgg8CH3S0Axg==
-----END PUBLIC KEY-----
";
const P256_PRIVATE_SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEBMfNvmoaN/WELX0K8ix0cUJZEIHVV3nuNmuQ6HgU5boAoGCCqGSM49
AwEHoUQDQgAEg1A+Ybtsd91UJbJOL72dUW9sXQhn/GH5096cHA2TXIFL2vVqx9zs
41MKP3b2S/6vUPhD0VP/ZShgg8CH3S0Axg==
-----END EC PRIVATE KEY-----
";
const P384_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAd+khIzez8nR5zGOFP
MiJD9TJP6WUya1C9H5DGJ53JsTOmiUVZKsFoh28z+akNlPGhZANiAASagdI+sdK2
u79Ogi4j9IJGf0HlKBWiTlyT2IxQj4Nf/Xn/36JjSdfCrTynFg/aD83rff/T5DAf
0dMASrvoald+wkZouNAJ7tnmhLNwHQUKxyzFtcIfaMD4GatTTyCxj+c=
-----END PRIVATE KEY-----
";
const P384_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEmoHSPrHStru/ToIuI/SCRn9B5SgVok5c
k9iMUI+DX/15/9+iY0nXwq08pxYP2g/N633/0+QwH9HTAEq76GpXfsJGaLjQCe7Z
5oSzcB0FCscsxbXCH2jA+BmrU08gsY/n
-----END PUBLIC KEY-----
";

/// By `openssl pkey -pubin -outform DER | sha256sum`.
const ED25519_ID: &str = "4554b6f9c50e6baa8f611877a27da84dd8257db014bbfe00afa967a2a5d45a12";
const P256_ID: &str = "3749ed1dbe77e4b8e21233a2fe35ba29ee2daa7fd75cadcb3a602c2c0407f469";

const CONTENT: &[u8] = b"a bundle";
/// Of [`CONTENT`], by `openssl pkeyutl -sign -rawin` and `openssl dgst -sha256 -sign`.
const ED25519_BY_OPENSSL: &str =
    "qkyjC7kibFnQI+e4xHrcZNttTRnxQZ1aNXuheij3Bk7diOUZjXdPrQS/o+nxTCVTpsxL+baIm78Az+OW12aNBA==";
const P256_BY_OPENSSL: &str = "MEUCIEKpVbYT0Sw3MfyHiH03uydDLNzoeYlqLLAzPZ/5PogTAiEA8l+iUnb/kDvFlzJoBIddFi7sctU8aQ2xBfak6vEaiUk=";

/// Key files in a folder of their own.
struct Files {
    folder: TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    fn with(contents: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = |(number, content): (usize, &&str)| {
            let path = folder.path().join(format!("{number}.pem"));
            fs::write(&path, content).expect("a file can be written");
            path
        };
        let paths = contents.iter().enumerate().map(file).collect();
        Self { folder, paths }
    }

    fn load(&self) -> Result<Keys, String> {
        Keys::load(&self.paths)
    }
}

fn keys() -> Keys {
    let loaded = Files::with(&[ED25519_PUBLIC, P256_PUBLIC]).load();
    loaded.unwrap_or_else(|reason| panic!("{reason}"))
}

fn refused(contents: &[&str]) -> String {
    Files::with(contents).load().expect_err("it is refused")
}

fn signed(pem: &str) -> Signature {
    sign(pem, CONTENT).unwrap_or_else(|reason| panic!("{reason}"))
}

#[test]
fn a_key_that_the_host_does_not_know_does_not_count() {
    let signature = signed(OTHER_ED25519_PRIVATE);
    let why = keys()
        .verify(&signature, CONTENT)
        .expect_err("nobody gave it to the host");
    assert!(matches!(why, Unsigned::UnknownKey(_)), "{why}");
    assert!(why.to_string().contains(&signature.key), "{why}");
    let none = Keys::load(&[]).unwrap_or_else(|reason| panic!("{reason}"));
    let why = none.verify(&signed(ED25519_PRIVATE), CONTENT);
    assert!(matches!(why, Err(Unsigned::UnknownKey(_))));
}

#[test]
fn altered_content_is_not_what_was_signed() {
    for pem in [ED25519_PRIVATE, P256_PRIVATE] {
        let signature = signed(pem);
        for place in 0..CONTENT.len() {
            let mut altered = CONTENT.to_vec();
            altered[place] ^= 1;
            let verified = keys().verify(&signature, &altered);
            assert!(matches!(verified, Err(Unsigned::Wrong(_))), "{place}");
        }
        let verified = keys().verify(&signature, b"");
        assert!(matches!(verified, Err(Unsigned::Wrong(_))));
    }
}

#[test]
fn a_signature_of_another_key_or_algorithm_is_wrong() {
    let (ed25519, p256) = (signed(ED25519_PRIVATE), signed(P256_PRIVATE));
    let crossed = [
        (&ed25519.key, &p256.value),
        (&p256.key, &ed25519.value),
        (&ed25519.key, &signed(OTHER_ED25519_PRIVATE).value),
    ]
    .map(|(key, value)| Signature {
        key: key.clone(),
        value: value.clone(),
    });
    for signature in crossed {
        let verified = keys().verify(&signature, CONTENT);
        assert!(matches!(verified, Err(Unsigned::Wrong(_))), "{signature:?}");
    }
}

#[test]
fn damaged_signatures_are_refused() {
    let whole = signed(ED25519_PRIVATE);
    let with = |key: &str, value: &str| Signature {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    for damaged in [
        with("", &whole.value),
        with("../../key", &whole.value),
        with(&whole.key[1..], &whole.value),
        with(&whole.key, "not base64!"),
        with(&whole.key, &whole.value[1..]),
        with(&whole.key, &"A".repeat(1 << 20)),
    ] {
        let verified = keys().verify(&damaged, CONTENT);
        assert!(matches!(verified, Err(Unsigned::Damaged(_))), "{damaged:?}");
    }
    for wrong in ["", "AAAA"] {
        let verified = keys().verify(&with(&whole.key, wrong), CONTENT);
        assert!(matches!(verified, Err(Unsigned::Wrong(_))), "{wrong}");
    }
}

#[test]
fn only_unencrypted_pkcs8_keys_of_both_kinds_sign() {
    for (pem, reason) in [
        ("", "there is no key in PEM in it"),
        ("MC4CAQAwBQYDK2VwBCIEIObZ", "there is no key in PEM in it"),
        (ED25519_PUBLIC, "it is a public key"),
        (P256_PRIVATE_SEC1, "it is not in PKCS#8"),
        (P384_PRIVATE, "neither an Ed25519 nor a P-256 key"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "or an encrypted one",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----\n",
            "its PEM is damaged",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n",
            "its PEM is damaged",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "neither an Ed25519 nor a P-256 key",
        ),
    ] {
        let told = sign(pem, CONTENT).expect_err("it is refused");
        assert!(told.contains(reason), "{pem}: {told}");
        assert!(
            !told.contains("hunter2") && !told.contains("MC4CAQ"),
            "{told}"
        );
    }
    let two = format!("{ED25519_PRIVATE}{P256_PRIVATE}");
    let told = sign(&two, CONTENT).expect_err("which of both?");
    assert!(told.contains("more than one key"), "{told}");
}

#[test]
fn only_public_keys_of_both_kinds_are_loaded() {
    for (pem, reason) in [
        ("", "there is no key in PEM in it"),
        (ED25519_PRIVATE, "it is a private key"),
        (P256_PRIVATE_SEC1, "it is a private key"),
        (P384_PUBLIC, "neither an Ed25519 nor a P-256 key"),
        (&ED25519_PUBLIC[..60], "its PEM is damaged"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "neither an Ed25519 nor a P-256 key",
        ),
        (
            // The 32 bytes without what says which algorithm they are of.
            "-----BEGIN PUBLIC KEY-----\nJBnuorfSWcvM0J8e+0uBAAFz560xlHORugJGdiQO53E=\n-----END PUBLIC KEY-----\n",
            "its encoding is not DER",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "it is no public key",
        ),
    ] {
        let told = refused(&[pem]);
        assert!(told.contains(reason), "{pem}: {told}");
        assert!(told.contains("0.pem"), "{told}");
    }
}

#[test]
fn all_files_that_cannot_be_used_are_told_at_once() {
    let files = Files::with(&[ED25519_PUBLIC, ED25519_PUBLIC, "", P256_PRIVATE]);
    let mut paths = files.paths.clone();
    paths.push(files.folder.path().join("missing.pem"));
    let told = Keys::load(&paths).expect_err("four of five are wrong");
    assert_eq!(told.lines().count(), 4, "{told}");
    for part in [
        "1.pem` holds the same key as",
        "2.pem",
        "3.pem",
        "missing.pem",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
}

#[test]
fn what_is_signed_here_is_verified_here() {
    for (pem, id, name) in [
        (ED25519_PRIVATE, ED25519_ID, "0.pem"),
        (P256_PRIVATE, P256_ID, "1.pem"),
    ] {
        let signature = signed(pem);
        assert_eq!(signature.key, id);
        let by = keys()
            .verify(&signature, CONTENT)
            .unwrap_or_else(|why| panic!("{why}"));
        assert!(by.to_string().ends_with(name), "{by}");
    }
}

#[test]
fn what_openssl_signed_is_verified_here() {
    for (id, value) in [(ED25519_ID, ED25519_BY_OPENSSL), (P256_ID, P256_BY_OPENSSL)] {
        let signature = Signature {
            key: id.to_owned(),
            value: value.to_owned(),
        };
        let verified = keys().verify(&signature, CONTENT);
        assert!(verified.is_ok(), "{id}: {verified:?}");
    }
    // Ed25519 has one signature for a key and a content.
    assert_eq!(signed(ED25519_PRIVATE).value, ED25519_BY_OPENSSL);
}
