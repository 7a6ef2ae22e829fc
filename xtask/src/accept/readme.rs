//! The README's commands, as a reader would copy them.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// What separates the command of cargo from the arguments of the program, in the command that starts the shop.
const UP: &str = "-- up";
/// What the address of the shop is called there.
const ADDRESSES: [&str; 2] = ["127.0.0.1:3000", "localhost:3000"];
const CATALOGUE: &str = "eshop-catalog/catalog.json";
const IMPORT_PATH: &str = "products:import";

pub(super) struct Readme {
    /// Shell blocks, each with its commands.
    blocks: Vec<Vec<String>>,
}

impl Readme {
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("README.md");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut blocks = Vec::new();
        let mut block: Option<Vec<&str>> = None;
        for line in text.lines() {
            match (line.trim_start().strip_prefix("```"), block.take()) {
                (Some(_), Some(lines)) => blocks.push(commands(&lines)),
                (Some(language), None) if is_shell(language) => block = Some(Vec::new()),
                // A block that is no shell's is skipped like prose; its closing fence opens a nameless one.
                (Some(_), None) => {}
                (None, Some(mut lines)) => {
                    lines.push(line);
                    block = Some(lines);
                }
                (None, None) => {}
            }
        }
        Self { blocks }
    }

    /// The command that starts the shop.
    pub(super) fn up(&self) -> anyhow::Result<&str> {
        self.commands()
            .find(|command| command.contains(UP))
            .with_context(|| format!("the README has no command with `{UP}`"))
    }

    /// What that command passes to the program.
    pub(super) fn up_arguments(&self) -> anyhow::Result<Vec<&str>> {
        let command = self.up()?;
        let (_, arguments) = command
            .split_once("-- ")
            .with_context(|| format!("`{command}` passes nothing on"))?;
        Ok(arguments
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
            .collect())
    }

    /// The command that runs all tests.
    pub(super) fn tests(&self) -> anyhow::Result<&str> {
        self.commands()
            .find(|command| is_of_tests(command))
            .context("the README has no command that runs the tests")
    }

    /// The commands that convert and import the real catalogue, as one script, made for these places.
    pub(super) fn import(&self, catalogue: &Path, address: &str) -> anyhow::Result<String> {
        let conversion = |block: &Vec<String>| block.iter().position(|line| is_conversion(line));
        let (block, at) = self
            .blocks
            .iter()
            .find_map(|block| Some((block, conversion(block)?)))
            .context("the README has no `jq` line for the eshop catalogue")?;
        let mut script = block[at].clone();
        if !script.contains(IMPORT_PATH) {
            let import = block
                .iter()
                .map(String::as_str)
                // Its own block goes first.
                .chain(self.commands())
                .find(|command| is_import(command))
                .context("the README has no `curl` line that imports")?;
            script.push('\n');
            script.push_str(import);
        }
        Ok(made_for(&script, catalogue, address))
    }

    fn commands(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().flatten().map(String::as_str)
    }
}

fn is_shell(language: &str) -> bool {
    matches!(language.trim(), "sh" | "bash" | "shell" | "console")
}

fn is_of_tests(command: &str) -> bool {
    let mut words = command.split_whitespace();
    words.any(|word| word == "test" || word == "nextest")
}

fn is_conversion(command: &str) -> bool {
    command.starts_with("jq") && command.contains("eshop-catalog")
}

fn is_import(command: &str) -> bool {
    command.starts_with("curl") && command.contains(IMPORT_PATH)
}

/// The commands of a block: lines that are not comments, joined where one goes on in the next.
fn commands(lines: &[&str]) -> Vec<String> {
    let mut commands = Vec::new();
    let mut open = String::new();
    for line in lines {
        if open.is_empty() {
            let line = line.trim_start();
            let line = line.strip_prefix("$ ").unwrap_or(line);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            open.push_str(line);
        } else {
            open.push('\n');
            open.push_str(line);
        }
        if is_complete(&open) {
            commands.push(std::mem::take(&mut open));
        }
    }
    if !open.is_empty() {
        commands.push(open);
    }
    commands
}

fn is_complete(command: &str) -> bool {
    let quotes = command.matches('\'').count();
    let goes_on = ["\\", "|", "&&", "||"];
    let end = command.trim_end();
    quotes.is_multiple_of(2) && !goes_on.iter().any(|sign| end.ends_with(*sign))
}

/// The script with our catalogue and address in place of the README's.
fn made_for(script: &str, catalogue: &Path, address: &str) -> String {
    let mut script = script.to_owned();
    for written in ADDRESSES {
        script = script.replace(written, address);
    }
    let Some(found) = script.find(CATALOGUE) else {
        return script;
    };
    let is_outside = |c: char| c.is_whitespace() || "'\"=<@".contains(c);
    let start = script[..found]
        .char_indices()
        .rev()
        .find(|(_, c)| is_outside(*c))
        .map_or(0, |(at, c)| at + c.len_utf8());
    let end = found + CATALOGUE.len();
    script.replace_range(start..end, &catalogue.display().to_string());
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# Title

```toml
jq eshop-catalog
```

```sh
# Once:
git clone https://example.com/stoa && cd stoa
$ cargo run --release -- up   # then open it
```

Some prose with `cargo test`.

```sh
cargo test --workspace
```

```sh
jq -c '.[]
  | {sku: "E-\(.Id)"}' ../shared/data/eshop-catalog/catalog.json > rows.ndjson
curl --data-binary @rows.ndjson \
  http://localhost:3000/v1/products:import
```
"#;

    #[test]
    fn the_two_commands_are_found() {
        let readme = Readme::parse(TEXT);
        let up = readme.up().expect("it is there");
        assert_eq!(up, "cargo run --release -- up   # then open it");
        assert_eq!(readme.up_arguments().expect("it has one"), ["up"]);
        assert_eq!(
            readme.tests().expect("it is there"),
            "cargo test --workspace"
        );
    }

    #[test]
    fn the_import_is_made_for_our_places() {
        let readme = Readme::parse(TEXT);
        let script = readme
            .import(Path::new("/data/c.json"), "127.0.0.1:9")
            .expect("it is there");
        let expected = "jq -c '.[]\n  | {sku: \"E-\\(.Id)\"}' /data/c.json > rows.ndjson\n\
                        curl --data-binary @rows.ndjson \\\n  http://127.0.0.1:9/v1/products:import";
        assert_eq!(script, expected);
    }

    #[test]
    fn an_import_in_one_pipe_is_one_command() {
        let text = "```sh\njq . ../eshop-catalog/catalog.json |\n  curl -T - \
                    http://127.0.0.1:3000/v1/products:import\n```\n";
        let script = Readme::parse(text).import(Path::new("/c"), "h:1");
        let script = script.expect("it is there");
        assert_eq!(
            script,
            "jq . /c |\n  curl -T - http://h:1/v1/products:import"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Readme::parse("").tests().expect_err("it is empty");
        assert!(error.to_string().contains("tests"), "{error}");
    }
}
