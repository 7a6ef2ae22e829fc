//! What each text of a product may look like. A rule answers what is wrong, as the end of a sentence.

mod currency;

const SKU_CHARS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 4000;
const CATEGORY_CHARS_MAX: usize = 64;
const BRAND_CHARS_MAX: usize = 100;
const TAG_CHARS_MAX: usize = 40;

/// Says what is wrong with a text.
pub(crate) type Rule = fn(&str) -> Result<(), String>;

pub(crate) fn sku(text: &str) -> Result<(), String> {
    length(text, 1, SKU_CHARS_MAX)?;
    let fits = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    ensure(fits, "must hold only letters, digits and . _ -")
}

pub(crate) fn name(text: &str) -> Result<(), String> {
    line(text, 1, NAME_CHARS_MAX)
}

pub(crate) fn description(text: &str) -> Result<(), String> {
    lines(text, DESCRIPTION_CHARS_MAX)
}

pub(crate) fn category(text: &str) -> Result<(), String> {
    length(text, 1, CATEGORY_CHARS_MAX)?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    ensure(
        text.split('-').all(is_word),
        "must be lower-case words and digits joined by -",
    )
}

pub(crate) fn brand(text: &str) -> Result<(), String> {
    line(text, 0, BRAND_CHARS_MAX)
}

pub(crate) fn currency(text: &str) -> Result<(), String> {
    ensure(
        currency::is_active(text),
        "must be the ISO 4217 code of an active currency, such as EUR",
    )
}

pub(crate) fn tag(text: &str) -> Result<(), String> {
    line(text, 1, TAG_CHARS_MAX)
}

/// Whether a text is one line of so many characters, of which something is to be seen if there are any.
pub(crate) fn line(text: &str, min: usize, max: usize) -> Result<(), String> {
    length(text, min, max)?;
    ensure(
        !text.chars().any(char::is_control),
        "must not hold control characters",
    )?;
    ensure(
        text.is_empty() || !text.trim().is_empty(),
        "must not be blank",
    )
}

/// Whether a text has at most so many characters, in any number of lines.
pub(crate) fn lines(text: &str, max: usize) -> Result<(), String> {
    length(text, 0, max)?;
    let is_bad = |letter: char| letter.is_control() && !"\n\r\t".contains(letter);
    ensure(
        !text.chars().any(is_bad),
        "must not hold control characters other than tabs and line ends",
    )
}

/// Whether a text has so many characters.
fn length(text: &str, min: usize, max: usize) -> Result<(), String> {
    let chars = text.chars().count();
    ensure(
        (min..=max).contains(&chars),
        &format!("must have {min} to {max} characters"),
    )
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}
