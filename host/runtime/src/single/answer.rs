//! Heads of answers that guests write themselves, and what of them must not reach a connection.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, WasiBody};

/// Bytes that a head may have, as many as a guest of `wasi:http` may set.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// An answer of the host in the guest's place.
pub(super) fn empty(status: StatusCode) -> Response<WasiBody> {
    let nothing = Empty::new().map_err(|never| match never {});
    let mut response = Response::new(nothing.boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A body that is there as a whole.
pub(super) fn full(bytes: impl Into<Bytes>) -> WasiBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A status that can be the last word: one of 1xx announces another.
pub(super) fn status(code: u16) -> Option<StatusCode> {
    let status = StatusCode::from_u16(code).ok()?;
    (200..=600).contains(&code).then_some(status)
}

/// Adds a field. Those that are about the connection are the host's, as they are for `wasi:http`: a guest that could set
/// them could make two answers out of one.
///
/// # Errors
/// What is wrong, when it is no field.
pub(super) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no header name"))?;
    let value =
        HeaderValue::try_from(value).map_err(|_| format!("the value of `{name}` is not valid"))?;
    if DEFAULT_FORBIDDEN_HEADERS.contains(&name) {
        return Ok(());
    }
    match name == header::CONTENT_LENGTH {
        // Two would not agree, and one that is no number is none.
        true if is_number(&value) => drop(headers.insert(name, value)),
        true => {}
        false => drop(headers.append(name, value)),
    }
    Ok(())
}

/// Whether a guest is told of a request's field. `host` is one of those that a guest may not set, and may know.
pub(super) fn passes(name: &HeaderName) -> bool {
    *name == header::HOST || !DEFAULT_FORBIDDEN_HEADERS.contains(name)
}

fn is_number(value: &HeaderValue) -> bool {
    !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_connection_does_not_pass() {
        let mut headers = HeaderMap::new();
        for name in [
            "Connection",
            "transfer-encoding",
            "keep-alive",
            "upgrade",
            "host",
        ] {
            add(&mut headers, name, "chunked").expect("it is dropped without a word");
        }
        add(&mut headers, "content-length", "+5").expect("it is dropped too");
        assert!(headers.is_empty());
    }

    #[test]
    fn what_is_no_field_is_named() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("a b", "1"), ("", "1"), ("a", "1\r\nb: 2"), ("a", "1\n")] {
            let refused = add(&mut headers, name, value);
            assert!(refused.is_err(), "{name:?} {value:?}");
        }
        assert!(headers.is_empty());
    }

    #[test]
    fn fields_of_one_name_stay_beside_each_other_except_the_length() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("set-cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("content-length", "1"),
            ("content-length", "2"),
        ] {
            add(&mut headers, name, value).expect("it is a field");
        }
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(headers.get_all("content-length").iter().count(), 1);
    }

    #[test]
    fn only_a_final_status_is_one() {
        assert_eq!(status(0), None);
        assert_eq!(status(101), None);
        assert_eq!(status(999), None);
        assert_eq!(status(204), Some(StatusCode::NO_CONTENT));
    }
}
