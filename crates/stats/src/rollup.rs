//! Adds requests up: events to rows of a minute, and rows to rows of a coarser grain.
//!
//! A row is the sum of the requests of one series in one span. Several rows of the same span and series may be stored (a
//! batch of events adds its own ones, and writes nothing that is already there); readers add them up. Whatever is added
//! in whatever order and grouping, the sums are the same.

use std::collections::BTreeMap;

use nexus_edge_core::stats::UsageEvent;
use serde::{Serialize, Serializer};

use crate::counters::{Counters, StoredRow, whole};
use crate::extra::Extra;
use crate::grain::Grain;
use crate::series::{Class, Series};
use crate::sketch::Sketch;

/// The sum of the requests of a series in a span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// What is counted.
    #[serde(flatten)]
    pub counters: Counters,
    /// Milliseconds until the end of complete answers.
    pub durations: Sketch,
    /// Milliseconds until the first byte of complete answers.
    pub first_bytes: Sketch,
    /// What only rows of minutes have.
    #[serde(serialize_with = "encoded")]
    pub extra: Extra,
}

fn encoded<S: Serializer>(extra: &Extra, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&extra.encode())
}

impl Sums {
    /// Those of one request, without what only rows of minutes have. Times of answers that broke off or never came say nothing
    /// about the speed of a provider.
    #[must_use]
    pub fn of(event: &UsageEvent) -> Self {
        let mut sums = Self { counters: Counters::of(event), ..Self::default() };
        if Class::of(event) == Class::Ok {
            sums.durations.record(event.duration_ms);
            if let Some(first_byte_ms) = event.first_byte_ms {
                sums.first_bytes.record(first_byte_ms);
            }
        }
        sums
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Self) {
        self.counters.merge(&other.counters);
        self.durations.merge(&other.durations);
        self.first_bytes.merge(&other.first_bytes);
        self.extra.merge(&other.extra);
    }
}

/// A row to be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The beginning of its span, in milliseconds since the epoch.
    pub start: u64,
    /// [`Series::id`].
    pub series: u64,
    /// The sums.
    #[serde(flatten)]
    pub sums: Sums,
}

impl Row {
    /// A row of the database, without what only metrics read. A sketch that cannot be read is left out.
    #[must_use]
    pub fn of(stored: &StoredRow) -> Self {
        let sketch = |text: &Option<String>| text.as_deref().and_then(Sketch::decode).unwrap_or_default();
        Self {
            start: whole(stored.start),
            series: whole(stored.series),
            sums: Sums {
                counters: stored.counters(),
                durations: sketch(&stored.durations),
                first_bytes: sketch(&stored.first_bytes),
                extra: Extra::default(),
            },
        }
    }
}

/// Events added up: the rows of their minutes, and the series that they belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RolledUp {
    /// In order of time.
    pub rows: Vec<Row>,
    /// By id.
    pub series: BTreeMap<u64, Series>,
}

/// Adds events up by minute. Each event must be given once; they are recorded at `now_ms`.
#[must_use]
pub fn roll_up<'a>(events: impl IntoIterator<Item = &'a UsageEvent>, now_ms: u64) -> RolledUp {
    let mut series = BTreeMap::new();
    let mut sums: BTreeMap<(u64, u64), Sums> = BTreeMap::new();
    for event in events {
        let of_event = Series::of(event);
        let id = of_event.id();
        series.entry(id).or_insert(of_event);
        let of_minute = Sums { extra: Extra::of(event, now_ms), ..Sums::of(event) };
        sums.entry((Grain::Minute.start_of(event.ts), id)).or_default().merge(&of_minute);
    }
    RolledUp { rows: rows_of(sums), series }
}

/// Adds rows up to those of the coarser grain `to`.
#[must_use]
pub fn compact(rows: &[Row], to: Grain) -> Vec<Row> {
    let mut sums: BTreeMap<(u64, u64), Sums> = BTreeMap::new();
    for row in rows {
        sums.entry((to.start_of(row.start), row.series)).or_default().merge(&row.sums);
    }
    if to != Grain::Minute {
        for sums in sums.values_mut() {
            sums.extra = Extra::default();
        }
    }
    rows_of(sums)
}

