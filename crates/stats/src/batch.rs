//! A batch of events as it is written: each part of it a JSON text, which one statement reads.
//!
//! Events that the request log has already must be left out before ([`fresh`]). All parts are written in one transaction,
//! together with the rows of the request log, whose primary key refuses an event that was written in between: then nothing of
//! the batch is written, and it is tried again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::BuildHasher;

use nexus_edge_core::stats::{PriceSource, UsageEvent};
use nexus_edge_core::tokens::UsageSource;
use serde::Serialize;

use crate::grain::Grain;
use crate::operation::operation_of;
use crate::recorded::Recorded;
use crate::rollup::{RolledUp, Row, compact, roll_up};
use crate::series::Series;
use crate::totals::{Adding, series_of};

/// Spans may be added up this many milliseconds after their end. Events that come later are written to the coarser grains as
/// well.
pub const SETTLED_AFTER_MS: u64 = 300_000;

/// How much younger than [`SETTLED_AFTER_MS`] an event must be to be surely in time: clocks of machines differ.
const CLOCK_SLACK_MS: u64 = 60_000;

/// The events that are not known, each once, in their order.
#[must_use]
pub fn fresh<'a, S: BuildHasher>(recorded: &'a [Recorded], known: &HashSet<&str, S>) -> Vec<&'a Recorded> {
    let mut seen = HashSet::with_capacity(recorded.len());
    recorded
        .iter()
        .filter(|one| !known.contains(one.event.id.as_str()) && seen.insert(one.event.id.as_str()))
        .collect()
}

/// What is added to the totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Answered requests.
    pub rounds: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Tokens of their answers.
    pub completion_tokens: u64,
    /// Requests whose price was not known.
    pub unpriced: u64,
}

/// A batch. Texts are JSON lists, whose items are shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The id of its first event, which names its rows.
    pub part: String,
    /// What is added to the totals.
    pub totals: Totals,
    /// `{"key_id", "ts"}`: the newest request of each key.
    pub keys: String,
    /// `{"provider", "model", "operation"}` of each upstream that was asked; of those that did not answer the provider only.
    pub names: String,
    /// `{"id", <dimensions>}` of each series.
    pub series: String,
    /// Rows of minutes: `{"start", "series", <counters>, "durations", "first_bytes", "extra"}`.
    pub minutes: String,
    /// Those of minutes that may be added up already; empty if there are none.
    pub late_minutes: String,
    /// Rows of coarser grains, of events that come late: for spans that are added up already.
    pub late: Vec<LateRows>,
}

/// Rows of a grain, of events that come late. Those of totals are added first.
#[derive(Debug, PartialEq, Eq)]
pub struct LateRows {
    /// The grain.
    pub grain: Grain,
    /// Rows of totals, for spans of which there are totals already.
    pub totals: String,
    /// Rows of series, for spans that are added up already.
    pub rows: String,
}

#[derive(Serialize)]
struct KeyUse<'a> {
    key_id: &'a str,
    ts: u64,
}

/// Series with their ids, as [`Batch::series`].
///
/// # Errors
/// Those of the JSON writer, which do not occur for texts.
pub fn numbered<'a>(series: impl IntoIterator<Item = (u64, &'a Series)>) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Numbered<'a> {
        id: u64,
        #[serde(flatten)]
        series: &'a Series,
    }
    let numbered = series.into_iter().map(|(id, series)| Numbered { id, series });
    serde_json::to_string(&numbered.collect::<Vec<_>>())
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Name<'a> {
    provider: &'a str,
    model: &'a str,
    operation: &'a str,
}

fn names_of<'a>(events: &[&'a UsageEvent]) -> BTreeSet<Name<'a>> {
    let mut names = BTreeSet::new();
    for event in events {
        let attempts = event.attempts.iter().filter(|attempt| attempt.skipped.is_none());
        let others = attempts.map(|attempt| attempt.provider.as_str());
        for provider in others.chain(event.provider_name.as_deref()) {
            names.insert(Name { provider, model: "", operation: "" });
        }
        if let (Some(provider), Some(model)) = (&event.provider_name, &event.upstream_model) {
            names.insert(Name { provider, model, operation: operation_of(&event.dialect) });
        }
    }
    names
}

