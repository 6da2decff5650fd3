//! A usage event with what is kept beside it, and the messages of the queue that carry both.
//!
//! A message is a JSON list. Its items are events, with a member `kept` where something is. Guarantees: every event is in one
//! message, in order; a message is not longer than asked for unless a single event is. What is parked because neither queue nor
//! database accepts it is the same list.

use std::ops::Range;

use nexus_edge_core::conversation::archive_item::Place;
use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::stats::UsageEvent;
use serde::{Deserialize, Serialize};

/// An event, and what is kept of its request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The event.
    #[serde(flatten)]
    pub event: UsageEvent,
    /// What is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Box<Kept>>,
}

impl From<UsageEvent> for Recorded {
    fn from(event: UsageEvent) -> Self {
        Self { event, kept: None }
    }
}

/// Most bytes that JSON needs for one byte of a text, and for the quotes and the comma of a text.
const ESCAPED: usize = 6;

impl Recorded {
    /// The line of the archive with its texts, if these are at least `bytes` long as JSON; `None` if they are shorter or it has none.
    ///
    /// # Errors
    /// Those of the JSON writer, which do not occur for texts.
    pub fn large_line(&self, bytes: usize) -> serde_json::Result<Option<String>> {
        let Some(archived) = self.kept.as_ref().and_then(|kept| kept.archived.as_ref()) else {
            return Ok(None);
        };
        let unescaped = self.text_bytes();
        // Most texts are far too small or large enough anyway, and need not be written for their length.
        let is_small = (unescaped + archived.texts.len()) * ESCAPED < bytes;
        if is_small || (unescaped < bytes && serde_json::to_string(&archived.texts)?.len() < bytes) {
            return Ok(None);
        }
        archived.line(&self.event)
    }

    /// Where its texts are, if they are in a pack already.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.kept.as_ref()?.archived.as_ref()?.place.as_ref()
    }

    /// How much memory its texts take, in bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let archived = self.kept.as_ref().and_then(|kept| kept.archived.as_ref());
        archived.map_or(0, |archived| archived.texts.iter().map(String::len).sum())
    }

    /// Notes that its texts are in a pack, and takes them out.
    pub fn moved_to(&mut self, place: Place) {
        if let Some(archived) = self.kept.as_mut().and_then(|kept| kept.archived.as_mut()) {
            archived.texts.clear();
            archived.place = Some(place);
        }
    }
}

/// A message of the queue.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Its text.
    pub json: String,
    /// Which of the events are in it.
    pub events: Range<usize>,
}

/// Lays events out in messages of at most so many events and bytes.
///
/// # Errors
/// Those of the JSON writer, which do not occur for events.
pub fn messages(
    recorded: &[Recorded],
    max_events: usize,
    max_bytes: usize,
) -> serde_json::Result<Vec<Message>> {
    let mut messages: Vec<Message> = Vec::new();
    for (index, one) in recorded.iter().enumerate() {
        let json = serde_json::to_string(one)?;
        match messages.last_mut() {
            Some(last) if last.events.len() < max_events && last.json.len() + json.len() + 2 <= max_bytes => {
                last.json.push(',');
                last.json.push_str(&json);
                last.events.end = index + 1;
            }
            _ => messages.push(Message { json: format!("[{json}"), events: index..index + 1 }),
        }
    }
    for message in &mut messages {
        message.json.push(']');
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::conversation::kept::Archived;
    use proptest::prelude::*;

    fn recorded(id: &str, text: Option<&str>) -> Recorded {
        let event = UsageEvent { id: id.into(), dialect: "openai".into(), ..UsageEvent::default() };
        let archived = |text: &str| Archived { texts: vec![text.to_owned()], ..Archived::default() };
        let kept = text.map(|text| Box::new(Kept { turn: "t".into(), archived: Some(archived(text)) }));
        Recorded { event, kept }
    }

    #[test]
    fn events_of_earlier_releases_are_read() {
        let old = serde_json::to_string(&[recorded("a", None).event]).unwrap();
        let read: Vec<Recorded> = serde_json::from_str(&old).unwrap();
        assert_eq!(read, [recorded("a", None)]);
    }

    #[test]
    fn texts_are_large_by_their_length_as_json() {
        assert_eq!(recorded("a", None).large_line(0).unwrap(), None);
        // `["…"]` is four bytes longer than the text.
        let large = |text: &str, bytes| recorded("a", Some(text)).large_line(bytes).unwrap().is_some();
        assert!(large(&"x".repeat(96), 100) && !large(&"x".repeat(95), 100));
        assert!(
            large(&"\n".repeat(48), 100)
                && large(&"\u{1}".repeat(16), 100)
                && !large(&"\u{1}".repeat(15), 100)
        );
    }

    #[test]
    fn texts_that_are_in_a_pack_are_not_in_the_message() {
        let mut one = recorded("a", Some("text"));
        one.moved_to(Place("pack".into(), 0, 9));
        assert!(!serde_json::to_string(&one).unwrap().contains("\"text\""));
        assert_eq!(one.large_line(0).unwrap(), None);
    }

    proptest! {
        #[test]
        fn every_event_is_in_one_message(
            sizes in prop::collection::vec(prop::option::of(0_usize..3_000), 0..40),
            max_events in 1_usize..9,
        ) {
            let all: Vec<Recorded> = sizes
                .iter()
                .enumerate()
                .map(|(index, size)| recorded(&index.to_string(), size.map(|size| "\n".repeat(size)).as_deref()))
                .collect();
            let messages = messages(&all, max_events, 4_000).unwrap();
            let mut read: Vec<Recorded> = Vec::new();
            for message in &messages {
                prop_assert!(message.events.len() <= max_events);
                prop_assert!(message.json.len() <= 4_000 || message.events.len() == 1);
                prop_assert_eq!(message.events.start, read.len());
                read.extend(serde_json::from_str::<Vec<Recorded>>(&message.json).unwrap());
            }
            prop_assert_eq!(read, all);
        }
    }
}
