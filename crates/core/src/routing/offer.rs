//! A model as a provider offers it.

use std::borrow::Cow;
use std::sync::Arc;

use super::candidate_facts::Capabilities;
use crate::billing::Price;
use crate::catalog::{ModelRecord, ProviderKind};
use crate::provider::Upstream;

/// A model that is offered.
#[derive(Debug)]
pub struct Offer {
    /// The model's record.
    pub model: ModelRecord,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its name on the health board.
    pub(super) target: Arc<str>,
    /// Who serves it.
    pub upstream: Arc<Upstream>,
    /// What its tokens cost, if anybody knows.
    pub price: Option<Price>,
}

impl Offer {
    /// The name under which the model is listed. Those of the demo are listed by address (`demo/echo`): nobody wants
    /// an `echo` among the models of a client.
    #[must_use]
    pub fn listed_name(&self) -> Cow<'_, str> {
        match self.upstream.record.kind {
            ProviderKind::Demo => {
                Cow::Owned(format!("{}/{}", self.upstream.record.name, self.model.model_name))
            }
            _ => Cow::Borrowed(&self.model.model_name),
        }
    }
}
