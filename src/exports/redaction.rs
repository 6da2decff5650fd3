//! What is searched for personal data in exports: what the deployment says, and what the key of each row says.

use std::collections::HashMap;
use std::rc::Rc;

use nexus_edge_core::secrets::pii::{KeyRedaction, Pii, Place};
use nexus_edge_core::settings::Settings;
use worker::Env;

use crate::settings;
use crate::store::{StoreError, StoreResult, keys};

/// See the module documentation. Rows of keys that are deleted are as the deployment says.
pub struct Redaction {
    settings: Rc<Settings>,
    keys: HashMap<String, KeyRedaction>,
}

impl Redaction {
    /// What holds now.
    pub async fn load(env: &Env) -> StoreResult<Self> {
        let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message))?;
        Ok(Self { settings, keys: keys::redactions(env).await? })
    }

    /// What is searched for in rows of this key, if anything is.
    pub fn of(&self, key_id: &str) -> Option<&Pii> {
        let of_key = self.keys.get(key_id).copied().unwrap_or_default();
        of_key.replaces(self.settings.redact_pii.has(Place::Exports)).then_some(&self.settings.pii)
    }
}
