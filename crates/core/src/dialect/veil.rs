//! Masks secrets in a decoded stream: what an upstream says in pieces, or in an error.
//!
//! Bytes are searched before they are decoded (`secrets::redactor`). Here is found what only decoding puts together: a
//! secret that is split over events, and what stands in frames that are no text.

use std::sync::Arc;

use crate::dialect::canonical::{ErrorInfo, PartStart, StreamEvent};
use crate::secrets::redactor::{Redactor, Scrubber};

/// The text of one open part.
struct Open {
    choice: usize,
    part: usize,
    are_arguments: bool,
    scrubber: Scrubber,
}

/// The veil of one stream. Events pass as they are unless they contain a part of a secret.
pub struct Veil {
    redactor: Arc<Redactor>,
    open: Vec<Open>,
}

impl Veil {
    /// A veil over the secrets of this redactor.
    #[must_use]
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, open: Vec::new() }
    }

    /// The events that may be passed on.
    #[must_use]
    pub fn pass(&mut self, events: Vec<StreamEvent>) -> Vec<StreamEvent> {
        if self.redactor.is_empty() {
            return events;
        }
        let mut passed = Vec::with_capacity(events.len());
        for event in events {
            self.pass_one(event, &mut passed);
        }
        passed
    }

    fn pass_one(&mut self, event: StreamEvent, passed: &mut Vec<StreamEvent>) {
        match event {
            StreamEvent::TextDelta { choice, part, text } => {
                let text = self.said(choice, part, false, text);
                if !text.is_empty() {
                    passed.push(StreamEvent::TextDelta { choice, part, text });
                }
            }
            StreamEvent::ArgumentsDelta { choice, part, text } => {
                let text = self.said(choice, part, true, text);
                if !text.is_empty() {
                    passed.push(StreamEvent::ArgumentsDelta { choice, part, text });
                }
            }
            StreamEvent::PartEnd { choice, part } => {
                self.close(|open| open.choice == choice && open.part == part, passed);
                passed.push(StreamEvent::PartEnd { choice, part });
            }
            StreamEvent::PartStart { choice, part, start: PartStart::ToolCall { id, name } } => {
                let (id, name) = (self.redactor.clean_text(id), self.redactor.clean_text(name));
                passed.push(StreamEvent::PartStart { choice, part, start: PartStart::ToolCall { id, name } });
            }
            StreamEvent::Finish { .. } | StreamEvent::Done => {
                self.close(|_| true, passed);
                passed.push(event);
            }
            StreamEvent::Error(error) => {
                self.close(|_| true, passed);
                passed.push(StreamEvent::Error(without_secrets(error, &self.redactor)));
            }
            event => passed.push(event),
        }
    }

    fn said(&mut self, choice: usize, part: usize, are_arguments: bool, text: String) -> String {
        let known = self.open.iter().position(|open| open.choice == choice && open.part == part);
        let index = known.unwrap_or_else(|| {
            let scrubber = Scrubber::new(Arc::clone(&self.redactor));
            self.open.push(Open { choice, part, are_arguments, scrubber });
            self.open.len() - 1
        });
        let Some(open) = self.open.get_mut(index) else { return text };
        let mut bytes = text.into_bytes();
        open.scrubber.push(&mut bytes);
        into_text(bytes)
    }

    /// Passes on what was held of these parts.
    fn close(&mut self, is_closed: impl Fn(&Open) -> bool, passed: &mut Vec<StreamEvent>) {
        self.open.retain_mut(|open| {
            if !is_closed(open) {
                return true;
            }
            let text = into_text(open.scrubber.finish());
            let (choice, part) = (open.choice, open.part);
            if !text.is_empty() {
                passed.push(if open.are_arguments {
                    StreamEvent::ArgumentsDelta { choice, part, text }
                } else {
                    StreamEvent::TextDelta { choice, part, text }
                });
            }
            false
        });
    }
}

