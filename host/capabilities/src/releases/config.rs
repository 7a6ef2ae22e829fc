//! The configuration of the release history.

use std::path::{Path, PathBuf};

use stoa_manifest::text::{Mistake, Shape, Table, Value};

use super::embedded;
use crate::variables::Secret;

/// The schema of a database that is used unless the configuration names another.
pub const SCHEMA: &str = "stoa";
/// A schema's name has at most so many bytes: the name of a channel is made of it, which PostgreSQL cuts after 63.
pub const SCHEMA_BYTES_MAX: usize = 48;

/// Where the history lies: `[releases.embedded]` or `[releases.postgres]`. The name of the table is the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// A folder of this host.
    Embedded(embedded::Config),
    /// A database that a fleet shares.
    Postgres(Postgres),
}

/// `[releases.postgres]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// `url`: `postgres://user@host:5432/database`. It may hold a password, and is never shown.
    pub url: Secret,
    /// `password_file`: its text, without the line's end, is the password, before any in the URL. Default none.
    pub password_file: Option<PathBuf>,
    /// `schema`: where the tables are made. Default [`SCHEMA`].
    pub schema: String,
    /// `tls`. Default: what the URL's `sslmode` says, or else [`Tls::Prefer`].
    pub tls: Option<Tls>,
}

/// How the connection to a database is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// `tls = "disable"`: not at all.
    Disable,
    /// `tls = "prefer"`: with TLS if the server offers it, whoever the server is.
    Prefer,
    /// `tls = "require"`: with TLS, whoever the server is.
    Require,
    /// `tls = "verify"`: with TLS, and only if a known authority vouches for the server's name.
    Verify {
        /// `ca_file`: the authority's certificates in PEM, besides the public ones. Default none.
        ca_file: Option<PathBuf>,
    },
}

/// The words of `tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    Verify,
}

const MODES: [(&str, Mode); 4] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify", Mode::Verify),
];

impl Default for Config {
    fn default() -> Self {
        Self::Embedded(embedded::Config::default())
    }
}

impl Config {
    /// Takes the section `[releases]` out of a runtime configuration. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Self> {
        table.or_default("releases", |value| value.table(Self::read_section))
    }

    fn read_section(table: &mut Table<'_>) -> Option<Self> {
        let embedded = table.optional("embedded", |value| value.table(read_embedded));
        let postgres = table.optional("postgres", |value| value.table(Postgres::read));
        let message = match (embedded?, postgres?) {
            (Some(config), None) => return Some(Self::Embedded(config)),
            (None, Some(config)) => return Some(Self::Postgres(config)),
            (Some(_), Some(_)) => "the release history is said to lie in two places",
            (None, None) => "nothing is said of where the release history lies",
        };
        let hint = "write one of `[releases.embedded]` and `[releases.postgres]`";
        table
            .report()
            .refuse(Mistake::new(table.span(), message).hint(hint))
    }
}

fn read_embedded(table: &mut Table<'_>) -> Option<embedded::Config> {
    let default = embedded::Config::default();
    let path = table.or("path", default.path, |value| {
        value.string().map(PathBuf::from)
    });
    Some(embedded::Config { path: path? })
}

impl Postgres {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let url = read_url(table);
        let password_file = table.optional("password_file", Value::string);
        let schema = table.or("schema", SCHEMA.to_owned(), read_schema);
        let tls = read_tls(table);
        Some(Self {
            url: url?,
            password_file: password_file?.map(PathBuf::from),
            schema: schema?,
            tls: tls?,
        })
    }

    /// With the paths that are relative taken from this folder.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        self.password_file = self.password_file.map(|file| folder.join(file));
        if let Some(Tls::Verify { ca_file }) = &mut self.tls {
            *ca_file = ca_file.take().map(|file| folder.join(file));
        }
        self
    }
}

/// Mistakes in it are reported at the table's head: they are shown with their line, and this line may hold a password.
fn read_url(table: &mut Table<'_>) -> Option<Secret> {
    let head = table.span();
    let report = table.report();
    table.required("url", |value| {
        if value.shape() != Shape::String {
            return report.refuse(Mistake::new(head, "`url` must be a string"));
        }
        let url = Secret::new(value.string()?);
        match flaw(url.expose()) {
            None => Some(url),
            Some(flaw) => {
                let mistake = Mistake::new(head, format!("`url` {flaw}"));
                report.refuse(mistake.hint("write `postgres://user@host:5432/database`"))
            }
        }
    })
}

/// What a URL lacks. All three parts have to be there: what a URL leaves open, the driver takes from the environment.
fn flaw(url: &str) -> Option<&'static str> {
    let Some(rest) = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
    else {
        return Some("does not start with `postgres://`");
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.split(':').next().unwrap_or_default().is_empty() {
        return Some("names no user");
    }
    if host.is_empty() || host.starts_with(':') {
        return Some("names no host");
    }
    database.is_empty().then_some("names no database")
}

fn read_schema(value: Value<'_>) -> Option<String> {
    let report = value.report();
    let schema = value.spanned_string()?;
    if is_schema(&schema.value) {
        return Some(schema.value);
    }
    let message = format!("`{}` is not a name for a schema", schema.value);
    let hint =
        format!("1 to {SCHEMA_BYTES_MAX} of a-z, 0-9 and `_`, with no digit and no `pg_` in front");
    report.refuse(Mistake::new(schema.span, message).hint(hint))
}

/// Whether a name needs no quotes and is not one of PostgreSQL's own.
pub fn is_schema(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=SCHEMA_BYTES_MAX).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.starts_with("pg_")
        && name != "information_schema"
}

