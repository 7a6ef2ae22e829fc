//! Runs the build commands of a manifest.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use stoa_manifest::App;

use crate::progress::Step;

/// Builds every component that says how, each command once per folder. A failed command ends it: what its output said
/// is already on the terminal.
pub(crate) fn run(app: &App, root: &Path) -> anyhow::Result<()> {
    let mut done = HashSet::new();
    for (id, component) in &app.components {
        let Some(build) = &component.build else {
            continue;
        };
        let folder = build
            .workdir
            .as_ref()
            .map_or_else(|| root.to_owned(), |workdir| root.join(workdir));
        for command in &build.commands {
            if done.insert((folder.clone(), command.clone())) {
                add_targets(command, &folder)?;
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
/// manages the toolchain: elsewhere the build itself says what is missing.
fn add_targets(command: &str, folder: &Path) -> anyhow::Result<()> {
    for target in targets(command) {
        let installed = Command::new("rustup")
            .args(["target", "list", "--installed"])
            .current_dir(folder)
            .output();
        let Ok(installed) = installed else {
            return Ok(());
        };
        if !installed.status.success()
            || String::from_utf8_lossy(&installed.stdout)
                .lines()
                .any(|line| line == target)
        {
            continue;
        }
        let step = Step::announce(format!("Adding the Rust target {target}"));
        let added = Command::new("rustup")
            .args(["target", "add", target])
            .current_dir(folder)
            .status();
        if !added.context("cannot run rustup")?.success() {
            bail!(
                "the Rust target `{target}` is missing and could not be added: run `rustup target add {target}`"
            );
        }
        step.done("added");
    }
    Ok(())
}

/// The values of `--target` in a cargo command.
fn targets(command: &str) -> Vec<&str> {
    let mut words = command.split_whitespace();
    if words.next() != Some("cargo") {
        return Vec::new();
    }
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        match word.strip_prefix("--target") {
            Some("") => found.extend(words.next()),
            Some(value) => found.extend(value.strip_prefix('=')),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_cargo_commands_only() {
        assert_eq!(
            targets("cargo build --target wasm32-wasip2 --release"),
            ["wasm32-wasip2"]
        );
        assert_eq!(
            targets("cargo build --target=wasm32-wasip2"),
            ["wasm32-wasip2"]
        );
        assert_eq!(targets("cargo build --target-dir x"), [""; 0]);
        assert_eq!(targets("npm run build --target wasm32-wasip2"), [""; 0]);
    }
}
