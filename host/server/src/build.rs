//! Runs the build commands of a manifest.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use stoa_manifest::{App, ComponentId};

use crate::output;
use crate::progress::Step;

/// Builds these components, or all if `only` is empty, each command once per folder. A failed command ends it: what its
/// output said is already on the terminal.
pub(crate) fn run(app: &App, root: &Path, only: &[ComponentId]) -> anyhow::Result<()> {
    let mut done = HashSet::new();
    for (id, component) in &app.components {
        let wanted = only.is_empty() || only.contains(id);
        let Some(build) = component.build.as_ref().filter(|_| wanted) else {
            continue;
        };
        let folder = build
            .workdir
            .as_ref()
            .map_or_else(|| root.to_owned(), |workdir| root.join(workdir));
        for command in &build.commands {
            if done.insert((folder.clone(), command.clone())) {
                add_targets(command, &folder);
                run_one(id.as_str(), command, &folder)?;
            }
        }
    }
    Ok(())
}

fn run_one(id: &str, command: &str, folder: &Path) -> anyhow::Result<()> {
    let step = Step::announce(format!("Building {id}"));
    // Output of the compiler goes where ours goes; on a terminal it shows its own progress.
    let status = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .status()
        .with_context(|| {
            format!(
                "cannot run the build command of `{id}` in `{}`",
                folder.display()
            )
        })?;
    if !status.success() {
        bail!(
            "the build command of `{id}` failed ({status}): `{command}` in `{}`",
            folder.display()
        );
    }
    step.done("built");
    Ok(())
}

/// Rust without the target it is to build for fails with a page of errors; adding it takes seconds. Only where rustup
/// manages the toolchain: elsewhere, and where it cannot be added, the build itself says what is missing.
fn add_targets(command: &str, folder: &Path) {
    for target in targets(command) {
        if is_missing(target, folder) {
            add(target, folder);
        }
    }
}

/// The targets that a command is to build for and that Rust does not have yet, as far as rustup can tell.
pub(crate) fn missing_targets(command: &str, folder: &Path) -> Vec<String> {
    let targets = targets(command).into_iter();
    let missing = targets.filter(|target| is_missing(target, folder));
    missing.map(str::to_owned).collect()
}

fn is_missing(target: &str, folder: &Path) -> bool {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        // Who is only asked installs nothing.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .current_dir(folder)
        .output();
    let Some(installed) = installed.ok().filter(|output| output.status.success()) else {
        return false;
    };
    let installed = String::from_utf8_lossy(&installed.stdout);
    !installed.lines().any(|line| line == target)
}

fn add(target: &str, folder: &Path) {
    let step = Step::announce(format!("Adding the Rust target {target}"));
    let added = Command::new("rustup")
        .args(["target", "add", target])
        .current_dir(folder)
        .status();
    match added {
        Ok(status) if status.success() => step.done("added"),
        _ => output::note(format_args!(
            "warning: the Rust target `{target}` is missing and could not be added: run `rustup target add {target}`"
        )),
    }
}

/// The values of `--target` in a cargo command, wherever in a line of shell it stands: only those that name a kind of
/// WebAssembly, and no file that describes one.
fn targets(command: &str) -> Vec<&str> {
    let mut words = command.split_whitespace().map(bare);
    if !words.clone().any(|word| word == "cargo") {
        return Vec::new();
    }
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        match word.strip_prefix("--target") {
            Some("") => found.extend(words.next()),
            Some(value) => found.extend(value.strip_prefix('=').map(bare)),
            None => {}
        }
    }
    found.retain(|value| value.starts_with("wasm32-") && !value.ends_with(".json"));
    found
}

/// A word without what the shell would take off it.
fn bare(word: &str) -> &str {
    word.trim_matches(['"', '\'', '(', ')', ';', '&'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_cargo_commands_only() {
        for command in [
            "cargo build --target wasm32-wasip2 --release",
            "cargo build --target=wasm32-wasip2",
            "cargo build --target=\"wasm32-wasip2\"",
            "cd guest && cargo build --target 'wasm32-wasip2'; cp a b",
            "RUSTFLAGS=-g sh -c \"cargo build --target wasm32-wasip2\"",
            "(cargo build --target wasm32-wasip2)",
        ] {
            assert_eq!(targets(command), ["wasm32-wasip2"], "{command}");
        }
        for command in [
            "cargo build --target-dir x",
            "npm run build --target wasm32-wasip2",
            "cargo build --target x86_64-unknown-linux-gnu",
            "cargo build --target wasm32-own.json",
            "cargo build --target $TARGET",
            "cargo build --target",
        ] {
            assert_eq!(targets(command), [""; 0], "{command}");
        }
    }
}
