//! Traces for a collector: a span for a request, one for each attempt, and one for each step before an attempt.
//!
//! Attributes are those of OpenTelemetry for generative AI, and `nexus.*` where it has none. Texts of requests are in a span only
//! if the caller of this module gives them.

use nexus_edge_core::conversation::kept::Archived;
use nexus_edge_core::stats::{AttemptRecord, Outcome, PriceSource, UsageEvent};
use nexus_edge_core::tokens::UsageSource;
use nexus_edge_stats::extra::HEDGE_LOST;
use nexus_edge_stats::operation::operation_of;
use nexus_edge_stats::series::Class;
use serde_json::{Value, json};

use super::{attribute, fraction, nanos, number, resource, scope, steps, text};
use crate::names::{self, GenAi};
use crate::trace::Trace;
use crate::traceparent::{SpanId, hex};

/// A span of the gateway, which serves a request.
const SERVER: u8 = 2;
/// A span of an attempt, which is a request of the gateway.
const CLIENT: u8 = 3;
const ERROR: u8 = 2;

/// A request that has ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// Its trace.
    pub trace: &'a Trace,
    /// Its event.
    pub event: &'a UsageEvent,
    /// Its attempts, also if there was one only; `started_ms` is since the beginning of the request.
    pub attempts: &'a [AttemptRecord],
    /// What was said, the answer last; empty if it may not be told.
    pub messages: &'a [Said],
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: &'static str,
    /// A text; with other parts than text, a JSON list of parts.
    pub content: String,
}

impl Said {
    /// What the archive gets of a request, the answer last; empty where it gets no texts.
    #[must_use]
    pub fn all(archived: &Archived) -> Vec<Self> {
        let messages = archived.outline.iter().zip(&archived.texts);
        messages.map(|(mark, content)| Self { role: mark.role(), content: content.clone() }).collect()
    }
}

/// The spans of a request. `random` gives ids for steps, and for attempts that reached no upstream.
#[must_use]
pub fn of_request(ended: &Ended<'_>, conventions: GenAi, mut random: impl FnMut() -> SpanId) -> Vec<Value> {
    let Ended { trace, event, attempts, .. } = ended;
    let is_asked = |attempt: &&AttemptRecord| matches!(attempt.skipped.as_deref(), None | Some(HEDGE_LOST));
    let answering = attempts.iter().rposition(|attempt| attempt.skipped.is_none());
    let asked: Vec<&AttemptRecord> = attempts.iter().filter(is_asked).collect();
    let mut spans = vec![of_whole(ended, conventions)];
    for (position, attempt) in attempts.iter().enumerate().filter(|(_, attempt)| is_asked(attempt)) {
        let id = trace.take_span(attempt, event.ts).unwrap_or_else(&mut random);
        spans.push(of_attempt(ended, attempt, id, Some(position) == answering, conventions));
    }
    spans.extend(steps::before(trace, event.ts, &asked, &mut random));
    spans
}

/// The body of a request to `/v1/traces`.
#[must_use]
pub fn request(spans: &[Value], version: &str) -> Value {
    json!({ "resourceSpans": [{
        "resource": resource(version),
        "scopeSpans": [{ "scope": scope(version), "spans": spans }],
    }] })
}

