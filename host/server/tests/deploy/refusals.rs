//! What must not serve: each is told in words, and what served serves on.

use std::fs;

use rcgen::KeyPair;
use stoa_testkit::Launch;

use crate::release::{Component, Release, failing, saying, spoken, steady, unlinkable};
use crate::stage::{self, Stage, configured};
use crate::visitor::Connection;

/// What a component with a database has, and its migrations.
const DATABASE: &str = "[component.guest.tool.stoa.grants.sql.default]\naccess = \"read-write\"\n\
                        [component.guest.tool.stoa.migrations.default]\nfolder = \"migrations\"\n";
const ORDERS: &str = "CREATE TABLE orders (id BIGINT PRIMARY KEY); INSERT INTO orders VALUES (7);";

#[test]
fn without_a_host_that_runs_there_is_nothing_to_deploy_to() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    Release::number(1).write(folder.path());
    let file = folder.path().display().to_string();
    let state = folder.path().join(".stoa");
    let told = stage::stoa(&state, &["deploy", "--skip-build", "-f", &file]);
    told.refused(1, &["no host is running here", "admin.url", "stoa up"]);
}

#[test]
fn whoever_does_not_know_the_token_changes_and_learns_nothing() {
    let stage = Stage::serving(&Release::number(1));
    let (token, file) = ("0123456789abcdef".repeat(4), stage.state().join("wrong"));
    fs::write(&file, &token).expect("it can be written");
    let file = file.display().to_string();
    let told = stage.deploy(&Release::number(2), &["--token-file", &file]);
    let told = told.refused(64, &["does not accept this token"]);
    assert!(!told.stderr.contains(&token), "{told:?}");
    let mut stranger = Connection::open(stage.admin());
    let answer = stranger.get("/v1/status", &[]);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(!answer.body.contains("release"), "{answer:?}");
    // Whether it is alive is no secret.
    assert_eq!(stranger.get("/v1/health", &[]).status, 200);
    stage.assert_untouched();
}

#[test]
fn every_import_that_nobody_provides_is_told_at_once() {
    let stage = Stage::serving(&Release::number(1));
    let code = unlinkable(spoken("release-02", &steady(2)));
    let next = Release::of(&[
        Component::new("a", code.clone()).at("/a/..."),
        Component::new("b", code).at("/b/..."),
    ]);
    stage.deploy(&next, &[]).refused(
        64,
        &[
            "component `a` (`a.wasm`): it imports `none:clocks/",
            "component `b` (`b.wasm`): it imports `none:clocks/",
            "still serving: release 1 serves (version 1)",
        ],
    );
    stage.assert_untouched();
}

#[test]
fn what_may_do_more_is_told_and_taken_only_if_that_is_allowed() {
    let stage = Stage::serving(&Release::number(1));
    let wider = saying(&steady(2)).fields("key_value_stores = [\"default\"]");
    let wider = Release::of(&[wider]);
    let power = "+ guest may read and write key-value store `default`";
    stage.deploy(&wider, &[]).refused(
        64,
        &[
            "the release may do more than the one that serves",
            power,
            "--allow-new-grants",
        ],
    );
    stage.assert_untouched();
    let allowed = stage.deploy(&wider, &["--allow-new-grants"]).done();
    allowed.says(&[power, "release 2 serves, version 2"]);
    assert_eq!(stage.word(), steady(2));
}

#[test]
fn a_release_whose_health_probe_fails_does_not_serve() {
    let stage = Stage::serving(&Release::number(1));
    let asked = |word: &str| Release::of(&[saying(word).policy("health = \"/health\"")]);
    let told = stage.deploy(&asked(&failing(2)), &[]);
    told.refused(
        64,
        &[
            "component `guest`: its health probe `/health` failed",
            "500",
        ],
    );
    stage.assert_untouched();
    let told = stage.deploy(&asked(&steady(3)), &[]).done();
    told.says(&["guest: a fresh instance answers `/health`"]);
    assert_eq!(stage.word(), steady(3));
}

