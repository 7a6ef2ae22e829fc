//! Guests, built from `components/` when a test first asks for one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn repository() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        root.canonicalize()
            .expect("the repository is where this crate was built")
    })
}

/// The built component of `components/probes/<name>`, or of `components/<name>`.
///
/// # Panics
/// When the guests do not build, or there is none of that name.
pub fn probe(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new("cargo");
        cargo
            .args([
                "build",
                "--release",
                "--quiet",
                "--locked",
                "--workspace",
                "--target",
                "wasm32-wasip2",
            ])
            .current_dir(repository().join("components"))
            // What cargo sets for this test's own build must not reach the guests'.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        run(&mut cargo);
    });
    let folder = repository().join("components/target/wasm32-wasip2/release");
    let package = match repository().join("components/probes").join(name).is_dir() {
        true => format!("probe-{name}"),
        false => name.to_owned(),
    };
    let wasm = folder.join(format!("{}.wasm", package.replace('-', "_")));
    assert!(
        wasm.exists(),
        "there is no guest `{name}`: {} is missing",
        wasm.display()
    );
    wasm
}

pub(crate) fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{stdout}\n{stderr}",
        output.status
    );
}
