//! What `strace -f -ttt -T -y` writes down: one call a line, or two lines where another thread's comes in between.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;

/// The calls of a program, in the order in which they began.
#[derive(Debug)]
pub(super) struct Trace(Vec<Call>);

/// The calls between a request and its answer.
#[derive(Debug)]
pub(super) struct Meanwhile<'t> {
    calls: Vec<&'t Call>,
    /// When the answer began, in microseconds since 1970.
    answered_us: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Call {
    name: String,
    /// All behind the name, result included.
    rest: String,
    /// In microseconds since 1970.
    begun_us: u64,
    ended_us: u64,
}

// === impl Trace ===

impl Trace {
    /// The calls that are needed: what is written to files and clients, and what is synced.
    pub(super) const CALLS: [&str; 7] = [
        "fdatasync",
        "fsync",
        "pwrite64",
        "write",
        "writev",
        "sendto",
        "sendmsg",
    ];

    pub(super) fn read(text: &str) -> Self {
        let (mut calls, mut open) = (Vec::<Call>::new(), HashMap::new());
        for line in text.lines() {
            calls.extend(read(line, &mut open));
        }
        calls.sort_by_key(|call| call.begun_us);
        Self(calls)
    }

    /// What happened from this moment until a client was answered.
    pub(super) fn until_answer(&self, asked_us: u64) -> anyhow::Result<Meanwhile<'_>> {
        let later = || self.0.iter().filter(move |call| call.begun_us >= asked_us);
        let answer = later().find(|call| call.is_answer());
        let answered_us = answer.context("no answer is in the trace")?.begun_us;
        Ok(Meanwhile {
            calls: later()
                .filter(|call| call.ended_us <= answered_us)
                .collect(),
            answered_us,
        })
    }
}

// === impl Meanwhile ===

impl Meanwhile<'_> {
    /// How often files in the folder were synced.
    pub(super) fn syncs(&self, folder: &Path) -> usize {
        self.synced(folder).count()
    }

    /// From the end of the last sync to the answer, in microseconds. `None` if nothing was written in the folder, or if
    /// a file that was written was not synced after that.
    pub(super) fn lead_us(&self, folder: &Path) -> Option<u64> {
        let mut written = self
            .within(folder)
            .filter(|call| call.is_write())
            .peekable();
        written.peek()?;
        let is_synced = |write: &Call| {
            self.synced(folder)
                .any(|sync| sync.path() == write.path() && sync.begun_us >= write.ended_us)
        };
        if !written.all(is_synced) {
            return None;
        }
        let last = self.synced(folder).map(|sync| sync.ended_us).max()?;
        Some(self.answered_us - last)
    }

    fn synced(&self, folder: &Path) -> impl Iterator<Item = &Call> {
        self.within(folder).filter(|call| call.is_sync())
    }

    fn within(&self, folder: &Path) -> impl Iterator<Item = &Call> {
        let calls = self.calls.iter().copied();
        calls.filter(move |call| call.path().is_some_and(|path| path.starts_with(folder)))
    }
}

// === impl Call ===

impl Call {
    fn is_sync(&self) -> bool {
        let is_one = ["fsync", "fdatasync"].contains(&self.name.as_str());
        is_one && self.rest.contains(") = 0 ")
    }

    /// Whether it writes what is to last. SQLite's index of its log is made anew from the log.
    fn is_write(&self) -> bool {
        let is_one = ["write", "writev", "pwrite64"].contains(&self.name.as_str());
        is_one && !self.path().is_some_and(is_index)
    }

    /// Whether it begins a good answer to a client.
    fn is_answer(&self) -> bool {
        self.rest.contains("\"HTTP/1.1 2")
    }

    /// The file behind its first argument, as in `9</tmp/store.db-wal>`.
    fn path(&self) -> Option<&Path> {
        let (descriptor, behind) = self.rest.split_once('<')?;
        let is_number = descriptor.bytes().all(|byte| byte.is_ascii_digit());
        let (path, _) = behind.split_once('>')?;
        is_number.then_some(Path::new(path))
    }
}

// === functions ===

fn is_index(file: &Path) -> bool {
    let name = file.as_os_str().as_encoded_bytes();
    name.ends_with(b"-shm")
}

