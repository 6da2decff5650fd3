//! The parts of one streamed answer, brought into the order that the canonical stream promises: numbered in order of
//! start, one open at a time, except for tool calls, which may overlap.
//!
//! Upstreams keep no such order. Their events are reordered:
//! - a tool call starts once its name is complete, which is when its arguments begin or the next call does;
//! - text that arrives while tool calls are open waits until they end;
//! - fragments without an id or name belong to the call with their index; a second id on the same index is another
//!   call.

use super::{call_id, is_call};
use crate::dialect::canonical::{Citation, PartStart, StreamEvent};
use crate::json::lenient;

/// Most bytes that are held back to keep the order.
const HELD_LIMIT: usize = 1 << 20;

/// A part that is made of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prose {
    #[default]
    Text,
    Thinking,
}

/// The parts of one choice.
#[derive(Debug, Default)]
pub struct ChoiceParts {
    choice: usize,
    next: usize,
    open: Option<(usize, Prose)>,
    calls: Vec<Call>,
    late: Vec<(Prose, String)>,
    late_bytes: usize,
    late_citations: Vec<Citation>,
}

#[derive(Debug, Default)]
struct Call {
    key: u64,
    id: String,
    name: String,
    /// Arguments that arrived before the call could start.
    held: String,
    part: Option<usize>,
    ended: bool,
}

impl Call {
    fn is_one(&self) -> bool {
        is_call(Some(&self.name), &self.held)
    }
}

impl ChoiceParts {
    /// No parts yet.
    pub fn new(choice: usize) -> Self {
        Self { choice, ..Self::default() }
    }

    /// Whether the answer contains a tool call.
    pub fn has_calls(&self) -> bool {
        self.calls.iter().any(|call| call.part.is_some() || call.is_one())
    }

    /// Whether there is no content yet.
    pub fn is_empty(&self) -> bool {
        self.next == 0 && self.calls.is_empty()
    }

    /// Adds text or reasoning.
    pub fn prose(&mut self, kind: Prose, text: &str, events: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        if self.calls.iter().any(|call| !call.ended) {
            self.late_bytes += text.len();
            match self.late.last_mut() {
                Some((last, held)) if *last == kind => lenient::append(held, text),
                _ => self.late.push((kind, text.to_owned())),
            }
            if self.late_bytes > HELD_LIMIT {
                self.end_calls("", events);
            }
            return;
        }
        let part = self.open_prose(kind, events);
        events.push(StreamEvent::TextDelta { choice: self.choice, part, text: text.to_owned() });
    }

    /// Adds a citation of the text.
    pub fn citation(&mut self, citation: Citation, events: &mut Vec<StreamEvent>) {
        if self.calls.iter().any(|call| !call.ended) {
            self.late_citations.push(citation);
            return;
        }
        let part = self.open_prose(Prose::Text, events);
        events.push(StreamEvent::Citation { choice: self.choice, part, citation });
    }

    /// Ends the open part, so that what follows is a new one.
    pub fn end_prose(&mut self, events: &mut Vec<StreamEvent>) {
        if let Some((part, _)) = self.open.take() {
            events.push(StreamEvent::PartEnd { choice: self.choice, part });
        }
    }

    /// The stable index of the call that a fragment belongs to, which is created if there is none. `None` if the
    /// fragment is empty.
    pub fn call(
        &mut self,
        key: u64,
        id: &str,
        name: &str,
        has_arguments: bool,
        unique: &str,
        events: &mut Vec<StreamEvent>,
    ) -> Option<usize> {
        let belongs = |call: &Call| call.key == key && (id.is_empty() || call.id.is_empty() || call.id == id);
        if let Some(index) = self.calls.iter().rposition(belongs) {
            let call = self.calls.get_mut(index)?;
            if call.part.is_none() {
                if call.id.is_empty() {
                    id.clone_into(&mut call.id);
                }
                // Some services repeat the whole name with every fragment, others cut it in pieces.
                if call.name != name {
                    call.name.push_str(name);
                }
            }
            return Some(index);
        }
        if id.is_empty() && name.is_empty() && !has_arguments {
            return None;
        }
        self.end_prose(events);
        // The next call has begun, so the names of earlier ones are complete.
        self.start_up_to(self.calls.len(), unique, events);
        self.calls.push(Call { key, id: id.to_owned(), name: name.to_owned(), ..Call::default() });
        Some(self.calls.len() - 1)
    }

    /// Adds arguments of a call.
    pub fn arguments(&mut self, call: usize, text: &str, unique: &str, events: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        let choice = self.choice;
        let Some(held) = self.calls.get_mut(call).filter(|call| !call.ended) else { return };
        if let Some(part) = held.part {
            events.push(StreamEvent::ArgumentsDelta { choice, part, text: text.to_owned() });
            return;
        }
        lenient::append(&mut held.held, text);
        if !held.name.is_empty() || held.held.len() > HELD_LIMIT {
            self.start_up_to(call + 1, unique, events);
        }
    }

