//! Civil dates in UTC, and the two ways in which protocols write them: RFC 3339 and HTTP dates.
//!
//! A point in time is a count of milliseconds or seconds since 1970-01-01T00:00:00Z; earlier times are not
//! represented. Days are those of the proleptic Gregorian calendar without leap seconds: `23:59:60` is read as the
//! first second of the next day. The arithmetic is that of Howard Hinnant's "chrono-Compatible Low-Level Date
//! Algorithms" (<https://howardhinnant.github.io/date_algorithms.html>). No library is used, because most of one is
//! time zones, which are not needed here.

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

const DAY_S: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap day is the last day of the
/// year.
const EPOCH_OFFSET_DAYS: u64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
const MONTH_NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date, not before 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CivilDate {
    year: u64,
    /// From 1 to 12.
    month: u64,
    /// From 1 to 31.
    day: u64,
}

impl CivilDate {
    /// The date with these numbers; `None` if it does not exist or is before 1970.
    #[must_use]
    pub const fn new(year: u64, month: u64, day: u64) -> Option<Self> {
        let exists = month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month);
        if exists && year >= 1970 { Some(Self { year, month, day }) } else { None }
    }

    /// The date so many days after 1970-01-01.
    #[must_use]
    pub const fn of_day(days: u64) -> Self {
        let shifted = days + EPOCH_OFFSET_DAYS;
        let (era, day_of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
        Self { year, month, day }
    }

    /// Days from 1970-01-01 to this one.
    #[must_use]
    pub const fn days(self) -> u64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - EPOCH_OFFSET_DAYS
    }

    /// The first day of its month.
    #[must_use]
    pub const fn first_of_month(self) -> Self {
        Self { day: 1, ..self }
    }

    /// The same day a number of months later, or the last day of that month if it is shorter.
    #[must_use]
    pub const fn plus_months(self, months: u64) -> Self {
        let from_january = self.month - 1 + months;
        let (year, month) = (self.year + from_january / 12, from_january % 12 + 1);
        let length = days_in_month(year, month);
        Self { year, month, day: if self.day < length { self.day } else { length } }
    }
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The same time of day a number of months later, on the last day of that month if it is shorter. Milliseconds since
/// the epoch.
#[must_use]
pub const fn add_months(now_ms: u64, months: u64) -> u64 {
    CivilDate::of_day(now_ms / DAY_MS).plus_months(months).days() * DAY_MS + now_ms % DAY_MS
}

/// Seconds since the epoch as `2026-11-20T18:01:14Z`.
#[must_use]
pub fn rfc3339(seconds: u64) -> String {
    format!("{}Z", without_zone(seconds))
}

/// Milliseconds since the epoch as `2026-11-20T18:01:14.007Z`.
#[must_use]
pub fn rfc3339_ms(ms: u64) -> String {
    format!("{}.{:03}Z", without_zone(ms / 1_000), ms % 1_000)
}

fn without_zone(seconds: u64) -> String {
    let CivilDate { year, month, day } = CivilDate::of_day(seconds / DAY_S);
    let of_day = seconds % DAY_S;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Seconds since the epoch of an RFC 3339 time that ends in `Z`, its fraction left out; `None` for anything else and for
/// times before the epoch.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|field| field.parse().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    at(year, month, day, clock.split('.').next()?)
}

/// Milliseconds since the epoch of an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that may be sent
/// today (RFC 9110, section 5.6.7). `None` for anything else and for times before the epoch.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<u64> {
    let (_weekday, rest) = text.trim().split_once(", ")?;
    let mut fields = rest.split(' ');
    let day = fields.next()?.parse().ok()?;
    let month = fields.next()?;
    let (_, month) = MONTH_NAMES.iter().zip(1..).find(|(name, _)| **name == month)?;
    let year = fields.next()?.parse().ok()?;
    let seconds = at(year, month, day, fields.next()?)?;
    let is_whole = fields.next() == Some("GMT") && fields.next().is_none();
    is_whole.then_some(seconds * 1_000)
}

