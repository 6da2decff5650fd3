//! The order of events that `canonical/stream.rs` promises.

use std::collections::BTreeMap;

use nexus_edge_core::dialect::canonical::StreamEvent;

/// Panics, naming `case`, if the events are not in order.
pub fn assert_lawful(case: &str, events: &[StreamEvent]) {
    let ends =
        events.iter().filter(|event| matches!(event, StreamEvent::Done | StreamEvent::Error(_))).count();
    assert_eq!(ends, 1, "{case}: one end");
    assert!(
        matches!(events.last(), Some(StreamEvent::Done | StreamEvent::Error(_))),
        "{case}: nothing follows the end"
    );
    let mut next_part: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut finished: Vec<usize> = Vec::new();
    for event in events {
        match event {
            StreamEvent::PartStart { choice, part, .. } => {
                let next = next_part.entry(*choice).or_default();
                assert_eq!(part, next, "{case}: parts are numbered without gaps");
                *next += 1;
                open.push((*choice, *part));
                assert!(!finished.contains(choice), "{case}: no part after the finish");
            }
            StreamEvent::TextDelta { choice, part, .. }
            | StreamEvent::ArgumentsDelta { choice, part, .. }
            | StreamEvent::SignatureDelta { choice, part, .. } => {
                assert!(open.contains(&(*choice, *part)), "{case}: a delta belongs to an open part");
            }
            StreamEvent::PartEnd { choice, part } => {
                assert!(open.contains(&(*choice, *part)), "{case}: a part ends once");
                open.retain(|other| other != &(*choice, *part));
            }
            StreamEvent::Finish { choice, .. } => {
                assert!(open.iter().all(|(other, _)| other != choice), "{case}: parts end before the finish");
                finished.push(*choice);
            }
            _ => {}
        }
    }
    if matches!(events.last(), Some(StreamEvent::Done)) {
        assert!(open.is_empty(), "{case}: every part ends");
    }
}
