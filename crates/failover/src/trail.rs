//! The trail of a request: all attempts and skipped candidates, in order, and the last candidate that was asked.

use std::sync::Arc;

use nexus_edge_core::billing::Quote;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::stats::{AttemptRecord, UsageEvent};

/// The trail of a request.
#[derive(Debug, Default)]
pub struct Trail {
    attempts: Vec<AttemptRecord>,
    asked: Option<Asked>,
    first_byte_ms: Option<u64>,
}

/// The last candidate that was asked: the one that answered, if any did.
#[derive(Debug)]
struct Asked {
    provider_id: i64,
    provider_name: String,
    upstream_model: String,
    key_id: Option<String>,
    quote: Arc<Quote>,
}

impl Trail {
    /// Records that a candidate is asked.
    pub fn note_candidate(&mut self, candidate: &Candidate) {
        let record = &candidate.upstream.record;
        self.asked = Some(Asked {
            provider_id: record.id,
            provider_name: record.name.clone(),
            upstream_model: candidate.upstream_model.clone(),
            key_id: candidate.key().map(|key| key.id.clone()),
            quote: Arc::clone(&candidate.quote),
        });
    }

    /// Records an attempt, or a skipped candidate. Its beginning is in milliseconds since the epoch until the end of the
    /// request.
    pub fn note_attempt(&mut self, record: AttemptRecord) {
        self.attempts.push(record);
    }

    /// Records that an upstream has begun to answer, so many milliseconds after the request.
    pub fn note_first_byte(&mut self, milliseconds: u64) {
        self.first_byte_ms = Some(milliseconds);
    }

    /// Number of attempts.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.attempts.iter().filter(|record| record.skipped.is_none()).count()
    }

    /// The id of the upstream's key that was used last.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.asked.as_ref()?.key_id.as_deref()
    }

    /// What the model costs that was asked last.
    #[must_use]
    pub fn quote(&self) -> Option<&Quote> {
        Some(&self.asked.as_ref()?.quote)
    }

    /// Adds the trail to an event. A single successful attempt adds nothing to the event's own fields and is left
    /// out.
    pub fn write_to(&mut self, event: &mut UsageEvent) {
        if let Some(asked) = &self.asked {
            event.provider_id = Some(asked.provider_id);
            event.provider_name = Some(asked.provider_name.clone());
            event.upstream_model = Some(asked.upstream_model.clone());
        }
        event.first_byte_ms = self.first_byte_ms;
        if !matches!(self.attempts.as_slice(), [only] if only.skipped.is_none()) {
            event.attempts = std::mem::take(&mut self.attempts);
            for attempt in &mut event.attempts {
                attempt.started_ms = attempt.started_ms.map(|at_ms| at_ms.saturating_sub(event.ts));
            }
        }
    }
}
