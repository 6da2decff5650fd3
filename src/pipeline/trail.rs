//! Whom a request was sent to: every attempt and every candidate that was passed over, in order, and the candidate that was
//! asked last.

use nexus_edge_core::billing::Price;
use nexus_edge_core::routing::Candidate;
use nexus_edge_core::stats::{AttemptRecord, UsageEvent};

/// The trail of a request among upstreams.
#[derive(Default)]
pub struct Trail {
    attempts: Vec<AttemptRecord>,
    asked: Option<Asked>,
    first_byte_ms: Option<u64>,
}

/// The candidate that was asked last: the one that answered, if any did.
struct Asked {
    provider_id: i64,
    provider_name: String,
    upstream_model: String,
    key_id: Option<String>,
    price: Option<Price>,
}

impl Trail {
    /// Notes that a candidate was asked.
    pub fn note_candidate(&mut self, candidate: &Candidate) {
        let record = &candidate.upstream.record;
        self.asked = Some(Asked {
            provider_id: record.id,
            provider_name: record.name.clone(),
            upstream_model: candidate.upstream_model.clone(),
            key_id: candidate.key().map(|key| key.id.clone()),
            price: candidate.price,
        });
    }

    /// Notes an attempt, or a candidate that was passed over.
    pub fn note_attempt(&mut self, record: AttemptRecord) {
        self.attempts.push(record);
    }

    /// Notes that an upstream has begun to answer, so many milliseconds after it was asked.
    pub fn note_first_byte(&mut self, milliseconds: u64) {
        self.first_byte_ms = Some(milliseconds);
    }

    /// How many upstreams were asked.
    pub fn attempts(&self) -> usize {
        self.attempts.iter().filter(|record| record.skipped.is_none()).count()
    }

    /// The id of the upstream's key that was used last.
    pub fn key_id(&self) -> Option<&str> {
        self.asked.as_ref()?.key_id.as_deref()
    }

    /// What the tokens of the model cost that was asked last.
    pub fn price(&self) -> Option<Price> {
        self.asked.as_ref()?.price
    }

    /// Writes the trail into an event. One attempt that went straight to one upstream says nothing that the event does not,
    /// and is left out.
    pub fn write_to(&mut self, event: &mut UsageEvent) {
        if let Some(asked) = &self.asked {
            event.provider_id = Some(asked.provider_id);
            event.provider_name = Some(asked.provider_name.clone());
            event.upstream_model = Some(asked.upstream_model.clone());
        }
        event.first_byte_ms = self.first_byte_ms;
        if !matches!(self.attempts.as_slice(), [only] if only.skipped.is_none()) {
            event.attempts = std::mem::take(&mut self.attempts);
        }
    }
}
