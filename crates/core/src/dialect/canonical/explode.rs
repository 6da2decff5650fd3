//! Converts a complete answer to stream events: for callers who requested a stream from an upstream that does not
//! send one.

use super::message::Part;
use super::response::ChatResponse;
use super::stream::{PartStart, StreamEvent};

/// A valid sequence of events that assembles to `response`.
#[must_use]
pub fn explode(response: ChatResponse) -> Vec<StreamEvent> {
    let ChatResponse { id, created, model, choices, usage, service_tier, system_fingerprint } = response;
    let mut events = vec![StreamEvent::Start { id, model, created }];
    if service_tier.is_some() || system_fingerprint.is_some() {
        events.push(StreamEvent::Served { service_tier, system_fingerprint });
    }
    for (choice, answer) in choices.into_iter().enumerate() {
        for (part, content) in answer.parts.into_iter().filter(can_be_answered).enumerate() {
            push_part(&mut events, choice, part, content);
        }
        if let Some(logprobs) = answer.logprobs {
            events.push(StreamEvent::Logprobs { choice, logprobs });
        }
        if let Some(reason) = answer.finish {
            events.push(StreamEvent::Finish { choice, reason });
        }
    }
    events.extend(usage.map(StreamEvent::Usage));
    events.push(StreamEvent::Done);
    events
}

/// Whether the part occurs in answers, not only in requests.
fn can_be_answered(part: &Part) -> bool {
    !matches!(part, Part::File { .. } | Part::ToolResult { .. })
}

fn push_part(events: &mut Vec<StreamEvent>, choice: usize, part: usize, content: Part) {
    let mut start = |start| events.push(StreamEvent::PartStart { choice, part, start });
    let delta = |text: String| (!text.is_empty()).then_some(StreamEvent::TextDelta { choice, part, text });
    match content {
        Part::Text { text, citations, .. } => {
            start(PartStart::Text);
            events.extend(delta(text));
            events.extend(citations.into_iter().map(|citation| StreamEvent::Citation {
                choice,
                part,
                citation,
            }));
        }
        Part::Thinking { text, signature } => {
            start(PartStart::Thinking);
            events.extend(delta(text));
            events.extend(signature.map(|signature| StreamEvent::SignatureDelta { choice, part, signature }));
        }
        Part::RedactedThinking { data } => start(PartStart::RedactedThinking { data }),
        Part::ProviderBlock { origin, block } => start(PartStart::ProviderBlock { origin, block }),
        Part::Refusal { text } => {
            start(PartStart::Refusal);
            events.extend(delta(text));
        }
        Part::ToolCall { id, name, arguments, signature, .. } => {
            start(PartStart::ToolCall { id, name });
            events.extend(signature.map(|signature| StreamEvent::SignatureDelta { choice, part, signature }));
            if !arguments.is_empty() {
                events.push(StreamEvent::ArgumentsDelta { choice, part, text: arguments });
            }
        }
        Part::Image { media, .. } => start(PartStart::Image { media }),
        Part::Audio { media } => start(PartStart::Audio { media }),
        Part::File { .. } | Part::ToolResult { .. } => return,
    }
    events.push(StreamEvent::PartEnd { choice, part });
}

#[cfg(test)]
mod tests {
    use super::super::{Choice, FinishReason, Json, SignatureOrigin, assemble};
    use super::*;
    use crate::tokens::TokenUsage;

    #[test]
    fn an_exploded_answer_assembles_to_itself() {
        let parts = vec![
            Part::Thinking { text: "hm".into(), signature: Some("s".into()) },
            Part::RedactedThinking { data: "x".into() },
            Part::ProviderBlock { origin: SignatureOrigin::Anthropic, block: Json::empty_object() },
            Part::text("hello"),
            Part::ToolCall {
                id: "c".into(),
                name: "f".into(),
                arguments: "{}".into(),
                signature: None,
                cache: None,
            },
            Part::Refusal { text: "no".into() },
        ];
        let response = ChatResponse {
            id: Some("id".into()),
            created: Some(1),
            model: Some("m".into()),
            choices: vec![Choice { parts, finish: Some(FinishReason::ToolCalls), logprobs: None }],
            usage: Some(TokenUsage { prompt: 1, completion: 2, ..TokenUsage::default() }),
            service_tier: Some("default".into()),
            system_fingerprint: Some("fp_1".into()),
        };
        assert_eq!(assemble(explode(response.clone())).unwrap(), response);
    }
}
