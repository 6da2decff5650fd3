//! Turns a streamed answer into events for the connections of a session, and into the message that they add up to.

use serde_json::{Value, json};

use super::event::{Event, Usage};
use crate::dialect::canonical::{ErrorInfo, FinishReason, PartStart, StreamEvent};
use crate::tokens::{TokenUsage, estimate_tokens};

/// Longest answer of a session, in bytes of text: a row of the object's storage holds 2 MB.
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
struct Call {
    part: usize,
    id: String,
    name: String,
    arguments: String,
    is_said: bool,
}

/// An answer in progress.
#[derive(Debug)]
pub struct Answering {
    turn_id: String,
    text: String,
    /// Bytes of the text that are in the history already.
    kept: usize,
    unsent: String,
    unsent_thoughts: String,
    calls: Vec<Call>,
    thinking_parts: Vec<usize>,
    usage: Option<TokenUsage>,
    finish: Option<String>,
    end: Option<Result<(), ErrorInfo>>,
}

impl Answering {
    /// An empty answer.
    #[must_use]
    pub fn new(turn_id: &str) -> Self {
        Self {
            turn_id: turn_id.to_owned(),
            text: String::new(),
            kept: 0,
            unsent: String::new(),
            unsent_thoughts: String::new(),
            calls: Vec::new(),
            thinking_parts: Vec::new(),
            usage: None,
            finish: None,
            end: None,
        }
    }

    /// Adds a stream event. Only the first choice of an answer is used.
    pub fn take_in(&mut self, events: impl IntoIterator<Item = StreamEvent>) {
        for event in events {
            if self.end.is_some() {
                return;
            }
            self.take_in_one(event);
        }
    }

    fn take_in_one(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::PartStart { choice: 0, part, start } => match start {
                PartStart::Thinking => self.thinking_parts.push(part),
                PartStart::ToolCall { id, name } => {
                    self.calls.push(Call { part, id, name, ..Call::default() });
                }
                _ => {}
            },
            StreamEvent::TextDelta { choice: 0, part, text } => {
                if self.thinking_parts.contains(&part) {
                    self.unsent_thoughts.push_str(&text);
                } else {
                    self.text.push_str(&text);
                    self.unsent.push_str(&text);
                }
            }
            StreamEvent::ArgumentsDelta { choice: 0, part, text } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.part == part) {
                    call.arguments.push_str(&text);
                }
            }
            StreamEvent::Usage(usage) => self.usage = Some(usage),
            StreamEvent::Finish { choice: 0, reason } => self.finish = Some(finish_word(&reason)),
            StreamEvent::Done => self.end = Some(Ok(())),
            StreamEvent::Error(error) => self.end = Some(Err(error)),
            _ => {}
        }
        if self.size() > MAX_ANSWER_BYTES {
            self.finish = Some("length".into());
            self.end = Some(Ok(()));
        }
    }

    fn size(&self) -> usize {
        self.text.len() + self.calls.iter().map(|call| call.arguments.len()).sum::<usize>()
    }

    /// The events for what was added since the last call: at most one of reasoning and one of text, and the tool
    /// calls when the answer is over.
    pub fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let turn_id = || self.turn_id.clone();
        if !self.unsent_thoughts.is_empty() {
            let content = std::mem::take(&mut self.unsent_thoughts);
            events.push(Event::Thinking { turn_id: turn_id(), content });
        }
        if !self.unsent.is_empty() {
            let content = std::mem::take(&mut self.unsent);
            events.push(Event::Delta { turn_id: turn_id(), content });
        }
        if self.end == Some(Ok(())) {
            for call in self.calls.iter_mut().filter(|call| !call.is_said) {
                call.is_said = true;
                events.push(Event::ToolCall {
                    turn_id: self.turn_id.clone(),
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: call.arguments.clone(),
                });
            }
        }
        events
    }

    /// Whether something was added that [`Answering::events`] has not returned yet.
    #[must_use]
    pub fn has_untold(&self) -> bool {
        !self.unsent.is_empty() || !self.unsent_thoughts.is_empty()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn end(&self) -> Option<&Result<(), ErrorInfo>> {
        self.end.as_ref()
    }

    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was said so far is in the history: the message at the end has what comes from here on.
    pub fn keep(&mut self) {
        self.kept = self.text.len();
    }

    /// The text that is not in the history yet.
    #[must_use]
    pub fn rest(&self) -> &str {
        rest_of(self.text.get(self.kept..).unwrap_or_default())
    }

    /// Why it ended, as `OpenAI`'s finish reason.
    #[must_use]
    pub fn finish_reason(&self) -> &str {
        self.finish.as_deref().unwrap_or("stop")
    }

    /// The usage: as reported, or an estimate of the answer.
    #[must_use]
    pub fn usage(&self) -> Usage {
        match self.usage {
            Some(usage) => usage.into(),
            None => TokenUsage { completion: estimate_tokens(&self.text), ..TokenUsage::default() }.into(),
        }
    }

    /// The content of the message, and its tool calls. Tool calls of a truncated answer are left out, because their
    /// arguments may be incomplete.
    #[must_use]
    pub fn message(&self) -> (Value, Option<Value>) {
        let calls: Vec<Value> = self
            .calls
            .iter()
            .filter(|_| self.end == Some(Ok(())))
            .map(|call| {
                let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
            })
            .collect();
        let text = self.rest();
        let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { json!(text) };
        (content, (!calls.is_empty()).then_some(Value::Array(calls)))
    }
}

