use super::*;
use crate::variables::provider::file::FILE_BYTES_MAX;

/// A folder with files, and what else a start has.
struct Start {
    folder: tempfile::TempDir,
    arguments: Vec<Secret>,
    configured: Vec<Config>,
    environment: Vec<(&'static str, &'static str)>,
}

impl Start {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
            arguments: Vec::new(),
            configured: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Adds a file. `FOLDER` in arguments stands for where it is.
    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).expect("it can be written");
        self
    }

    fn argument(mut self, argument: &str) -> Self {
        let folder = self.folder.path().display().to_string();
        self.arguments
            .push(Secret::new(argument.replace("FOLDER", &folder)));
        self
    }

    fn configured(mut self, config: Config) -> Self {
        self.configured.push(config);
        self
    }

    fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    fn open(&self) -> Result<Vec<Box<dyn Provider>>, Vec<Problem>> {
        let pairs = self.environment.iter();
        let sources = Sources {
            arguments: &self.arguments,
            configured: &self.configured,
            environment: Environment::new(pairs.map(|(name, value)| (name.into(), value.into()))),
            folder: self.folder.path(),
        };
        let declared = ["token", "region"].map(|name| (name.to_owned(), Variable::default()));
        sources.open(&BTreeMap::from(declared))
    }

    /// The first value that a provider has for `token`.
    async fn token(&self) -> Option<String> {
        let providers = self.open().unwrap_or_else(|told| panic!("{told:?}"));
        for provider in &providers {
            let value = provider.get("token").await.expect("it answers");
            if let Some(value) = value {
                return Some(value.expose().to_owned());
            }
        }
        None
    }

    /// All that is wrong, in words.
    fn told(&self) -> Vec<String> {
        let problems = self.open().err().expect("something is wrong");
        problems.iter().map(ToString::to_string).collect()
    }
}

fn fixed(value: &str) -> Config {
    let values = BTreeMap::from([("token".to_owned(), Secret::new(value))]);
    Config::Static { values }
}

fn env(prefix: &str, dotenv_path: Option<&str>) -> Config {
    Config::Env {
        prefix: prefix.to_owned(),
        dotenv_path: dotenv_path.map(Into::into),
    }
}

fn file(path: &str) -> Config {
    Config::File { path: path.into() }
}

