//! The configuration of an identity.

use stoa_manifest::Label;
use stoa_manifest::text::{Mistake, Table, Value};

use super::{Algorithm, NAME_BYTES_MAX, embedded};

/// How often a new key takes over where nothing is said, in days.
const ROTATE_DAYS_DEFAULT: u64 = 90;
/// The least often that a key is changed: ten years, in days.
const ROTATE_DAYS_MAX: u64 = 3650;

/// What stands behind a label: `[identity.<label>.embedded]`. The name of the table is the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// Keys in a folder of this host.
    Embedded(embedded::Config),
}

impl Config {
    /// An embedded identity with its defaults.
    pub fn embedded(label: &Label) -> Self {
        Self::Embedded(embedded::Config {
            path: path(label).into(),
            algorithm: Algorithm::default(),
            issuer: issuer(label),
            rotate_days: ROTATE_DAYS_DEFAULT,
        })
    }

    pub(crate) fn read(label: &Label, value: Value<'_>) -> Option<Self> {
        value.table(|table| {
            let embedded = table.optional("embedded", |value| {
                value.table(|table| read_embedded(label, table))
            })?;
            let missing = Mistake::new(
                table.span(),
                format!("nothing is said of what stands behind `{label}`"),
            )
            .hint(format!(
                "write `[identity.{label}.embedded]` for keys of this host"
            ));
            embedded.or_else(|| table.report().refuse(missing))
        })
    }
}

fn read_embedded(label: &Label, table: &mut Table<'_>) -> Option<Config> {
    let path = table.or("path", path(label), Value::string);
    let algorithm = table.or_default("algorithm", |value| value.choice(&Algorithm::NAMES));
    let issuer = table.or("issuer", issuer(label), read_issuer);
    let rotate_days = table.or("rotate_days", ROTATE_DAYS_DEFAULT, |value| {
        value.integer(1..=ROTATE_DAYS_MAX)
    });
    Some(Config::Embedded(embedded::Config {
        path: path?.into(),
        algorithm: algorithm?,
        issuer: issuer?,
        rotate_days: rotate_days?,
    }))
}

fn read_issuer(value: Value<'_>) -> Option<String> {
    let report = value.report();
    let issuer = value.spanned_string()?;
    match issuer.value.len() {
        1..=NAME_BYTES_MAX => Some(issuer.value),
        _ => report.refuse(Mistake::new(
            issuer.span,
            format!("`issuer` has 1 to {NAME_BYTES_MAX} bytes"),
        )),
    }
}

fn path(label: &Label) -> String {
    format!("identity/{label}")
}

/// A URI, as RFC 7519 wants where there is a colon, that no two labels of a host share.
fn issuer(label: &Label) -> String {
    format!("stoa:{label}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_manifest::text::{self, Source};

    fn read(text: &str) -> Result<Config, Vec<String>> {
        let label = Label::new("users").expect("it is a label");
        let source = Source::new("runtime.toml", text);
        text::read(&source, |table| {
            table.required("users", |value| Config::read(&label, value))
        })
        .map_err(|mistakes| {
            let messages = mistakes.iter().map(|mistake| mistake.message.clone());
            messages.collect()
        })
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let told = read(
            "[users.embedded]\nalgorithm = \"HS256\"\nissuer = \"\"\nrotate_days = 0\npath = 1\n",
        )
        .expect_err("nothing of it is right");
        assert_eq!(told.len(), 4, "{told:?}");
    }

    #[test]
    fn what_stands_behind_a_label_must_be_said() {
        let told = read("[users]\n").expect_err("no kind is named");
        assert_eq!(told, ["nothing is said of what stands behind `users`"]);
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let label = Label::new("users").expect("it is a label");
        assert_eq!(read("[users.embedded]\n"), Ok(Config::embedded(&label)));
    }

    #[test]
    fn what_is_written_is_read() {
        let written = "[users.embedded]\npath = \"keys\"\nalgorithm = \"ES256\"\n\
            issuer = \"https://shop.example\"\nrotate_days = 30\n";
        let expected = Config::Embedded(embedded::Config {
            path: "keys".into(),
            algorithm: Algorithm::Es256,
            issuer: "https://shop.example".into(),
            rotate_days: 30,
        });
        assert_eq!(read(written), Ok(expected));
    }
}
