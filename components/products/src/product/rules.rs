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
    length(text, 1, NAME_CHARS_MAX)
}

pub(crate) fn description(text: &str) -> Result<(), String> {
    length(text, 0, DESCRIPTION_CHARS_MAX)
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
    length(text, 0, BRAND_CHARS_MAX)
}

pub(crate) fn currency(text: &str) -> Result<(), String> {
    ensure(
        currency::is_active(text),
        "must be the ISO 4217 code of an active currency, such as EUR",
    )
}

pub(crate) fn tag(text: &str) -> Result<(), String> {
    length(text, 1, TAG_CHARS_MAX)
}

/// Whether a text has so many characters.
pub(crate) fn length(text: &str, min: usize, max: usize) -> Result<(), String> {
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