/// A text without the empty line that stands between what was said before a call of a tool and after it.
#[must_use]
pub fn rest_of(text: &str) -> &str {
    text.strip_prefix("\n\n").unwrap_or(text)
}

fn finish_word(reason: &FinishReason) -> String {
    let word = match reason {
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::Pause => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Other(word) => word,
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> StreamEvent {
        StreamEvent::TextDelta { choice: 0, part: 0, text: text.into() }
    }

    #[test]
    fn text_is_told_as_it_comes_and_adds_up() {
        let mut answer = Answering::new("t");
        answer.take_in([
            StreamEvent::PartStart { choice: 0, part: 0, start: PartStart::Text },
            text("a"),
            text("b"),
        ]);
        assert_eq!(answer.events(), [Event::Delta { turn_id: "t".into(), content: "ab".into() }]);
        assert_eq!(answer.events(), []);
        answer.take_in([
            text("c"),
            StreamEvent::Finish { choice: 0, reason: FinishReason::Length },
            StreamEvent::Done,
            text("!"),
        ]);
        assert_eq!(answer.events().len(), 1);
        assert_eq!(answer.message(), (json!("abc"), None));
        assert_eq!((answer.finish_reason(), answer.end()), ("length", Some(&Ok(()))));
        assert!(answer.usage().completion_tokens > 0);
    }

    #[test]
    fn what_is_in_the_history_is_not_said_again() {
        let mut answer = Answering::new("t");
        answer.take_in([text("I look.")]);
        answer.keep();
        assert_eq!((answer.rest(), answer.text()), ("", "I look."));
        answer.take_in([text("\n\nIt says so."), StreamEvent::Done]);
        assert_eq!(answer.message(), (json!("It says so."), None));
        assert_eq!(answer.text(), "I look.\n\nIt says so.");
    }

    #[test]
    fn tool_calls_come_whole_and_only_from_a_whole_answer() {
        let call = || StreamEvent::PartStart {
            choice: 0,
            part: 1,
            start: PartStart::ToolCall { id: "c".into(), name: "f".into() },
        };
        let arguments = || StreamEvent::ArgumentsDelta { choice: 0, part: 1, text: "{\"a\":1}".into() };
        let mut answer = Answering::new("t");
        answer.take_in([call(), arguments()]);
        assert_eq!(answer.events(), []);
        assert_eq!(answer.message().1, None);
        answer.take_in([StreamEvent::Done]);
        assert!(
            matches!(answer.events().as_slice(), [Event::ToolCall { arguments, .. }] if arguments == "{\"a\":1}")
        );
        assert_eq!(answer.message().0, Value::Null);
        assert_eq!(answer.message().1.unwrap()[0]["function"]["name"], "f");
    }

    #[test]
    fn an_answer_without_end_is_cut_before_it_is_too_large_to_keep() {
        let mut answer = Answering::new("t");
        for _ in 0..3000 {
            answer.take_in([text(&"x".repeat(1000))]);
        }
        assert!(answer.text().len() <= MAX_ANSWER_BYTES + 1000);
        assert_eq!((answer.finish_reason(), answer.end()), ("length", Some(&Ok(()))));
    }

    #[test]
    fn thoughts_and_other_choices_are_not_the_answer() {
        let mut answer = Answering::new("t");
        answer.take_in([
            StreamEvent::PartStart { choice: 0, part: 0, start: PartStart::Thinking },
            text("hm"),
            StreamEvent::TextDelta { choice: 1, part: 0, text: "other".into() },
        ]);
        assert_eq!(answer.events(), [Event::Thinking { turn_id: "t".into(), content: "hm".into() }]);
        assert_eq!(answer.text(), "");
    }
}
