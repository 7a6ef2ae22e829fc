//! Migrations as a service's author has them: files of a folder, applied before the service starts.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stoa_testkit::{Ended, Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
const FIRST: (&str, &str) = (
    "0001-orders.sql",
    "CREATE TABLE orders (id BIGINT PRIMARY KEY); INSERT INTO orders VALUES (7);",
);

/// A guest that may read and write rows, but not change the schema, and the files of its migrations.
fn launch(contracting: &str, files: &[(&str, &str)]) -> Launch {
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{}\"\nsqlite_databases = [\"default\"]\n\
         [component.guest.tool.stoa]\nschema = 1\n\
         [component.guest.tool.stoa.grants.sql.default]\naccess = \"read-write\"\n\
         [component.guest.tool.stoa.migrations.default]\nfolder = \"migrations\"\ncontracting = [{contracting}]\n",
        probe("sql-02").display()
    );
    let launch = Launch::new(STOA, &text);
    write(&launch, files);
    launch
}

fn write(launch: &Launch, files: &[(&str, &str)]) {
    let folder = launch.folder().join("migrations");
    fs::create_dir_all(&folder).expect("it can be made");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("it can be written");
    }
}

#[track_caller]
fn assert_refused(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{part}:\n{}", ended.stderr);
    }
}

/// What the guest answers to a query.
fn query(host: &Host, sql: &str) -> String {
    let mut stream = TcpStream::connect(host.address()).expect("it accepts");
    let bound = Some(Duration::from_secs(30));
    stream.set_read_timeout(bound).expect("it can be set");
    let sql = sql.replace(' ', "+");
    write!(
        stream,
        "GET /?api=stoa&op=query&label=default&sql={sql} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let launch = launch("", &[]);
    fs::remove_dir(launch.folder().join("migrations")).expect("it is empty");
    assert_refused(
        &launch.fail(),
        &["component `guest`: cannot read", "migrations"],
    );
}

#[test]
fn what_takes_away_is_refused_unless_it_is_said() {
    let files = [FIRST, ("0002-drop.sql", "DROP TABLE orders;")];
    let refused = launch("", &files).fail();
    assert_refused(
        &refused,
        &["cannot migrate `default` for `guest`", "0002-drop.sql"],
    );
    let host = launch("\"0002-drop.sql\"", &files).start();
    let gone = query(&host, "SELECT id FROM orders");
    assert!(gone.contains("no such table"), "{gone}");
}

#[test]
fn a_file_that_is_called_contracting_and_is_not_there_is_told() {
    let refused = launch("\"0009-drop.sql\"", &[FIRST]).fail();
    assert_refused(&refused, &["`contracting` names `0009-drop.sql`"]);
}

#[test]
fn a_migration_that_cannot_be_made_leaves_the_one_before() {
    let launch = launch("", &[FIRST, ("0002-broken.sql", "CREATE TABL x (id);")]);
    assert_refused(&launch.fail(), &["0002-broken.sql"]);
    write(
        &launch,
        &[("0002-broken.sql", "CREATE TABLE mended (id BIGINT);")],
    );
    let host = launch.start();
    assert!(query(&host, "SELECT id FROM orders").contains("i:7"));
    assert!(query(&host, "SELECT id FROM mended").contains(" 200 "));
}

#[test]
fn an_applied_file_is_applied_once_and_must_not_change() {
    let host = launch("", &[FIRST]).start();
    assert!(query(&host, "SELECT id FROM orders").contains("i:7"));
    host.signal("TERM");
    // Inserted again, the row would be there twice and the start fail.
    let host = host.restarted();
    assert!(query(&host, "SELECT count(*) FROM orders").contains("i:1"));
}

#[test]
fn an_applied_file_that_was_changed_is_refused() {
    let launch = launch("", &[FIRST, ("0002-broken.sql", "CREATE TABL x (id);")]);
    launch.fail();
    write(
        &launch,
        &[(FIRST.0, "CREATE TABLE orders (id TEXT PRIMARY KEY);")],
    );
    assert_refused(&launch.fail(), &["0001-orders.sql"]);
}
