//! `stoa up --watch`: what is saved is built and serves.

use std::path::PathBuf;

use crate::release::{Component, Release, save, spoken, steady};
use crate::stage::{Stage, launch, until};

const BUILD: &str =
    "[component.guest.build]\ncommand = \"sh build.sh\"\nwatch = [\"source/**/*\"]\n";
/// A compiler that copies, and complains of what is broken.
const SCRIPT: &str = "\
if grep -q broken source/note.txt; then
    echo 'the probe does not compile' >&2
    exit 1
fi
cp source/guest.wasm guest.wasm.new
mv guest.wasm.new guest.wasm
";

#[test]
fn what_is_saved_serves_and_what_does_not_build_changes_nothing() {
    let guest = Component::new("guest", spoken("release-02", &steady(1))).tables(BUILD);
    let first = Release::of(&[guest])
        .file("build.sh", SCRIPT)
        .file("source/note.txt", "fine\n");
    let launch = launch(&first).arguments(&["--watch"]);
    let folder: PathBuf = launch.folder().to_owned();
    let code = |number| {
        save(
            &folder,
            "source/guest.wasm",
            &spoken("release-02", &steady(number)),
        )
    };
    let note = |text: &str| save(&folder, "source/note.txt", text.as_bytes());
    code(1);
    let stage = Stage::start(launch);
    let serves = |number| {
        until("what was saved answers", || {
            (stage.word() == steady(number)).then_some(())
        });
    };
    serves(1);
    code(2);
    serves(2);
    note("broken\n");
    stage.host().logged("the probe does not compile");
    stage.host().logged("still serving: release 2 serves");
    code(3);
    // Again, because it is still broken.
    stage.host().logged("still serving: release 2 serves");
    assert_eq!(stage.word(), steady(2));
    note("mended\n");
    serves(3);
}