#[test]
fn files_that_are_missing_are_told_all_at_once() {
    let told = Start::new()
        .argument("token=@FOLDER/a.txt")
        .argument("@FOLDER/b.toml")
        .configured(file("c.toml"))
        .configured(env("APP", Some("d.env")))
        .told();
    assert_eq!(told.len(), 4, "{told:?}");
    for (told, name) in told.iter().zip(["a.txt", "b.toml", "c.toml", "d.env"]) {
        assert!(told.contains("cannot read"), "{told}");
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn arguments_of_no_form_are_refused_and_not_repeated() {
    for argument in ["hunter2", "@FOLDER/hunter2.yaml", "@FOLDER/hunter2"] {
        let told = Start::new().argument(argument).told();
        assert_eq!(told, [Problem::Argument.to_string()]);
    }
}

#[test]
fn an_argument_for_a_variable_that_is_not_there_is_told() {
    let told = Start::new().argument("tokn=hunter2").told();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("did you mean `token`?"), "{told:?}");
    assert!(!told[0].contains("hunter2"), "{told:?}");
}

#[test]
fn wrong_lines_of_files_are_told_by_number_and_not_shown() {
    let start = Start::new()
        .file("a.toml", "region = \"eu\"\ntoken = [\"hunter2\"]\n")
        .file("b.toml", "region = \"eu\"\n\ntoken = \"hunter2\n")
        .file("c.json", "{\n  \"token\": 72727272\n}\n")
        .file("d.env", "A=1\nSPIN_VARIABLE_TOKEN=hunter2 72727272\n")
        .argument("@FOLDER/a.toml")
        .argument("@FOLDER/c.json")
        .configured(file("b.toml"))
        .configured(env("SPIN_VARIABLE", Some("d.env")));
    let told = start.told();
    let lines = [("a.toml", 2), ("b.toml", 3), ("c.json", 2), ("d.env", 2)];
    for (name, line) in lines {
        let place = format!("{name}`, line {line}:");
        assert!(told.iter().any(|told| told.contains(&place)), "{told:?}");
    }
    let told = told.concat();
    assert!(
        !told.contains("hunter2") && !told.contains("7272"),
        "{told}"
    );
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let large = "#".repeat(FILE_BYTES_MAX as usize);
    assert!(Start::new().file(".env", &large).open().is_ok());
    let told = Start::new().file(".env", &(large + "#")).told();
    assert!(told[0].contains("larger than 1048576 bytes"), "{told:?}");
}

#[tokio::test]
async fn a_value_of_the_environment_that_is_not_text_is_told() {
    use std::os::unix::ffi::OsStringExt;

    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let environment = Environment::new([("APP_TOKEN".into(), value)]);
    let provider = Environmental::new("APP", environment, BTreeMap::new());
    let told = provider.get("token").await.expect_err("it is not text");
    assert_eq!(told.to_string(), "`APP_TOKEN` is not UTF-8");
    assert_eq!(provider.get("region").await, Ok(None));
}

#[tokio::test]
async fn a_line_that_spin_would_complete_is_told_when_it_is_asked_for() {
    let start = Start::new().file(".env", "OTHER=$HOME\nSPIN_VARIABLE_TOKEN=hunter2$HOME\n");
    let providers = start.open().unwrap_or_else(|told| panic!("{told:?}"));
    let environment = providers.last().expect("the environment is the last");
    assert_eq!(environment.get("region").await, Ok(None));
    let told = environment.get("token").await.expect_err("it has a `$`");
    let told = told.to_string();
    assert!(
        told.contains(".env`, line 2: `$` stands for no variable"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn nothing_says_nothing() {
    assert_eq!(Start::new().token().await, None);
    let others = Start::new().environment("SPIN_VARIABLE_TOKEN_2", "x");
    assert_eq!(others.environment("token", "x").token().await, None);
}

#[tokio::test]
async fn the_command_line_goes_before_what_is_configured() {
    let start = Start::new()
        .configured(fixed("configured"))
        .environment("SPIN_VARIABLE_TOKEN", "environment");
    assert_eq!(start.token().await.as_deref(), Some("configured"));
    let start = start.argument("token=argument");
    assert_eq!(start.token().await.as_deref(), Some("argument"));
}

#[tokio::test]
async fn what_is_configured_first_is_asked_first() {
    let start = Start::new()
        .configured(fixed("first"))
        .configured(fixed("second"));
    assert_eq!(start.token().await.as_deref(), Some("first"));
    let start = Start::new()
        .environment("SPIN_VARIABLE_TOKEN", "environment")
        .configured(env("SPIN_VARIABLE", None))
        .configured(fixed("second"));
    assert_eq!(start.token().await.as_deref(), Some("environment"));
}

#[tokio::test]
async fn the_environment_goes_before_the_file_beside_the_manifest() {
    let start = Start::new().file(".env", "SPIN_VARIABLE_TOKEN=file\n");
    assert_eq!(start.token().await.as_deref(), Some("file"));
    let start = start.environment("SPIN_VARIABLE_TOKEN", "environment");
    assert_eq!(start.token().await.as_deref(), Some("environment"));
}

#[tokio::test]
async fn a_prefix_takes_the_place_of_spins() {
    let configured = |prefix| {
        Start::new()
            .environment("APP_TOKEN", "prefixed")
            .environment("TOKEN", "bare")
            .configured(env(prefix, None))
    };
    for (prefix, value) in [("APP", Some("prefixed")), ("", Some("bare")), ("X", None)] {
        assert_eq!(
            configured(prefix).token().await.as_deref(),
            value,
            "{prefix}"
        );
    }
}

#[tokio::test]
async fn arguments_have_all_of_spins_forms() {
    let start = || {
        Start::new()
            .file("token.txt", "a=b\n")
            .file(
                "all.toml",
                "token = \"toml\"\nanother = \"application's\"\n",
            )
            .file("all.json", "{\"token\": \"json\"}")
    };
    for (argument, value) in [
        ("token=", ""),
        ("token=a=b", "a=b"),
        ("token=@FOLDER/token.txt", "a=b\n"),
        ("@FOLDER/all.toml", "toml"),
        ("@FOLDER/all.json", "json"),
    ] {
        let token = start().argument(argument).token().await;
        assert_eq!(token.as_deref(), Some(value), "{argument}");
    }
    let twice = start().argument("@FOLDER/all.toml").argument("token=last");
    assert_eq!(twice.token().await.as_deref(), Some("last"));
}

#[tokio::test]
async fn a_file_of_the_configuration_lies_beside_the_manifest() {
    let start = Start::new()
        .file("v.toml", "token = \"file\"\n")
        .configured(file("v.toml"));
    assert_eq!(start.token().await.as_deref(), Some("file"));
}
