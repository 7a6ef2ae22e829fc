//! Numbers as the encoding has them: those of 64 bits as strings, since many readers know only doubles, and doubles that are
//! no number by name.

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// An integer of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer<T>(pub T);

/// A moment, in nanoseconds since 1970.
pub type Nanoseconds = Integer<u64>;

/// A double.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Double(pub f64);

impl<T: Display> Serialize for Integer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Integer<u64> {
    /// Of seconds and nanoseconds; the last moment there is where they are too many.
    pub fn moment(seconds: u64, nanoseconds: u32) -> Self {
        let whole = seconds.saturating_mul(1_000_000_000);
        Self(whole.saturating_add(u64::from(nanoseconds)))
    }
}

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            number if number.is_finite() => serializer.serialize_f64(number),
            number if number.is_nan() => serializer.serialize_str("NaN"),
            number if number > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &impl Serialize) -> String {
        serde_json::to_string(value).expect("it can be written")
    }

    #[test]
    fn numbers_are_written_so_that_no_reader_loses_any() {
        assert_eq!(written(&Integer(u64::MAX)), "\"18446744073709551615\"");
        assert_eq!(written(&Integer(i64::MIN)), "\"-9223372036854775808\"");
        for (double, text) in [
            (1.5, "1.5"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(written(&Double(double)), text);
        }
    }

    #[test]
    fn moments_end_where_there_are_no_later_ones() {
        assert_eq!(Integer::moment(1, 5).0, 1_000_000_005);
        assert_eq!(Integer::moment(u64::MAX, 1).0, u64::MAX);
    }
}