#[test]
fn a_migration_that_takes_away_waits_until_that_is_allowed() {
    let stage = Stage::serving(&with_database("").file("migrations/0001-orders.sql", ORDERS));
    let orders = || {
        let query = "/?api=stoa&op=query&label=default&sql=SELECT+id+FROM+orders";
        stage.get(query, &[]).body
    };
    let next = with_database("contracting = [\"0002-drop.sql\"]\n")
        .file("migrations/0001-orders.sql", ORDERS)
        .file("migrations/0002-drop.sql", "DROP TABLE orders;");
    stage.deploy(&next, &[]).refused(
        64,
        &[
            "cannot migrate `default` for `guest`",
            "0002-drop.sql",
            "an older release still uses the schema",
        ],
    );
    assert!(orders().contains("i:7"), "{}", orders());
    let told = stage.deploy(&next, &["--allow-contracting"]).done();
    told.says(&["migration default/0002-drop.sql applies"]);
    assert!(orders().contains("no such table"), "{}", orders());
}

fn with_database(contracting: &str) -> Release {
    let tables = format!("{DATABASE}{contracting}");
    let guest = Component::probe("sql-02").fields("sqlite_databases = [\"default\"]");
    Release::of(&[guest.tables(&tables)])
}

#[test]
fn where_signatures_are_asked_for_only_a_known_key_opens() {
    let [known, stranger] = [(); 2].map(|()| KeyPair::generate().expect("a key can be made"));
    let stage = Stage::start(trusting(&known));
    let release = Release::number(1);
    let told = stage.deploy(&release, &["--allow-new-grants"]);
    told.refused(
        64,
        &[
            "it has no signature",
            "stoa deploy --sign",
            "nothing is deployed yet",
        ],
    );
    let signed = |key: &KeyPair| {
        let file = stage.state().join("private.pem");
        fs::write(&file, key.serialize_pem()).expect("it can be written");
        let file = file.display().to_string();
        stage.deploy(&release, &["--allow-new-grants", "--sign", &file])
    };
    let told = signed(&stranger);
    told.refused(64, &["which this host does not know"]);
    assert_eq!(stage.get("/quick", &[]).status, 404);
    signed(&known).done();
    assert_eq!(stage.word(), steady(1));
}

/// A host that serves only what this key signed, and nothing yet.
fn trusting(key: &KeyPair) -> Launch {
    let keys = "[deploy.signatures]\nkeys = [\"public.pem\"]\n";
    let launch = configured(&Release::number(1), keys).arguments(&["--deployed"]);
    let file = launch.folder().join("public.pem");
    fs::write(file, key.public_key_pem()).expect("it can be written");
    launch
}

#[test]
fn one_component_changes_its_code_and_nothing_else() {
    let two = |number: u64, fields: &str| {
        let code = spoken("release-02", &steady(number));
        Release::of(&[
            Component::new("a", code.clone())
                .at("/a/...")
                .fields(fields),
            Component::new("b", code).at("/b/..."),
        ])
    };
    let stage = Stage::serving(&two(1, ""));
    let of = |name: &str| stage.get(&format!("/{name}/quick"), &[]).word();
    let told = stage.deploy(&two(2, "description = \"another\""), &["--component", "a"]);
    told.refused(
        64,
        &["`[component.a]` is not the same", "without `--component`"],
    );
    let told = stage.deploy(&two(2, ""), &["--component", "c"]);
    told.refused(64, &["the manifest has no component `c`"]);
    assert_eq!((of("a"), of("b")), (steady(1), steady(1)));
    stage.deploy(&two(2, ""), &["--component", "a"]).done();
    assert_eq!((of("a"), of("b")), (steady(2), steady(1)));
}

#[test]
fn orders_that_have_no_object_are_told() {
    let stage = Stage::serving(&Release::number(1));
    let stale = stage.deploy(&Release::number(2), &["--expected", "7"]);
    stale.refused(1, &["version 1 is in force, not version 7"]);
    let told = stage.stoa(&["promote"]);
    told.refused(1, &["there is no candidate to promote"]);
    let told = stage.stoa(&["rollback"]);
    told.refused(1, &["there is no release to go back to"]);
    let told = stage.stoa(&["rollback", "9"]);
    told.refused(64, &["there is no release 9"]);
    stage.assert_untouched();
}
