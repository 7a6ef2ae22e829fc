//! The one way in which each decimal and each moment is written, so that equal values are equal texts, and moments
//! sort.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::{Error, Statement, Value};

/// A decimal is exact with at most so many significant digits: what a column of a database without a decimal type, which
/// keeps a double, gives back unchanged.
const DECIMAL_DIGITS_MAX: usize = 15;
/// A decimal is written with at most so many digits on each side of its point.
const DECIMAL_PLACES_MAX: usize = 40;

/// A decimal number without zeros that say nothing; `None` where it is no decimal, or has more than 15 significant
/// digits and is no integer of 64 bits. Such a number is refused instead of rounded.
pub fn canonical_decimal(text: &str) -> Option<String> {
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", text),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let canonical = match (whole, fraction) {
        ("", "") => return Some("0".into()),
        ("", _) => format!("{sign}0.{fraction}"),
        (_, "") => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    };
    let exact =
        significant(whole, fraction) <= DECIMAL_DIGITS_MAX || canonical.parse::<i64>().is_ok();
    exact.then_some(canonical)
}

fn is_digits(part: &str) -> bool {
    (1..=DECIMAL_PLACES_MAX).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits between the first and the last that is not zero.
fn significant(whole: &str, fraction: &str) -> usize {
    let digits = format!("{whole}{fraction}");
    digits.trim_matches('0').len()
}

/// A finite number of a decimal column as a decimal of 15 significant digits. More would be noise of the double.
pub(super) fn decimal_of(real: f64) -> Option<String> {
    let text = format!("{real:.*e}", DECIMAL_DIGITS_MAX - 1);
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let written = match usize::try_from(exponent) {
        Ok(places) => shifted(
            &format!("{digits:0<width$}", width = places + 1),
            places + 1,
        ),
        Err(_) => {
            let zeros = exponent.unsigned_abs() as usize;
            shifted(&format!("{}{digits}", "0".repeat(zeros)), 1)
        }
    };
    Some(match written.as_str() {
        "0" => written,
        _ => format!("{sign}{written}"),
    })
}

/// Digits with a point after `places` of them, without the zeros that end a fraction.
fn shifted(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_at(places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// A moment in UTC with microseconds, always 27 characters; `None` where it is no RFC 3339 text, has more than 6 digits
/// of a second, or lies outside of the years 0 to 9999.
pub fn canonical_timestamp(text: &str) -> Option<String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let moment = moment.checked_to_offset(UtcOffset::UTC)?;
    let (hour, minute, second, nanosecond) = moment.time().as_hms_nano();
    let year = u16::try_from(moment.year())
        .ok()
        .filter(|year| *year <= 9999)?;
    if nanosecond % 1000 != 0 {
        return None;
    }
    Some(format!(
        "{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z",
        u8::from(moment.month()),
        moment.day(),
        nanosecond / 1000
    ))
}

impl Value {
    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let heap = match self {
            Self::Null | Self::Boolean(_) | Self::Integer(_) | Self::Real(_) => 0,
            Self::Decimal(text) | Self::Text(text) | Self::Timestamp(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        };
        size_of::<Self>() + heap
    }

    fn canonical(self) -> Result<Self, Error> {
        match self {
            Self::Decimal(text) => canonical_decimal(&text)
                .map(Self::Decimal)
                .ok_or_else(|| invalid("a decimal has digits, at most 15 significant ones")),
            Self::Timestamp(text) => canonical_timestamp(&text)
                .map(Self::Timestamp)
                .ok_or_else(|| invalid("a timestamp is RFC 3339 text with at most microseconds")),
            Self::Real(real) if real.is_nan() => Err(invalid("a real is a number")),
            value => Ok(value),
        }
    }
}

impl Statement {
    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.parameters.iter().map(Value::bytes).sum::<usize>()
    }

    /// The same with decimals and timestamps in their one form.
    pub(super) fn canonical(self) -> Result<Self, Error> {
        let parameters = self.parameters.into_iter().map(Value::canonical);
        Ok(Self {
            text: self.text,
            parameters: parameters.collect::<Result<_, _>>()?,
        })
    }
}

fn invalid(message: &str) -> Error {
    Error::Invalid(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_that_would_be_rounded_or_are_none_are_refused() {
        let refused = [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "NaN",
            "0x10",
            "--1",
            "1.2.3",
            "0.1234567890123456",
            "12345678901234.567",
            "9223372036854775809",
        ];
        for text in refused {
            assert_eq!(canonical_decimal(text), None, "{text:?}");
        }
        assert_eq!(canonical_decimal(&"1".repeat(400)), None);
    }

    #[test]
    fn equal_decimals_have_one_form() {
        let forms = [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            ("-10.0", "-10"),
            ("0.000001", "0.000001"),
            ("123456789012.345", "123456789012.345"),
            ("9223372036854775807", "9223372036854775807"),
            ("1000000000000000000000", "1000000000000000000000"),
        ];
        for (text, canonical) in forms {
            assert_eq!(
                canonical_decimal(text).as_deref(),
                Some(canonical),
                "{text:?}"
            );
        }
    }

    #[test]
    fn doubles_give_back_the_decimals_they_were_made_of() {
        for text in [
            "0",
            "0.1",
            "-19.99",
            "123456789012.345",
            "0.000001",
            "1000000000000000000000",
            "100",
        ] {
            let real: f64 = text.parse().expect("it is a number");
            assert_eq!(decimal_of(real).as_deref(), Some(text));
        }
        assert_eq!(decimal_of(0.1 + 0.2).as_deref(), Some("0.3"));
        assert_eq!(decimal_of(f64::INFINITY), None);
    }

    #[test]
    fn moments_are_told_in_utc_with_microseconds() {
        let forms = [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000000Z"),
            ("2026-03-01T01:00:00.5+02:00", "2026-02-28T23:00:00.500000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ];
        for (text, canonical) in forms {
            assert_eq!(canonical_timestamp(text).as_deref(), Some(canonical));
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        let refused = [
            "",
            "2026-03-01",
            "2026-03-01 12:00",
            "2026-02-30T00:00:00Z",
            "2026-03-01T12:00:00.0000001Z",
            "0000-01-01T00:00:00+02:00",
            "9999-12-31T23:59:59-02:00",
        ];
        for text in refused {
            assert_eq!(canonical_timestamp(text), None, "{text:?}");
        }
    }
}