/// An error of an upstream with every secret masked.
#[must_use]
pub fn without_secrets(mut error: ErrorInfo, redactor: &Redactor) -> ErrorInfo {
    error.message = redactor.clean_text(error.message);
    error.code = error.code.map(|code| redactor.clean_text(code));
    error.param = error.param.map(|param| redactor.clean_text(param));
    error
}

/// Secrets are ASCII, so text is cut at characters only.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::FinishReason;
    use crate::secrets::redactor::Place;
    use proptest::prelude::*;

    const KEY: &str = "sk-upstream-Qm7ZxVb2LwT9";

    fn veil(key: &str) -> Veil {
        Veil::new(Arc::new(Redactor::new([key], Place::Content)))
    }

    /// The events of a text and of a tool call, in the pieces into which `cuts` divides them.
    fn said(text: &str, cuts: &[usize]) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        let mut rest = text;
        for cut in cuts {
            let at = (*cut).min(rest.len());
            let at = (at..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap();
            let (head, tail) = rest.split_at(at);
            rest = tail;
            events.push(StreamEvent::TextDelta { choice: 0, part: 0, text: head.to_owned() });
            events.push(StreamEvent::ArgumentsDelta { choice: 0, part: 1, text: head.to_owned() });
        }
        events.push(StreamEvent::TextDelta { choice: 0, part: 0, text: rest.to_owned() });
        events.push(StreamEvent::ArgumentsDelta { choice: 0, part: 1, text: rest.to_owned() });
        events.push(StreamEvent::PartEnd { choice: 0, part: 0 });
        events.push(StreamEvent::Finish { choice: 0, reason: FinishReason::Stop });
        events.push(StreamEvent::Done);
        events
    }

    /// Text and arguments, each before its end.
    fn heard(events: &[StreamEvent]) -> (String, String) {
        let (mut text, mut arguments) = (String::new(), String::new());
        for event in events {
            match event {
                StreamEvent::TextDelta { text: more, .. } => text.push_str(more),
                StreamEvent::ArgumentsDelta { text: more, .. } => arguments.push_str(more),
                _ => {}
            }
        }
        (text, arguments)
    }

    #[test]
    fn errors_are_searched() {
        let error =
            ErrorInfo { code: Some(KEY.to_owned()), ..ErrorInfo::of_status(500, format!("no {KEY}")) };
        let passed = veil(KEY).pass(vec![StreamEvent::Error(error)]);
        let [StreamEvent::Error(error)] = passed.as_slice() else { panic!("{passed:?}") };
        assert_eq!((error.message.as_str(), error.code.as_deref()), ("no sk-…LwT9", Some("sk-…LwT9")));
    }

    proptest! {
        #[test]
        fn a_secret_in_pieces_is_masked(cuts in prop::collection::vec(0_usize..9, 0..20), before in "[a-zé ]{0,12}") {
            let events = said(&format!("{before} {KEY} it is"), &cuts);
            let masked = format!("{before} sk-…LwT9 it is");
            prop_assert_eq!(heard(&veil(KEY).pass(events)), (masked.clone(), masked));
        }

        #[test]
        fn without_a_secret_nothing_is_lost(cuts in prop::collection::vec(0_usize..9, 0..20), text in "(sk-|up|\\PC){0,20}") {
            let mut passing = veil(KEY);
            let passed: Vec<_> = said(&text, &cuts).into_iter().flat_map(|event| passing.pass(vec![event])).collect();
            prop_assert_eq!(heard(&passed), (text.clone(), text.clone()));
            let ends = |event: &StreamEvent| matches!(event, StreamEvent::PartEnd { .. });
            let last = passed.iter().rposition(|event| matches!(event, StreamEvent::TextDelta { .. }));
            prop_assert!(last < passed.iter().position(ends));
            let nothing = said(&text, &cuts);
            prop_assert_eq!(veil("").pass(nothing.clone()), nothing);
        }
    }
}
