//! Refuses a request that names something of the provider's account that is not its caller's.
//!
//! The account is the operator's, and all keys share it. A key may name what it got in an answer of the gateway; everything
//! else is refused as if it did not exist, unless the operator says that the account belongs to the callers of the provider
//! ([`Quirk::OwnAccount`]). A request that names nothing costs no look-up.

use std::collections::BTreeSet;

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::references::{Reference, not_owned};
use nexus_edge_core::provider::Quirk;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::routing::retry::Failure;

use super::failed::AttemptError;
use crate::exchange::Exchange;
use crate::store::issued;

/// Refuses the first of these ids that the caller may not name at this candidate. Another candidate may have another
/// account.
pub async fn check<'a>(
    exchange: &Exchange,
    principal: &Principal,
    references: impl Iterator<Item = &'a Reference> + Clone,
    candidate: &Candidate,
) -> Result<(), AttemptError> {
    let provider = &candidate.upstream.record;
    if references.clone().next().is_none() || provider.has_quirk(Quirk::OwnAccount) {
        return Ok(());
    }
    let refused =
        |reference: &Reference| AttemptError::new(Failure::CapabilityMismatch, not_owned(reference));
    if let Some(reference) = references.clone().find(|reference| !reference.kind.can_be_issued()) {
        return Err(refused(reference));
    }
    let ids: BTreeSet<&str> = references.clone().map(|reference| reference.id.as_str()).collect();
    let owned = issued::owned(&exchange.env, &principal.key_id, &provider.uid, &ids).await?;
    match references.clone().find(|reference| !owned.contains(&reference.id)) {
        Some(reference) => Err(refused(reference)),
        None => Ok(()),
    }
}
