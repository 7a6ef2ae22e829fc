//! Core dumps: nobody's unless somebody asked, and then one that a debugger can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stoa_runtime::{Error, Revision};
use tokio::time::timeout;
use wasmparser::{KnownCustom, Parser, Payload};

use crate::fixture::Fixture;

const GUESTS: [&str; 2] = ["behaviour-02", "behaviour-03"];
/// A bound for broken runs, not a measure.
const GONE_MAX: Duration = Duration::from_secs(60);
/// What both guests say when they panic, somewhere in their memory.
const LAST_WORDS: &[u8] = b"as it was asked to";

/// Has the guest trap so often, and waits until nothing of it is left: what is dumped holds it until then.
async fn trapped(fixture: &Fixture, guest: &str, times: usize) -> Vec<PathBuf> {
    let revision = fixture.prepare(guest, "");
    let revision = revision.unwrap_or_else(|error| panic!("{guest}: {error}"));
    let service = fixture.serve_revision(&revision);
    for _ in 0..times {
        let answer = service.get("/panic").await;
        assert!(matches!(answer, Err(Error::Trapped)), "{guest}: {answer:?}");
    }
    drop(service);
    gone(revision).await;
    fixture.core_dumps()
}

async fn gone(revision: Arc<Revision>) {
    revision.drain();
    let gone = revision.gone();
    drop(revision);
    timeout(GONE_MAX, gone).await.expect("nothing is left");
}

#[tokio::test]
async fn what_nobody_asked_for_is_not_dumped() {
    for guest in GUESTS {
        for fixture in [Fixture::new(), Fixture::dumping(&["other"])] {
            let dumps = trapped(&fixture, guest, 1).await;
            assert_eq!(dumps, [] as [PathBuf; 0], "{guest}");
        }
    }
}

#[tokio::test]
async fn who_only_answers_is_not_dumped() {
    let fixture = Fixture::dumping(&["*"]);
    for guest in GUESTS {
        let revision = fixture.prepare(guest, "").expect("it is prepared");
        let service = fixture.serve_revision(&revision);
        let answer = service.get("/ok").await.expect("it answers");
        assert_eq!(answer.status.as_u16(), 200);
        drop(service);
        gone(revision).await;
    }
    assert_eq!(fixture.core_dumps(), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_guest_that_traps_leaves_its_memory_and_where_it_was() {
    for guest in GUESTS {
        let fixture = Fixture::dumping(&["guest"]);
        let dumps = trapped(&fixture, guest, 1).await;
        let [dump] = &dumps[..] else {
            panic!("{guest}: {dumps:?}");
        };
        let name = dump.file_name().and_then(|name| name.to_str());
        assert!(name.is_some_and(|name| name.starts_with("guest-")));
        let metadata = fs::metadata(dump).expect("it is there");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let bytes = fs::read(dump).expect("it can be read");
        let (frames, last_words) = read(&bytes);
        assert!(frames > 2, "{guest}: {frames} frames");
        assert!(last_words, "{guest}: its last words are not there");
    }
}

/// How many functions were being called, and whether the last words are in the memory.
fn read(dump: &[u8]) -> (usize, bool) {
    let (mut frames, mut last_words) = (0, false);
    for payload in Parser::new(0).parse_all(dump) {
        match payload.expect("it is a module") {
            Payload::DataSection(data) => {
                for segment in data {
                    let data = segment.expect("it is a segment").data;
                    last_words |= data
                        .windows(LAST_WORDS.len())
                        .any(|part| part == LAST_WORDS);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::CoreDumpStack(stack) = section.as_known() {
                    frames = stack.frames.len();
                }
            }
            _ => {}
        }
    }
    (frames, last_words)
}

#[tokio::test]
async fn one_that_traps_again_and_again_is_dumped_once() {
    let fixture = Fixture::dumping(&["guest"]);
    let dumps = trapped(&fixture, "behaviour-02", 5).await;
    assert_eq!(dumps.len(), 1);
}
