//! Where the events of a `text/event-stream` end, so that a stream can be ended between two of them.

use http::header;
use http::response::Parts;

/// Follows the bytes of a stream. An event ends with a blank line (WHATWG HTML, 9.2.5), whose end may be `\n`, `\r\n` or
/// `\r`; frames end anywhere.
pub(super) struct Events {
    /// The bytes so far end with a whole event. So do none at all.
    whole: bool,
    /// There was an event.
    begun: bool,
    /// Nothing has come since the last end of a line.
    line_empty: bool,
    /// The last byte was a `\r`, which ended a blank line or not.
    after_cr: bool,
    blank: bool,
    /// Lines of this stream end in `\r\n`: a `\r` is only the first half, and a client may wait for the other.
    crlf: bool,
}

impl Events {
    /// For a response that is an event stream in plain text; what is compressed has no lines to see.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        let media = head.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let (media, _) = media.split_once(';').unwrap_or((media, ""));
        let plain = !head.headers.contains_key(header::CONTENT_ENCODING);
        (plain && media.trim().eq_ignore_ascii_case("text/event-stream")).then(Self::new)
    }

    fn new() -> Self {
        Self {
            whole: true,
            begun: false,
            line_empty: true,
            after_cr: false,
            blank: false,
            crlf: false,
        }
    }

    pub(super) fn whole(&self) -> bool {
        self.whole
    }

    /// Whether the client has at least one event, and only whole ones: one that asked is told something first.
    pub(super) fn told(&self) -> bool {
        self.begun && self.whole
    }

    /// Takes the next bytes, and answers where the last event that they complete ends among them.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut end = None;
        for (at, byte) in bytes.iter().enumerate() {
            self.step(*byte);
            if self.whole {
                self.begun = true;
                end = Some(at + 1);
            }
        }
        end
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'\n' if self.after_cr => {
                self.crlf = true;
                self.whole = self.blank;
            }
            b'\n' => self.whole = self.line_empty,
            b'\r' => {
                self.blank = self.line_empty;
                self.whole = self.blank && !self.crlf;
            }
            _ => self.whole = false,
        }
        self.after_cr = byte == b'\r';
        self.line_empty = matches!(byte, b'\r' | b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_whole_and_so_is_what_ends_with_a_blank_line_however_it_is_cut_into_frames() {
        assert!(Events::new().whole() && !Events::new().told());
        for stream in [
            "data: 1\n\n",
            "data: 1\r\n\r\n",
            "data: 1\r\r",
            ": hello\n\nid: 2\n\n",
        ] {
            for cut in 0..=stream.len() {
                let mut events = Events::new();
                events.follow(&stream.as_bytes()[..cut]);
                events.follow(&stream.as_bytes()[cut..]);
                assert!(events.told(), "{stream:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_part_of_an_event_is_not_whole() {
        for part in [
            "data: 1",
            "data: 1\n",
            "data: 1\r\n",
            "data: 1\r\n\r",
            "data: 1\n\nid: 2\n",
        ] {
            let mut events = Events::new();
            events.follow(part.as_bytes());
            assert!(!events.whole(), "{part:?}");
        }
    }

    #[test]
    fn the_end_of_the_last_whole_event_of_a_frame_is_told() {
        let mut events = Events::new();
        assert_eq!(events.follow(b"data: 1\n"), None);
        assert_eq!(events.follow(b"\ndata: 2\n\ndata: 3\n"), Some(10));
        assert_eq!(events.follow(b"\n"), Some(1));
        assert_eq!(events.follow(b"data: 4\r\n\r"), None);
        assert_eq!(events.follow(b"\n\r\nid: 5"), Some(3));
    }

    #[test]
    fn only_event_streams_in_plain_text_are_followed() {
        let of = |fields: &[(&str, &str)]| {
            let mut response = http::Response::builder();
            for (name, value) in fields {
                response = response.header(*name, *value);
            }
            let (head, ()) = response.body(()).expect("the head is good").into_parts();
            Events::of(&head).is_some()
        };
        assert!(!of(&[]));
        assert!(!of(&[("content-type", "text/plain")]));
        assert!(!of(&[("content-type", "text/event-streams")]));
        let event_stream = ("content-type", "text/event-stream");
        assert!(!of(&[event_stream, ("content-encoding", "gzip")]));
        assert!(of(&[event_stream]));
        assert!(of(&[("content-type", "Text/Event-Stream; charset=utf-8")]));
    }
}
