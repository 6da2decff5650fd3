//! The checked body of `POST /keys` and `PUT /keys/{id}`.

use super::fields::{Fields, Patch};
use crate::access::ApiKeyRecord;
use crate::error::ApiError;

/// What may be said about an API key.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the record")]
pub struct KeyInput {
    pub name: Patch<String>,
    pub enabled: Patch<bool>,
    pub expires_at: Patch<u64>,
    pub allowed_models: Patch<Vec<String>>,
    pub allowed_providers: Patch<Vec<i64>>,
}

impl KeyInput {
    const FIELDS: &'static [&'static str] =
        &["name", "enabled", "expires_at", "allowed_models", "allowed_providers"];

    /// Reads and checks a body.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        const MAX_TIME_MS: u64 = 1 << 53;
        let fields = Fields::parse(body, Self::FIELDS)?;
        Ok(Self {
            name: fields.text("name", 1..=100)?.not_null("name")?,
            enabled: fields.boolean("enabled")?.not_null("enabled")?,
            expires_at: fields.integer("expires_at", 0..=MAX_TIME_MS)?,
            allowed_models: fields.text_list("allowed_models", &(1..=200))?,
            allowed_providers: fields.id_list("allowed_providers")?,
        })
    }

    /// Applies the change.
    pub fn apply(&self, record: &mut ApiKeyRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.expires_at.clone().apply_to(&mut record.expires_at);
        self.allowed_models.clone().apply_to(&mut record.allowed_models);
        self.allowed_providers.clone().apply_to(&mut record.allowed_providers);
    }
}
