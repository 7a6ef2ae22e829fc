//! The embedded release history passes its suite.

use std::fs::{self, File};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use stoa_capabilities::releases::conformance::{CASES, Site};
use stoa_capabilities::releases::{Store, embedded::Embedded};

struct Folder(tempfile::TempDir);

#[async_trait::async_trait]
impl Site for Folder {
    async fn open(&self) -> Arc<dyn Store> {
        Embedded::open(self.0.path()).expect("it opens")
    }

    async fn age(&self) {
        let earlier = SystemTime::now() - Duration::from_secs(2 * 3600);
        for entry in fs::read_dir(self.0.path().join("files")).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let file = File::options().write(true).open(path).expect("it opens");
            file.set_modified(earlier).expect("it has a time");
        }
    }
}

#[tokio::test]
async fn the_embedded_release_history_conforms() {
    for case in CASES {
        let folder = tempfile::tempdir().expect("a folder can be made");
        (case.run)(Arc::new(Folder(folder))).await;
        println!("releases  embedded  {}  passed", case.name);
    }
}