/// Seconds since the epoch of a time of day, `hh:mm:ss`, on a day of the years 1970 to 9999.
fn at(year: u64, month: u64, day: u64, clock: &str) -> Option<u64> {
    let date = CivilDate::new(year, month, day).filter(|date| date.year < 10_000)?;
    let mut clock = clock.split(':').map(|field| field.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_valid = clock.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    is_valid.then(|| date.days() * DAY_S + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

    /// An HTTP date, made from the RFC 3339 form.
    fn http_date(seconds: u64) -> String {
        let text = rfc3339(seconds);
        let weekday = WEEKDAYS[usize::try_from(seconds / DAY_S % 7).unwrap()];
        let month = MONTH_NAMES[text[5..7].parse::<usize>().unwrap() - 1];
        format!("{weekday}, {} {month} {} {} GMT", &text[8..10], &text[..4], &text[11..19])
    }

    /// Every day from 1970 to 9999, against the usual lengths of months.
    #[test]
    fn dates_are_those_of_a_day_by_day_walk() {
        let mut day = 0;
        for year in 1970..10_000 {
            let february = if year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) { 29 } else { 28 };
            for (length, month) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().zip(1..)
            {
                for of_month in 1..=length {
                    let date = CivilDate { year, month, day: of_month };
                    assert_eq!(CivilDate::of_day(day), date);
                    assert_eq!(date.days(), day);
                    assert_eq!(CivilDate::new(year, month, of_month), Some(date));
                    day += 1;
                }
                assert_eq!(CivilDate::new(year, month, length + 1), None);
            }
        }
        assert_eq!(rfc3339_ms(day * DAY_MS - 1), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn known_times() {
        for (seconds, text, http) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_735_689_599, "2024-12-31T23:59:59Z", "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_740_787_200, "2025-03-01T00:00:00Z", "Sat, 01 Mar 2025 00:00:00 GMT"),
            (1_795_197_674, "2026-11-20T18:01:14Z", "Fri, 20 Nov 2026 18:01:14 GMT"),
            (4_107_542_399, "2100-02-28T23:59:59Z", "Sun, 28 Feb 2100 23:59:59 GMT"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(parse_rfc3339(text), Some(seconds));
            assert_eq!(http_date(seconds), http);
            assert_eq!(parse_http_date(http), Some(seconds * 1_000));
        }
        assert_eq!(rfc3339_ms(1_795_260_896_007), "2026-11-21T11:34:56.007Z");
        assert_eq!(parse_rfc3339("2014-10-02T15:01:23.045123456Z"), Some(1_412_262_083));
        assert_eq!(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "Z",
            "T",
            "2014-10-02",
            "2014-13-02T00:00:00Z",
            "2014-02-29T00:00:00Z",
            "2014-10-02T24:00:00Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "x-y-zTa:b:cZ",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
        for bad in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:11 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1954 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn months_are_added_to_the_day_or_the_last_one_of_a_shorter_month() {
        let ms = |text: &str| parse_rfc3339(text).unwrap() * 1_000;
        for (from, months, to) in [
            ("2027-01-31T12:00:00Z", 1, "2027-02-28T12:00:00Z"),
            ("2027-01-31T12:00:00Z", 13, "2028-02-29T12:00:00Z"),
            ("2028-02-29T00:00:01Z", 12, "2029-02-28T00:00:01Z"),
            ("2026-11-21T11:34:56Z", 12, "2027-11-21T11:34:56Z"),
            ("2026-12-31T23:59:59Z", 1, "2027-01-31T23:59:59Z"),
        ] {
            assert_eq!(add_months(ms(from), months), ms(to), "{from} + {months}");
        }
    }

    proptest! {
        #[test]
        fn both_forms_come_back(seconds in 0_u64..253_402_300_800, ms in 0_u64..1_000) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds));
            prop_assert_eq!(parse_rfc3339(&rfc3339_ms(seconds * 1_000 + ms)), Some(seconds));
            prop_assert_eq!(parse_http_date(&http_date(seconds)), Some(seconds * 1_000));
        }

        #[test]
        fn no_text_is_misread(text in "[0-9TZ:. ,GMTNov-]{0,32}") {
            let _ = (parse_rfc3339(&text), parse_http_date(&text));
        }
    }
}
