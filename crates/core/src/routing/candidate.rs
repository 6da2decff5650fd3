//! One way to serve a request: a model at an upstream, and how long to wait for it.

use std::sync::Arc;

use super::offer::Offer;
use crate::billing::Price;
use crate::catalog::ProviderRecord;
use crate::provider::{Upstream, UpstreamKey};

/// Wait for the upstream's headers, in milliseconds, where neither provider nor model says otherwise.
pub const DEFAULT_FIRST_BYTE_TIMEOUT_MS: u32 = 120_000;
/// The same for a model that is marked slow.
pub const SLOW_FIRST_BYTE_TIMEOUT_MS: u32 = 300_000;
/// Wait for each further piece of an answer, in milliseconds, where the provider does not say otherwise.
pub const DEFAULT_IDLE_TIMEOUT_MS: u32 = 120_000;

/// One way to serve a request.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Who is asked.
    pub upstream: Arc<Upstream>,
    /// What for.
    pub upstream_model: String,
    /// The name of this model at this provider on the health board.
    pub target: Arc<str>,
    /// Which of the upstream's keys is used; `None` is the first.
    key: Option<usize>,
    /// When the model was added, in milliseconds since the epoch.
    pub model_created_at: u64,
    /// What its tokens cost, if anybody knows.
    pub price: Option<Price>,
    /// Milliseconds to wait for the headers.
    pub first_byte_timeout_ms: u32,
    /// Milliseconds to wait for each further piece.
    pub idle_timeout_ms: u32,
}

impl Candidate {
    pub(super) fn of(offer: &Offer) -> Self {
        let record = &offer.upstream.record;
        let default_first_byte =
            if offer.model.slow { SLOW_FIRST_BYTE_TIMEOUT_MS } else { DEFAULT_FIRST_BYTE_TIMEOUT_MS };
        Self {
            upstream: Arc::clone(&offer.upstream),
            upstream_model: offer.model.asked_for().to_owned(),
            target: Arc::clone(&offer.target),
            key: None,
            model_created_at: offer.model.created_at,
            price: offer.price,
            first_byte_timeout_ms: record.first_byte_timeout_ms.unwrap_or(default_first_byte),
            idle_timeout_ms: record.idle_timeout_ms.unwrap_or(DEFAULT_IDLE_TIMEOUT_MS),
        }
    }

    /// A model that the provider is believed to have, though it is not on its list.
    pub(super) fn of_model(upstream: &Arc<Upstream>, upstream_model: &str, price: Option<Price>) -> Self {
        let record = &upstream.record;
        Self {
            target: target_of(record, upstream_model),
            upstream: Arc::clone(upstream),
            upstream_model: upstream_model.to_owned(),
            key: None,
            model_created_at: record.created_at,
            price,
            first_byte_timeout_ms: record.first_byte_timeout_ms.unwrap_or(DEFAULT_FIRST_BYTE_TIMEOUT_MS),
            idle_timeout_ms: record.idle_timeout_ms.unwrap_or(DEFAULT_IDLE_TIMEOUT_MS),
        }
    }

    /// The same, asked with this key of the upstream's.
    #[must_use]
    pub fn with_key(&self, key: Option<usize>) -> Self {
        Self { key, ..self.clone() }
    }

    /// The key to ask with, if the upstream needs one.
    #[must_use]
    pub fn key(&self) -> Option<&UpstreamKey> {
        self.upstream.keys.get(self.key.unwrap_or(0))
    }
}

/// The name of a provider's model on the health board.
pub(super) fn target_of(record: &ProviderRecord, upstream_model: &str) -> Arc<str> {
    format!("{}/{upstream_model}", record.uid).into()
}