fn read_tls(table: &mut Table<'_>) -> Option<Option<Tls>> {
    let mode = table.optional("tls", |value| value.choice(&MODES));
    let file = table.optional("ca_file", Value::spanned_string);
    let (mode, file) = (mode?, file?);
    if let (Some(file), true) = (&file, mode != Some(Mode::Verify)) {
        let message = "`ca_file` is of no use unless the server is verified";
        let mistake = Mistake::new(file.span, message).hint("write `tls = \"verify\"`");
        return table.report().refuse(mistake);
    }
    let ca_file = file.map(|file| PathBuf::from(file.value));
    Some(mode.map(|mode| match mode {
        Mode::Disable => Tls::Disable,
        Mode::Prefer => Tls::Prefer,
        Mode::Require => Tls::Require,
        Mode::Verify => Tls::Verify { ca_file },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_manifest::text::{self, Source};

    /// A configuration as the host reads it.
    fn read(text: &str) -> Result<Config, String> {
        let source = Source::new("runtime.toml", text);
        text::read(&source, Config::read).map_err(|mistakes| mistakes.to_string())
    }

    #[track_caller]
    fn assert_told(text: &str, parts: &[&str]) -> String {
        let told = read(text).expect_err("there are mistakes in it");
        for part in parts {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
        told
    }

    #[track_caller]
    fn postgres(rest: &str) -> Postgres {
        let text = format!("[releases.postgres]\nurl = \"postgres://me@db/shop\"\n{rest}");
        match read(&text) {
            Ok(Config::Postgres(config)) => config,
            other => panic!("expected a database, found {other:?}"),
        }
    }

    #[test]
    fn two_places_or_none_are_a_mistake() {
        assert_told(
            "[releases.embedded]\n[releases.postgres]\nurl = \"postgres://me@db/shop\"\n",
            &["lie in two places", "1 mistake"],
        );
        assert_told("[releases]\n", &["nothing is said", "[releases.embedded]"]);
        assert_told("[releases.redis]\n", &["unknown field `redis`"]);
    }

    #[test]
    fn a_wrong_url_is_told_without_being_shown() {
        let wrong = [
            ("\"mysql://me:hunter2@db/shop\"", "does not start with"),
            ("\"postgres://db:5432/hunter2\"", "names no user"),
            ("\"postgres://:hunter2@db/shop\"", "names no user"),
            ("\"postgres://me:hunter2@/shop\"", "names no host"),
            ("\"postgres://me:hunter2@:5432/shop\"", "names no host"),
            ("\"postgres://me:hunter2@db?x=/shop\"", "names no database"),
            ("[\"postgres://me:hunter2@db/shop\"]", "must be a string"),
        ];
        for (url, flaw) in wrong {
            let told = assert_told(&format!("[releases.postgres]\nurl = {url}\n"), &[flaw]);
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert_told("[releases.postgres]\n", &["missing field `url`"]);
    }

    #[test]
    fn names_that_are_no_schema_are_refused() {
        let long = "a".repeat(SCHEMA_BYTES_MAX + 1);
        for name in [
            "",
            "a-b",
            "A",
            "1a",
            "pg_a",
            "information_schema",
            "a\\\"b",
            &long,
        ] {
            let text = format!(
                "[releases.postgres]\nurl = \"postgres://me@db/shop\"\nschema = \"{name}\"\n"
            );
            assert_told(&text, &["is not a name for a schema"]);
        }
        assert!(is_schema(&long[1..]));
    }

    #[test]
    fn a_ca_file_is_for_who_verifies() {
        for tls in ["", "tls = \"require\"\n"] {
            let text = format!(
                "[releases.postgres]\nurl = \"postgres://me@db/shop\"\n{tls}ca_file = \"a.pem\"\n"
            );
            assert_told(&text, &["`ca_file` is of no use", "tls = \"verify\""]);
        }
        let text = "[releases.postgres]\nurl = \"postgres://me@db/shop\"\ntls = \"maybe\"\n";
        assert_told(text, &["must be `disable` or `prefer`"]);
    }

    #[test]
    fn without_a_section_it_is_a_folder() {
        let folder = |path: &str| Ok(Config::Embedded(embedded::Config { path: path.into() }));
        assert_eq!(read(""), folder("releases"));
        assert_eq!(read("[releases.embedded]\n"), folder("releases"));
        assert_eq!(
            read("[releases.embedded]\npath = \"history\"\n"),
            folder("history")
        );
    }

    #[test]
    fn a_database_has_its_defaults() {
        let config = postgres("");
        assert_eq!(config.url.expose(), "postgres://me@db/shop");
        assert_eq!(config.schema, SCHEMA);
        assert_eq!((config.password_file, config.tls), (None, None));
    }

    #[test]
    fn paths_are_taken_from_the_folder() {
        let config = postgres("password_file = \"pw\"\ntls = \"verify\"\nca_file = \"/ca.pem\"\n");
        let config = config.relative_to(Path::new("/shop"));
        assert_eq!(config.password_file, Some("/shop/pw".into()));
        let ca_file = Some("/ca.pem".into());
        assert_eq!(config.tls, Some(Tls::Verify { ca_file }));
    }

    #[test]
    fn a_password_is_not_in_the_debug_form() {
        let text =
            "[releases.postgres]\nurl = \"postgresql://me:hunter2@db:5432/shop?sslmode=require\"\n";
        let config = read(text).expect("it is good");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
