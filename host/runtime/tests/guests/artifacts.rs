//! Compiled code is kept, and loaded only if this host made it.

use std::fs;
use std::path::PathBuf;

use stoa_runtime::Pace;

use crate::fixture::Fixture;

fn only_artifact(fixture: &Fixture) -> PathBuf {
    let mut files = fs::read_dir(fixture.artifacts()).expect("the folder is there");
    files
        .next()
        .expect("there is an artifact")
        .expect("the folder can be read")
        .path()
}

fn compiled(fixture: &Fixture) -> bool {
    let wasm = fs::read(stoa_testkit::probe("hello-02")).expect("the probe can be read");
    fixture.load(&wasm).expect("it is a component").compiled()
}

#[test]
fn a_second_start_compiles_nothing() {
    let fixture = Fixture::alone();
    assert!(compiled(&fixture));
    let again = fixture.restarted();
    assert!(!compiled(&again));
}

#[test]
fn code_compiled_beside_traffic_is_kept_like_any_other() {
    let fixture = Fixture::alone();
    let wasm = fs::read(stoa_testkit::probe("hello-02")).expect("the probe can be read");
    let artifact = fixture.runtime.load(&wasm, Pace::Niced);
    assert!(artifact.expect("it is a component").compiled());
    assert!(!compiled(&fixture));
}

#[test]
fn a_component_tells_what_it_imports_by_its_own_names() {
    let fixture = Fixture::alone();
    let wasm = fs::read(stoa_testkit::probe("hello-02")).expect("the probe can be read");
    let imports = fixture.load(&wasm).expect("it is a component").imports();
    assert!(
        imports
            .iter()
            .any(|name| name.starts_with("wasi:http/types@0.2.")),
        "{imports:?}"
    );
    assert!(imports.is_sorted(), "{imports:?}");
}

#[test]
fn an_artifact_that_was_changed_is_not_loaded() {
    let fixture = Fixture::alone();
    assert!(compiled(&fixture));
    let path = only_artifact(&fixture);
    let good = fs::read(&path).expect("it can be read");
    for at in [0, 40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).expect("it can be written");
        assert!(compiled(&fixture), "byte {at} was changed");
    }
    for bad in [&good[..0], &good[..20], &good[..good.len() / 2]] {
        fs::write(&path, bad).expect("it can be written");
        assert!(compiled(&fixture), "it was cut to {} bytes", bad.len());
    }
}

#[test]
fn an_artifact_that_others_can_write_is_not_loaded() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::alone();
    assert!(compiled(&fixture) && !compiled(&fixture));
    let open = fs::Permissions::from_mode(0o622);
    fs::set_permissions(only_artifact(&fixture), open).expect("its mode can be changed");
    assert!(compiled(&fixture));
}

#[test]
fn an_artifact_of_another_host_is_not_loaded() {
    let (here, there) = (Fixture::alone(), Fixture::alone());
    assert!(compiled(&here) && compiled(&there));
    fs::copy(only_artifact(&there), only_artifact(&here)).expect("it can be copied");
    assert!(compiled(&here));
}

#[test]
fn an_artifact_under_the_name_of_another_component_is_not_loaded() {
    let fixture = Fixture::alone();
    assert!(compiled(&fixture));
    let hello = only_artifact(&fixture);
    fixture.prepare("hello-03", "").expect("it can be deployed");
    let other = fs::read_dir(fixture.artifacts()).expect("the folder is there");
    let other = other
        .map(|entry| entry.expect("it can be read").path())
        .find(|path| *path != hello)
        .expect("there are two");
    fs::copy(other, &hello).expect("it can be copied");
    assert!(compiled(&fixture));
}

#[test]
fn the_key_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::alone();
    let key = fixture.artifacts().with_file_name("host.key");
    let mode = fs::metadata(key)
        .expect("the key is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
}
