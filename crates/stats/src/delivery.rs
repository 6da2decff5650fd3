//! What makes a repeated delivery of events known where their rows are not in the database.
//!
//! A chunk of events is made once, when an isolate sends what has come together, and is never divided or joined afterwards: it
//! is a message of the queue, or is recorded directly, or is parked, and a dead letter is the same message. So its name is
//! enough to know it by, whichever way and however often it comes. Only accounts of credits make an event a second time, by its
//! id (`billing::journal`); where requests pay with credits, the id of each event is noted as well.

use std::ops::Range;

use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::time::DAY_MS;

/// Events that are older are looked for by their ids in the packs, in milliseconds.
pub const OLD_AFTER_MS: u64 = 2 * DAY_MS;

/// For how long deliveries are noted, in milliseconds. It is a day more, because a chunk is noted under the age of its first event
/// and the others may be younger by as much as a request takes.
pub const NOTED_FOR_MS: u64 = OLD_AFTER_MS + DAY_MS;

/// Digits of the checksum in a name.
const CHECKSUM_DIGITS: usize = 12;

/// The name of a chunk of events with these ids. It begins with the first of them, so names sort by time.
#[must_use]
pub fn name_of<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let ids: Vec<&str> = ids.into_iter().collect();
    let checksum: String = sha256_hex(&ids.join(",")).chars().take(CHECKSUM_DIGITS).collect();
    format!("{}-{checksum}", ids.first().copied().unwrap_or_default())
}

/// Chunks joined to groups of at least `events` events but for the last one, in their order; no chunk is divided.
#[must_use]
pub fn groups(chunks: &[Range<usize>], events: usize) -> Vec<&[Range<usize>]> {
    let (mut groups, mut begin, mut count) = (Vec::new(), 0, 0);
    for (index, chunk) in chunks.iter().enumerate() {
        count += chunk.len();
        if count >= events || index + 1 == chunks.len() {
            groups.extend(chunks.get(begin..=index));
            (begin, count) = (index + 1, 0);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_that_of_the_chunk_and_of_no_part_of_it() {
        let names = [["a", "b"].as_slice(), &["a"], &["a", "c"], &["a", "b", "c"], &["b", "a"], &["a,b"]]
            .map(|ids| name_of(ids.iter().copied()));
        for (i, name) in names.iter().enumerate().take(5) {
            assert!(names.iter().skip(i + 1).take(4 - i).all(|other| other != name), "{name}");
        }
        assert_eq!(name_of(["a", "b"]), names[0]);
        assert!(names[0].starts_with("a-"));
    }

    proptest! {
        #[test]
        fn groups_have_every_chunk_once_and_whole(lengths in vec(0_usize..70, 0..40), events in 1_usize..200) {
            let mut at = 0;
            let chunks: Vec<Range<usize>> =
                lengths.iter().map(|length| { at += length; at - length..at }).collect();
            let groups = groups(&chunks, events);
            prop_assert_eq!(groups.concat(), chunks.clone());
            let counts: Vec<usize> =
                groups.iter().map(|group| group.iter().map(ExactSizeIterator::len).sum()).collect();
            prop_assert!(counts.iter().rev().skip(1).all(|count| *count >= events));
            prop_assert!(counts.iter().all(|count| *count < events + 70));
        }
    }
}
