//! A request that is never sent, and options.

use crate::Seen;
use wasip2::http::types::{Fields, Method, OutgoingRequest, RequestOptions, Scheme};

/// Half a second, in nanoseconds.
const TIME: u64 = 500_000_000;

pub(crate) fn seen(seen: &mut Seen) {
    let request = OutgoingRequest::new(Fields::new());
    seen.note("set-method", request.set_method(&Method::Put));
    seen.note("method", request.method());
    let malformed = Method::Other("not a method".to_owned());
    seen.note("set-method malformed", request.set_method(&malformed));
    seen.note(
        "set-path-with-query",
        request.set_path_with_query(Some("/a?b=c")),
    );
    seen.note("path-with-query", request.path_with_query());
    seen.note(
        "set-path-with-query malformed",
        request.set_path_with_query(Some("/a b\n")),
    );
    seen.note("set-scheme", request.set_scheme(Some(&Scheme::Https)));
    seen.note("scheme", request.scheme());
    seen.note("set-authority", request.set_authority(Some("a.example:1")));
    seen.note("authority", request.authority());
    seen.note(
        "set-authority malformed",
        request.set_authority(Some("a b")),
    );
    seen.note(
        "headers are immutable",
        request.headers().append("x-a", b"1"),
    );
    let body = request.body();
    seen.note("body", body.is_ok());
    seen.note("body again", request.body().is_err());

    let options = RequestOptions::new();
    seen.note("connect-timeout", options.connect_timeout());
    seen.note(
        "set-connect-timeout",
        options.set_connect_timeout(Some(TIME)),
    );
    seen.note("connect-timeout", options.connect_timeout());
    seen.note(
        "set-first-byte-timeout",
        options.set_first_byte_timeout(Some(TIME)),
    );
    seen.note("first-byte-timeout", options.first_byte_timeout());
    seen.note(
        "set-between-bytes-timeout",
        options.set_between_bytes_timeout(Some(TIME)),
    );
    seen.note("between-bytes-timeout", options.between_bytes_timeout());
}
