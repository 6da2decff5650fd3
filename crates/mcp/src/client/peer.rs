//! A server whose era is known.

use serde_json::value::RawValue;

use super::Transport;
use crate::envelope::{self, ClientIdentity, SERVER_INFO};
use crate::json::{JsonFault, Members};
use crate::version::{Era, Version};

/// What is known of a server once it can be asked.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The version that is spoken with it.
    pub version: Version,
    /// How it is reached.
    pub transport: Transport,
    /// `Implementation`, as it was written.
    pub info: Option<Box<RawValue>>,
    /// `ServerCapabilities`, as they were written; an empty object where it named none.
    pub capabilities: Box<RawValue>,
    /// What it wants models to know.
    pub instructions: Option<String>,
}

impl Peer {
    /// From the result of `initialize`, of the version that it says.
    pub(super) fn initialized(version: Version, transport: Transport, result: &Members) -> Self {
        Self {
            version,
            transport,
            info: result.get("serverInfo").map(ToOwned::to_owned),
            capabilities: capabilities(result),
            instructions: result.text("instructions"),
        }
    }

    /// From the result of `server/discover`.
    pub(super) fn discovered(version: Version, transport: Transport, result: &Members) -> Self {
        let meta = Members::of(result.get("_meta")).unwrap_or_default();
        Self {
            version,
            transport,
            info: meta.get(SERVER_INFO).or_else(|| result.get("serverInfo")).map(ToOwned::to_owned),
            capabilities: capabilities(result),
            instructions: result.text("instructions"),
        }
    }

    /// Whether it names a capability, such as `tools` or `completions`.
    #[must_use]
    pub fn can(&self, capability: &str) -> bool {
        Members::parse(self.capabilities.get())
            .is_ok_and(|capabilities| capabilities.get(capability).is_some())
    }

    /// The parameters of a request as this server expects them.
    ///
    /// # Errors
    /// `params` or `_meta` is no object, or has a member twice.
    pub fn params(
        &self,
        params: Option<&RawValue>,
        identity: &ClientIdentity,
        log_level: Option<&str>,
    ) -> Result<Option<Box<RawValue>>, JsonFault> {
        match self.version.era() {
            Era::Modern => envelope::wrap(params, self.version, identity, log_level).map(Some),
            Era::Legacy => envelope::unwrap(params),
        }
    }
}

fn capabilities(result: &Members) -> Box<RawValue> {
    let object = result.get("capabilities").filter(|value| value.get().starts_with('{'));
    object.map_or_else(|| Members::default().write(), ToOwned::to_owned)
}