fn of_whole(ended: &Ended<'_>, conventions: GenAi) -> Value {
    let Ended { trace, event, attempts, messages } = ended;
    let operation = operation_of(&event.dialect);
    let mut attributes = vec![
        text(names::OPERATION, operation),
        text(names::REQUEST_MODEL, &event.model),
        attribute("gen_ai.request.stream", &json!({ "boolValue": event.stream })),
        text("gen_ai.conversation.id", &event.conversation_id),
        number("http.response.status_code", event.status.into()),
        text("nexus.request.id", &event.request_id),
        text("nexus.key.id", &event.key_id),
        text("nexus.dialect", &event.dialect),
    ];
    let mut optional = |name: &str, value: Option<&str>| {
        attributes.extend(value.filter(|value| !value.is_empty()).map(|value| text(name, value)));
    };
    optional(conventions.provider(), event.provider_name.as_deref());
    optional("nexus.upstream_model", event.upstream_model.as_deref());
    optional("nexus.logical_model", event.logical_model.as_deref());
    let failed = Class::of(event).is_error();
    let error = event.error_code.clone().filter(|_| failed || event.outcome == Outcome::Cancelled);
    let error = error.or_else(|| failed.then(|| event.status.to_string()));
    optional(names::ERROR_TYPE, error.as_deref());
    if let Some(reason) = &event.finish_reason {
        let values = json!({ "arrayValue": { "values": [{ "stringValue": reason }] } });
        attributes.push(attribute("gen_ai.response.finish_reasons", &values));
    }
    if let Some(first_token_ms) = event.first_token_ms {
        attributes.push(fraction("gen_ai.response.time_to_first_chunk", seconds(first_token_ms)));
    }
    if event.usage_source != UsageSource::None {
        let usage = &event.usage;
        attributes.push(number("gen_ai.usage.input_tokens", usage.prompt));
        attributes.push(number("gen_ai.usage.output_tokens", usage.completion));
        let parts = [
            ("gen_ai.usage.cache_read.input_tokens", usage.cached),
            (conventions.cache_written(), usage.cache_written),
            ("gen_ai.usage.reasoning.output_tokens", usage.reasoning),
        ];
        attributes.extend(
            parts.iter().filter(|(_, tokens)| *tokens > 0).map(|(name, tokens)| number(name, *tokens)),
        );
        attributes.push(text("nexus.price.source", event.price_source.as_str()));
        if event.price_source != PriceSource::Unknown {
            #[expect(clippy::cast_precision_loss, reason = "costs are below 2^53 micro-dollars")]
            attributes.push(fraction("nexus.cost.usd", event.cost_micros as f64 / 1e6));
        }
    }
    if let Some(overhead_ms) = event.overhead_ms {
        attributes.push(fraction("nexus.gateway.overhead", seconds(overhead_ms)));
    }
    if let Some((answer, asked)) = messages.split_last() {
        attributes.push(text("gen_ai.input.messages", &said(asked)));
        attributes.push(text("gen_ai.output.messages", &said(std::slice::from_ref(answer))));
    }
    let skipped = attempts.iter().filter_map(|attempt| {
        let reason = attempt.skipped.as_deref().filter(|reason| *reason != HEDGE_LOST)?;
        let at_ms = event.ts.saturating_add(attempt.started_ms.unwrap_or_default());
        let attributes =
            [text("provider", &attempt.provider), text("model", &attempt.model), text("reason", reason)];
        Some(json!({ "name": "nexus.skipped", "timeUnixNano": nanos(at_ms), "attributes": attributes }))
    });
    let mut span = json!({
        "traceId": hex(trace.id()),
        "spanId": hex(trace.span()),
        "name": format!("{operation} {}", event.model),
        "kind": SERVER,
        "startTimeUnixNano": nanos(event.ts),
        "endTimeUnixNano": nanos(event.ts.saturating_add(event.duration_ms)),
        "attributes": attributes,
        "events": skipped.collect::<Vec<_>>(),
    });
    if let (Some(span), Some(parent)) = (span.as_object_mut(), trace.parent()) {
        span.insert("parentSpanId".into(), hex(parent).into());
    }
    with_status(span, failed, error.as_deref())
}

fn of_attempt(
    ended: &Ended<'_>,
    attempt: &AttemptRecord,
    id: SpanId,
    is_last: bool,
    conventions: GenAi,
) -> Value {
    let Ended { trace, event, .. } = ended;
    let operation = operation_of(&event.dialect);
    let start_ms = event.ts.saturating_add(attempt.started_ms.unwrap_or_default());
    // Its duration ends with the first token; the answer goes on.
    let end_ms = if is_last && attempt.error_class.is_none() {
        event.ts.saturating_add(event.duration_ms)
    } else {
        start_ms.saturating_add(attempt.duration_ms)
    };
    let mut attributes = vec![
        text(names::OPERATION, operation),
        text(conventions.provider(), &attempt.provider),
        text(names::REQUEST_MODEL, &attempt.model),
    ];
    attributes.extend(attempt.status.map(|status| number("http.response.status_code", status.into())));
    attributes.extend(attempt.error_class.as_deref().map(|class| text(names::ERROR_TYPE, class)));
    attributes.extend(attempt.key.as_deref().map(|label| text("nexus.provider.key", label)));
    attributes.extend(attempt.skipped.as_deref().map(|reason| text(names::OUTCOME, reason)));
    attributes.extend(attempt.first_byte_ms.map(|ms| fraction("nexus.first_byte", seconds(ms))));
    let span = json!({
        "traceId": hex(trace.id()),
        "spanId": hex(&id),
        "parentSpanId": hex(trace.span()),
        "name": format!("{operation} {}", attempt.model),
        "kind": CLIENT,
        "startTimeUnixNano": nanos(start_ms),
        "endTimeUnixNano": nanos(end_ms.max(start_ms)),
        "attributes": attributes,
    });
    with_status(span, attempt.error_class.is_some(), attempt.error_class.as_deref())
}

