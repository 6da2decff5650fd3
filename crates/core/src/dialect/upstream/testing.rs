//! Helpers for the tests of several dialects.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialect::canonical::{PartStart, StreamDecoder, StreamEvent};

/// Decodes a stream that arrives in these chunks.
pub fn decode_pieces<'a>(
    mut decoder: Box<dyn StreamDecoder>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut events);
    }
    decoder.finish(&mut events);
    decoder.push(b"data: {}\n\n", &mut events);
    decoder.finish(&mut events);
    events
}

/// Decodes a stream that arrives at once.
pub fn decode_all(decoder: Box<dyn StreamDecoder>, stream: &[u8]) -> Vec<StreamEvent> {
    decode_pieces(decoder, [stream])
}

/// Panics unless the events keep the order that the canonical stream promises.
pub fn check_laws(events: &[StreamEvent]) {
    let mut open: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    let mut next: BTreeMap<usize, usize> = BTreeMap::new();
    let mut finished = BTreeSet::new();
    for (at, event) in events.iter().enumerate() {
        let is_last = at + 1 == events.len();
        match event {
            StreamEvent::Start { .. } => assert_eq!(at, 0, "Start comes first"),
            StreamEvent::Done => {
                assert!(is_last, "nothing follows Done");
                assert!(open.is_empty(), "parts are open at the end");
            }
            StreamEvent::Error(_) => assert!(is_last, "nothing follows an error"),
            _ => assert!(!is_last, "the last event is an end, not {event:?}"),
        }
        match event {
            StreamEvent::PartStart { choice, part, start } => {
                let is_call = matches!(start, PartStart::ToolCall { .. });
                assert!(!finished.contains(choice), "a part after Finish");
                assert_eq!(*part, *next.get(choice).unwrap_or(&0), "parts are numbered densely");
                next.insert(*choice, part + 1);
                for ((other, _), other_is_call) in &open {
                    assert!(other != choice || (is_call && *other_is_call), "two parts are open");
                }
                open.insert((*choice, *part), is_call);
            }
            StreamEvent::TextDelta { choice, part, .. }
            | StreamEvent::ArgumentsDelta { choice, part, .. }
            | StreamEvent::SignatureDelta { choice, part, .. }
            | StreamEvent::Citation { choice, part, .. } => {
                assert!(open.contains_key(&(*choice, *part)), "{event:?} of a part that is not open");
            }
            StreamEvent::PartEnd { choice, part } => {
                assert!(open.remove(&(*choice, *part)).is_some(), "the end of a part that is not open");
            }
            StreamEvent::Finish { choice, .. } => {
                assert!(open.keys().all(|(other, _)| other != choice), "a part is open at Finish");
                assert!(finished.insert(*choice), "a choice finishes twice");
            }
            _ => {}
        }
    }
}

/// The text of a fixture of this crate.
pub fn fixture(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fixtures of a folder by name, without those of its folders.
pub fn fixtures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<_> = std::fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}
