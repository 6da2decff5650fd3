//! An event as a data point of Workers Analytics Engine.
//!
//! A point has at most 20 texts of together 16 KB, 20 numbers and an index of 96 bytes, and one invocation of a Worker writes at
//! most 250 of them (<https://developers.cloudflare.com/analytics/analytics-engine/limits/>, November 2026). Of more events than that
//! evenly spaced ones are written, each with the number of events that it stands for.

use nexus_edge_core::stats::UsageEvent;

use crate::series::Class;

/// Most points of an invocation. It is less than the limit, because a batch that is refused is recorded anew, message by message.
pub const POINTS: usize = 120;
/// Most bytes of an index.
const INDEX_BYTES: usize = 96;
/// Most bytes of a text: 13 of them stay far below 16 KB.
const TEXT_BYTES: usize = 1_000;

/// A data point.
#[derive(Debug, Clone, PartialEq)]
pub struct DataPoint {
    /// The key: what the platform samples by.
    pub index: String,
    /// `id`, `provider`, `model`, `upstream_model`, `logical_model`, `key`, `owner`, `app`, `dialect`, `class`, `error_code`,
    /// `conversation`, `price_source`.
    pub blobs: Vec<String>,
    /// `weight`, `status`, `duration_ms`, `first_byte_ms`, `prompt`, `completion`, `cached`, `reasoning`, `cost_micros`, `stream`.
    pub doubles: Vec<f64>,
}

/// The points of these events, which are recorded by one of `parts` transactions of an invocation.
#[must_use]
pub fn points(events: &[&UsageEvent], parts: usize) -> Vec<DataPoint> {
    let most = (POINTS / parts.max(1)).max(1);
    let stands_for = events.len().div_ceil(most).max(1);
    let chunks = events.chunks(stands_for);
    chunks.filter_map(|chunk| Some(point(chunk.first()?, chunk.len()))).collect()
}

fn point(event: &UsageEvent, stands_for: usize) -> DataPoint {
    let text = |value: Option<&str>| cut(value.unwrap_or_default(), TEXT_BYTES);
    #[expect(clippy::cast_precision_loss, reason = "counts of a request are far below 2^53")]
    let number = |value: u64| value as f64;
    let usage = &event.usage;
    DataPoint {
        index: cut(&event.key_id, INDEX_BYTES),
        blobs: vec![
            text(Some(&event.id)),
            text(event.provider_name.as_deref()),
            text(Some(&event.model)),
            text(event.upstream_model.as_deref()),
            text(event.logical_model.as_deref()),
            text(Some(&event.key_id)),
            text(event.owner.as_deref()),
            text(event.app.as_deref()),
            text(Some(&event.dialect)),
            text(Some(Class::of(event).as_str())),
            text(event.error_code.as_deref()),
            text(Some(&event.conversation_id)),
            text(Some(event.price_source.as_str())),
        ],
        doubles: vec![
            number(stands_for as u64),
            f64::from(event.status),
            number(event.duration_ms),
            number(event.first_byte_ms.unwrap_or_default()),
            number(usage.prompt),
            number(usage.completion),
            number(usage.cached),
            number(usage.reasoning),
            number(event.cost_micros),
            f64::from(u8::from(event.stream)),
        ],
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, bytes: usize) -> String {
    text.chars()
        .scan(0, |length, letter| {
            *length += letter.len_utf8();
            (*length <= bytes).then_some(letter)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_within_the_limits_of_the_platform() {
        let event = UsageEvent {
            key_id: "ä".repeat(90),
            model: "m".repeat(5_000),
            status: 200,
            ..UsageEvent::default()
        };
        let [point] = points(&[&event], 1).try_into().unwrap();
        assert_eq!((point.index.len(), point.blobs[2].len()), (96, 1_000));
        assert!(point.blobs.len() <= 20 && point.doubles.len() <= 20);
        assert!(point.blobs.iter().map(String::len).sum::<usize>() <= 16_000);
        assert!((point.doubles[0] - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn many_events_are_points_that_stand_for_all() {
        let events = vec![UsageEvent::default(); 1_003];
        let events: Vec<&UsageEvent> = events.iter().collect();
        for parts in [1, 2, 7, 100, 5_000] {
            let points = points(&events, parts);
            assert!(points.len() <= (POINTS / parts).max(1), "{parts}");
            assert!(
                (points.iter().map(|point| point.doubles[0]).sum::<f64>() - 1_003.0).abs() < f64::EPSILON
            );
        }
    }
}
