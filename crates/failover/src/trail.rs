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

    /// Of the milliseconds from `began_ms` to `now_ms`, both since the epoch, those during which no upstream was asked.
    #[must_use]
    pub fn overhead_ms(&self, began_ms: u64, now_ms: u64) -> u64 {
        let spans = self.attempts.iter().filter_map(|record| {
            let from = record.started_ms?.max(began_ms);
            Some((from, from.saturating_add(record.duration_ms).min(now_ms)))
        });
        // Hedged requests overlap.
        let mut spans: Vec<(u64, u64)> = spans.collect();
        spans.sort_unstable();
        let (mut asked_ms, mut counted_to) = (0, began_ms);
        for (from, to) in spans {
            asked_ms += to.saturating_sub(from.max(counted_to));
            counted_to = counted_to.max(to);
        }
        now_ms.saturating_sub(began_ms).saturating_sub(asked_ms)
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

    /// The attempt that [`Self::write_to`] has left out, with its beginning from `ts` on, that of the request.
    #[must_use]
    pub fn only_attempt(&self, ts: u64) -> Option<AttemptRecord> {
        let only = self.attempts.first()?;
        Some(AttemptRecord {
            started_ms: only.started_ms.map(|at_ms| at_ms.saturating_sub(ts)),
            ..only.clone()
        })
    }

    /// When the first token of an answer came that is streamed, or the end of another one, in milliseconds since the epoch.
    fn first_token_at_ms(&self) -> Option<u64> {
        let answered = |record: &&AttemptRecord| record.skipped.is_none();
        let last = self.attempts.iter().rev().find(answered).filter(|record| record.error_class.is_none())?;
        // What broke off with its caller has no status.
        last.status.and(last.started_ms)?.checked_add(last.duration_ms)
    }

    /// Adds the trail to an event. A single successful attempt that did not wait adds nothing to the event's own fields and is
    /// left out.
    pub fn write_to(&mut self, event: &mut UsageEvent) {
        if let Some(asked) = &self.asked {
            event.provider_id = Some(asked.provider_id);
            event.provider_name = Some(asked.provider_name.clone());
            event.upstream_model = Some(asked.upstream_model.clone());
        }
        event.first_byte_ms = self.first_byte_ms;
        event.first_token_ms =
            self.first_token_at_ms().filter(|_| event.stream).map(|at| at.saturating_sub(event.ts));
        let is_plain = |only: &AttemptRecord| {
            only.skipped.is_none() && only.error_class.is_none() && only.queued_ms.is_none()
        };
        if !matches!(self.attempts.as_slice(), [only] if is_plain(only)) {
            event.attempts = std::mem::take(&mut self.attempts);
            for attempt in &mut event.attempts {
                attempt.started_ms = attempt.started_ms.map(|at_ms| at_ms.saturating_sub(event.ts));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(spans: &[(u64, u64)]) -> Trail {
        let mut trail = Trail::default();
        for (started, duration_ms) in spans {
            let started_ms = Some(*started);
            trail.note_attempt(AttemptRecord {
                started_ms,
                duration_ms: *duration_ms,
                ..AttemptRecord::default()
            });
        }
        trail
    }

    #[test]
    fn overhead_is_the_time_in_which_no_upstream_is_asked() {
        let of = |spans: &[(u64, u64)]| trail(spans).overhead_ms(1_000, 1_100);
        assert_eq!(of(&[]), 100);
        assert_eq!(of(&[(1_010, 80)]), 20);
        // One after the other, in any order in the trail, with a pause between them.
        assert_eq!(of(&[(1_060, 30), (1_010, 20)]), 50);
        // Hedged: the later one within the earlier one, and beyond it.
        assert_eq!(of(&[(1_010, 80), (1_030, 20)]), 20);
        assert_eq!(of(&[(1_010, 40), (1_030, 60)]), 20);
        // Skipped at once, and a clock that was set back.
        assert_eq!(of(&[(1_050, 0)]), 100);
        assert_eq!(trail(&[(900, 500)]).overhead_ms(1_000, 1_100), 0);
        assert_eq!(trail(&[(1_010, 5)]).overhead_ms(1_000, 900), 0);
    }
}
