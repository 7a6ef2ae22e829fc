//! What a revision says of itself: its word, which is in its code, and its number, which is in its environment.

use std::hint::black_box;

/// Written over in the built component, once for each revision that is wanted: so a thousand revisions take one build.
static WORD: [u8; 16] = *b"@@release-word@@";
/// How words begin whose revision fails a share of its requests.
const FAILING: &[u8] = b"failing-";
/// The variable that numbers releases.
const NUMBER: &str = "RELEASE";

/// One line of every body.
pub(crate) fn line() -> String {
    let number = std::env::var(NUMBER).unwrap_or_default();
    format!("{} {number}\n", String::from_utf8_lossy(word()))
}

/// Whether this revision fails a share of its requests.
pub(crate) fn is_failing() -> bool {
    word().starts_with(FAILING)
}

/// Read through a black box, so that the compiler does not know what it says.
fn word() -> &'static [u8; 16] {
    black_box(&WORD)
}
