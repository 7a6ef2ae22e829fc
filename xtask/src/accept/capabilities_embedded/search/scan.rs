//! What a shop without an index would do: look through every document with `LIKE '%word%'`, here without HTTP, without
//! a guest, and with the whole file in memory.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::accept::shop::generated::THINGS;
use crate::load::Latencies;
use crate::process;
use crate::stage::Stage;

/// Where the documents lie in the state directory of the shop.
const STORE: &str = "documents/catalogue.db";
const SCAN_MAX: Duration = Duration::from_secs(10 * 60);

/// Prints nanoseconds, one scan a line. The first scan reads the file and is not printed.
const SCRIPT: &str = r#"
import sqlite3, sys, time
store = sqlite3.connect(sys.argv[1])
def scan(word):
    start = time.perf_counter_ns()
    rows = store.execute('SELECT number FROM "bodies:products" WHERE body LIKE ?', ['%' + word + '%']).fetchall()
    return time.perf_counter_ns() - start, len(rows)
scan(sys.argv[2])
for word in sys.argv[2:]:
    took, found = scan(word)
    print(took, found)
"#;

/// What scans for the things took, in a copy of the store that a host has left behind.
pub(super) fn measured(stage: &Stage, state: &str) -> anyhow::Result<Latencies> {
    let folder = stage.folder(&format!("{state}-scan"))?;
    let store = stage.folder(&format!("{state}-state"))?.join(STORE);
    let copy = folder.join("catalogue.db");
    copied(&store, &copy)?;
    let mut python = process::command("python3", &folder);
    python.args(["-c", SCRIPT]).arg(&copy).args(THINGS);
    let report = process::successful(&mut python, SCAN_MAX)?;
    let took = report.lines().map(took).collect::<Option<Vec<_>>>();
    let took = took.with_context(|| format!("not what a scan prints: {report}"))?;
    ensure!(
        took.iter().all(|(_, found)| *found > 0),
        "a scan found nothing: {report}"
    );
    Ok(Latencies::of(took.into_iter().map(|(took, _)| took)))
}

/// The file, and what was not written back to it yet.
fn copied(store: &Path, copy: &Path) -> anyhow::Result<()> {
    std::fs::copy(store, copy).with_context(|| format!("cannot copy `{}`", store.display()))?;
    let log = |path: &Path| path.with_extension("db-wal");
    if log(store).exists() {
        std::fs::copy(log(store), log(copy))
            .with_context(|| format!("cannot copy `{}`", log(store).display()))?;
    }
    Ok(())
}

/// Nanoseconds, and how many documents were found.
fn took(line: &str) -> Option<(Duration, u64)> {
    let (nanoseconds, found) = line.split_once(' ')?;
    let nanoseconds = nanoseconds.parse::<u64>().ok()?;
    Some((
        Duration::from_nanos(nanoseconds),
        found.parse::<u64>().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_prints_what_it_took_and_found() {
        assert_eq!(took("1500 3"), Some((Duration::from_nanos(1_500), 3)));
        assert_eq!(took("Traceback"), None);
    }
}
