//! `POST /v1/products:import`: a stream of rows in, a stream of their fates out, in bounded memory.
//!
//! Rows are parsed as they arrive, gathered into batches, and reported only after the store has taken the batch. The
//! last line is a summary; where something stopped the import, it also says what.

mod batch;
mod columns;
mod csv;
mod plan;
mod report;
mod rows;
mod splitter;

use crate::{catalogue, media};
use batch::Batch;
use report::Report;
use rows::{Format, Row, Rows};
use stoa_sdk::clock;
use stoa_sdk::http::{Body, BodyError, Closed, Problem, Request, Response, Writer};
use stoa_sdk::keyvalue::{self, Store};

/// How often a batch is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;

/// Starts an import. The answer's head leaves at once, so what goes wrong later is told in the last line.
pub(crate) fn start(mut request: Request) -> Result<Response, Problem> {
    let format = match media::essence(&request).as_str() {
        "application/x-ndjson" => Format::Ndjson,
        "text/csv" => Format::Csv,
        _ => {
            return Err(media::unsupported(
                "accept",
                &["application/x-ndjson", "text/csv"],
            ));
        }
    };
    media::expect_identity(&request)?;
    let store = catalogue::store()?;
    let body = request.body();
    let respond = move |writer| run(store, Rows::new(format), body, writer);
    Ok(Response::stream(200, respond).header("content-type", "application/x-ndjson"))
}

/// Why an import ended before its body did.
enum Stop {
    /// Nobody reads the report any more.
    Closed,
    /// For the client to read.
    Because(String),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Because(reason)
    }
}

impl From<BodyError> for Stop {
    fn from(error: BodyError) -> Self {
        Self::Because(error.to_string())
    }
}

struct Import {
    store: Store,
    batch: Batch,
    report: Report,
}

async fn run(store: Store, mut rows: Rows, mut body: Body, writer: Writer) {
    let mut import = Import {
        store,
        batch: Batch::default(),
        report: Report::new(writer),
    };
    let stop = match import.all(&mut rows, &mut body).await {
        Ok(()) => None,
        Err(Stop::Because(reason)) => Some(reason),
        Err(Stop::Closed) => return,
    };
    if import.report.finish(stop).await.is_err() {
        eprintln!("products: the client left before the summary of its import");
    }
}

impl Import {
    async fn all(&mut self, rows: &mut Rows, body: &mut Body) -> Result<(), Stop> {
        let ended = self.read(rows, body).await;
        // Whole rows that arrived before a body broke off are taken, because the report speaks of every row it counts.
        if !matches!(ended, Err(Stop::Closed)) {
            self.settle().await?;
        }
        ended
    }

    async fn read(&mut self, rows: &mut Rows, body: &mut Body) -> Result<(), Stop> {
        while let Some(chunk) = body.chunk().await? {
            let mut rest = chunk.as_slice();
            while let Some(row) = rows.next(&mut rest)? {
                self.take(row).await?;
            }
        }
        if let Some(row) = rows.finish()? {
            self.take(row).await?;
        }
        Ok(())
    }

    async fn take(&mut self, row: Row) -> Result<(), Stop> {
        if !self.batch.has_room_for(&row) {
            self.settle().await?;
        }
        self.batch.push(row);
        Ok(())
    }

    /// Writes the batch and reports it.
    async fn settle(&mut self) -> Result<(), Stop> {
        let rows = self.batch.take();
        if rows.is_empty() {
            return Ok(());
        }
        let verdicts = decide(&self.store, &rows)
            .await
            .map_err(|error| unconfirmed(&rows, &error))?;
        self.report.lines(&rows, verdicts).await?;
        Ok(())
    }
}

/// What became of each row. A batch that somebody else kept changing under our hands is rejected at last.
async fn decide(store: &Store, rows: &[Row]) -> Result<Vec<plan::Verdict>, keyvalue::Error> {
    let keys: Vec<_> = rows.iter().filter_map(Row::key).collect();
    let mut decided = plan::Plan::default();
    for _ in 0..ATTEMPTS_MAX {
        let stored = if keys.is_empty() {
            Vec::new()
        } else {
            store.get_many(keys.clone()).await?
        };
        decided = plan::plan(rows, stored, clock::now());
        if decided.changes.is_empty() {
            return Ok(decided.verdicts);
        }
        match store.apply(std::mem::take(&mut decided.changes)).await {
            Ok(_) => return Ok(decided.verdicts),
            Err(keyvalue::Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(decided
        .verdicts
        .into_iter()
        .map(plan::Verdict::lost)
        .collect())
}

/// The store failed: nobody knows whether these rows were written. Importing them again settles it.
fn unconfirmed(rows: &[Row], error: &keyvalue::Error) -> Stop {
    eprintln!("products: import stopped: {error}");
    let first = rows.first().map_or(0, |row| row.number);
    let last = rows.last().map_or(0, |row| row.number);
    Stop::Because(format!(
        "store failed: rows {first} to {last} are not confirmed, import again from row {first}"
    ))
}
