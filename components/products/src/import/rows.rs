//! From bytes to rows: each a valid product or the reason why not.

use super::columns::Columns;
use super::csv;
use super::splitter::{Framing, ROW_BYTES_MAX, Record, Splitter};
use crate::product::{Draft, Violation, id, read};
use serde_json::Value;

/// What an import is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Ndjson,
    Csv,
}

/// One row. The first has the number 1; blank lines and the header of CSV are no rows.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) bytes: usize,
    pub(crate) content: Result<Draft, Rejection>,
}

/// Why a row is no product.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// As far as it could be read.
    pub(crate) sku: Option<String>,
    pub(crate) reason: String,
}

/// Parses rows out of chunks of any size.
pub(crate) struct Rows {
    splitter: Splitter,
    language: Language,
    number: u64,
}

enum Language {
    Ndjson,
    /// The columns are known once the header was read.
    Csv(Option<Columns>),
}

impl Row {
    pub(crate) fn draft(&self) -> Option<&Draft> {
        self.content.as_ref().ok()
    }

    pub(crate) fn sku(&self) -> Option<&str> {
        match &self.content {
            Ok(draft) => Some(&draft.sku),
            Err(rejection) => rejection.sku.as_deref(),
        }
    }

    /// The id of its product.
    pub(crate) fn id(&self) -> Option<String> {
        self.draft().map(|draft| id::of(&draft.sku))
    }
}

impl Rows {
    pub(crate) fn new(format: Format) -> Self {
        let (framing, language) = match format {
            Format::Ndjson => (Framing::Lines, Language::Ndjson),
            Format::Csv => (Framing::Csv, Language::Csv(None)),
        };
        Self {
            splitter: Splitter::new(framing),
            language,
            number: 0,
        }
    }