/// The call that a line completes, if it does; `open` has those that wait for their second line, by thread.
fn read<'l>(line: &'l str, open: &mut HashMap<&'l str, (u64, &'l str)>) -> Option<Call> {
    let (thread, line) = line.trim_start().split_once(' ')?;
    let (moment, call) = line.trim_start().split_once(' ')?;
    let begun_us = microseconds(moment)?;
    if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
        open.insert(thread, (begun_us, begun));
        return None;
    }
    match call.strip_prefix("<... ") {
        Some(resumed) => {
            let (_, rest) = resumed.split_once(" resumed>")?;
            let (begun_us, begun) = open.remove(thread)?;
            complete(begun_us, &format!("{begun}{rest}"))
        }
        None => complete(begun_us, call),
    }
}

/// `None` for what is no call that returned: a signal, or the end of a thread.
fn complete(begun_us: u64, call: &str) -> Option<Call> {
    let (name, rest) = call.split_once('(')?;
    let took = rest.strip_suffix('>')?.rsplit_once('<')?.1;
    Trace::CALLS.contains(&name).then_some(Call {
        name: name.to_owned(),
        rest: rest.to_owned(),
        begun_us,
        ended_us: begun_us + microseconds(took)?,
    })
}

/// Seconds with six digits behind the point.
fn microseconds(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.')?;
    let (whole, digits) = (whole.parse::<u64>().ok()?, part.parse::<u64>().ok()?);
    (part.len() == 6).then_some(whole * 1_000_000 + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str =
        "7  1.000100 pwrite64(9</s/documents/c.db-wal>, \"\"..., 24, 0) = 24 <0.000010>";
    const SYNC: &str = "7  1.000200 fdatasync(9</s/documents/c.db-wal>) = 0 <0.000300>";
    const LATE: &str =
        "7  1.000350 pwrite64(9</s/documents/c.db-wal>, \"\"..., 24, 0) = 24 <0.000010>";
    const ANSWER: &str = "8  1.001500 sendto(5<socket:[1]>, \"HTTP/1.1 201 Created\\r\\n\"..., 99, 0, NULL, 0) = 99 <0.000020>";

    fn lead(lines: &[&str], folder: &str) -> Option<u64> {
        let trace = Trace::read(&lines.join("\n"));
        let meanwhile = trace.until_answer(1_000_000).expect("there is an answer");
        meanwhile.lead_us(Path::new(folder))
    }

    #[test]
    fn what_was_not_synced_has_no_lead() {
        assert_eq!(lead(&[WRITE, ANSWER], "/s/documents"), None);
        assert_eq!(lead(&[WRITE, SYNC, LATE, ANSWER], "/s/documents"), None);
        assert_eq!(lead(&[WRITE, SYNC, ANSWER], "/s/blobs"), None);
        // A sync that is not over when the answer begins comes too late.
        let slow = SYNC.replace("<0.000300>", "<0.009000>");
        assert_eq!(lead(&[WRITE, &slow, ANSWER], "/s/documents"), None);
        let failed = SYNC.replace("= 0", "= -1 EIO");
        assert_eq!(lead(&[WRITE, &failed, ANSWER], "/s/documents"), None);
    }

    #[test]
    fn a_lead_counts_from_the_end_of_the_sync() {
        assert_eq!(lead(&[WRITE, SYNC, ANSWER], "/s/documents"), Some(1_000));
    }

    #[test]
    fn the_index_of_a_log_need_not_be_synced() {
        let index = WRITE.replace("-wal", "-shm");
        let lines = [WRITE, &index, SYNC, ANSWER];
        assert_eq!(lead(&lines, "/s/documents"), Some(1_000));
    }

    #[test]
    fn a_call_on_two_lines_is_one() {
        let lines = [
            WRITE,
            "7  1.000200 fdatasync(9</s/documents/c.db-wal> <unfinished ...>",
            "9  1.000210 write(2</dev/null>, \"x\", 1) = 1 <0.000001>",
            "7  1.000500 <... fdatasync resumed>) = 0 <0.000300>",
            ANSWER,
        ];
        assert_eq!(lead(&lines, "/s/documents"), Some(1_000));
    }

    #[test]
    fn what_was_before_the_request_does_not_count() {
        let trace = Trace::read(&[WRITE, SYNC, ANSWER].join("\n"));
        let meanwhile = trace.until_answer(1_001_000).expect("there is an answer");
        assert_eq!(meanwhile.syncs(Path::new("/s/documents")), 0);
        assert!(trace.until_answer(2_000_000).is_err());
    }

    #[test]
    fn signals_and_ends_are_no_calls() {
        let lines = "7  1.000100 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER} ---\n\
                     7  1.000200 +++ exited with 0 +++\n7  1.000300 fsync(9</a> <unfinished ...>";
        assert!(Trace::read(lines).0.is_empty());
    }
}
