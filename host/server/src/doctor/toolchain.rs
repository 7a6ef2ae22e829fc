//! Whether what the build commands start is there. Commands are read, not run, and only as far as that can be done without
//! being a shell: what is quoted or computed is left alone.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Finding as Any, Found, Patient};
use crate::build;

#[derive(Debug)]
pub(super) enum Finding {
    /// No such program.
    Program { program: String },
    /// Rust cannot build for it yet.
    Target { target: String },
    /// `workdir` is no folder.
    Workdir { folder: String },
    /// npm's packages are not installed.
    Modules { folder: String },
}

/// What the shell does by itself.
const BUILTINS: [&str; 21] = [
    ".", ":", "[", "cd", "command", "do", "done", "echo", "exec", "exit", "export", "false", "fi",
    "if", "printf", "set", "test", "then", "true", "umask", "unset",
];
/// What runs scripts out of npm's packages.
const NPM: [&str; 4] = ["npm", "npx", "pnpm", "yarn"];
/// What installs them.
const INSTALLS: [&str; 3] = ["install", "ci", "i"];

pub(super) fn check(patient: &Patient) -> Vec<Found> {
    let mut found = Vec::new();
    for (id, component) in &patient.app.components {
        let Some(build) = &component.build else {
            continue;
        };
        let workdir = build.workdir.as_deref().unwrap_or(".");
        let folder = patient.root.join(workdir);
        let mut findings = Vec::new();
        match folder.is_dir() {
            false => findings.push(Finding::Workdir {
                folder: workdir.to_owned(),
            }),
            true => {
                for command in &build.commands {
                    findings.extend(of_command(patient, command, &folder));
                }
                findings.extend(modules(&build.commands, &folder, workdir));
            }
        }
        let field = |finding: &Finding| match finding {
            Finding::Workdir { .. } => ["build", "workdir"],
            _ => ["build", "command"],
        };
        found.extend(
            findings
                .into_iter()
                .map(|finding| patient.found(id, &field(&finding), Any::Toolchain(finding))),
        );
    }
    found
}

fn of_command(patient: &Patient, command: &str, folder: &Path) -> Vec<Finding> {
    let programs = programs(command);
    let is_missing = |program: &&&str| !is_there(program, folder, patient.path.as_deref());
    let missing = programs.iter().filter(is_missing);
    let mut findings: Vec<Finding> = missing
        .map(|program| Finding::Program {
            program: program.to_string(),
        })
        .collect();
    let targets = build::missing_targets(command, folder).into_iter();
    findings.extend(targets.map(|target| Finding::Target { target }));
    findings
}

/// npm's packages, where they are missing and the first command that needs them does not install them.
fn modules(commands: &[String], folder: &Path, workdir: &str) -> Option<Finding> {
    let runs_npm = |command: &&String| {
        let programs = programs(command);
        programs.iter().any(|program| NPM.contains(program))
    };
    let first = commands.iter().find(runs_npm)?;
    let wants = folder.join("package.json").is_file() && !has_modules(folder);
    (wants && !installs(first)).then(|| Finding::Modules {
        folder: workdir.to_owned(),
    })
}

/// Whether a command installs packages: `npm ci`, or `yarn` alone.
fn installs(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let mut parts = command.split(['&', '|', ';', '\n']);
    words.any(|word| INSTALLS.contains(&word)) || parts.any(|part| part.trim() == "yarn")
}

/// The programs that a line of shell starts, each once.
fn programs(command: &str) -> Vec<&str> {
    // Behind a quote or a `$`, who could say.
    let readable = command.split(['"', '\'', '`', '$', '#']).next();
    let parts = readable
        .unwrap_or_default()
        .split(['&', '|', ';', '\n', '(', ')']);
    let mut programs: Vec<&str> = Vec::new();
    for part in parts {
        let mut words = part.split_whitespace();
        let program = words.find(|word| !word.contains('='));
        let program = program.filter(|word| is_plain(word) && !BUILTINS.contains(word));
        programs.extend(program.filter(|program| !programs.contains(program)));
    }
    programs
}

fn is_plain(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+');
    word.chars().all(allowed)
}

fn is_there(program: &str, folder: &Path, path: Option<&OsStr>) -> bool {
    if program.contains('/') {
        return is_program(&folder.join(program));
    }
    let folders = path.into_iter().flat_map(std::env::split_paths);
    let mut places = folders.map(|folder: PathBuf| folder.join(program));
    places.any(|place| is_program(&place))
}

fn is_program(path: &Path) -> bool {
    let metadata = path.metadata();
    metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// npm looks for packages in the folders around, too.
fn has_modules(folder: &Path) -> bool {
    let folder = folder.canonicalize();
    folder.is_ok_and(|folder| {
        let mut around = folder.ancestors();
        around.any(|folder| folder.join("node_modules").is_dir())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_shell_could_read_is_left_alone() {
        for command in [
            "",
            "\"my program\" build",
            "$CARGO build",
            "`which cargo` build",
            "cd guest",
            "FLAGS=1",
            "echo done # cargo build",
        ] {
            assert_eq!(programs(command), [""; 0], "{command}");
        }
    }

    #[test]
    fn programs_are_found_wherever_a_command_may_begin() {
        for (command, expected) in [
            ("cargo build --release", vec!["cargo"]),
            ("RUSTFLAGS=-g A=1 cargo build", vec!["cargo"]),
            ("cd guest && npm ci && npm run build", vec!["npm"]),
            (
                "(./gen.sh; tinygo build) | tee log",
                vec!["./gen.sh", "tinygo", "tee"],
            ),
            (
                "componentize-py -w x componentize app -o 'a b'",
                vec!["componentize-py"],
            ),
        ] {
            assert_eq!(programs(command), expected, "{command}");
        }
    }

    #[test]
    fn only_what_installs_packages_does() {
        for command in ["npm run build", "yarn build", "npx installer", ""] {
            assert!(!installs(command), "{command}");
        }
        for command in [
            "npm install",
            "npm ci && npm run build",
            "yarn && yarn build",
        ] {
            assert!(installs(command), "{command}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("tool"), "x").expect("it can be written");
        let path = folder.path().as_os_str();
        assert!(!is_there("tool", Path::new("."), Some(path)));
        assert!(!is_there("./tool", folder.path(), None));
        assert!(!is_there("sh", Path::new("."), None));
        assert!(is_there("/bin/sh", Path::new("."), None));
        assert!(is_there(
            "sh",
            Path::new("."),
            Some(OsStr::new("/nowhere:/bin"))
        ));
    }
}
