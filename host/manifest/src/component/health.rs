//! `health`: what a fresh instance is asked before it serves.

use crate::text::{Mistake, Report, Spanned, Value};

/// What a hint shows.
const EXAMPLE: &str = "write a path and perhaps a query: `/health?deep=1`";

/// A path and perhaps a query, as they stand in the first line of a request.
pub(super) fn read(value: Value<'_>) -> Option<String> {
    let report = value.report();
    let written = value.spanned_string()?;
    match refusal(&written.value) {
        None => Some(written.value),
        Some(reason) => refuse(&written, &reason, report),
    }
}

fn refuse(written: &Spanned<String>, reason: &str, report: &Report) -> Option<String> {
    let message = format!("`{}` is not a path to ask for: {reason}", written.value);
    report.refuse(Mistake::new(written.span, message).hint(EXAMPLE))
}

/// Why a text is not one, if it is not.
fn refusal(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some("it does not start with `/`".to_owned());
    }
    match path.chars().find(|c| !is_allowed(*c)) {
        Some('#') => Some("it has a fragment, which is never sent".to_owned()),
        Some(wrong) => Some(format!("it contains {wrong:?}")),
        None => None,
    }
}

/// What RFC 3986 lets stand in a path or a query; the rest is written with `%`.
fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c)
}
