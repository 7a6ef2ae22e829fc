//! What only keys in a folder can go through: time, files, rights.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const START: u64 = 1_800_000_000;

fn config() -> Config {
    Config {
        path: PathBuf::new(),
        algorithm: Algorithm::EdDsa,
        issuer: "stoa:test".into(),
        rotate_days: 90,
    }
}

fn open(folder: &Path, now: u64) -> Arc<Embedded> {
    Embedded::open_at(folder, &config(), now).expect("it opens")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    open(folder.path(), START);
    let key = &files(folder.path())[0];
    fs::set_permissions(key, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let refused = Embedded::open_at(folder.path(), &config(), START);
    assert!(matches!(refused.err(), Some(OpenError::Open { .. })));
}

#[test]
fn what_is_no_key_is_refused_and_not_replaced() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    open(folder.path(), START);
    let key = &files(folder.path())[0];
    fs::write(key, "not a key").expect("it is ours");
    let refused = Embedded::open_at(folder.path(), &config(), START);
    assert!(matches!(refused.err(), Some(OpenError::NoKey { .. })));
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn keys_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("keys");
    open(&path, START);
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&files(&path)[0]), 0o600);
}

#[test]
fn what_a_crash_left_half_written_is_removed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join("000000000001-EdDSA.new"), "half").expect("it can be written");
    open(folder.path(), START);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn the_same_key_signs_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let first = open(folder.path(), START).signing_at(START);
    assert_eq!(
        open(folder.path(), START + DAY).signing_at(START + DAY),
        first
    );
}

#[test]
fn of_all_calls_that_find_a_key_due_one_an_hour_makes_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let identity = open(folder.path(), START);
    let due = START + 90 * DAY;
    assert!(identity.inner.takes_turn(due));
    assert!(!identity.inner.takes_turn(due));
    assert!(!identity.inner.takes_turn(due + RETRY_SECONDS - 1));
    assert!(identity.inner.takes_turn(due + RETRY_SECONDS));
}

#[test]
fn a_host_that_is_not_restarted_removes_old_keys_too() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let identity = open(folder.path(), START);
    let first = identity.signing_at(START);
    let due = START + 90 * DAY;
    identity.inner.make_if_due(due).expect("it is made");
    let over = due + PUBLISHED_SECONDS_BEFORE + TOKEN_SECONDS_MAX + LEEWAY_SECONDS + 1;
    identity.inner.make_if_due(over).expect("it is made");
    assert!(!identity.public_keys().contains(&first));
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn a_new_key_is_published_for_a_day_before_it_signs() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let first = open(folder.path(), START).signing_at(START);
    let due = START + 90 * DAY;
    let identity = open(folder.path(), due);
    assert_eq!(identity.public_keys().len(), 2);
    assert_eq!(
        identity.signing_at(due + PUBLISHED_SECONDS_BEFORE - 1),
        first
    );
    assert_ne!(identity.signing_at(due + PUBLISHED_SECONDS_BEFORE), first);
}

#[test]
fn an_old_key_is_published_until_its_last_token_is_over() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let first = open(folder.path(), START).signing_at(START);
    let due = START + 90 * DAY;
    open(folder.path(), due);
    let over = due + PUBLISHED_SECONDS_BEFORE + TOKEN_SECONDS_MAX + LEEWAY_SECONDS;
    assert!(open(folder.path(), over).public_keys().contains(&first));
    assert!(!open(folder.path(), over + 1).public_keys().contains(&first));
}

#[test]
fn another_algorithm_gets_a_key_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    open(folder.path(), START);
    let config = Config {
        algorithm: Algorithm::Es256,
        ..config()
    };
    let identity = Embedded::open_at(folder.path(), &config, START + 1).expect("it opens");
    let later = START + 1 + PUBLISHED_SECONDS_BEFORE;
    assert_eq!(identity.signing_at(later).algorithm(), Algorithm::Es256);
    assert_eq!(identity.public_keys().len(), 2);
}
