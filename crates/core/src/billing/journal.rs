//! What an account keeps of a request beside the money, so that a charge and the record of its request never stay without
//! each other.
//!
//! Both have the id of the request's usage event. With the reservation a [`Note`] of what is known at the beginning is
//! stored, with the charge one of all that the record says: neither costs a row or a call of its own. Whatever was lost
//! with an isolate is made from them:
//!
//! | what is there | what is made |
//! |---|---|
//! | a charge without a record | the record, from the charge and its note |
//! | a record without a charge | the charge, from the record's cost |
//! | neither, and the reservation has expired | the charge of what was reserved, and a record that says so |
//!
//! If the end of a request is told after it was settled by its reservation, a second row corrects the charge
//! ([`ending`]): the sum of both is the real cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::{Entry, EntryKind};
use crate::stats::{Outcome, PriceSource, UsageEvent};
use crate::tokens::{TokenUsage, UsageSource};

/// The error code of a request of which nothing but its reservation is left.
pub const INTERRUPTED: &str = "request_interrupted";
/// The description of a charge by reservation, which a later one may correct.
pub const BY_RESERVATION: &str = "the request was interrupted; what was reserved is charged";
/// The description of a correction.
pub const CORRECTION: &str = "the real cost of a request that was charged by its reservation";

/// A usage event as an account stores it: without its id, which is that of the row, and without the attempts. What is
/// usual is left out.
///
/// ```json
/// {"t": 1795200203000, "v": "01M7…", "u": "gpt-5", "c": 200, "o": "completed", "w": {"prompt": 20, "completion": 4,
///  "cached": 0, "reasoning": 0}, "q": "reported", "d": 812, "x": "list"}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    #[serde(rename = "t")]
    ts: u64,
    #[serde(rename = "r", skip_serializing_if = "String::is_empty")]
    request_id: String,
    #[serde(rename = "k", skip_serializing_if = "String::is_empty")]
    key_id: String,
    #[serde(rename = "m", skip_serializing_if = "String::is_empty")]
    model: String,
    #[serde(rename = "v", skip_serializing_if = "String::is_empty")]
    conversation_id: String,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    upstream_model: Option<String>,
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    logical_model: Option<String>,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(rename = "z", skip_serializing_if = "String::is_empty")]
    dialect: String,
    #[serde(rename = "s", skip_serializing_if = "is_false")]
    stream: bool,
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    status: u16,
    #[serde(rename = "o")]
    outcome: Outcome,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    finish_reason: Option<String>,
    #[serde(rename = "w", skip_serializing_if = "Option::is_none")]
    usage: Option<TokenUsage>,
    #[serde(rename = "q")]
    usage_source: UsageSource,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    first_byte_ms: Option<u64>,
    #[serde(rename = "d")]
    duration_ms: u64,
    #[serde(rename = "x")]
    price_source: PriceSource,
    #[serde(rename = "y", skip_serializing_if = "Option::is_none")]
    price_table: Option<String>,
    #[serde(rename = "g", skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(value: &u16) -> bool {
    *value == 0
}

impl Note {
    /// The note of a request that has ended. What its charge says too is left out.
    #[must_use]
    pub fn of_ended(event: &UsageEvent) -> Self {
        Self {
            ts: event.ts,
            conversation_id: event.conversation_id.clone(),
            upstream_model: event.upstream_model.clone(),
            logical_model: event.logical_model.clone(),
            owner: event.owner.clone(),
            app: event.app.clone(),
            dialect: event.dialect.clone(),
            stream: event.stream,
            status: event.status,
            outcome: event.outcome,
            error_code: event.error_code.clone(),
            finish_reason: event.finish_reason.clone(),
            usage: (event.usage != TokenUsage::default()).then_some(event.usage),
            usage_source: event.usage_source,
            first_byte_ms: event.first_byte_ms,
            duration_ms: event.duration_ms,
            price_source: event.price_source,
            price_table: event.price_table.clone(),
            tags: event.tags.clone(),
            ..Self::default()
        }
    }

