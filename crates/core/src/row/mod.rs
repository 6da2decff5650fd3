//! Rows of D1, whose SQL has neither booleans nor lists: how they are read (functions for
//! `#[serde(deserialize_with)]`) and, in [`table`], how they are written.

pub mod lenient;
pub mod table;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

/// Reads a boolean that may be stored as 0 or 1: SQL has no boolean of its own. Any other number is true; what is no
/// number is false.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => value,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => text == "true" || text.trim().parse().is_ok_and(|number: f64| number != 0.0),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    })
}

/// Reads a list that may be stored as JSON text: SQL has no lists. Text that is not such a list counts as empty, so
/// that one damaged record does not make all others unreadable.
pub fn json_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(json) => serde_json::from_str(&json).unwrap_or_default(),
        list => serde_json::from_value(list).unwrap_or_default(),
    })
}

/// Reads a list of words that may be stored as text, separated by commas.
pub fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => {
            Some(text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect())
        }
        list => Some(serde_json::from_value(list).unwrap_or_default()),
    })
}

/// Reads a list, a map or another structure that may be stored as JSON text; `None` where nothing is stored. The inner
/// error is for text that is not such JSON, so that the record decides what that means.
pub fn structure<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Result<T, serde_json::Error>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(json) => Some(serde_json::from_str(&json)),
        value => Some(serde_json::from_value(value)),
    })
}

/// Reads a list of what is allowed, `None` for everything. A list that does not parse allows nothing rather than
/// everything.
pub fn allowed<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    Ok(structure::<D, Vec<T>>(deserializer)?.map(Result::unwrap_or_default))
}

/// Reads what may be stored as JSON text. Nothing, and text that does not parse, are the default.
pub fn json_or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(structure::<D, T>(deserializer)?.and_then(Result::ok).unwrap_or_default())
}
