use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

/// A folder whose shared file holds this.
fn shared(folder: &TempDir, text: &str) -> Places {
    let file = folder.path().join("config.json");
    fs::write(&file, text).expect("it can be written");
    Places {
        own: Some(folder.path().join("stoa/registries.json")),
        shared: Some(file),
    }
}

fn credentials(username: &str, password: &str) -> Credentials {
    Credentials {
        username: username.to_owned(),
        password: Secret::new(password),
    }
}

/// Name and password that are kept for a host.
fn found(places: &Places, host: &str) -> Option<(String, String)> {
    let found = places.find(host).unwrap_or_else(|told| panic!("{told}"));
    found.map(|it| (it.username, it.password.expose().to_owned()))
}

#[track_caller]
fn refused(places: &Places, host: &str) -> String {
    match places.find(host) {
        Ok(found) => panic!("it is no error, but {found:?}"),
        Err(told) => told,
    }
}

#[test]
fn what_cannot_be_read_is_told_without_what_it_holds() {
    let folder = folder();
    for text in [
        r#"{ "auths": { "a.example": { "auth": 7, "x": "hunter2" } } }"#,
        r#"{ "auths": "hunter2" }"#,
        "hunter2",
        r#"{ "auths": { "a.example": { "auth": "hunter2 :" } } }"#,
        // `hunter2`, without a colon
        r#"{ "auths": { "a.example": { "auth": "aHVudGVyMg==" } } }"#,
    ] {
        let told = refused(&shared(&folder, text), "a.example");
        assert!(
            !told.contains("hunter2") && !told.contains("aHVu"),
            "{told}"
        );
        assert!(told.contains("config.json"), "{told}");
    }
}

#[test]
fn what_a_program_keeps_is_refused() {
    let folder = folder();
    for text in [
        r#"{ "credHelpers": { "a.example": "pass" } }"#,
        r#"{ "auths": { "a.example": {} }, "credsStore": "desktop" }"#,
        r#"{ "auths": { "https://a.example": { "auth": "" } }, "credsStore": "desktop" }"#,
    ] {
        let places = shared(&folder, text);
        let told = refused(&places, "a.example");
        assert!(told.contains("`stoa registry login`"), "{told}");
        assert_eq!(found(&places, "b.example"), None);
    }
    let token = shared(
        &folder,
        r#"{ "auths": { "a.example": { "identitytoken": "x" } } }"#,
    );
    assert!(refused(&token, "a.example").contains("identity token"));
}

#[test]
fn credentials_are_only_for_their_host() {
    let folder = folder();
    // me:hunter2, hub:hunter3
    let text = r#"{ "auths": {
        "a.example": { "auth": "bWU6aHVudGVyMg==", "email": "x" },
        "https://index.docker.io/v1/": { "auth": "aHViOmh1bnRlcjM=" }
    }, "HttpHeaders": {} }"#;
    let places = shared(&folder, text);
    let me = Some(("me".to_owned(), "hunter2".to_owned()));
    assert_eq!(found(&places, "a.example"), me);
    let hub = Some(("hub".to_owned(), "hunter3".to_owned()));
    assert_eq!(found(&places, "docker.io"), hub);
    for other in [
        "b.example",
        "a.example:5000",
        "x.a.example",
        "a.example.org",
        "example",
    ] {
        assert_eq!(found(&places, other), None, "{other}");
    }
}

#[test]
fn what_is_kept_is_found_first_and_nobody_else_can_read_it() {
    let folder = folder();
    let places = shared(
        &folder,
        r#"{ "auths": { "a.example": { "auth": "bWU6aHVudGVyMg==" } } }"#,
    );
    for (host, password) in [
        ("a.example", "a:b"),
        ("b.example:5000", "second"),
        ("a.example", "c:d"),
    ] {
        let file = places.keep(host, &credentials("I", password));
        let file = file.unwrap_or_else(|told| panic!("{told}"));
        let mode = fs::metadata(&file)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        found(&places, "a.example"),
        Some(("I".to_owned(), "c:d".to_owned()))
    );
    assert_eq!(
        found(&places, "b.example:5000"),
        Some(("I".to_owned(), "second".to_owned()))
    );
}

#[test]
fn without_a_place_nothing_is_kept_and_nothing_found() {
    let nowhere = Places::default();
    assert!(
        nowhere
            .keep("a.example", &credentials("me", "hunter2"))
            .is_err()
    );
    assert_eq!(found(&nowhere, "a.example"), None);
    let shown = format!("{:?}", credentials("me", "hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
