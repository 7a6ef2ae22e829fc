//! Every backend of this crate passes its noun's suite, in every durability class.

use std::sync::Arc;

use stoa_capabilities::Durability;
use stoa_capabilities::keyvalue::{Store, conformance, embedded::Embedded};

#[tokio::test]
async fn the_embedded_key_value_store_conforms() {
    for durability in [Durability::Process, Durability::Power] {
        for case in conformance::CASES {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let store: Arc<dyn Store> =
                Embedded::open(&folder.path().join("store.db"), durability).expect("it opens");
            (case.run)(store).await;
            println!("keyvalue  embedded ({durability:?})  {}  passed", case.name);
        }
    }
}

#[tokio::test]
async fn the_embedded_blob_store_conforms() {
    use stoa_capabilities::blobs::{
        Store, conformance,
        embedded::Embedded,
        presign::{KEY_BYTES, Signer},
    };
    for durability in [Durability::Process, Durability::Power] {
        for case in conformance::CASES {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let signer = Arc::new(Signer::new(&[7; KEY_BYTES]));
            let store: Arc<dyn Store> =
                Embedded::open(&folder.path().join("store"), durability, signer).expect("it opens");
            (case.run)(store).await;
            println!("blobs  embedded ({durability:?})  {}  passed", case.name);
        }
    }
}

#[tokio::test]
async fn the_embedded_identity_conforms() {
    use stoa_capabilities::identity::{
        Algorithm, Provider, conformance,
        embedded::{Config, Embedded},
    };
    for (name, algorithm) in Algorithm::NAMES {
        for case in conformance::CASES {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let config = Config {
                path: "keys".into(),
                algorithm,
                issuer: "stoa:test".into(),
                rotate_days: 90,
            };
            let provider: Arc<dyn Provider> =
                Embedded::open(&folder.path().join("keys"), &config).expect("it opens");
            (case.run)(provider).await;
            println!("identity  embedded ({name})  {}  passed", case.name);
        }
    }
}

#[tokio::test]
async fn the_embedded_document_store_conforms() {
    use stoa_capabilities::documents::{Store, conformance, embedded::Embedded};
    for durability in [Durability::Process, Durability::Power] {
        for case in conformance::CASES {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let path = folder.path().join("store.db");
            let store: Arc<dyn Store> = Embedded::open(&path, durability).expect("it opens");
            let declared = store.declare(conformance::collections()).await;
            declared.expect("an empty store takes any shape");
            (case.run)(store).await;
            println!(
                "documents  embedded ({durability:?})  {}  passed",
                case.name
            );
        }
    }
}

#[tokio::test]
async fn the_embedded_database_conforms() {
    use stoa_capabilities::sql::{Database, conformance, embedded::Embedded};
    for durability in [Durability::Process, Durability::Power] {
        for case in conformance::CASES {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let path = folder.path().join("store.db");
            let database: Arc<dyn Database> = Embedded::open(&path, durability).expect("it opens");
            (case.run)(database).await;
            println!("sql  embedded ({durability:?})  {}  passed", case.name);
        }
    }
}
