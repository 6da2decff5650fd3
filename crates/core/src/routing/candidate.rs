//! A candidate: a model at an upstream, with its time-outs.

use std::sync::Arc;

use super::limited::LimitedModel;
use super::offer::Offer;
use super::upstream::{Upstream, UpstreamKey};
use crate::billing::Quote;
use crate::catalog::ProviderRecord;

/// Default wait for the upstream's headers, in milliseconds.
pub const DEFAULT_FIRST_BYTE_TIMEOUT_MS: u32 = 120_000;
/// The same for a model that is marked slow.
pub const SLOW_FIRST_BYTE_TIMEOUT_MS: u32 = 300_000;
/// Default wait for each further chunk of an answer, in milliseconds.
pub const DEFAULT_IDLE_TIMEOUT_MS: u32 = 120_000;

/// A way to serve a request.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The upstream.
    pub upstream: Arc<Upstream>,
    /// The upstream's name of the model.
    pub upstream_model: String,
    /// The name of this model at this provider in the health registry.
    pub target: Arc<str>,
    /// Index of the upstream's key to use; `None` is the first.
    key: Option<usize>,
    /// When the model was added, in milliseconds since the epoch.
    pub model_created_at: u64,
    /// What its tokens cost.
    pub quote: Arc<Quote>,
    /// The limits on the model, under whatever name they were set; `None` if there is none.
    pub(super) limits: Option<Arc<[Arc<LimitedModel>]>>,
    /// Most tokens of one answer, if that is known.
    pub max_output_tokens: Option<u32>,
    /// Milliseconds to wait for the headers.
    pub first_byte_timeout_ms: u32,
    /// Milliseconds to wait for each further chunk.
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
            quote: Arc::clone(&offer.quote),
            limits: None,
            max_output_tokens: offer.model.max_output,
            first_byte_timeout_ms: record.first_byte_timeout_ms.unwrap_or(default_first_byte),
            idle_timeout_ms: record.idle_timeout_ms.unwrap_or(DEFAULT_IDLE_TIMEOUT_MS),
        }
    }

    /// A model that the provider is assumed to have, though it is not listed.
    #[must_use]
    pub fn of_model(upstream: &Arc<Upstream>, upstream_model: &str, quote: Arc<Quote>) -> Self {
        let record = &upstream.record;
        Self {
            target: target_of(record, upstream_model),
            upstream: Arc::clone(upstream),
            upstream_model: upstream_model.to_owned(),
            key: None,
            model_created_at: record.created_at,
            quote,
            limits: None,
            max_output_tokens: None,
            first_byte_timeout_ms: record.first_byte_timeout_ms.unwrap_or(DEFAULT_FIRST_BYTE_TIMEOUT_MS),
            idle_timeout_ms: record.idle_timeout_ms.unwrap_or(DEFAULT_IDLE_TIMEOUT_MS),
        }
    }

    /// The same with another key of the upstream.
    #[must_use]
    pub fn with_key(&self, key: Option<usize>) -> Self {
        Self { key, ..self.clone() }
    }

    /// The limits on the model, by every name that it has and by the logical model through which it was chosen.
    #[must_use]
    pub fn limits(&self) -> &[Arc<LimitedModel>] {
        self.limits.as_deref().unwrap_or_default()
    }

    /// The same under these limits on its model.
    #[must_use]
    pub fn with_limits(self, limits: Vec<Arc<LimitedModel>>) -> Self {
        Self { limits: (!limits.is_empty()).then(|| limits.into()), ..self }
    }

    /// The key to use, if the upstream needs one.
    #[must_use]
    pub fn key(&self) -> Option<&UpstreamKey> {
        self.upstream.keys.get(self.key.unwrap_or(0))
    }
}

/// The name of a provider's model in the health registry.
pub(super) fn target_of(record: &ProviderRecord, upstream_model: &str) -> Arc<str> {
    format!("{}/{upstream_model}", record.uid).into()
}