impl Batch {
    /// The batch of these events, which are not known. `now_ms` is when they are written; `last_transaction_ms` is how long the
    /// transaction of a batch before took, which could not say it of itself.
    ///
    /// # Errors
    /// Those of the JSON writer, which do not occur for numbers and texts.
    pub fn of(
        events: &[&UsageEvent],
        now_ms: u64,
        last_transaction_ms: Option<u64>,
    ) -> serde_json::Result<Self> {
        let mut totals = Totals::default();
        let mut keys: BTreeMap<&str, u64> = BTreeMap::new();
        for event in events {
            totals.unpriced += u64::from(event.price_source == PriceSource::Unknown);
            totals.prompt_tokens = totals.prompt_tokens.saturating_add(event.usage.prompt);
            totals.completion_tokens = totals.completion_tokens.saturating_add(event.usage.completion);
            let used = keys.entry(&event.key_id).or_default();
            *used = event.ts.max(*used);
            totals.rounds += u64::from(event.usage_source != UsageSource::None);
        }
        let keys: Vec<KeyUse<'_>> = keys.into_iter().map(|(key_id, ts)| KeyUse { key_id, ts }).collect();
        let mut rolled = roll_up(events.iter().copied(), now_ms);
        if let (Some(row), Some(took_ms)) = (rolled.rows.first_mut(), last_transaction_ms) {
            row.sums.extra.transactions.record(took_ms);
        }
        let in_time_from = now_ms.saturating_sub(SETTLED_AFTER_MS - CLOCK_SLACK_MS);
        let (late_minutes, late) = late(&mut rolled, in_time_from)?;
        Ok(Self {
            part: events.first().map(|event| event.id.clone()).unwrap_or_default(),
            totals,
            keys: serde_json::to_string(&keys)?,
            series: numbered(rolled.series.iter().map(|(id, series)| (*id, series)))?,
            minutes: serde_json::to_string(&rolled.rows)?,
            names: serde_json::to_string(&names_of(events))?,
            late_minutes,
            late,
        })
    }
}

/// The rows that come late, and those of coarser grains that they are part of. The series of their totals are added to the others.
fn late(rolled: &mut RolledUp, in_time_from: u64) -> serde_json::Result<(String, Vec<LateRows>)> {
    let minute = Grain::Minute.length_ms();
    let late: Vec<Row> =
        rolled.rows.iter().filter(|row| row.start + minute <= in_time_from).cloned().collect();
    if late.is_empty() {
        return Ok(Default::default());
    }
    let mut coarser = Vec::new();
    for grain in Grain::ALL.into_iter().filter(|grain| grain.finer().is_some()) {
        let rows = compact(&late, grain);
        let mut totals = Adding::default();
        for row in &rows {
            if let Some(series) = rolled.series.get(&row.series) {
                totals.add(series.class, row);
            }
        }
        rolled.series.extend(totals.classes().map(series_of));
        coarser.push(LateRows {
            grain,
            totals: serde_json::to_string(&totals.rows())?,
            rows: serde_json::to_string(&rows)?,
        });
    }
    Ok((serde_json::to_string(&late)?, coarser))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::tokens::TokenUsage;

    const NOW: u64 = 1_795_200_203_000;

    fn event(id: &str, ts: u64, source: UsageSource) -> UsageEvent {
        UsageEvent {
            id: id.into(),
            ts,
            key_id: "k".into(),
            conversation_id: "c".into(),
            usage: TokenUsage { prompt: 10, completion: 5, ..TokenUsage::default() },
            usage_source: source,
            status: 200,
            ..UsageEvent::default()
        }
    }

    #[test]
    fn an_event_is_counted_once() {
        let events = ["a", "b", "a", "c"].map(|id| Recorded::from(event(id, NOW, UsageSource::Reported)));
        let ids = |known: &[&str]| {
            let known: HashSet<&str> = known.iter().copied().collect();
            fresh(&events, &known).iter().map(|one| one.event.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&[]), ["a", "b", "c"]);
        assert_eq!(ids(&["a", "z"]), ["b", "c"]);
    }

    #[test]
    fn only_answered_requests_are_rounds() {
        let events = [
            event("a", NOW, UsageSource::Reported),
            event("b", NOW + 5, UsageSource::None),
            event("c", NOW - 9, UsageSource::Counted),
        ];
        let batch = Batch::of(&events.iter().collect::<Vec<_>>(), NOW, None).unwrap();
        assert_eq!((batch.totals.rounds, batch.totals.prompt_tokens), (2, 30));
        assert_eq!(batch.keys, format!(r#"[{{"key_id":"k","ts":{}}}]"#, NOW + 5));
        assert_eq!((batch.part.as_str(), batch.late.len()), ("a", 0));
    }

    #[test]
    fn late_events_are_written_to_coarser_grains_as_well() {
        let events =
            [event("a", NOW, UsageSource::Reported), event("b", NOW - 7_200_000, UsageSource::Reported)];
        let batch = Batch::of(&events.iter().collect::<Vec<_>>(), NOW, None).unwrap();
        let grains: Vec<Grain> = batch.late.iter().map(|late| late.grain).collect();
        assert_eq!(grains, [Grain::Quarter, Grain::Hour, Grain::Day]);
        assert!(batch.late.iter().all(|late| late.rows.matches("\"start\"").count() == 1));
        let (id, _) = series_of(crate::series::Class::of(&events[1]));
        let has_it = |late: &LateRows| late.totals.contains(&format!("\"series\":{id},"));
        assert!(batch.late.iter().all(has_it), "{:?}", batch.late);
        assert!(batch.series.contains(&format!("\"id\":{id},")), "{}", batch.series);
        assert_eq!(batch.minutes.matches("\"start\"").count(), 2);
    }
}
