//! `[admin]` of the runtime configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use stoa_manifest::text::{self, Mistake, Report, Spanned, Table, Value};

use super::tokens::{LOCAL, NOBODY};
use crate::configuration::address;

/// Characters of a token's name.
const NAME_CHARS_MAX: usize = 64;

/// Where the host is administered, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// `enabled`. Default true.
    pub(crate) enabled: bool,
    /// `listen`. Default `127.0.0.1:3001`, or a free port when that one is taken.
    pub(crate) listen: Option<SocketAddr>,
    /// `tls`: plain HTTP without, which is for loopback only. Default none.
    pub(crate) tls: Option<Tls>,
    /// `[admin.tokens.<name>]`, each with its `file`: who else may administer this host. Default none.
    pub(crate) tokens: BTreeMap<String, PathBuf>,
}

impl Config {
    /// With the paths that are relative taken from this folder.
    #[must_use]
    pub(crate) fn relative_to(mut self, folder: &Path) -> Self {
        for file in self.tokens.values_mut() {
            *file = folder.join(&*file);
        }
        self.tls = self.tls.map(|tls| Tls {
            certificate: folder.join(tls.certificate),
            key: folder.join(tls.key),
            client_ca: tls.client_ca.map(|file| folder.join(file)),
        });
        self
    }
}

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The certificate, followed by those that signed it.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
    /// Whoever has a certificate signed by one of these may do everything, without a token. Default none.
    pub(crate) client_ca: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: None,
            tls: None,
            tokens: BTreeMap::new(),
        }
    }
}

impl Config {
    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let enabled = table.or("enabled", true, Value::boolean);
        let listen = table.optional("listen", |value| {
            let span = value.span();
            address(value).map(|address| Spanned::new(span, address))
        });
        let tls = table.optional("tls", |value| value.table(Tls::read));
        let tokens = table.or_default("tokens", tokens);
        let (listen, tls) = (listen?, tls?);
        if let (Some(listen), None) = (&listen, &tls)
            && !listen.value.ip().is_loopback()
        {
            return table.report().refuse(unprotected(listen));
        }
        Some(Self {
            enabled: enabled?,
            listen: listen.map(|listen| listen.value),
            tls,
            tokens: tokens?,
        })
    }
}

impl Tls {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let certificate = table.required("certificate", Value::string);
        let key = table.required("key", Value::string);
        let client_ca = table.optional("client_ca", Value::string);
        Some(Self {
            certificate: certificate?.into(),
            key: key?.into(),
            client_ca: client_ca?.map(PathBuf::from),
        })
    }
}

fn unprotected(listen: &Spanned<SocketAddr>) -> Mistake {
    let message = format!(
        "{} can be reached from other machines, who would read the tokens on the way",
        listen.value
    );
    Mistake::new(listen.span, message)
        .hint("add `tls = { certificate = \"…\", key = \"…\" }`, or listen on 127.0.0.1")
}

fn tokens(value: Value<'_>) -> Option<BTreeMap<String, PathBuf>> {
    let report = value.report();
    let entries = value.entries()?.into_iter();
    let read = entries.map(|(name, value)| {
        let file = value.table(|table| table.required("file", Value::string));
        let name = named(name, report);
        Some((name?, PathBuf::from(file?)))
    });
    text::all(read).map(BTreeMap::from_iter)
}

/// A name that the audit log cannot mistake for anybody else: certificates are told apart by the colon in `cert:`.
fn named(name: Spanned<String>, report: &Report) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let length = name.value.len();
    let refused = if matches!(name.value.as_str(), LOCAL | NOBODY) {
        format!("the name `{}` is taken by the host itself", name.value)
    } else if length == 0 || length > NAME_CHARS_MAX || !name.value.chars().all(plain) {
        format!("a token's name has 1 to {NAME_CHARS_MAX} letters, digits, `-`, `_`, `.` or `@`")
    } else {
        return Some(name.value);
    };
    report.refuse(Mistake::new(name.span, refused))
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::Source;

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let source = Source::new("runtime.toml", text);
        text::read(&source, |table| {
            table.or_default("admin", |value| value.table(Config::read))
        })
        .map_err(|mistakes| mistakes.to_string())
    }

    #[track_caller]
    fn refused(text: &str, parts: &[&str]) {
        let told = parse(text).expect_err("it is mistaken");
        for part in parts {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn beyond_loopback_without_tls_is_a_mistake_with_its_line() {
        for address in ["0.0.0.0:3001", "10.0.0.7:3001", "[::]:3001"] {
            let text = format!("[admin]\nlisten = \"{address}\"\n");
            refused(
                &text,
                &[
                    "runtime.toml:2:10",
                    "can be reached from other machines",
                    "tls = {",
                ],
            );
        }
    }

    #[test]
    fn names_that_the_audit_log_would_mistake_are_refused() {
        let text = "[admin.tokens.local]\nfile = \"a\"\n[admin.tokens.nobody]\nfile = \"b\"\n\
                    [admin.tokens.\"cert:x\"]\nfile = \"c\"\n[admin.tokens.ci]\n";
        refused(
            text,
            &[
                "`local` is taken",
                "`nobody` is taken",
                "letters, digits",
                "missing field `file`",
                "4 mistakes",
            ],
        );
    }

    #[test]
    fn unknown_fields_are_mistakes() {
        refused("[admin]\ntoken = \"secret\"\n", &["unknown field `token`"]);
        refused(
            "[admin]\ntls = { certificate = \"a\", key = \"b\", ca = \"c\" }\n",
            &["unknown field `ca`"],
        );
    }

    #[test]
    fn everything_has_a_default() {
        assert_eq!(parse(""), Ok(Config::default()));
        assert_eq!(parse("[admin]\n"), Ok(Config::default()));
        assert!(Config::default().enabled);
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "[admin]\nenabled = false\nlisten = \"0.0.0.0:4000\"\n\
                    tls = { certificate = \"c.pem\", key = \"k.pem\", client_ca = \"ca.pem\" }\n\
                    [admin.tokens.ci]\nfile = \"/run/secrets/ci\"\n";
        let expected = Config {
            enabled: false,
            listen: Some(([0, 0, 0, 0], 4000).into()),
            tls: Some(Tls {
                certificate: "c.pem".into(),
                key: "k.pem".into(),
                client_ca: Some("ca.pem".into()),
            }),
            tokens: BTreeMap::from([("ci".into(), "/run/secrets/ci".into())]),
        };
        assert_eq!(parse(text), Ok(expected));
        let loopback = "[admin]\nlisten = \"[::1]:0\"\n";
        assert!(parse(loopback).is_ok_and(|config| config.listen.is_some()));
    }
}
