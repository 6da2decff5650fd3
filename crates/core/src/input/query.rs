//! Parameters of a query string.

use std::ops::RangeInclusive;

use crate::error::ApiError;

/// A whole number in this range, if the parameter is given.
///
/// # Errors
/// `invalid_value`, which names the parameter.
pub fn query_number(
    name: &str,
    text: Option<String>,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    text.parse().ok().filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
        let message = format!("`{name}` must be a whole number from {} to {}.", range.start(), range.end());
        ApiError::invalid("invalid_value", name, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_of_its_range_is_refused_by_name() {
        let read = |text: &str| query_number("limit", Some(text.to_owned()), 1..=10);
        assert_eq!(query_number("limit", None, 1..=10).unwrap(), None);
        assert_eq!((read("1").unwrap(), read("10").unwrap()), (Some(1), Some(10)));
        for bad in ["0", "11", "-1", "1.5", "", "x"] {
            assert_eq!(read(bad).unwrap_err().param.as_deref(), Some("limit"), "{bad}");
        }
    }
}