fn with_status(mut span: Value, failed: bool, message: Option<&str>) -> Value {
    if let Some(span) = span.as_object_mut().filter(|_| failed) {
        span.insert("status".into(), json!({ "code": ERROR, "message": message.unwrap_or_default() }));
    }
    span
}

/// Messages as OpenTelemetry's JSON.
fn said(messages: &[Said]) -> String {
    let messages: Vec<Value> = messages
        .iter()
        .map(|message| json!({ "role": message.role, "parts": [{ "type": "text", "content": message.content }] }))
        .collect();
    Value::from(messages).to_string()
}

#[expect(clippy::cast_precision_loss, reason = "times are below 2^53 milliseconds")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::RANDOM_BYTES;
    use nexus_edge_core::tokens::TokenUsage;

    fn event() -> UsageEvent {
        UsageEvent {
            ts: 1_000,
            dialect: "openai_chat".into(),
            model: "smart".into(),
            provider_name: Some("b".into()),
            status: 200,
            outcome: Outcome::Completed,
            usage: TokenUsage { prompt: 5, completion: 7, ..TokenUsage::default() },
            usage_source: UsageSource::Reported,
            duration_ms: 500,
            finish_reason: Some("stop".into()),
            ..UsageEvent::default()
        }
    }

    fn attempt(provider: &str, started_ms: u64, error: Option<&str>, skipped: Option<&str>) -> AttemptRecord {
        AttemptRecord {
            provider: provider.into(),
            model: "m".into(),
            started_ms: Some(started_ms),
            duration_ms: 100,
            error_class: error.map(str::to_owned),
            skipped: skipped.map(str::to_owned),
            ..AttemptRecord::default()
        }
    }

    fn value<'a>(span: &'a Value, key: &str) -> Option<&'a Value> {
        let attributes = span["attributes"].as_array().unwrap();
        attributes.iter().find(|attribute| attribute["key"] == key).map(|attribute| &attribute["value"])
    }

    #[test]
    fn attempts_are_children_and_skipped_candidates_are_events() {
        let trace = Trace::begin(None, 1.0, [5; RANDOM_BYTES]).unwrap();
        trace.send("b", "m", 1_250, [9; 8]);
        let attempts = [
            attempt("a", 0, Some("timeout"), None),
            attempt("c", 120, None, Some("circuit_open")),
            attempt("b", 250, None, None),
        ];
        let event = event();
        let ended = Ended { trace: &trace, event: &event, attempts: &attempts, messages: &[] };
        let spans = of_request(&ended, GenAi::V0_1, || [7; 8]);
        let [whole, failed, answered] = spans.as_slice() else { return assert_eq!(spans.len(), 3) };
        assert_eq!((&whole["name"], whole.get("parentSpanId")), (&json!("chat smart"), None));
        assert_eq!(whole["endTimeUnixNano"], "1500000000");
        assert_eq!(whole["events"][0]["attributes"][2]["value"]["stringValue"], "circuit_open");
        assert_eq!(value(whole, "gen_ai.usage.output_tokens"), Some(&json!({ "intValue": "7" })));
        assert_eq!(value(whole, "gen_ai.input.messages"), None);
        assert_eq!((&failed["spanId"], &failed["status"]["code"]), (&json!("0707070707070707"), &json!(2)));
        assert_eq!(
            (&answered["spanId"], &answered["parentSpanId"]),
            (&json!("0909090909090909"), &whole["spanId"])
        );
        assert_eq!(
            (&failed["endTimeUnixNano"], &answered["endTimeUnixNano"]),
            (&json!("1100000000"), &json!("1500000000"))
        );
        assert_eq!(answered.get("status"), None);
    }

    #[test]
    fn texts_are_there_only_if_they_are_given() {
        let trace = Trace::begin(None, 1.0, [5; RANDOM_BYTES]).unwrap();
        let message = |role, content: &str| Said { role, content: content.into() };
        let messages = [message("user", "hello"), message("assistant", "hi")];
        let event = event();
        let ended = Ended { trace: &trace, event: &event, attempts: &[], messages: &messages };
        let spans = of_request(&ended, GenAi::V1_36, || [7; 8]);
        let said = value(&spans[0], "gen_ai.output.messages").unwrap()["stringValue"].as_str().unwrap();
        assert_eq!(said, r#"[{"parts":[{"content":"hi","type":"text"}],"role":"assistant"}]"#);
        assert!(value(&spans[0], "gen_ai.system").is_some());
    }
}
