//! The report of an import: a line for every row, then a summary.

use super::plan::Verdict;
use super::rows::Row;
use serde::Serialize;
use stoa_sdk::http::{Closed, Writer};

/// Writes the report, line by line as JSON.
pub(crate) struct Report {
    writer: Writer,
    summary: Summary,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    rows: u64,
    accepted: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Last {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    summary: Summary,
}

impl Report {
    pub(crate) fn new(writer: Writer) -> Self {
        Self {
            writer,
            summary: Summary::default(),
        }
    }

    /// Reports rows with what became of them.
    pub(crate) async fn lines(
        &mut self,
        rows: &[Row],
        verdicts: Vec<Verdict>,
    ) -> Result<(), Closed> {
        let mut lines = Vec::new();
        for (row, verdict) in rows.iter().zip(verdicts) {
            self.summary.count(&verdict);
            append(&mut lines, &line(row, verdict));
        }
        self.writer.write(lines).await
    }

    /// The last line. With an error, the import did not reach the end of its body.
    pub(crate) async fn finish(mut self, error: Option<String>) -> Result<(), Closed> {
        let mut last = Vec::new();
        append(
            &mut last,
            &Last {
                error,
                summary: self.summary,
            },
        );
        self.writer.write(last).await
    }
}

impl Summary {
    fn count(&mut self, verdict: &Verdict) {
        self.rows += 1;
        let counter = match verdict {
            Verdict::Accepted => &mut self.accepted,
            Verdict::Updated => &mut self.updated,
            Verdict::Unchanged => &mut self.unchanged,
            Verdict::Rejected(_) => &mut self.rejected,
        };
        *counter += 1;
    }
}

fn line(row: &Row, verdict: Verdict) -> Line<'_> {
    let (result, reason) = match verdict {
        Verdict::Accepted => ("accepted", None),
        Verdict::Updated => ("updated", None),
        Verdict::Unchanged => ("unchanged", None),
        Verdict::Rejected(reason) => ("rejected", Some(reason)),
    };
    Line {
        row: row.number,
        sku: row.sku(),
        id: row.id(),
        result,
        reason,
    }
}

fn append<T: Serialize>(lines: &mut Vec<u8>, line: &T) {
    serde_json::to_writer(&mut *lines, line)
        .expect("texts and numbers are JSON, and memory takes every write");
    lines.push(b'\n');
}
