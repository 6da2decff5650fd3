//! The time zone of an answer.

use std::fmt;

use nexus_edge_core::error::ApiError;

/// The largest offset that a zone has, in minutes.
const MAX_OFFSET_MIN: i64 = 14 * 60;

/// A time zone as it is given in the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// This many milliseconds ahead of UTC.
    Fixed(i64),
    /// A name of the IANA database.
    Named(String),
}

impl Zone {
    /// Reads a parameter: `UTC`, an offset such as `+05:30`, or a name. Without one it is UTC.
    ///
    /// # Errors
    /// `invalid_value` for a name that `is_known` does not know.
    pub fn read(
        parameter: &str,
        text: Option<&str>,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Self, ApiError> {
        // A plus sign in an address is a space, unless it is written as %2B.
        let text = text.unwrap_or("UTC").replace(' ', "+");
        if matches!(text.as_str(), "UTC" | "Z") {
            return Ok(Self::Fixed(0));
        }
        if let Some(offset) = fixed(&text) {
            return Ok(Self::Fixed(offset));
        }
        let is_name = text.len() <= 64
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
        if is_name && is_known(&text) {
            return Ok(Self::Named(text));
        }
        let message = format!("`{parameter}` must be a time zone such as Europe/Berlin, +05:30 or UTC.");
        Err(ApiError::invalid("invalid_value", parameter, message))
    }
}

/// An offset of whole quarters of an hour, in milliseconds.
fn fixed(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && minutes % 15 == 0 && total <= MAX_OFFSET_MIN).then_some(sign * total * 60_000)
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(0) => formatter.write_str("UTC"),
            Self::Fixed(offset) => {
                let sign = if *offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60_000;
                write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Self::Named(name) => formatter.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_name_or_an_offset() {
        let read = |text: &str| Zone::read("tz", Some(text), |name| name == "Europe/Berlin");
        assert_eq!(read("+05:30").unwrap(), Zone::Fixed(19_800_000));
        assert_eq!(read(" 05:30").unwrap().to_string(), "+05:30");
        assert_eq!(read("-03:00").unwrap().to_string(), "-03:00");
        assert_eq!(read("UTC").unwrap(), Zone::Fixed(0));
        assert_eq!(Zone::read("tz", None, |_| false).unwrap().to_string(), "UTC");
        assert_eq!(read("Europe/Berlin").unwrap().to_string(), "Europe/Berlin");
        for wrong in ["Mars/Olympus", "+5:30", "+05:07", "+15:00", "+99:99", "", "'; DROP", "+aa:bb", "é"] {
            assert_eq!(read(wrong).unwrap_err().param.as_deref(), Some("tz"), "{wrong}");
        }
    }
}
