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
