//! Guests, built from `components/` when a test first asks for one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

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

/// The JavaScript probe. Building it takes npm and some seconds, so it is built again only when its sources are newer.
///
/// # Panics
/// When it does not build.
pub fn javascript_probe() -> PathBuf {
    let folder = repository().join("components/probes/javascript");
    let wasm = folder.join("dist/javascript.wasm");
    // Several test programs may ask at once, and npm does not lock.
    let lock = File::create(std::env::temp_dir().join("stoa-javascript-probe.lock"))
        .expect("a lock file can be made");
    lock.lock().expect("the lock can be waited for");
    let built = wasm.metadata().and_then(|metadata| metadata.modified());
    let newest = [folder.as_path(), &repository().join("wit")].map(newest);
    if !built.is_ok_and(|built| newest.iter().all(|source| *source < built)) {
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&folder));
        run(Command::new("npm")
            .args(["run", "build"])
            .current_dir(&folder));
    }
    wasm
}

/// When the youngest source in a folder was written: what building makes is none.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
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

fn run(command: &mut Command) {
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
