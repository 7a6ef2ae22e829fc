//! What a probe says of its revision: one line, over and over. A body with two different lines is of two revisions.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::http::{self, Response};

const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Which revision answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Of its code.
    pub(super) word: String,
    /// Of its release.
    pub(super) number: u64,
}

impl Said {
    /// The one revision of a whole body.
    pub(super) fn in_body(body: &[u8]) -> anyhow::Result<Self> {
        let text = std::str::from_utf8(body).context("the body is no text")?;
        ensure!(
            text.ends_with('\n'),
            "a body of {} bytes ends within a line",
            body.len()
        );
        let mut lines = text.lines();
        let first = lines.next().context("the body is empty")?;
        let other = lines.find(|line| *line != first);
        ensure!(
            other.is_none(),
            "an answer of two revisions: {first:?} and {other:?}"
        );
        Self::in_line(first)
    }

    pub(super) fn in_line(line: &str) -> anyhow::Result<Self> {
        let parts = line.split_once(' ').and_then(|(word, number)| {
            let number = number.parse().ok()?;
            Some(Self {
                word: word.to_owned(),
                number,
            })
        });
        parts.with_context(|| format!("no word and number: {line:?}"))
    }

    /// Of an answer that must be a success.
    pub(super) fn in_response(response: &Response) -> anyhow::Result<Self> {
        ensure!(response.status() == 200, "answered {}", response.shown());
        Self::in_body(&response.body)
    }
}

/// Which revision of a component answers now, on a connection of its own.
pub(super) fn now(address: SocketAddr, component: &str) -> anyhow::Result<Said> {
    let path = format!("/{component}/quick");
    let response = http::get(address, &path, ANSWER_MAX)?;
    Said::in_response(&response).with_context(|| format!("GET {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_two_revisions_is_found() {
        for wrong in [
            "",
            "a 1",
            "a 1\na",
            "a 1\na 2\n",
            "a 1\nb 1\na 1\n",
            "a\n",
            "a x\n",
        ] {
            assert!(Said::in_body(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        let said = Said::in_body(b"a 1\na 1\n").expect("it is of one");
        assert_eq!((said.word.as_str(), said.number), ("a", 1));
    }
}
