//! A model offered by a provider.

use std::borrow::Cow;
use std::sync::Arc;

use super::candidate_facts::Capabilities;
use super::upstream::Upstream;
use crate::billing::Quote;
use crate::catalog::ModelRecord;

/// An offered model.
#[derive(Debug)]
pub struct Offer {
    /// The model's record.
    pub model: ModelRecord,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Its name in the health registry.
    pub(super) target: Arc<str>,
    /// The upstream that serves it.
    pub upstream: Arc<Upstream>,
    /// What its tokens cost.
    pub quote: Arc<Quote>,
}

impl Offer {
    /// The name under which the model is listed. Those of the demo are listed with their provider (`demo/echo`), so
    /// that a client's list does not contain a bare `echo`.
    #[must_use]
    pub fn listed_name(&self) -> Cow<'_, str> {
        if self.upstream.provider().is_listed_by_address() {
            Cow::Owned(format!("{}/{}", self.upstream.record.name, self.model.model_name))
        } else {
            Cow::Borrowed(&self.model.model_name)
        }
    }
}
