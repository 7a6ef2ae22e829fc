//! A stream of server-sent events: it may end when the host likes, but only after a whole event, and the connection goes
//! on.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, bail, ensure};

use super::clients::in_order;
use crate::accept::deploy::said::Said;
use crate::http::{Connection, Head, Request};

/// A stream that was read to its end.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) said: Said,
    pub(super) events: u64,
    /// Whether the host closes the connection after it.
    pub(super) is_last: bool,
}

/// Reads a stream to its end. All its events are of one revision, and numbered from 0.
pub(super) fn read(connection: &mut Connection, path: &str) -> anyhow::Result<Stream> {
    connection.send(&Request::get(path))?;
    let head = connection.head()?;
    ensure!(head.status == 200, "a stream answered {}", head.status);
    let kind = head.header("content-type").unwrap_or_default();
    ensure!(kind == "text/event-stream", "a stream of {kind:?}");
    let is_last = is_last(&head);
    let (said, events) = events(connection.body(&head)?)?;
    Ok(Stream {
        said,
        events,
        is_last,
    })
}

fn events(body: impl Read) -> anyhow::Result<(Said, u64)> {
    let mut reader = BufReader::new(body);
    let (mut said, mut count) = (None::<Said>, 0);
    while let Some(event) = event(&mut reader)? {
        let line = data(&event, count)?;
        let now = Said::in_line(&line)?;
        if let Some(before) = &said {
            ensure!(
                *before == now,
                "a stream of two revisions: {before:?} and {now:?}"
            );
        }
        said = Some(now);
        count += 1;
    }
    let said = said.context("a stream without an event")?;
    Ok((said, count))
}

/// The lines of the next event; none at the end of the stream, which may only be between two events.
fn event(reader: &mut impl BufRead) -> anyhow::Result<Option<Vec<String>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).context("a stream broke off")?;
        match line.strip_suffix('\n') {
            Some("") => return Ok(Some(lines)),
            Some(line) => lines.push(line.to_owned()),
            None if line.is_empty() && lines.is_empty() => return Ok(None),
            None => bail!("a stream ended within an event"),
        }
    }
}

fn data(event: &[String], expected: u64) -> anyhow::Result<String> {
    let field = |name: &str| event.iter().find_map(|line| line.strip_prefix(name));
    in_order(field("id: ").unwrap_or_default(), expected)?;
    let data = field("data: ").with_context(|| format!("an event without data: {event:?}"))?;
    Ok(data.to_owned())
}

/// Whether the host closes the connection after this answer.
pub(super) fn is_last(head: &Head) -> bool {
    let connection = head.header("connection");
    connection.is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_between_two_events() {
        let whole = "id: 0\ndata: a 1\n\nid: 1\ndata: a 1\n\n";
        let (said, count) = events(whole.as_bytes()).expect("it is whole");
        assert_eq!((said.number, count), (1, 2));
        for cut in [0, 3, 6, 15, 16, 20, whole.len() - 1] {
            let outcome = events(&whole.as_bytes()[..cut]);
            assert!(outcome.is_err(), "{cut}: {outcome:?}");
        }
    }

    #[test]
    fn a_stream_is_of_one_revision_and_in_order() {
        for wrong in [
            "id: 0\ndata: a 1\n\nid: 1\ndata: a 2\n\n",
            "id: 0\ndata: a 1\n\nid: 2\ndata: a 1\n\n",
            "id: 0\n\n",
        ] {
            assert!(events(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
