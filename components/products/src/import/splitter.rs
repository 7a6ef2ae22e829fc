//! Cuts a stream of bytes into rows, whatever the chunks are and however long a row is.

/// The longest row that is read. A longer one is dropped as it arrives, up to where it ends.
pub(crate) const ROW_BYTES_MAX: usize = 64 * 1024;

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where a row ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// At every line end.
    Lines,
    /// At a line end outside quotes (RFC 4180).
    Csv,
}

/// The bytes of one row, without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Row(Vec<u8>),
    TooLong,
}

/// Cuts a stream of bytes into rows.
pub(crate) struct Splitter {
    framing: Framing,
    place: Place,
    row: Vec<u8>,
    /// The row is too long: what remains of it is dropped.
    skipping: bool,
    /// Nothing but a byte order mark was seen so far.
    at_start: bool,
}

/// Where in a row of CSV the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    FieldStart,
    Bare,
    Quoted,
    /// After a quote within quotes: it ends the field, or it is the first of two that mean one.
    QuoteInQuoted,
}

impl Splitter {
    pub(crate) fn new(framing: Framing) -> Self {
        Self {
            framing,
            place: Place::FieldStart,
            row: Vec::new(),
            skipping: false,
            at_start: true,
        }
    }

    /// Takes bytes off the front of `chunk` until a row is whole; `None` when the chunk is used up. Blank lines are no
    /// rows.
    pub(crate) fn next(&mut self, chunk: &mut &[u8]) -> Option<Record> {
        while let Some((byte, rest)) = chunk.split_first() {
            *chunk = rest;
            if self.ends_row(*byte) {
                if let Some(record) = self.end_row() {
                    return Some(record);
                }
            } else {
                self.push(*byte);
            }
        }
        None
    }

    /// The row that the end of the body ended.
    pub(crate) fn finish(&mut self) -> Option<Record> {
        self.end_row()
    }

    fn ends_row(&self, byte: u8) -> bool {
        byte == b'\n' && self.place != Place::Quoted
    }

    /// A row that is dropped is still followed: were its quotes forgotten, the text of a long field would be read as
    /// rows.
    fn push(&mut self, byte: u8) {
        self.keep(byte);
        if self.at_start && BYTE_ORDER_MARK.starts_with(&self.row) {
            // The first field starts after the mark.
            return;
        }
        self.at_start = false;
        if self.framing == Framing::Csv {
            self.place = self.place.after(byte);
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.row.len() == ROW_BYTES_MAX {
            self.skipping = true;
            self.row.clear();
        }
        if !self.skipping {
            self.row.push(byte);
        }
    }

    fn end_row(&mut self) -> Option<Record> {
        self.place = Place::FieldStart;
        self.at_start = false;
        if std::mem::take(&mut self.skipping) {
            return Some(Record::TooLong);
        }
        let mut row = std::mem::take(&mut self.row);
        if row.last() == Some(&b'\r') {
            row.pop();
        }
        if row.starts_with(BYTE_ORDER_MARK) {
            row.drain(..BYTE_ORDER_MARK.len());
        }
        (!row.trim_ascii().is_empty()).then_some(Record::Row(row))
    }
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::FieldStart, b'"') | (Self::QuoteInQuoted, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::Quoted, _) => Self::Quoted,
            (_, b',') => Self::FieldStart,
            _ => Self::Bare,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All rows, the same whether the bytes arrive at once or one by one.
    fn rows(framing: Framing, body: &[u8]) -> Vec<Record> {
        let at_once = rows_of_chunks(framing, &[body]);
        let one_by_one = rows_of_chunks(framing, &body.chunks(1).collect::<Vec<_>>());
        assert_eq!(at_once, one_by_one);
        at_once
    }

    fn rows_of_chunks(framing: Framing, chunks: &[&[u8]]) -> Vec<Record> {
        let mut splitter = Splitter::new(framing);
        let mut records = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while let Some(record) = splitter.next(&mut rest) {
                records.push(record);
            }
        }
        records.extend(splitter.finish());
        records
    }

    fn row(text: &str) -> Record {
        Record::Row(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_end_with_or_without_carriage_return_or_with_the_body() {
        assert_eq!(
            rows(Framing::Lines, b"a\r\nb\nc"),
            [row("a"), row("b"), row("c")]
        );
    }

    #[test]
    fn blank_lines_are_no_rows() {
        assert_eq!(rows(Framing::Lines, b"\n \r\na\n\n"), [row("a")]);
        assert!(rows(Framing::Csv, b"").is_empty());
    }

    #[test]
    fn a_line_end_within_quotes_does_not_end_a_row_of_csv() {
        assert_eq!(
            rows(Framing::Csv, b"\"a\nb\",c\nd\n"),
            [row("\"a\nb\",c"), row("d")]
        );
        assert_eq!(
            rows(Framing::Csv, b"\"a\"\"\nb\"\nc"),
            [row("\"a\"\"\nb\""), row("c")]
        );
    }

    #[test]
    fn a_stray_quote_does_not_swallow_the_next_row() {
        assert_eq!(
            rows(Framing::Csv, b"5\" pipe,a\nb\n"),
            [row("5\" pipe,a"), row("b")]
        );
    }

    #[test]
    fn quotes_mean_nothing_between_lines() {
        assert_eq!(rows(Framing::Lines, b"\"a\nb\n"), [row("\"a"), row("b")]);
    }

    #[test]
    fn a_row_that_is_too_long_is_dropped_up_to_its_end() {
        let longest = "a".repeat(ROW_BYTES_MAX);
        let body = format!("{longest}\n{longest}a\nb\n");
        assert_eq!(
            rows(Framing::Lines, body.as_bytes()),
            [row(&longest), Record::TooLong, row("b")]
        );
        let body = format!("{longest}a\nb\n");
        assert_eq!(
            rows(Framing::Csv, body.as_bytes()),
            [Record::TooLong, row("b")]
        );
    }

    #[test]
    fn a_line_end_within_quotes_does_not_end_a_row_that_is_too_long() {
        let longest = "a".repeat(ROW_BYTES_MAX);
        // The last of these is closed by the first byte that is dropped.
        let fields = [
            format!("\"{longest}\nb\""),
            format!("\"{longest}\"\"\nb\""),
            format!("\"a\nb\",\"{longest}\nb\",c"),
            format!("\"{}\"", "a".repeat(ROW_BYTES_MAX - 1)),
        ];
        for field in fields {
            let body = format!("{field}\nc\n");
            assert_eq!(
                rows(Framing::Csv, body.as_bytes()),
                [Record::TooLong, row("c")]
            );
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_drops_what_follows() {
        let body = format!("\"{}\nb\n", "a".repeat(ROW_BYTES_MAX));
        assert_eq!(rows(Framing::Csv, body.as_bytes()), [Record::TooLong]);
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_row() {
        assert_eq!(
            rows(Framing::Csv, b"\xef\xbb\xbf\"a\nb\"\nc"),
            [row("\"a\nb\""), row("c")]
        );
        assert_eq!(rows(Framing::Lines, b"\xef\xbb\xbfa"), [row("a")]);
    }
}
