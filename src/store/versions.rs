//! The versions of the configuration as D1 has them. Triggers raise them with every write, so no write can forget to.
//!
//! Below the objects: the circuits object reads them for the isolates that ask it.

use serde::Deserialize;
use worker::{Env, Error, Result};

use crate::platform::rows;

/// Reads all versions, for [`Versions::of`].
pub const ALL: &str = "SELECT name, value FROM config_versions";

/// A row of [`ALL`].
#[derive(Deserialize)]
pub struct Version {
    name: String,
    value: f64,
}

/// Numbers that tell one configuration from another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Of providers, models, prices, guards and settings.
    pub catalog: u64,
    /// Of keys and their limits.
    pub keys: u64,
}

impl Versions {
    /// From the rows of [`ALL`].
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "versions count up from 1")]
    pub fn of(rows: &[Version]) -> Self {
        let value = |name: &str| rows.iter().find(|row| row.name == name).map_or(0, |row| row.value as u64);
        Self { catalog: value("catalog"), keys: value("keys") }
    }
}

/// The versions that D1 has now.
pub async fn stored(env: &Env) -> Result<Versions> {
    let result = env.d1("DB")?.prepare(ALL).all().await?;
    match result.error() {
        Some(error) => Err(Error::RustError(error)),
        None => Ok(Versions::of(&rows::read(result.results()?, ALL))),
    }
}
