//! Points in time as HTTP headers write them (RFC 9110, section 5.6.7), to the second and in UTC.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const EPOCH_OFFSET_DAYS: u64 = 719_468;

/// Milliseconds since the epoch of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that may be sent today.
/// `None` for anything else and for times before the epoch.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let (_weekday, rest) = text.trim().split_once(", ")?;
    let mut fields = rest.split(' ');
    let day = fields.next()?.parse::<u64>().ok()?;
    let month_name = fields.next()?;
    let month =
        MONTHS.iter().zip(1_u64..).find(|(name, _)| **name == month_name).map(|(_, number)| number)?;
    let year = fields.next()?.parse::<u64>().ok()?;
    let mut clock = fields.next()?.split(':').map(|field| field.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let is_whole = fields.next() == Some("GMT") && fields.next().is_none() && clock.next().is_none();
    let is_valid = (1970..10_000).contains(&year) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !is_whole || !is_valid || second > 60 {
        return None;
    }
    // Years are counted from March, so that the day that comes and goes is the last one of the year.
    let year = year - u64::from(month <= 2);
    let days_before_month = (153 * ((month + 9) % 12) + 2) / 5;
    let days = (year * 365 + year / 4 - year / 100 + year / 400 + days_before_month + day - 1)
        .checked_sub(EPOCH_OFFSET_DAYS)?;
    Some((days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Tue, 31 Dec 2024 23:59:59 GMT", 1_735_689_599),
            ("Sat, 01 Mar 2025 00:00:00 GMT", 1_740_787_200),
        ] {
            assert_eq!(parse(text), Some(seconds * 1_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
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
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