    /// The note of a request that begins: what its record would say if it were interrupted.
    #[must_use]
    pub fn of_begun(event: &UsageEvent) -> Self {
        Self {
            request_id: event.request_id.clone(),
            key_id: event.key_id.clone(),
            model: event.model.clone(),
            status: 503,
            outcome: Outcome::Failed,
            error_code: Some(INTERRUPTED.to_owned()),
            price_source: PriceSource::Reserved,
            ..Self::of_ended(event)
        }
    }

    /// The record of a request that was charged by this row.
    #[must_use]
    pub fn record(self, id: &str, entry: &Entry) -> UsageEvent {
        let text = |of_entry: &Option<String>, of_note: String| of_entry.clone().unwrap_or(of_note);
        UsageEvent {
            id: id.to_owned(),
            ts: self.ts,
            request_id: text(&entry.request_id, self.request_id),
            key_id: text(&entry.key_id, self.key_id),
            provider_id: entry.provider_id,
            provider_name: entry.provider_name.clone(),
            model: text(&entry.model, self.model),
            upstream_model: self.upstream_model,
            logical_model: self.logical_model,
            owner: self.owner,
            app: self.app,
            dialect: self.dialect,
            stream: self.stream,
            status: self.status,
            outcome: self.outcome,
            error_code: self.error_code,
            finish_reason: self.finish_reason,
            usage: self.usage.unwrap_or_default(),
            usage_source: self.usage_source,
            first_byte_ms: self.first_byte_ms,
            duration_ms: self.duration_ms,
            // As the attempts, it is not worth its bytes in every row of the ledger.
            overhead_ms: None,
            conversation_id: self.conversation_id,
            attempts: Vec::new(),
            cost_micros: entry.amount.min(0).unsigned_abs(),
            price_source: self.price_source,
            price_table: self.price_table,
            tags: self.tags,
            first_token_ms: None,
            trace: None,
            guards: None,
            request_bytes: 0,
            rounds: 0,
            tool_calls: 0,
            answer_bytes: 0,
            dropped_spans: 0,
        }
    }

    /// The charge of an interrupted request by what was reserved for it.
    #[must_use]
    pub fn by_reservation(&self, id: &str, reserved: u64, now_ms: u64) -> Entry {
        Entry {
            amount: owes(reserved),
            request_id: Some(self.request_id.clone()),
            key_id: Some(self.key_id.clone()),
            model: Some(self.model.clone()),
            ..Entry::credit(charge_id(id), now_ms, EntryKind::Charge, 0, BY_RESERVATION.to_owned())
        }
    }
}

/// The id of the row that charges the request whose usage event has this id.
#[must_use]
pub fn charge_id(event_id: &str) -> String {
    format!("charge:{event_id}")
}

/// The id of the usage event that a row charges for; `None` if the row is not the charge of a request.
#[must_use]
pub fn event_id(entry_id: &str) -> Option<&str> {
    entry_id.strip_prefix("charge:")
}

/// The row with the real cost of a request. Credits are charged from the end of the request on, whatever its beginning.
#[must_use]
pub fn charge(event: &UsageEvent, now_ms: u64) -> Entry {
    Entry {
        request_id: Some(event.request_id.clone()),
        key_id: Some(event.key_id.clone()),
        provider_id: event.provider_id,
        provider_name: event.provider_name.clone(),
        model: Some(event.model.clone()),
        tokens: Some(event.usage.total()),
        amount: owes(event.cost_micros),
        ..Entry::credit(charge_id(&event.id), now_ms, EntryKind::Charge, 0, String::new())
    }
}

/// A row of the ledger as far as the end of a request depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// Its amount.
    pub amount: i64,
    /// Whether it charged the reservation instead of the real cost.
    pub is_by_reservation: bool,
}

/// The row that the end of a request adds to the ledger, given the charge that is there already: none if the request
/// cost nothing or was charged before, the difference if it was charged by its reservation.
#[must_use]
pub fn ending(entry: Entry, before: Option<&Charged>) -> Option<Entry> {
    let Some(before) = before else { return (entry.amount != 0).then_some(entry) };
    let difference = entry.amount.saturating_sub(before.amount);
    if !before.is_by_reservation || difference == 0 {
        return None;
    }
    let id = event_id(&entry.id).map(|id| format!("correction:{id}"))?;
    Some(Entry { id, amount: difference, description: CORRECTION.to_owned(), ..entry })
}

