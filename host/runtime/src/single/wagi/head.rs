//! The head of an answer as CGI programs print it: fields, one a line, then an empty line.

use std::mem;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use tracing::debug;

use crate::single::answer::{self, HEAD_BYTES_MAX};

/// Why what was printed is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it printed no head that ends with an empty line")]
    Unfinished,
    #[error("the head that it printed is larger than {HEAD_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the head that it printed is not text")]
    NotText,
    #[error("it printed neither `content-type` nor `location` nor `status`")]
    Insufficient,
    #[error("it printed a field that is none: {0}")]
    Field(String),
}

/// A head in the making.
#[derive(Default)]
pub(super) struct Head {
    text: Vec<u8>,
    /// The last character ended a line.
    line_ended: bool,
}

impl Head {
    /// Takes what was printed next, and answers where the body begins in it, if it does. As in Spin, `\r` counts for
    /// nothing.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Option<usize>, Unfit> {
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                b'\r' => continue,
                b'\n' if self.line_ended => return Ok(Some(at + 1)),
                byte => self.text.push(*byte),
            }
            self.line_ended = *byte == b'\n';
            if self.text.len() > HEAD_BYTES_MAX {
                return Err(Unfit::TooLarge);
            }
        }
        Ok(None)
    }

    /// Reads it, once it is complete.
    pub(super) fn response(&mut self) -> Result<Response<()>, Unfit> {
        let text = String::from_utf8(mem::take(&mut self.text)).map_err(|_| Unfit::NotText)?;
        let mut answer = Answered::default();
        for line in text.lines() {
            match line.split_once(':') {
                Some((name, value)) => answer.field(name.trim(), value.trim())?,
                None if line.is_empty() => {}
                None => debug!("a command printed a line in its head that is no field"),
            }
        }
        answer.response()
    }
}

/// What the fields say (RFC 3875, section 6.3), as Spin takes them.
#[derive(Default)]
struct Answered {
    status: Option<StatusCode>,
    location: Option<HeaderValue>,
    content_type: Option<HeaderValue>,
    headers: HeaderMap,
}

impl Answered {
    fn field(&mut self, name: &str, value: &str) -> Result<(), Unfit> {
        match name.to_ascii_lowercase().as_str() {
            "status" => self.status = Some(status(value)),
            "location" => self.location = Some(valid(name, value)?),
            "content-type" => self.content_type = Some(valid(name, value)?),
            name if HeaderName::try_from(name).is_err() => {
                debug!("a command printed a field in its head whose name is none");
            }
            name => answer::add(&mut self.headers, name, value).map_err(Unfit::Field)?,
        }
        Ok(())
    }

    fn response(self) -> Result<Response<()>, Unfit> {
        let Self {
            status,
            location,
            content_type,
            mut headers,
        } = self;
        let implied = match (&location, &content_type) {
            (Some(_), _) => Some(StatusCode::FOUND),
            (None, Some(_)) => Some(StatusCode::OK),
            (None, None) => None,
        };
        let status = status.or(implied).ok_or(Unfit::Insufficient)?;
        headers.extend(location.map(|value| (header::LOCATION, value)));
        headers.extend(content_type.map(|value| (header::CONTENT_TYPE, value)));
        let mut response = Response::new(());
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}

fn valid(name: &str, value: &str) -> Result<HeaderValue, Unfit> {
    let refused = |_| Unfit::Field(format!("the value of `{name}` is not valid"));
    HeaderValue::try_from(value).map_err(refused)
}

/// A number, and perhaps a reason after it. What is neither is the fault of who is behind this gateway.
fn status(value: &str) -> StatusCode {
    let (code, _reason) = value.split_once(' ').unwrap_or((value, ""));
    let code = code.parse().ok().and_then(answer::status);
    code.unwrap_or(StatusCode::BAD_GATEWAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Response<()>, Unfit> {
        let mut head = Head::default();
        match head.push(text.as_bytes())? {
            Some(_) => head.response(),
            None => Err(Unfit::Unfinished),
        }
    }

    fn status_of(text: &str) -> u16 {
        let response = read(text).unwrap_or_else(|unfit| panic!("{text:?}: {unfit}"));
        response.status().as_u16()
    }

    #[test]
    fn what_is_no_head_is_told_why() {
        for (text, unfit) in [
            ("", Unfit::Unfinished),
            ("content-type: text/plain\n", Unfit::Unfinished),
            ("hello\n\n", Unfit::Insufficient),
            ("\n\n", Unfit::Insufficient),
            ("x-a: 1\n\n", Unfit::Insufficient),
        ] {
            assert_eq!(read(text).err(), Some(unfit), "{text:?}");
        }
        for text in ["content-type: a\u{1}b\n\n", "status: 200\nx-a: \u{7f}\n\n"] {
            assert!(matches!(read(text), Err(Unfit::Field(_))), "{text:?}");
        }
        let mut head = Head::default();
        assert_eq!(head.push(b"status: 200\nx: \xff\n\n"), Ok(Some(18)));
        assert_eq!(head.response().err(), Some(Unfit::NotText));
    }

    #[test]
    fn lines_that_are_no_fields_are_passed_over() {
        let response = read("status: 200\na b: 1\n: 1\nx\nX-A: 1\n\n").expect("it is one");
        let names: Vec<_> = response.headers().keys().collect();
        assert_eq!(names, ["x-a"]);
    }

    #[test]
    fn a_head_without_end_is_not_kept() {
        let mut head = Head::default();
        let pieces = std::iter::repeat_n([b'x'; 1024], 65);
        let mut pushed = pieces.map(|piece| head.push(&piece));
        assert_eq!(pushed.nth(63), Some(Ok(None)));
        assert_eq!(pushed.next(), Some(Err(Unfit::TooLarge)));
    }

    #[test]
    fn the_status_is_what_is_said_or_what_the_fields_imply() {
        assert_eq!(status_of("content-type: text/plain\n\n"), 200);
        assert_eq!(status_of("Location: /there\n\n"), 302);
        assert_eq!(status_of("location: /there\nstatus: 301 Moved\n\n"), 301);
        assert_eq!(
            status_of("Status: 404 Not Found\nlocation: /there\n\n"),
            404
        );
        assert_eq!(status_of("status: 204\n\n"), 204);
        for none in ["status: none\n\n", "status: 100\n\n", "status: 1000\n\n"] {
            assert_eq!(status_of(none), 502, "{none:?}");
        }
    }

    #[test]
    fn the_head_ends_at_the_first_empty_line_however_it_is_cut_into_pieces() {
        for text in [
            "content-type: text/plain\nset-cookie: a=1\nset-cookie: b=2\n\nbody\n\n",
            "content-type: text/plain\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nbody\n\n",
        ] {
            for cut in 0..=text.len() {
                let (one, other) = text.as_bytes().split_at(cut);
                let mut head = Head::default();
                let body = match head.push(one).expect("it fits") {
                    Some(end) => [&one[end..], other].concat(),
                    None => match head.push(other).expect("it fits") {
                        Some(end) => other[end..].to_vec(),
                        None => panic!("the head has no end: {cut}"),
                    },
                };
                assert_eq!(body, b"body\n\n", "{cut}");
                let response = head.response().expect("it is one");
                assert_eq!(response.headers()["content-type"], "text/plain");
                assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
            }
        }
    }
}
