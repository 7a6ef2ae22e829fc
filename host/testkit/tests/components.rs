//! The guests' own tests, which run natively: `cargo test` in `components/`.

use std::process::Command;

#[test]
fn the_tests_of_the_components_pass() {
    let output = Command::new("cargo")
        .args(["test", "--locked", "--quiet"])
        .current_dir(stoa_testkit::repository().join("components"))
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo can be run");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("passed"), "some test ran:\n{stdout}");
}