fn owes(micros: u64) -> i64 {
    i64::try_from(micros).map_or(i64::MIN + 1, |micros| -micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> UsageEvent {
        UsageEvent {
            id: "01M7".into(),
            ts: 5_000,
            request_id: "req_1".into(),
            key_id: "k1".into(),
            provider_id: Some(3),
            provider_name: Some("openai".into()),
            model: "smart".into(),
            upstream_model: Some("gpt-5".into()),
            logical_model: Some("smart".into()),
            owner: Some("ada".into()),
            app: Some("curl".into()),
            dialect: "anthropic".into(),
            stream: true,
            status: 200,
            outcome: Outcome::Completed,
            finish_reason: Some("stop".into()),
            usage: TokenUsage { prompt: 20, completion: 4, cached: 2, ..TokenUsage::default() },
            usage_source: UsageSource::Reported,
            first_byte_ms: Some(80),
            duration_ms: 812,
            conversation_id: "01C".into(),
            cost_micros: 120,
            price_source: PriceSource::List,
            tags: BTreeMap::from([("team".to_owned(), "x".to_owned())]),
            ..UsageEvent::default()
        }
    }

    fn stored(note: &Note) -> Note {
        serde_json::from_str(&serde_json::to_string(note).unwrap()).unwrap()
    }

    #[test]
    fn the_record_that_is_made_of_a_charge_is_the_one_that_was_lost() {
        let event = ended();
        let entry = charge(&event, 6_000);
        assert_eq!((entry.at, entry.amount, entry.tokens), (6_000, -120, Some(24)));
        let note = Note::of_ended(&event);
        assert_eq!(stored(&note).record(event_id(&entry.id).unwrap(), &entry), event);
        let bytes = serde_json::to_string(&note).unwrap().len();
        assert!(bytes < 320, "{bytes} bytes of every charge");
    }

    #[test]
    fn of_an_interrupted_request_both_say_what_was_reserved() {
        let begun = UsageEvent {
            ts: 5,
            request_id: "req_2".into(),
            model: "m".into(),
            owner: Some("ada".into()),
            ..UsageEvent::default()
        };
        let note = Note::of_begun(&begun);
        let entry = note.by_reservation("01E", 3_000, 9_000);
        assert_eq!((entry.id.as_str(), entry.amount, entry.at), ("charge:01E", -3_000, 9_000));
        let event = stored(&note).record("01E", &entry);
        assert_eq!((event.cost_micros, event.price_source), (3_000, PriceSource::Reserved));
        assert_eq!((event.outcome, event.error_code.as_deref()), (Outcome::Failed, Some(INTERRUPTED)));
        assert_eq!((event.request_id.as_str(), event.model.as_str(), event.ts), ("req_2", "m", 5));
        assert_eq!(event.owner.as_deref(), Some("ada"));
        assert_eq!((event.usage_source, event.usage.total()), (UsageSource::None, 0), "nothing is made up");
    }

    #[test]
    fn a_request_is_charged_once_and_its_real_cost_wins() {
        let entry = charge(&ended(), 1);
        assert_eq!(ending(entry.clone(), None), Some(entry.clone()));
        let real = Charged { amount: -120, is_by_reservation: false };
        assert_eq!(ending(entry.clone(), Some(&real)), None);
        let more = Charged { amount: -500, is_by_reservation: true };
        let correction = ending(entry.clone(), Some(&more)).unwrap();
        assert_eq!((correction.id.as_str(), correction.amount), ("correction:01M7", 380));
        let same = Charged { amount: -120, is_by_reservation: true };
        assert_eq!(ending(entry, Some(&same)), None);
        let free = charge(&UsageEvent { cost_micros: 0, ..ended() }, 1);
        assert_eq!(ending(free.clone(), None), None);
        assert_eq!(ending(free, Some(&more)).unwrap().amount, 500, "what cost nothing is paid back");
        assert_eq!(charge(&UsageEvent { cost_micros: u64::MAX, ..ended() }, 1).amount, i64::MIN + 1);
    }
}
