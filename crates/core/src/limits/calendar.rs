//! Periods of the calendar in UTC, as budgets are given for them.

use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;

/// A period that begins anew with the calendar, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight, UTC.
    Day,
    /// From Monday to Sunday, UTC (ISO 8601).
    Week,
    /// A month of the calendar, UTC.
    Month,
    /// All time.
    Total,
}

impl Period {
    /// The name under which the API knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// The period of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month, Self::Total].into_iter().find(|period| period.name() == name)
    }

    /// When the period that contains `now_ms` begins and ends; the end is the first millisecond of the next one.
    #[must_use]
    pub fn bounds(self, now_ms: u64) -> (u64, u64) {
        let day = now_ms / DAY_MS;
        match self {
            Self::Day => (day * DAY_MS, (day + 1) * DAY_MS),
            Self::Week => {
                // The epoch was a Thursday: day 4 is the first Monday.
                let monday = (day + 3) / 7 * 7;
                (monday.saturating_sub(3) * DAY_MS, (monday + 4) * DAY_MS)
            }
            Self::Month => {
                let (year, month, _) = civil_from_days(day);
                let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (days_from_civil(year, month, 1) * DAY_MS, days_from_civil(next_year, next_month, 1) * DAY_MS)
            }
            Self::Total => (0, u64::MAX),
        }
    }
}

/// Year, month and day of the day that is so many after 1 January 1970 (Howard Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms").
#[must_use]
pub fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// Days from 1 January 1970 to a day that is not before it.
#[must_use]
pub fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

/// The same moment so many months later; the last day of the month where that month is shorter.
#[must_use]
pub fn add_months(now_ms: u64, months: u64) -> u64 {
    let (year, month, day) = civil_from_days(now_ms / DAY_MS);
    let index = month - 1 + months;
    let (year, month) = (year + index / 12, index % 12 + 1);
    let first = days_from_civil(year, month, 1);
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let length = days_from_civil(next_year, next_month, 1) - first;
    (first + day.min(length) - 1) * DAY_MS + now_ms % DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Saturday, 21 November 2026, 12:00 UTC.
    const NOW: u64 = 1_795_262_400_000;

    #[test]
    fn periods_of_a_known_day() {
        assert_eq!(civil_from_days(NOW / DAY_MS), (2026, 11, 21));
        let (start, end) = Period::Week.bounds(NOW);
        assert_eq!(civil_from_days(start / DAY_MS), (2026, 11, 16));
        assert_eq!(civil_from_days(end / DAY_MS), (2026, 11, 23));
        let (start, end) = Period::Month.bounds(NOW);
        assert_eq!(civil_from_days(start / DAY_MS), (2026, 11, 1));
        assert_eq!(civil_from_days(end / DAY_MS), (2026, 12, 1));
        assert_eq!(Period::from_name("month"), Some(Period::Month));
        assert_eq!(
            civil_from_days(add_months(days_from_civil(2027, 1, 31) * DAY_MS, 1) / DAY_MS),
            (2027, 2, 28)
        );
        assert_eq!(civil_from_days(add_months(NOW, 12) / DAY_MS), (2027, 11, 21));
    }

    proptest! {
        #[test]
        fn a_moment_is_in_its_period_and_periods_meet(now in DAY_MS * 7..4_102_444_800_000_u64) {
            for period in [Period::Day, Period::Week, Period::Month] {
                let (start, end) = period.bounds(now);
                prop_assert!(start <= now && now < end);
                prop_assert_eq!(period.bounds(end).0, end);
                prop_assert_eq!(period.bounds(end - 1), (start, end));
            }
            let (year, month, day) = civil_from_days(now / DAY_MS);
            prop_assert_eq!(days_from_civil(year, month, day), now / DAY_MS);
        }
    }
}