fn rows_of(sums: BTreeMap<(u64, u64), Sums>) -> Vec<Row> {
    sums.into_iter().map(|((start, series), sums)| Row { start, series, sums }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::stats::Outcome;
    use nexus_edge_core::tokens::TokenUsage;
    use proptest::prelude::*;

    fn event(id: u64, ts: u64, which: u8) -> UsageEvent {
        UsageEvent {
            id: id.to_string(),
            ts,
            provider_name: Some(format!("p{}", which % 3)),
            key_id: format!("k{}", which % 5),
            stream: which.is_multiple_of(2),
            status: if which.is_multiple_of(7) { 502 } else { 200 },
            outcome: if which.is_multiple_of(7) { Outcome::Failed } else { Outcome::Completed },
            usage: TokenUsage { prompt: id, completion: 2 * id, ..TokenUsage::default() },
            cost_micros: id + 1,
            duration_ms: 10 * id,
            first_byte_ms: Some(id),
            request_bytes: 3 * id,
            answer_bytes: 5 * id,
            ..UsageEvent::default()
        }
    }

    fn events() -> impl Strategy<Value = Vec<UsageEvent>> {
        proptest::collection::vec((0_u64..4_000_000, any::<u8>()), 1..120).prop_map(|all| {
            all.iter()
                .enumerate()
                .map(|(i, (ts, which))| event(i as u64, 1_795_000_000_000 + ts, *which))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn any_grouping_of_events_and_any_way_to_a_coarser_grain_gives_the_same_sums(
            events in events(),
            groups in proptest::collection::vec(0_usize..4, 120),
        ) {
            let whole = roll_up(&events, 0);
            let mut parts: Vec<Vec<&UsageEvent>> = vec![Vec::new(); 4];
            for (event, group) in events.iter().zip(&groups) {
                parts[*group].push(event);
            }
            let pieces: Vec<Row> = parts.iter().rev().flat_map(|part| roll_up(part.iter().copied(), 0).rows).collect();
            prop_assert_eq!(&compact(&pieces, Grain::Minute), &whole.rows);
            let by_steps = compact(&compact(&compact(&pieces, Grain::Quarter), Grain::Hour), Grain::Day);
            prop_assert_eq!(&by_steps, &compact(&whole.rows, Grain::Day));
            prop_assert!(by_steps.iter().all(|row| row.sums.extra == Extra::default()));
            let requests: u64 = by_steps.iter().map(|row| row.sums.counters.requests).sum();
            let cost: u64 = by_steps.iter().map(|row| row.sums.counters.cost_micros).sum();
            prop_assert_eq!(requests, events.len() as u64);
            prop_assert_eq!(cost, events.iter().map(|event| event.cost_micros).sum::<u64>());
            let received: u64 = by_steps.iter().map(|row| row.sums.counters.request_bytes).sum();
            let sent: u64 = by_steps.iter().map(|row| row.sums.counters.answer_bytes).sum();
            prop_assert_eq!(received, events.iter().map(|event| event.request_bytes).sum::<u64>());
            prop_assert_eq!(sent, events.iter().map(|event| event.answer_bytes).sum::<u64>());
        }
    }

    #[test]
    fn only_complete_answers_say_how_fast_they_were() {
        let rolled = roll_up(&[event(7, 60_001, 7), event(8, 60_002, 8)], 60_003);
        let counted: Vec<u64> = rolled.rows.iter().map(|row| row.sums.durations.count()).collect();
        assert_eq!(counted.iter().sum::<u64>(), 1);
        assert_eq!((rolled.rows.len(), rolled.series.len()), (2, 2));
        assert!(rolled.rows.iter().all(|row| row.start == 60_000));
    }

    #[test]
    fn a_row_is_flat_for_sql() {
        let rolled = roll_up(&[event(1, 60_001, 1)], 60_002);
        let json = serde_json::to_string(&rolled.rows[0]).unwrap();
        assert!(
            json.starts_with(r#"{"start":60000,"series":"#) && json.contains(r#""cost_micros":2"#),
            "{json}"
        );
        assert!(json.contains(r#""durations":""#), "{json}");
    }
}