    /// Ends all open parts.
    pub fn finish(&mut self, unique: &str, events: &mut Vec<StreamEvent>) {
        self.end_calls(unique, events);
        self.end_prose(events);
    }

    fn open_prose(&mut self, kind: Prose, events: &mut Vec<StreamEvent>) -> usize {
        match self.open {
            Some((part, open)) if open == kind => part,
            _ => {
                self.end_prose(events);
                let part = self.number();
                let start = match kind {
                    Prose::Text => PartStart::Text,
                    Prose::Thinking => PartStart::Thinking,
                };
                events.push(StreamEvent::PartStart { choice: self.choice, part, start });
                self.open = Some((part, kind));
                part
            }
        }
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn start_up_to(&mut self, end: usize, unique: &str, events: &mut Vec<StreamEvent>) {
        let choice = self.choice;
        for call in self.calls.iter_mut().take(end).filter(|call| call.part.is_none() && call.is_one()) {
            let part = self.next;
            self.next += 1;
            call.part = Some(part);
            if call.id.is_empty() {
                call.id = call_id(unique, choice, part);
            }
            let start = PartStart::ToolCall { id: call.id.clone(), name: call.name.clone() };
            events.push(StreamEvent::PartStart { choice, part, start });
            let text = std::mem::take(&mut call.held);
            if !text.is_empty() {
                events.push(StreamEvent::ArgumentsDelta { choice, part, text });
            }
        }
    }

    fn end_calls(&mut self, unique: &str, events: &mut Vec<StreamEvent>) {
        self.start_up_to(self.calls.len(), unique, events);
        let choice = self.choice;
        for call in self.calls.iter_mut().filter(|call| !call.ended) {
            call.ended = true;
            if let Some(part) = call.part {
                events.push(StreamEvent::PartEnd { choice, part });
            }
        }
        self.late_bytes = 0;
        for (kind, text) in std::mem::take(&mut self.late) {
            self.prose(kind, &text, events);
        }
        for citation in std::mem::take(&mut self.late_citations) {
            self.citation(citation, events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::upstream::testing::check_laws;

    fn parts(play: impl FnOnce(&mut ChoiceParts, &mut Vec<StreamEvent>)) -> Vec<StreamEvent> {
        let mut events = vec![StreamEvent::Start { id: None, model: None, created: None }];
        let mut parts = ChoiceParts::new(0);
        play(&mut parts, &mut events);
        parts.finish("u", &mut events);
        events.push(StreamEvent::Done);
        check_laws(&events);
        events
    }

    #[test]
    fn calls_with_one_index_and_two_ids_are_two() {
        let events = parts(|parts, events| {
            for (id, name, arguments) in [("a", "f", "{"), ("", "", "}"), ("b", "f", ""), ("", "", "{}")] {
                let call = parts.call(0, id, name, !arguments.is_empty(), "u", events).unwrap();
                parts.arguments(call, arguments, "u", events);
            }
        });
        let ids: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                StreamEvent::PartStart { start: PartStart::ToolCall { id, .. }, .. } => Some(id.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn a_call_without_an_id_gets_one_and_text_waits_for_the_calls() {
        let events = parts(|parts, events| {
            parts.prose(Prose::Thinking, "hm", events);
            let call = parts.call(0, "", "f", false, "u", events).unwrap();
            parts.prose(Prose::Text, "later", events);
            parts.arguments(call, "{}", "u", events);
            assert_eq!(parts.call(0, "", "", false, "u", events), Some(call));
            assert_eq!(parts.call(1, "", "", false, "u", events), None);
        });
        assert!(events.contains(&StreamEvent::PartStart {
            choice: 0,
            part: 1,
            start: PartStart::ToolCall { id: "call_u_0_1".into(), name: "f".into() }
        }));
        assert!(events.contains(&StreamEvent::TextDelta { choice: 0, part: 2, text: "later".into() }));
    }

    #[test]
    fn names_come_in_pieces_or_again_and_again() {
        for pieces in [["get_", "weather"], ["get_weather", "get_weather"]] {
            let events = parts(|parts, events| {
                for name in pieces {
                    parts.call(3, "x", name, false, "u", events);
                }
                let call = parts.call(3, "", "get_weather", true, "u", events).unwrap();
                parts.arguments(call, "{}", "u", events);
            });
            let start = PartStart::ToolCall { id: "x".into(), name: "get_weather".into() };
            assert!(events.contains(&StreamEvent::PartStart { choice: 0, part: 0, start }));
        }
    }
}
