//! The trace of one request while it runs: its span, and one for each attempt, whose upstream is told of it.

use std::cell::RefCell;

use nexus_edge_core::stats::AttemptRecord;

use crate::traceparent::{Context, SpanId, TraceId, is_in_sample};

/// Random bytes that a trace needs: the ids of trace and span.
pub const RANDOM_BYTES: usize = 24;

/// See the module documentation.
#[derive(Debug)]
pub struct Trace {
    id: TraceId,
    span: SpanId,
    parent: Option<SpanId>,
    attempts: RefCell<Vec<Sent>>,
}

/// A request to an upstream.
#[derive(Debug)]
struct Sent {
    provider: String,
    model: String,
    at_ms: u64,
    span: SpanId,
}

impl Trace {
    /// The trace of a request with this `traceparent`; `None` if it is not recorded. The caller's decision is followed; without
    /// one, `ratio` of all requests are recorded.
    #[must_use]
    pub fn begin(traceparent: Option<&str>, ratio: f64, random: [u8; RANDOM_BYTES]) -> Option<Self> {
        let caller = traceparent.and_then(Context::parse);
        let (trace, span) = random.split_at(16);
        let (trace, span) = (<TraceId>::try_from(trace).ok()?, <SpanId>::try_from(span).ok()?);
        let is_recorded = caller.map_or_else(|| is_in_sample(&trace, ratio), |caller| caller.is_sampled);
        is_recorded.then(|| Self {
            id: caller.map_or(trace, |caller| caller.trace),
            span,
            parent: caller.map(|caller| caller.span),
            attempts: RefCell::default(),
        })
    }

    /// Notes that a request is sent to an upstream, `at_ms` since the epoch. The result is its `traceparent`.
    pub fn send(&self, provider: &str, model: &str, at_ms: u64, span: SpanId) -> String {
        let sent = Sent { provider: provider.to_owned(), model: model.to_owned(), at_ms, span };
        self.attempts.borrow_mut().push(sent);
        Context { trace: self.id, span, is_sampled: true }.header()
    }

    /// The trace.
    #[must_use]
    pub const fn id(&self) -> &TraceId {
        &self.id
    }

    /// The span of the request.
    #[must_use]
    pub const fn span(&self) -> &SpanId {
        &self.span
    }

    /// The caller's span.
    #[must_use]
    pub const fn parent(&self) -> Option<&SpanId> {
        self.parent.as_ref()
    }

    /// The span that the upstream of an attempt was told of; `None` if nothing was sent to it. `ts` is the beginning of the
    /// request in milliseconds since the epoch. Attempts are asked about once each, and those at one model in their order.
    pub(crate) fn take_span(&self, attempt: &AttemptRecord, ts: u64) -> Option<SpanId> {
        let from_ms = ts.saturating_add(attempt.started_ms?);
        let mut attempts = self.attempts.borrow_mut();
        let place = attempts.iter().position(|sent| {
            sent.provider == attempt.provider
                && sent.model == attempt.model
                && (from_ms..=from_ms.saturating_add(attempt.duration_ms)).contains(&sent.at_ms)
        })?;
        Some(attempts.remove(place).span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_callers_decision_is_followed() {
        let begin = |header, ratio| Trace::begin(header, ratio, [5; RANDOM_BYTES]);
        assert!(begin(None, 0.0).is_none() && begin(None, 1.0).is_some());
        let trace = begin(Some(SAMPLED), 0.0).unwrap();
        assert_eq!((trace.id()[0], trace.parent().unwrap()[0]), (0x0a, 0xb7));
        let unsampled = SAMPLED.replace("-01", "-00");
        assert!(begin(Some(&unsampled), 1.0).is_none());
        assert_eq!(begin(Some("nonsense"), 1.0).unwrap().parent(), None);
    }

    #[test]
    fn each_attempt_has_the_span_of_which_its_upstream_was_told() {
        let trace = Trace::begin(Some(SAMPLED), 1.0, [5; RANDOM_BYTES]).unwrap();
        let header = trace.send("a", "m", 1_010, [1; 8]);
        assert_eq!(header, "00-0af7651916cd43dd8448eb211c80319c-0101010101010101-01");
        trace.send("b", "m", 1_020, [2; 8]);
        trace.send("a", "m", 1_060, [3; 8]);
        let attempt = |provider: &str, started_ms| AttemptRecord {
            provider: provider.into(),
            model: "m".into(),
            started_ms: Some(started_ms),
            duration_ms: 40,
            ..AttemptRecord::default()
        };
        assert_eq!(trace.take_span(&attempt("b", 15), 1_000), Some([2; 8]));
        // It failed before anything was sent.
        assert_eq!(trace.take_span(&attempt("a", 100), 1_000), None);
        assert_eq!(trace.take_span(&attempt("a", 5), 1_000), Some([1; 8]));
        assert_eq!(trace.take_span(&attempt("a", 55), 1_000), Some([3; 8]));
        assert_eq!(trace.take_span(&attempt("a", 55), 1_000), None);
    }
}
