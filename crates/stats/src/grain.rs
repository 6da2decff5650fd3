//! How finely time is divided where sums are kept, and for how long each division is kept.
//!
//! Quarters of an hour exist because every current time zone is a multiple of them away from UTC: days of any zone can be
//! added up from them.

/// A division of time. Spans begin at multiples of their length since the epoch, which is in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// 60 s.
    Minute,
    /// 15 min.
    Quarter,
    /// 60 min.
    Hour,
    /// 24 h in UTC.
    Day,
}

impl Grain {
    /// From the finest to the coarsest.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Quarter, Self::Hour, Self::Day];

    /// The letter under which its rows are stored.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Minute => "m",
            Self::Quarter => "q",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }

    /// The length of a span in milliseconds.
    #[must_use]
    pub const fn length_ms(self) -> u64 {
        match self {
            Self::Minute => 60_000,
            Self::Quarter => 900_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The beginning of the span that contains `at_ms`.
    #[must_use]
    pub const fn start_of(self, at_ms: u64) -> u64 {
        at_ms - at_ms % self.length_ms()
    }

    /// The next finer division, from whose rows the rows of this one are made.
    #[must_use]
    pub const fn finer(self) -> Option<Self> {
        match self {
            Self::Minute => None,
            Self::Quarter => Some(Self::Minute),
            Self::Hour => Some(Self::Quarter),
            Self::Day => Some(Self::Hour),
        }
    }
}

/// For how many days rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Quarters of an hour; minutes are kept for at most two days of these.
    pub quarter_days: u32,
    /// Hours.
    pub hour_days: u32,
    /// Days.
    pub day_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { quarter_days: 15, hour_days: 90, day_days: 365 }
    }
}

impl Retention {
    /// For how many milliseconds rows of that grain are kept.
    #[must_use]
    pub fn of(self, grain: Grain) -> u64 {
        let days = match grain {
            Grain::Minute => self.quarter_days.min(2),
            Grain::Quarter => self.quarter_days,
            Grain::Hour => self.hour_days,
            Grain::Day => self.day_days,
        };
        u64::from(days) * Grain::Day.length_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_at_a_multiple_of_its_length() {
        for grain in Grain::ALL {
            let start = grain.start_of(1_795_200_203_999);
            assert_eq!(start % grain.length_ms(), 0);
            assert!(start <= 1_795_200_203_999 && 1_795_200_203_999 - start < grain.length_ms());
            if let Some(finer) = grain.finer() {
                assert_eq!(grain.length_ms() % finer.length_ms(), 0);
                assert!(Retention::default().of(finer) < Retention::default().of(grain));
            }
        }
    }
}
