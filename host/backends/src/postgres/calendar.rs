//! Dates and times on the wire: days and microseconds since the year 2000, in the Gregorian calendar throughout.

use stoa_capabilities::postgres::{Date, Datetime, Time};

/// Days from 1970 to 2000.
const EPOCH_DAYS: i64 = 10_957;
const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;
const NANOS_PER_MICRO: u32 = 1_000;
/// The calendar repeats itself.
const YEARS_PER_ERA: i64 = 400;
const DAYS_PER_ERA: i64 = 146_097;

/// Days since 2000; `None` if there is no such day.
pub(super) fn days((year, month, day): Date) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > length(year, month) {
        return None;
    }
    i32::try_from(days_since_1970(i64::from(year), month.into(), day.into()) - EPOCH_DAYS).ok()
}

/// The day so many days after 2000; `None` for the two that stand for infinity.
pub(super) fn date(days: i32) -> Option<Date> {
    match days {
        i32::MIN | i32::MAX => None,
        days => date_since_1970(i64::from(days) + EPOCH_DAYS),
    }
}

/// Microseconds since midnight; `None` if there is no such time.
pub(super) fn micros((hour, minute, second, nanosecond): Time) -> Option<i64> {
    let midnight = hour == 24 && minute == 0 && second == 0 && nanosecond == 0;
    let ordinary = hour < 24 && minute < 60 && second < 60 && nanosecond < 1_000_000_000;
    if !midnight && !ordinary {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some(seconds * MICROS_PER_SECOND + i64::from(nanosecond / NANOS_PER_MICRO))
}

/// The time so many microseconds after midnight; `None` if that is another day.
pub(super) fn time(micros: i64) -> Option<Time> {
    if !(0..=MICROS_PER_DAY).contains(&micros) {
        return None;
    }
    let (seconds, micros) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let part = |value: i64| u8::try_from(value).ok();
    let nanosecond = u32::try_from(micros).ok()? * NANOS_PER_MICRO;
    Some((
        part(seconds / 3600)?,
        part(seconds / 60 % 60)?,
        part(seconds % 60)?,
        nanosecond,
    ))
}

/// Microseconds since 2000; `None` if there is no such moment, or PostgreSQL does not know it.
pub(super) fn moment(
    (year, month, day, hour, minute, second, nanosecond): Datetime,
) -> Option<i64> {
    let days = i64::from(days((year, month, day))?);
    let micros = micros((hour, minute, second, nanosecond))?;
    days.checked_mul(MICROS_PER_DAY)?.checked_add(micros)
}

/// The moment so many microseconds after 2000; `None` for the two that stand for infinity.
pub(super) fn datetime(micros: i64) -> Option<Datetime> {
    if micros == i64::MIN || micros == i64::MAX {
        return None;
    }
    let days = micros.div_euclid(MICROS_PER_DAY);
    let (year, month, day) = date_since_1970(days + EPOCH_DAYS)?;
    let (hour, minute, second, nanosecond) = time(micros.rem_euclid(MICROS_PER_DAY))?;
    Some((year, month, day, hour, minute, second, nanosecond))
}

/// Microseconds since 2000 of a moment in seconds since 1970.
pub(super) fn timestamp(seconds: i64) -> Option<i64> {
    let seconds = seconds.checked_sub(EPOCH_DAYS * SECONDS_PER_DAY)?;
    seconds.checked_mul(MICROS_PER_SECOND)
}

fn length(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A year that begins in March ends with the day that is only sometimes there.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (
        year.div_euclid(YEARS_PER_ERA),
        year.rem_euclid(YEARS_PER_ERA),
    );
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - 719_468
}

fn date_since_1970(days: i64) -> Option<Date> {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12 + 1;
    let year = year + era * YEARS_PER_ERA + i64::from(month <= 2);
    let part = |value: i64| u8::try_from(value).ok();
    Some((i32::try_from(year).ok()?, part(month)?, part(day)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_that_are_not_there_are_refused() {
        for date in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 0, 1),
            (2024, 13, 1),
            (2024, 4, 31),
            (2024, 1, 0),
            (i32::MAX, 1, 1),
        ] {
            assert_eq!(days(date), None, "{date:?}");
        }
        for time in [
            (24, 0, 0, 1),
            (23, 60, 0, 0),
            (0, 0, 60, 0),
            (0, 0, 0, 1_000_000_000),
        ] {
            assert_eq!(micros(time), None, "{time:?}");
        }
        assert_eq!(moment((2023, 2, 29, 0, 0, 0, 0)), None);
        assert_eq!(timestamp(i64::MAX), None);
    }

    #[test]
    fn infinity_has_no_date() {
        assert_eq!(date(i32::MAX), None);
        assert_eq!(date(i32::MIN), None);
        assert_eq!(datetime(i64::MAX), None);
        assert_eq!(datetime(i64::MIN), None);
        assert_eq!(time(-1), None);
        assert_eq!(time(MICROS_PER_DAY + 1), None);
    }

    #[test]
    fn known_days_are_where_they_should_be() {
        assert_eq!(days((2000, 1, 1)), Some(0));
        assert_eq!(days((1970, 1, 1)), Some(-10_957));
        assert_eq!(days((2000, 3, 1)), Some(60));
        assert_eq!(days((1999, 12, 31)), Some(-1));
        assert_eq!(days((2024, 2, 29)), Some(8_825));
        assert_eq!(timestamp(946_684_800), Some(0));
        assert_eq!(timestamp(0), Some(-946_684_800_000_000));
    }

    #[test]
    fn every_day_of_eight_centuries_comes_back() {
        for day in -150_000..150_000 {
            let date = date(day).expect("it is a day");
            assert_eq!(days(date), Some(day), "{date:?}");
        }
    }

    #[test]
    fn moments_come_back() {
        for moment in [
            (1999, 12, 31, 23, 59, 59, 999_999_000),
            (2000, 1, 1, 0, 0, 0, 0),
            (-44, 3, 15, 12, 0, 0, 1_000),
            (9999, 12, 31, 23, 59, 59, 0),
        ] {
            let micros = super::moment(moment).expect("it is a moment");
            assert_eq!(datetime(micros), Some(moment));
        }
        assert_eq!(micros((24, 0, 0, 0)).and_then(time), Some((24, 0, 0, 0)));
        assert_eq!(
            micros((1, 2, 3, 4_999)).and_then(time),
            Some((1, 2, 3, 4_000))
        );
    }
}
