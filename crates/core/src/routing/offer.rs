//! A model offered by a provider.

use std::borrow::Cow;
use std::sync::Arc;

use super::candidate_facts::Capabilities;
use super::upstream::Upstream;
use crate::access::Principal;
use crate::billing::Quote;
use crate::catalog::ModelRecord;
use crate::catalog::reach::Access;

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
    /// The name under which the model is listed for a caller. Those of the demo are listed with their provider (`demo/echo`), so
    /// that a client's list does not contain a bare `echo`, and so are those that another owner shares.
    #[must_use]
    pub fn listed_name(&self, principal: &Principal) -> Cow<'_, str> {
        let record = &self.upstream.record;
        let is_shared = || record.access(&principal.reach) == Access::ByAddress;
        if self.upstream.provider().is_listed_by_address()
            || (is_shared() && !principal.names_provider(record.id))
        {
            Cow::Owned(format!("{}/{}", self.upstream.record.name, self.model.model_name))
        } else {
            Cow::Borrowed(&self.model.model_name)
        }
    }
}
