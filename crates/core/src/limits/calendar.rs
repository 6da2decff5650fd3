//! Calendar periods in UTC, for budgets.

use serde::{Deserialize, Serialize};

use crate::time::{CivilDate, DAY_MS};

/// A period of the calendar, or all time.
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
    /// Every period with the name under which the API knows it.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("day", Self::Day), ("week", Self::Week), ("month", Self::Month), ("total", Self::Total)];

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
                let first = CivilDate::of_day(day).first_of_month();
                (first.days() * DAY_MS, first.plus_months(1).days() * DAY_MS)
            }
            Self::Total => (0, u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::rfc3339;
    use proptest::prelude::*;

    /// Saturday, 21 November 2026, 12:00 UTC.
    const NOW: u64 = 1_795_262_400_000;

    #[test]
    fn periods_of_a_known_day() {
        let dates = |period: Period| {
            let (start, end) = period.bounds(NOW);
            (rfc3339(start / 1000), rfc3339(end / 1000))
        };
        let midnights = |start: &str, end: &str| (format!("{start}T00:00:00Z"), format!("{end}T00:00:00Z"));
        assert_eq!(dates(Period::Day), midnights("2026-11-21", "2026-11-22"));
        assert_eq!(dates(Period::Week), midnights("2026-11-16", "2026-11-23"));
        assert_eq!(dates(Period::Month), midnights("2026-11-01", "2026-12-01"));
        assert!(Period::NAMES.iter().all(|(name, period)| period.name() == *name));
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
        }
    }
}
