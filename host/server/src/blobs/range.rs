//! Which bytes of a blob a client wants (RFC 9110, section 14): one range, or all.

use http::{HeaderMap, Method, header};
use stoa_capabilities::blobs::Part;

/// The part that a request asks for. None where it asks for all, for several ranges, or for what is no range: those are
/// answered with the whole blob.
pub(super) fn wanted(method: &Method, headers: &HeaderMap) -> Option<Part> {
    if method != Method::GET {
        return None;
    }
    let (unit, range) = headers.get(header::RANGE)?.to_str().ok()?.split_once('=')?;
    match unit.eq_ignore_ascii_case("bytes") {
        true => part(range.trim()),
        false => None,
    }
}

fn part(range: &str) -> Option<Part> {
    let (first, last) = range.split_once('-')?;
    if first.is_empty() {
        return Some(Part::Last(number(last)?));
    }
    let offset = number(first)?;
    if last.is_empty() {
        let length = None;
        return Some(Part::From { offset, length });
    }
    let length = number(last)?.checked_sub(offset)?.saturating_add(1);
    let length = Some(length);
    Some(Part::From { offset, length })
}

/// Digits alone: `parse` would take a `+` too. More than fit stand for more than there is.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether a range may be answered from what there is now. A date, or a weak tag, never fits.
pub(super) fn fits(headers: &HeaderMap, tag: &str) -> bool {
    let condition = headers.get(header::IF_RANGE);
    condition.is_none_or(|condition| condition == tag)
}
