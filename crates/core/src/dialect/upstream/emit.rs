//! A whole answer as the events of a stream.

use crate::dialect::canonical::{ChatResponse, Part, PartStart, StreamEvent};

/// Appends the events that the answer would have been streamed in.
pub fn emit_response(response: ChatResponse, events: &mut Vec<StreamEvent>) {
    events.push(StreamEvent::Start { id: response.id, model: response.model, created: response.created });
    for (choice, answer) in response.choices.into_iter().enumerate() {
        // Parts that a stream has no event for take no number.
        let parts = answer.parts.into_iter().filter_map(|part| start_of(&part).map(|start| (start, part)));
        for (part, (start, content)) in parts.enumerate() {
            events.push(StreamEvent::PartStart { choice, part, start });
            emit_content(choice, part, content, events);
            events.push(StreamEvent::PartEnd { choice, part });
        }
        if let Some(logprobs) = answer.logprobs {
            events.push(StreamEvent::Logprobs { choice, logprobs });
        }
        if let Some(reason) = answer.finish {
            events.push(StreamEvent::Finish { choice, reason });
        }
    }
    if let Some(usage) = response.usage {
        events.push(StreamEvent::Usage(usage));
    }
    events.push(StreamEvent::Done);
}

fn start_of(part: &Part) -> Option<PartStart> {
    match part {
        Part::Text { .. } => Some(PartStart::Text),
        Part::Thinking { .. } => Some(PartStart::Thinking),
        Part::RedactedThinking { data } => Some(PartStart::RedactedThinking { data: data.clone() }),
        Part::Refusal { .. } => Some(PartStart::Refusal),
        Part::ToolCall { id, name, .. } => Some(PartStart::ToolCall { id: id.clone(), name: name.clone() }),
        Part::Image { .. } | Part::Audio { .. } | Part::File { .. } | Part::ToolResult { .. } => None,
    }
}

fn emit_content(choice: usize, part: usize, content: Part, events: &mut Vec<StreamEvent>) {
    let mut delta = |text: String| {
        if !text.is_empty() {
            events.push(StreamEvent::TextDelta { choice, part, text });
        }
    };
    match content {
        Part::Text { text, citations, .. } => {
            delta(text);
            events.extend(citations.into_iter().map(|citation| StreamEvent::Citation {
                choice,
                part,
                citation,
            }));
        }
        Part::Refusal { text } => delta(text),
        Part::Thinking { text, signature } => {
            delta(text);
            if let Some(signature) = signature {
                events.push(StreamEvent::SignatureDelta { choice, part, signature });
            }
        }
        Part::ToolCall { arguments, .. } if !arguments.is_empty() => {
            events.push(StreamEvent::ArgumentsDelta { choice, part, text: arguments });
        }
        _ => {}
    }
}
