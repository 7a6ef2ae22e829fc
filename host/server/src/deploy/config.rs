//! `[deploy]` of the runtime configuration: what a release must have, and may do, to serve on this host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use stoa_manifest::text::{Mistake, Table, Value};

/// `[deploy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// `allow_new_grants`: every release may do more than the one before; otherwise each deploy has to ask for that.
    /// Default false.
    pub(crate) allow_new_grants: bool,
    /// `signatures.keys`: files with public keys in PEM, Ed25519 or P-256, one in each. Default none.
    pub(crate) signature_keys: Vec<PathBuf>,
    /// `signatures.required`: only what one of these keys signed is deployed. Default: whether there are any.
    pub(crate) signatures_required: bool,
    /// `releases_kept`: releases whose files are kept to go back to, 2 to 10 000. Default 100.
    pub(crate) releases_kept: u64,
    /// `drain_ms_max`: milliseconds that an old revision has to finish what it began, 1 to a day. Default half a minute.
    pub(crate) drain_max: Duration,
    /// `probe`: a fresh instance of each component is asked before a release serves. Default true.
    pub(crate) probe: bool,
}

const RELEASES_KEPT: u64 = 100;
const DRAIN_MS_MAX: u64 = 30_000;

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_new_grants: false,
            signature_keys: Vec::new(),
            signatures_required: false,
            releases_kept: RELEASES_KEPT,
            drain_max: Duration::from_millis(DRAIN_MS_MAX),
            probe: true,
        }
    }
}

/// `signatures`: the keys, and whether one of them must have signed.
#[derive(Default)]
struct Signatures {
    keys: Vec<PathBuf>,
    required: bool,
}

impl Config {
    /// With the paths that are relative taken from this folder.
    #[must_use]
    pub(crate) fn relative_to(mut self, folder: &Path) -> Self {
        for key in &mut self.signature_keys {
            *key = folder.join(&*key);
        }
        self
    }

    pub(crate) fn read(table: &mut Table<'_>) -> Option<Self> {
        let allow_new_grants = table.or_default("allow_new_grants", Value::boolean);
        let signatures = table.or_default("signatures", |value| value.table(Signatures::read));
        let releases_kept = table.or("releases_kept", RELEASES_KEPT, |value| {
            value.integer(2..=10_000)
        });
        let drain = table.or("drain_ms_max", DRAIN_MS_MAX, |value| {
            value.integer(1..=86_400_000)
        });
        let probe = table.or("probe", true, Value::boolean);
        let Signatures { keys, required } = signatures?;
        Some(Self {
            allow_new_grants: allow_new_grants?,
            signature_keys: keys,
            signatures_required: required,
            releases_kept: releases_kept?,
            drain_max: Duration::from_millis(drain?),
            probe: probe?,
        })
    }
}

impl Signatures {
    /// Without any key nothing could be deployed where a signature is required.
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let (span, report) = (table.span(), table.report());
        let keys = table.or_default("keys", Value::strings);
        let required = table.optional("required", Value::boolean);
        let keys: Vec<PathBuf> = keys?.into_iter().map(PathBuf::from).collect();
        let required = required?.unwrap_or(!keys.is_empty());
        if required && keys.is_empty() {
            let mistake = Mistake::new(span, "signatures are required, but `keys` names no key");
            return report
                .refuse(mistake.hint("name files with public keys: `keys = [\"release.pem\"]`"));
        }
        Some(Self { keys, required })
    }
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::{self, Source};

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let source = Source::new("runtime.toml", text);
        text::read(&source, Config::read).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn required_signatures_without_keys_are_a_mistake() {
        for text in [
            "signatures = { required = true }",
            "signatures = { required = true, keys = [] }",
        ] {
            let told = parse(text).expect_err("nothing could be deployed");
            assert!(told.contains("`keys` names no key"), "{told}");
            assert!(told.contains("runtime.toml:1:14"), "{told}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let told = parse(
            "allow_new_grants = 1\nreleases_kept = 1\ndrain_ms_max = 86_400_001\nprobe = \"no\"\n\
             signatures = { keys = \"a.pem\", require = true }\nprobes = true\n",
        )
        .expect_err("nothing in it is right");
        for part in [
            "runtime.toml:1:20",
            "must be between 2 and 10000, found 1",
            "must be between 1 and 86400000, found 86400001",
            "runtime.toml:4:9",
            "must be an array",
            "did you mean `required`?",
            "did you mean `probe`?",
            "7 mistakes",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }

    #[test]
    fn everything_has_a_default() {
        assert_eq!(parse(""), Ok(Config::default()));
        assert_eq!(parse("signatures = {}"), Ok(Config::default()));
    }

    #[test]
    fn what_is_written_goes_before_the_defaults() {
        let text = "allow_new_grants = true\nreleases_kept = 2\ndrain_ms_max = 86_400_000\nprobe = false\n\
                    signatures = { keys = [\"a.pem\", \"b.pem\"], required = false }\n";
        let expected = Config {
            allow_new_grants: true,
            signature_keys: vec!["a.pem".into(), "b.pem".into()],
            signatures_required: false,
            releases_kept: 2,
            drain_max: Duration::from_secs(86_400),
            probe: false,
        };
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn keys_are_required_unless_it_says_otherwise() {
        let config =
            parse("signatures = { keys = [\"a.pem\"] }").unwrap_or_else(|told| panic!("{told}"));
        assert!(config.signatures_required);
    }
}
