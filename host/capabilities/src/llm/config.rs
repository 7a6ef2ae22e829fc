//! `[llm_compute]`, which is Spin's section.

use stoa_manifest::text::{Mistake, Spanned, Table, Value};

use crate::url::Url;
use crate::variables::Secret;

/// Who runs models for this host. Models on this machine (`type = "spin"`) are refused when the section is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// `type = "remote_http"`.
    Remote(Remote),
}

/// A host of models that is reached by HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// `url`: its scheme, host and port. As in Spin, the path of each call replaces the one in it.
    pub url: Spanned<String>,
    /// `auth_token`: as whom this host shows itself.
    pub auth_token: Secret,
    /// `api_type`: what is spoken. Default `default`.
    pub api: Api,
}

/// What a host of models speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Api {
    /// `default`: that of Spin's own server.
    #[default]
    Spin,
    /// `open_ai`: that of OpenAI, which others speak too.
    OpenAi,
}

impl Config {
    /// Takes the section out of a runtime configuration. Mistakes are reported to the document.
    pub fn read(table: &mut Table<'_>) -> Option<Option<Self>> {
        table.optional("llm_compute", |value| value.table(Self::of_section))
    }

    fn of_section(table: &mut Table<'_>) -> Option<Self> {
        match table.required("type", kind) {
            Some(()) => Remote::read(table).map(Self::Remote),
            None => {
                // What else is written belongs to a kind that nobody knows.
                table.ignore_rest();
                None
            }
        }
    }
}

impl Remote {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let url = table.required("url", address);
        let auth_token = table.required("auth_token", Value::string);
        let api = table.or_default("api_type", |value| {
            value.choice(&[("default", Api::Spin), ("open_ai", Api::OpenAi)])
        });
        Some(Self {
            url: url?,
            auth_token: Secret::new(auth_token?),
            api: api?,
        })
    }
}

fn kind(value: Value<'_>) -> Option<()> {
    let report = value.report();
    let kind = value.spanned_string()?;
    let message = match kind.value.as_str() {
        "remote_http" => return Some(()),
        "spin" => "models do not run on this host itself".to_owned(),
        other => format!("`{other}` is no kind of `[llm_compute]`"),
    };
    let mistake = Mistake::new(kind.span, message);
    report.refuse(mistake.hint("name who runs them: `type = \"remote_http\"`, `url`, `auth_token`"))
}

/// What is written is not repeated: it may hold a password.
fn address(value: Value<'_>) -> Option<Spanned<String>> {
    let report = value.report();
    let url = value.spanned_string()?;
    let problem = match Url::split(&url.value) {
        Some(parts) if !matches!(parts.scheme, "http" | "https") => "it is not one of HTTP",
        Some(Url { user: Some(_), .. }) => "it has a name in front of its host",
        Some(_) => return Some(url),
        None => "it is not one",
    };
    let mistake = Mistake::new(
        url.span,
        format!("this is no URL of a models' host: {problem}"),
    );
    report.refuse(mistake.hint("write `https://models.example`, and its token as `auth_token`"))
}

#[cfg(test)]
mod tests {
    use stoa_manifest::text::{self, Source};

    use super::*;

    fn read(text: &str) -> Result<Option<Config>, String> {
        let read = text::read(&Source::new("runtime.toml", text), Config::read);
        read.map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn models_on_this_machine_are_refused() {
        let told = read("[llm_compute]\ntype = \"spin\"\n").expect_err("it is refused");
        assert!(told.contains("models do not run on this host"), "{told}");
        let told = read("[llm_compute]\ntype = \"magic\"\nwand = 1\n").expect_err("it is refused");
        assert!(told.contains("`magic` is no kind"), "{told}");
    }

    #[test]
    fn a_section_that_is_not_whole_is_refused() {
        for (text, word) in [
            ("url = \"http://a\"\nauth_token = \"t\"", "type"),
            ("type = \"remote_http\"\nauth_token = \"t\"", "url"),
            ("type = \"remote_http\"\nurl = \"http://a\"", "auth_token"),
            (
                "type = \"remote_http\"\nurl = \"http://a\"\nauth_token = \"t\"\napi_type = \"x\"",
                "api_type",
            ),
            (
                "type = \"remote_http\"\nurl = \"http://a\"\nauth_token = \"t\"\nmore = 1",
                "more",
            ),
        ] {
            let told = read(&format!("[llm_compute]\n{text}\n")).expect_err(word);
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for url in ["models", "ftp://models.example", "http://me@models.example"] {
            let text = format!("[llm_compute]\ntype = \"remote_http\"\nurl = \"{url}\"\n");
            let told = read(&text).expect_err("it is refused");
            assert!(told.contains("no URL of a models' host"), "{told}");
        }
    }

    #[test]
    fn a_remote_is_read_and_its_token_is_not_shown() {
        let text = "[llm_compute]\ntype = \"remote_http\"\nurl = \"https://models.example\"\n\
            auth_token = \"hunter2\"\napi_type = \"open_ai\"\n";
        let config = read(text).unwrap_or_else(|told| panic!("{told}"));
        assert!(!format!("{config:?}").contains("hunter2"));
        let Some(Config::Remote(remote)) = config else {
            panic!("it is there");
        };
        assert_eq!(remote.url.value, "https://models.example");
        assert_eq!(remote.auth_token.expose(), "hunter2");
        assert_eq!(remote.api, Api::OpenAi);
        assert_eq!(read(""), Ok(None));
    }
}
