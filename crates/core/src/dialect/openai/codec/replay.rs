//! The events of an answer that came whole, from an upstream that does not stream though it was asked to.

use crate::dialect::canonical::{ChatResponse, FinishReason, Part, PartStart, StreamEvent};

/// Appends the events of an answer, from start to end.
pub(super) fn events_of(response: ChatResponse, events: &mut Vec<StreamEvent>) {
    let ChatResponse { id, model, created, choices, usage, .. } = response;
    events.push(StreamEvent::Start { id, model, created });
    for (choice, said) in choices.into_iter().enumerate() {
        for (part, (start, mut deltas)) in said.parts.into_iter().filter_map(replayable).enumerate() {
            events.push(StreamEvent::PartStart { choice, part, start });
            for delta in &mut deltas {
                renumber(delta, choice, part);
            }
            events.append(&mut deltas);
            events.push(StreamEvent::PartEnd { choice, part });
        }
        events.extend(said.logprobs.map(|logprobs| StreamEvent::Logprobs { choice, logprobs }));
        let reason = said.finish.unwrap_or(FinishReason::Stop);
        events.push(StreamEvent::Finish { choice, reason });
    }
    events.extend(usage.map(StreamEvent::Usage));
    events.push(StreamEvent::Done);
}

/// A part as the start and the deltas that make it; `None` for what a stream cannot say.
fn replayable(part: Part) -> Option<(PartStart, Vec<StreamEvent>)> {
    let text_delta = |text: String| StreamEvent::TextDelta { choice: 0, part: 0, text };
    let signature_delta = |signature| StreamEvent::SignatureDelta { choice: 0, part: 0, signature };
    Some(match part {
        Part::Text { text, citations, .. } => {
            let cited = |citation| StreamEvent::Citation { choice: 0, part: 0, citation };
            let deltas = std::iter::once(text_delta(text)).chain(citations.into_iter().map(cited));
            (PartStart::Text, deltas.collect())
        }
        Part::Thinking { text, signature } => {
            let text = (!text.is_empty()).then(|| text_delta(text));
            (PartStart::Thinking, text.into_iter().chain(signature.map(signature_delta)).collect())
        }
        Part::RedactedThinking { data } => (PartStart::RedactedThinking { data }, Vec::new()),
        Part::Refusal { text } => (PartStart::Refusal, vec![text_delta(text)]),
        Part::ToolCall { id, name, arguments, signature, .. } => {
            let arguments = StreamEvent::ArgumentsDelta { choice: 0, part: 0, text: arguments };
            let deltas = signature.map(signature_delta).into_iter().chain([arguments]).collect();
            (PartStart::ToolCall { id, name }, deltas)
        }
        _ => return None,
    })
}

fn renumber(event: &mut StreamEvent, number: usize, of: usize) {
    if let StreamEvent::TextDelta { choice, part, .. }
    | StreamEvent::ArgumentsDelta { choice, part, .. }
    | StreamEvent::SignatureDelta { choice, part, .. }
    | StreamEvent::Citation { choice, part, .. } = event
    {
        (*choice, *part) = (number, of);
    }
}
