//! Parameters of a query string, checked.

use std::ops::RangeInclusive;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::query_number;

use crate::exchange::Exchange;

/// The largest time that a JSON number holds exactly, in milliseconds.
pub const MAX_TIME_MS: u64 = 1 << 53;

/// A whole number in this range, if the parameter is given.
///
/// # Errors
/// `invalid_value`, which names the parameter.
pub fn number(exchange: &Exchange, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, ApiError> {
    query_number(name, exchange.query(name), range)
}

/// The same for numbers of rows; `default` if the parameter is not given.
///
/// # Errors
/// Those of [`number`].
pub fn rows(exchange: &Exchange, name: &str, default: u32, most: u32) -> Result<u32, ApiError> {
    let given = number(exchange, name, 1..=most.into())?;
    Ok(given.and_then(|number| u32::try_from(number).ok()).unwrap_or(default))
}

/// `true` or `false` (or `1` or `0`), if the parameter is given.
///
/// # Errors
/// `invalid_value`, which names the parameter.
pub fn boolean(exchange: &Exchange, name: &str) -> Result<Option<bool>, ApiError> {
    match exchange.query(name).as_deref() {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(ApiError::invalid("invalid_value", name, format!("`{name}` must be true or false."))),
    }
}

/// One of these words, if the parameter is given.
///
/// # Errors
/// `invalid_value`, which names the parameter.
pub fn one_of(exchange: &Exchange, name: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
    match text(exchange, name) {
        Some(given) if !words.contains(&given.as_str()) => {
            let message = format!("`{name}` must be one of {}.", words.join(", "));
            Err(ApiError::invalid("invalid_value", name, message))
        }
        given => Ok(given),
    }
}

/// A text that is not empty, if the parameter is given.
pub fn text(exchange: &Exchange, name: &str) -> Option<String> {
    exchange.query(name).filter(|text| !text.is_empty())
}
