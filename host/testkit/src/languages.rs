//! Guests in other languages. Building one takes a package manager and some seconds, so it is built again only when its
//! sources are newer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::probe::{repository, run};

/// The world of Spin 4.1 that spin-sdk for Python carries: everything that Spin provides is imported, used or not.
const PYTHON_WORLD: &str = "spin:up/http-trigger@4.1.0";

/// The JavaScript probe of every interface of ours.
///
/// # Panics
/// When it does not build.
pub fn javascript_probe() -> PathBuf {
    npm("javascript")
}

/// The JavaScript app as it is written for Spin: it serves `fetch` events.
///
/// # Panics
/// When it does not build.
pub fn javascript_spin() -> PathBuf {
    npm("javascript-spin")
}

/// The Python app as it is written for Spin, with its SDK for Python.
///
/// # Panics
/// When it does not build.
pub fn python_spin() -> PathBuf {
    let sources = probes().join("python-spin");
    let built = repository().join("target/python-spin");
    let wasm = built.join("python-spin.wasm");
    unless_newer("python-spin", &wasm, &[&sources], || {
        fs::create_dir_all(&built).expect("the folder can be made");
        let environment = built.join("venv");
        let programs = environment.join("bin");
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment));
        run(Command::new(programs.join("pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .arg("--requirement")
            .arg(sources.join("requirements.txt")));
        // Built from a copy: Python leaves its compiled code beside what it reads.
        fs::copy(sources.join("app.py"), built.join("app.py")).expect("it can be copied");
        let path = std::env::var("PATH").unwrap_or_default();
        run(Command::new(programs.join("componentize-py"))
            .args(["--world", PYTHON_WORLD, "componentize", "app", "--output"])
            .arg(&wasm)
            .current_dir(&built)
            // It asks the `python` that it finds where the packages are.
            .env("VIRTUAL_ENV", &environment)
            .env("PATH", format!("{}:{path}", programs.display())));
    });
    wasm
}

/// What npm builds in the folder of a probe.
fn npm(name: &str) -> PathBuf {
    let folder = probes().join(name);
    let wasm = folder.join(format!("dist/{name}.wasm"));
    let wit = repository().join("wit");
    unless_newer(name, &wasm, &[&folder, &wit], || {
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&folder));
        run(Command::new("npm")
            .args(["run", "build"])
            .current_dir(&folder));
    });
    wasm
}

fn probes() -> PathBuf {
    repository().join("components/probes")
}

/// Builds, unless what is there is younger than all that it is made of.
fn unless_newer(name: &str, wasm: &Path, sources: &[&Path], build: impl FnOnce()) {
    // Several test programs may ask at once, and package managers do not lock.
    let lock = std::env::temp_dir().join(format!("stoa-{name}.lock"));
    let lock = File::create(lock).expect("a lock file can be made");
    lock.lock().expect("the lock can be waited for");
    let built = wasm.metadata().and_then(|metadata| metadata.modified());
    let newest = sources.iter().map(|folder| newest(folder)).max();
    if !built.is_ok_and(|built| newest.is_some_and(|newest| newest < built)) {
        build();
    }
}

/// When the youngest source in a folder was written: what building makes is none.
fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let times = entries.map(|entry| {
        let path = entry.expect("the folder can be listed").path();
        if path.ends_with("node_modules") || path.ends_with("dist") {
            SystemTime::UNIX_EPOCH
        } else if path.is_dir() {
            newest(&path)
        } else {
            let metadata = path.metadata().expect("the file is there");
            metadata.modified().expect("files have times")
        }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
