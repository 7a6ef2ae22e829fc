//! The place of a request in a trace, as W3C's Trace Context writes it (`traceparent`, `tracestate`).

use std::fmt;

use serde::{Serialize, Serializer};

/// Bytes of a `tracestate` that are passed on; a longer one is left out as a whole, as the standard has it.
const STATE_BYTES_MAX: usize = 512;
/// Members of a `tracestate`.
const STATE_MEMBERS_MAX: usize = 32;

/// The id of a trace, never zero. Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// The id of a span, never zero. Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// Where a request stands in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: TraceId,
    /// The span that whatever is told next is part of.
    pub span: SpanId,
    /// Whether the trace is kept.
    pub sampled: bool,
    /// Whether the span is somebody else's: it came with the request.
    pub remote: bool,
    /// What others keep with the trace.
    pub state: Vec<(String, String)>,
}

impl Context {
    /// Reads the headers of a request. `None` where there is none or it is not valid, and then the state does not count.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = digits::<1>(version)?[0];
        // A later version may have more to say; the first has not.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        Some(Self {
            trace: TraceId::parse(trace)?,
            span: SpanId::parse(span)?,
            sampled: digits::<1>(flags)?[0] & 1 == 1,
            remote: true,
            state: tracestate.map(members).unwrap_or_default(),
        })
    }

    /// A trace that begins here.
    pub fn fresh(sampled: bool) -> Self {
        Self {
            trace: TraceId(random()),
            span: SpanId(random()),
            sampled,
            remote: false,
            state: Vec::new(),
        }
    }
}

/// Reads members of a `tracestate`; one that is not valid spoils them all.
fn members(state: &str) -> Vec<(String, String)> {
    if state.len() > STATE_BYTES_MAX {
        return Vec::new();
    }
    let members = state.split(',').map(str::trim);
    let member = |member: &str| {
        let (key, value) = member.split_once('=')?;
        (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    let members = members.filter(|member| !member.is_empty()).map(member);
    let members: Option<Vec<_>> = members.collect();
    members
        .filter(|members| members.len() <= STATE_MEMBERS_MAX)
        .unwrap_or_default()
}

/// So many bytes, in two digits each.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = text.as_bytes();
    if bytes.len() != 2 * N {
        return None;
    }
    let mut read = [0; N];
    for (byte, pair) in read.iter_mut().zip(bytes.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(read)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has random numbers");
    // All zero has a meaning of its own, and is as likely as any other.
    bytes[N - 1] |= 1;
    bytes
}

macro_rules! id {
    ($id:ident, $bytes:literal) => {
        impl $id {
            /// Reads the digits. `None` for what is none, and for zero, which stands for none.
            pub fn parse(text: &str) -> Option<Self> {
                let bytes = digits::<$bytes>(text)?;
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4fb34cb4484029f7881399b149e41e98";
    const SPAN: &str = "9ffd58d3cd4dd90b";

    #[test]
    fn what_is_no_context_is_none() {
        let zero_trace = "0".repeat(32);
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zero_trace}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-x1"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", "ü".repeat(16)),
        ] {
            assert_eq!(Context::parse(&wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn a_context_is_read_with_its_state() {
        let header = format!("00-{TRACE}-{SPAN}-01");
        let context = Context::parse(&header, Some("foo=bar, baz=q=x")).expect("it is one");
        assert_eq!(context.trace.to_string(), TRACE);
        assert_eq!(context.span.to_string(), SPAN);
        assert!(context.sampled && context.remote);
        let state = [("foo", "bar"), ("baz", "q=x")];
        let state = state.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(context.state, state);
        let unsampled = Context::parse(&format!("01-{TRACE}-{SPAN}-00-more"), None);
        assert!(!unsampled.expect("it is one").sampled);
    }

    #[test]
    fn a_state_that_is_wrong_or_too_long_is_left_out() {
        let header = format!("00-{TRACE}-{SPAN}-01");
        let many = "a=b,".repeat(STATE_MEMBERS_MAX + 1);
        let long = format!("a={}", "b".repeat(STATE_BYTES_MAX));
        for state in ["a", "a=b,c", "=b", &many, &long] {
            let context = Context::parse(&header, Some(state)).expect("it is one");
            assert!(context.state.is_empty(), "{state}");
        }
    }

    #[test]
    fn a_fresh_context_is_valid_and_its_own() {
        let (one, other) = (Context::fresh(true), Context::fresh(true));
        assert!(one.trace != other.trace && one.span != other.span && !one.remote);
        assert_eq!(TraceId::parse(&one.trace.to_string()), Some(one.trace));
        assert_eq!(SpanId::parse(&one.span.to_string()), Some(one.span));
    }
}
