//! A group of chunks of events, which one transaction records, and what of it is recorded already.
//!
//! Guarantees: an event is recorded if it stands in the request log, if its id is noted, or if the chunk that it came in is noted; of
//! what is left every event is there once, in order.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::ops::Range;

use serde::Serialize;

use crate::batch;
use crate::delivery::name_of;
use crate::recorded::Recorded;

/// Chunks that follow each other, as they are recorded together.
#[derive(Debug)]
pub struct Group<'a> {
    recorded: &'a [Recorded],
    /// The chunks by name, with the ids of their events.
    chunks: BTreeMap<String, Vec<&'a str>>,
}

#[derive(Serialize)]
struct Named<'a> {
    key_id: &'a str,
    id: &'a str,
}

impl<'a> Group<'a> {
    /// The group of these chunks of `all`. The chunks follow each other.
    #[must_use]
    pub fn of(all: &'a [Recorded], chunks: &[Range<usize>]) -> Self {
        let begin = chunks.first().map_or(0, |chunk| chunk.start);
        let end = chunks.last().map_or(0, |chunk| chunk.end);
        let recorded = all.get(begin..end).unwrap_or_default();
        let chunks = chunks
            .iter()
            .map(|chunk| ids_of(all.get(chunk.clone()).unwrap_or_default()))
            .map(|ids| (name_of(ids.iter().copied()), ids))
            .collect();
        Self { recorded, chunks }
    }

    /// The ids of its events.
    #[must_use]
    pub fn ids(&self) -> Vec<&'a str> {
        ids_of(self.recorded)
    }

    /// Under which its events may be noted as recorded: their ids, and the names of its chunks.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.ids().into_iter().chain(self.chunks.keys().map(String::as_str)).collect()
    }

    /// The conversations in which something of it is archived: the parameter of [`crate::conversations::DELETIONS`].
    ///
    /// # Errors
    /// Those of the JSON writer, which do not occur for events.
    pub fn archived_in(&self) -> serde_json::Result<String> {
        let archived = self.recorded.iter().filter(|one| one.kept.is_some()).map(|one| &one.event);
        let named = archived.map(|event| Named { key_id: &event.key_id, id: &event.conversation_id });
        serde_json::to_string(&named.collect::<Vec<_>>())
    }

    /// Its events whose texts are in packs already.
    pub fn placed(&self) -> impl Iterator<Item = &'a Recorded> {
        self.recorded.iter().filter(|one| one.place().is_some())
    }

    /// The events that are still to be recorded. `logged`: ids of those that the request log has. `noted`: which of [`Self::names`]
    /// are noted.
    #[must_use]
    pub fn fresh<S: BuildHasher>(
        &self,
        logged: &HashSet<String, S>,
        noted: &HashSet<String, S>,
    ) -> Vec<&'a Recorded> {
        let of_noted = self.chunks.iter().filter(|(name, _)| noted.contains(*name));
        let mut known: HashSet<&str> = of_noted.flat_map(|(_, ids)| ids.iter().copied()).collect();
        known.extend(logged.iter().chain(noted).map(String::as_str));
        batch::fresh(self.recorded, &known)
    }

    /// The names of its chunks that are not noted yet.
    #[must_use]
    pub fn unnoted<S: BuildHasher>(&self, noted: &HashSet<String, S>) -> Vec<&String> {
        self.chunks.keys().filter(|name| !noted.contains(*name)).collect()
    }
}

fn ids_of(recorded: &[Recorded]) -> Vec<&str> {
    recorded.iter().map(|one| one.event.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use nexus_edge_core::conversation::kept::Kept;
    use nexus_edge_core::stats::UsageEvent;

    use super::*;

    fn events(ids: &[&str]) -> Vec<Recorded> {
        let event =
            |id: &&str| UsageEvent { id: (*id).to_owned(), key_id: "k".into(), ..UsageEvent::default() };
        ids.iter().map(|id| event(id).into()).collect()
    }

    fn set(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn ids(fresh: &[&Recorded]) -> Vec<String> {
        fresh.iter().map(|one| one.event.id.clone()).collect()
    }

    #[test]
    fn a_group_is_its_chunks_and_nothing_else() {
        let all = events(&["a", "b", "c", "d"]);
        let group = Group::of(&all, &[1..2, 2..4]);
        assert_eq!(group.ids(), ["b", "c", "d"]);
        let names = group.names();
        assert_eq!(names[..3], ["b", "c", "d"]);
        assert!(
            names[3..].contains(&name_of(["b"]).as_str())
                && names[3..].contains(&name_of(["c", "d"]).as_str())
        );
        assert!(Group::of(&all, &[]).ids().is_empty());
        assert!(Group::of(&all, &[2..3, 3..9]).ids().is_empty());
    }

    #[test]
    fn an_event_is_recorded_by_its_row_by_its_note_and_by_the_note_of_its_chunk() {
        let all = events(&["a", "b", "c", "d", "a"]);
        let group = Group::of(&all, &[0..1, 1..3, 3..5]);
        assert_eq!(ids(&group.fresh(&set(&[]), &set(&[]))), ["a", "b", "c", "d"]);
        assert_eq!(ids(&group.fresh(&set(&["d"]), &set(&["a"]))), ["b", "c"]);
        let noted = set(&[&name_of(["b", "c"])]);
        assert_eq!(ids(&group.fresh(&set(&[]), &noted)), ["a", "d"]);
        // What is noted is a whole chunk: its name says nothing of a part of it.
        assert_eq!(ids(&group.fresh(&set(&[]), &set(&[&name_of(["b"])]))), ["a", "b", "c", "d"]);
    }

    #[test]
    fn chunks_that_are_noted_are_not_noted_again() {
        let all = events(&["a", "b"]);
        let group = Group::of(&all, &[0..1, 1..2]);
        let first = name_of(["a"]);
        assert_eq!(group.unnoted(&set(&[&first])), [&name_of(["b"])]);
        assert_eq!(group.unnoted(&set(&["a"])).len(), 2);
    }

    #[test]
    fn deletions_are_asked_for_where_something_is_archived() {
        let mut all = events(&["a", "b"]);
        assert_eq!(Group::of(&all, &[0..1, 1..2]).archived_in().unwrap(), "[]");
        all[1].event.conversation_id = "c".into();
        all[1].kept = Some(Box::new(Kept { turn: "t".into(), archived: None }));
        let asked = Group::of(&all, &[0..1, 1..2]).archived_in().unwrap();
        assert_eq!(asked, r#"[{"key_id":"k","id":"c"}]"#);
    }
}
