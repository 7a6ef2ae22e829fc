//! Header fields.

use crate::{Seen, text};
use wasip2::http::types::{Fields, IncomingRequest};

pub(crate) fn seen(request: &IncomingRequest, seen: &mut Seen) {
    let fields = Fields::new();
    seen.note("append", fields.append("x-a", b"1"));
    seen.note("append again", fields.append("X-A", b"2"));
    seen.note("get", text(fields.get("x-a")));
    seen.note("has", fields.has("X-a"));
    seen.note("set", fields.set("x-b", &[b"3".to_vec()]));
    seen.note("entries", fields.entries().len());
    let copy = fields.clone();
    seen.note("delete", fields.delete("x-a"));
    seen.note("has after delete", fields.has("x-a"));
    seen.note("clone keeps", copy.has("x-a"));
    let list = [("x-c".to_owned(), b"4".to_vec())];
    let listed = Fields::from_list(&list);
    seen.note("from-list", listed.map(|fields| text(fields.get("x-c"))));
    let malformed = [("not a name".to_owned(), Vec::new())];
    seen.note("from-list malformed", Fields::from_list(&malformed).err());
    seen.note("append forbidden", fields.append("connection", b"close"));
    seen.note("set malformed", fields.set("x-d", &[b"\n".to_vec()]));
    seen.note(
        "headers of a request",
        request.headers().append("x-e", b"5"),
    );
}