    /// Takes bytes off the front of `chunk` until a row is whole; `None` when the chunk is used up. Fails where nothing
    /// that follows could be understood.
    pub(crate) fn next(&mut self, chunk: &mut &[u8]) -> Result<Option<Row>, String> {
        while let Some(record) = self.splitter.next(chunk) {
            if let Some(row) = self.read(record)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The last row, if the body did not end with a line end.
    pub(crate) fn finish(&mut self) -> Result<Option<Row>, String> {
        match self.splitter.finish() {
            Some(record) => self.read(record),
            None => Ok(None),
        }
    }

    /// `None` for the header.
    fn read(&mut self, record: Record) -> Result<Option<Row>, String> {
        let (bytes, content) = match (&mut self.language, record) {
            (Language::Csv(columns @ None), header) => {
                *columns = Some(header_of(header)?);
                return Ok(None);
            }
            (_, Record::TooLong) => (
                0,
                Err(unread(format!("row is larger than {ROW_BYTES_MAX} bytes"))),
            ),
            (Language::Csv(Some(columns)), Record::Row(row)) => (row.len(), csv_row(columns, &row)),
            (Language::Ndjson, Record::Row(row)) => (row.len(), json_row(&row)),
        };
        self.number += 1;
        Ok(Some(Row {
            number: self.number,
            bytes,
            content,
        }))
    }
}

fn header_of(record: Record) -> Result<Columns, String> {
    match record {
        Record::Row(row) => Columns::of(csv::fields(&row)?),
        Record::TooLong => Err(format!("header is larger than {ROW_BYTES_MAX} bytes")),
    }
}

fn csv_row(columns: &Columns, row: &[u8]) -> Result<Draft, Rejection> {
    let document = csv::fields(row)
        .and_then(|fields| columns.document(fields))
        .map_err(unread)?;
    draft(&document)
}

fn json_row(row: &[u8]) -> Result<Draft, Rejection> {
    // Every row is line 1 to the parser, so only its column is of use.
    let document: Value = serde_json::from_slice(row).map_err(|error| {
        let kind = if error.is_eof() {
            "JSON ends too early"
        } else {
            "not JSON"
        };
        unread(format!("{kind} at column {}", error.column()))
    })?;
    draft(&document)
}

fn draft(document: &Value) -> Result<Draft, Rejection> {
    read::draft(document).map_err(|violations| {
        let sku = document
            .get("sku")
            .and_then(Value::as_str)
            .filter(|sku| read::is_sku(sku));
        Rejection {
            sku: sku.map(str::to_owned),
            reason: reason(&violations),
        }
    })
}

fn reason(violations: &[Violation]) -> String {
    let told: Vec<_> = violations
        .iter()
        .map(|violation| format!("{} {}", violation.pointer, violation.detail))
        .collect();
    told.join("; ")
}

fn unread(reason: String) -> Rejection {
    Rejection { sku: None, reason }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn json(sku: &str) -> String {
        let price = r#"{"amount":1250,"currency":"EUR"}"#;
        format!(r#"{{"sku":"{sku}","name":"Cup","category":"ceramics","price":{price}}}"#)
    }

    pub(crate) fn row(number: u64, sku: &str) -> Row {
        Row {
            number,
            bytes: 100,
            content: json_row(json(sku).as_bytes()),
        }
    }

    /// Number with sku or reason, of all rows.
    fn told(format: Format, body: &str) -> Vec<String> {
        let mut rows = Rows::new(format);
        let mut rest = body.as_bytes();
        let mut told = Vec::new();
        while let Some(row) = rows.next(&mut rest).expect("readable") {
            told.push(tell(&row));
        }
        told.extend(rows.finish().expect("readable").as_ref().map(tell));
        told
    }

    fn tell(row: &Row) -> String {
        match &row.content {
            Ok(draft) => format!("{} {}", row.number, draft.sku),
            Err(rejection) => format!("{} {}", row.number, rejection.reason),
        }
    }

    const HEADER: &str = "sku,name,category,price_amount,price_currency,tags";

    #[test]
    fn rows_are_counted_from_one_without_blank_lines() {
        let body = format!("{}\n\n{}", json("A-1"), json("A-2"));
        assert_eq!(told(Format::Ndjson, &body), ["1 A-1", "2 A-2"]);
    }

    #[test]
    fn the_header_is_no_row() {
        let body = format!("{HEADER}\r\nA-1,Cup,ceramics,1250,EUR,\r\n");
        assert_eq!(told(Format::Csv, &body), ["1 A-1"]);
        assert!(told(Format::Csv, HEADER).is_empty());
    }

    #[test]
    fn a_broken_row_does_not_hurt_the_next() {
        let body = format!("{{\"sku\":\n{}\n", json("A-2"));
        assert_eq!(
            told(Format::Ndjson, &body),
            ["1 JSON ends too early at column 7", "2 A-2"]
        );
    }

    #[test]
    fn a_row_that_is_no_product_says_why() {
        let body = format!("{HEADER}\nA 1,Cup,ceramics,12.50,EUR,\n");
        let expected = "1 #/sku must hold only letters, digits and . _ -; \
                        #/price/amount must be an integer from 0 to 1000000000000";
        assert_eq!(told(Format::Csv, &body), [expected]);
    }

    #[test]
    fn a_quoted_field_may_hold_line_ends() {
        let row = "A-1,Cup,ceramics,1250,EUR,cup;blue,\"Cup\nand saucer\"";
        let body = format!("{HEADER},description\n{row}\n");
        let mut rows = Rows::new(Format::Csv);
        let row = rows
            .next(&mut body.as_bytes())
            .expect("readable")
            .expect("whole");
        let draft = row.draft().expect("valid");
        assert_eq!(draft.description, "Cup\nand saucer");
        assert_eq!(draft.tags, ["cup", "blue"]);
    }

    #[test]
    fn a_sku_is_shown_only_if_it_is_one() {
        let shown = |document: &str| json_row(document.as_bytes()).expect_err("refused").sku;
        assert_eq!(shown(r#"{"sku":"A-1"}"#).as_deref(), Some("A-1"));
        assert_eq!(shown(r#"{"sku":"A 1"}"#), None);
    }

    #[test]
    fn refused_when_the_header_is_not_ours() {
        let mut rows = Rows::new(Format::Csv);
        assert!(rows.next(&mut b"sku,colour\n".as_slice()).is_err());
    }
}
