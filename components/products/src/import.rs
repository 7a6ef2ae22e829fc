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
mod settlement;
mod splitter;

use crate::{catalogue, media};
use batch::Batch;
use report::Report;
use rows::{Format, Row, Rows};
use stoa_sdk::documents::{self, Collection};
use stoa_sdk::http::{Body, BodyError, Closed, Problem, Request, Response, Writer};

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
    let products = catalogue::products()?;
    let body = request.body();
    let respond = move |writer| run(products, Rows::new(format), body, writer);
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
    products: Collection,
    batch: Batch,
    report: Report,
}

async fn run(products: Collection, mut rows: Rows, mut body: Body, writer: Writer) {
    let mut import = Import {
        products,
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
        let verdicts = settlement::settle(&self.products, &rows)
            .await
            .map_err(|error| unconfirmed(&rows, &error))?;
        self.report.lines(&rows, verdicts).await?;
        Ok(())
    }
}

/// The store failed: nobody knows whether these rows were written. Importing them again settles it.
fn unconfirmed(rows: &[Row], error: &documents::Error) -> Stop {
    eprintln!("products: import stopped: {error}");
    let first = rows.first().map_or(0, |row| row.number);
    let last = rows.last().map_or(0, |row| row.number);
    Stop::Because(format!(
        "store failed: rows {first} to {last} are not confirmed, import again from row {first}"
    ))
}
