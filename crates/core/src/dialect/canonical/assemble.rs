//! Putting a stream together again: the answer that its events describe.

use serde_json::Value;

use super::error::ErrorInfo;
use super::json::Json;
use super::message::Part;
use super::response::{ChatResponse, Choice};
use super::stream::{PartStart, StreamEvent};

/// The answer that these events make, or the error that they end in. A stream without an end is an error.
pub fn assemble(events: impl IntoIterator<Item = StreamEvent>) -> Result<ChatResponse, ErrorInfo> {
    let mut response = ChatResponse::default();
    for event in events {
        match event {
            StreamEvent::Start { id, model, created } => {
                (response.id, response.model, response.created) = (id, model, created);
            }
            StreamEvent::PartStart { choice, start, .. } => {
                with_choice(&mut response, choice, |choice| choice.parts.push(begin(start)));
            }
            StreamEvent::TextDelta { choice, part, text } => match part_at(&mut response, choice, part) {
                Some(
                    Part::Text { text: held, .. }
                    | Part::Thinking { text: held, .. }
                    | Part::Refusal { text: held },
                ) => {
                    held.push_str(&text);
                }
                _ => return Err(ErrorInfo::malformed()),
            },
            StreamEvent::ArgumentsDelta { choice, part, text } => {
                match part_at(&mut response, choice, part) {
                    Some(Part::ToolCall { arguments, .. }) => arguments.push_str(&text),
                    _ => return Err(ErrorInfo::malformed()),
                }
            }
            StreamEvent::SignatureDelta { choice, part, signature } => {
                match part_at(&mut response, choice, part) {
                    Some(Part::Thinking { signature: held, .. } | Part::ToolCall { signature: held, .. }) => {
                        held.get_or_insert_default().push_str(&signature);
                    }
                    _ => return Err(ErrorInfo::malformed()),
                }
            }
            StreamEvent::Citation { choice, part, citation } => match part_at(&mut response, choice, part) {
                Some(Part::Text { citations, .. }) => citations.push(citation),
                _ => return Err(ErrorInfo::malformed()),
            },
            StreamEvent::Logprobs { choice, logprobs } => {
                with_choice(&mut response, choice, |choice| append_logprobs(&mut choice.logprobs, logprobs));
            }
            StreamEvent::Finish { choice, reason } => {
                with_choice(&mut response, choice, |choice| choice.finish = Some(reason));
            }
            StreamEvent::Usage(usage) => response.usage = Some(usage),
            StreamEvent::PartEnd { .. } | StreamEvent::Ping => {}
            StreamEvent::Done => return Ok(response),
            StreamEvent::Error(error) => return Err(error),
        }
    }
    Err(ErrorInfo::truncated())
}

fn begin(start: PartStart) -> Part {
    match start {
        PartStart::Text => Part::text(""),
        PartStart::Thinking => Part::Thinking { text: String::new(), signature: None },
        PartStart::RedactedThinking { data } => Part::RedactedThinking { data },
        PartStart::Refusal => Part::Refusal { text: String::new() },
        PartStart::ToolCall { id, name } => {
            Part::ToolCall { id, name, arguments: String::new(), signature: None, cache: None }
        }
    }
}

/// No service answers more often than this; a wild number must not cost memory.
const MAX_CHOICES: usize = 128;

/// Applies a change to a choice, which is made if it is not there yet.
fn with_choice(response: &mut ChatResponse, choice: usize, change: impl FnOnce(&mut Choice)) {
    let choice = choice.min(MAX_CHOICES);
    if response.choices.len() <= choice {
        response.choices.resize_with(choice + 1, Choice::default);
    }
    if let Some(choice) = response.choices.get_mut(choice) {
        change(choice);
    }
}

/// Adds log probabilities to those before: both are objects of lists (`content`, `refusal`), one entry a token.
fn append_logprobs(held: &mut Option<Json>, more: Json) {
    let Some(before) = held else {
        *held = Some(more);
        return;
    };
    let mut sum = before.to_value();
    if let (Some(sum), Value::Object(more)) = (sum.as_object_mut(), more.to_value()) {
        for (name, entries) in more {
            match (sum.get_mut(&name), entries) {
                (Some(Value::Array(held)), Value::Array(entries)) => held.extend(entries),
                (_, entries) => drop(sum.insert(name, entries)),
            }
        }
    }
    *held = Some(Json::of(&sum));
}

fn part_at(response: &mut ChatResponse, choice: usize, part: usize) -> Option<&mut Part> {
    response.choices.get_mut(choice)?.parts.get_mut(part)
}
