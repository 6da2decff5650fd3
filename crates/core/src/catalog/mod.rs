//! Providers and their models: the records, and the checked input of the admin API.

pub mod fields;
pub mod key_input;
pub mod model;
pub mod presets;
pub mod provider;

pub use fields::{Fields, Patch};
pub use model::ModelRecord;
pub use provider::{ProviderKind, ProviderRecord};

use serde::de::{Deserialize, Deserializer, Error, Unexpected};

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
