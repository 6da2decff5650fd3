//! Rows of D1, whose SQL has neither booleans nor lists: how they are read (functions for
//! `#[serde(deserialize_with)]`) and, in [`table`], how they are written.

pub mod table;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, Unexpected};

/// Reads a boolean that may be stored as 0 or 1: SQL has no boolean of its own.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Boolean(bool),
        Integer(i64),
        Float(f64),
    }
    match Stored::deserialize(deserializer)? {
        Stored::Boolean(value) => Ok(value),
        Stored::Integer(value @ (0 | 1)) => Ok(value == 1),
        Stored::Float(value) => Ok(value > 0.5),
        Stored::Integer(value) => Err(D::Error::invalid_value(Unexpected::Signed(value), &"0 or 1")),
    }
}

/// Reads a list that may be stored as JSON text: SQL has no lists. Text that is not such a list counts as empty, so
/// that one damaged record does not make all others unreadable.
pub fn json_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stored<T> {
        Text(String),
        List(Vec<T>),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Text(json) => serde_json::from_str(&json).unwrap_or_default(),
        Stored::List(list) => list,
    })
}

/// Reads a list of words that may be stored as text, separated by commas.
pub fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(String),
        List(Vec<String>),
    }
    Ok(Option::<Stored>::deserialize(deserializer)?.map(|stored| match stored {
        Stored::Text(text) => text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        Stored::List(list) => list,
    }))
}

/// Reads a list, a map or another structure that may be stored as JSON text; `None` where nothing is stored. The inner
/// error is for text that is not such JSON, so that the record decides what that means.
pub fn structure<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<Result<T, serde_json::Error>>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Stored<T> {
        Text(String),
        Value(T),
    }
    Ok(Option::<Stored<T>>::deserialize(deserializer)?.map(|stored| match stored {
        Stored::Text(json) => serde_json::from_str(&json),
        Stored::Value(value) => Ok(value),
    }))
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
