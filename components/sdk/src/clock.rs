//! The time of day, for timestamps in answers and stored values.

use std::fmt;

/// A moment, in milliseconds since the start of 1970 in UTC. Shown as RFC 3339: `2026-11-22T10:54:00.125Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment so many milliseconds after the start of 1970.
    pub fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms)
    }

    /// How many milliseconds after the start of 1970 this is.
    pub fn unix_ms(self) -> u64 {
        self.0
    }
}

/// What the system clock says. A clock set before 1970 says 1970.
#[cfg(target_family = "wasm")]
pub fn now() -> Timestamp {
    let now = wasip3::clocks::system_clock::now();
    let seconds = u64::try_from(now.seconds).unwrap_or(0);
    Timestamp(seconds * 1000 + u64::from(now.nanoseconds / 1_000_000))
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    /// Where a test stopped the clock.
    static STOPPED: std::cell::Cell<Option<Timestamp>> = const { std::cell::Cell::new(None) };
}

/// Stops the clock of this thread: every test has a thread of its own.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn stop(at: Timestamp) {
    STOPPED.set(Some(at));
}

/// What the system clock says. A clock set before 1970 says 1970.
#[cfg(not(target_family = "wasm"))]
pub fn now() -> Timestamp {
    STOPPED.get().unwrap_or_else(system)
}

#[cfg(not(target_family = "wasm"))]
fn system() -> Timestamp {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.0 / 1000, self.0 % 1000);
        let (minutes, second) = (seconds / 60, seconds % 60);
        let (hours, minute) = (minutes / 60, minutes % 60);
        let (year, month, day) = date(hours / 24);
        let hour = hours % 24;
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"
        )
    }
}

/// Year, month and day of the day so many days after 1 January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unix_ms: u64) -> String {
        Timestamp::from_unix_ms(unix_ms).to_string()
    }

    #[test]
    fn zero_is_the_start_of_1970() {
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_stopped_clock_says_what_it_was_set_to() {
        let moment = Timestamp::from_unix_ms(7);
        crate::testing::set_clock(moment);
        assert_eq!(now(), moment);
    }

    #[test]
    fn a_leap_day_is_the_29th_of_february() {
        assert_eq!(shown(1_709_208_000_125), "2024-02-29T12:00:00.125Z");
    }

    #[test]
    fn the_year_2000_was_a_leap_year() {
        assert_eq!(shown(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn the_last_millisecond_of_a_year_is_in_that_year() {
        assert_eq!(shown(1_767_225_599_999), "2025-12-31T23:59:59.999Z");
    }
}
