//! Helpers: decoding a stream, and answers of all kinds.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{ResponsesEncoder, ResponsesRequest};
use crate::dialect::canonical::{
    ChatResponse, Choice, Citation, FinishReason, Json, Part, PartStart, ReplyContext, StreamEncoder,
    StreamEvent,
};
use crate::sse::{EventReader, Segment};
use crate::tokens::TokenUsage;

pub(super) fn context() -> ReplyContext {
    ReplyContext { unique: "u1".into(), created: 1_700_000_000, model: "asked-model".into() }
}

pub(super) fn encoder_of(body: &Value) -> ResponsesEncoder {
    let request = ResponsesRequest::parse(body.to_string().as_bytes(), "u1").unwrap();
    ResponsesEncoder::new(&request, &context())
}

pub(super) fn encoder() -> ResponsesEncoder {
    encoder_of(&json!({"model": "asked-model", "input": "Hi", "tools": [
        {"type": "custom", "name": "patch"},
        {"type": "namespace", "name": "files", "description": "", "tools": [{"type": "function", "name": "read"}]},
    ]}))
}

/// The bytes of a streamed answer.
pub(super) fn streamed(encoder: &ResponsesEncoder, events: &[StreamEvent]) -> Vec<u8> {
    let mut stream = encoder.stream();
    let mut out = Vec::new();
    for event in events {
        stream.encode(event, &mut out);
    }
    out
}

/// The events in the bytes of a stream; each must be framed with a name that equals its type.
pub(super) fn read(bytes: &[u8]) -> Vec<Value> {
    let mut events = Vec::new();
    let mut reader = EventReader::new(1 << 20);
    reader.push(bytes, |segment| {
        let Segment::Event(event) = segment else { panic!("one event after the other") };
        let Some(data) = event.data() else { return };
        let value: Value = serde_json::from_slice(&data).unwrap();
        assert_eq!(event.name().unwrap(), value["type"].as_str().unwrap().as_bytes());
        events.push(value);
    });
    assert!(reader.at_boundary());
    events
}

pub(super) fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// Assembles the items from deltas only, as a client does, and checks every guarantee on the way.
pub(super) fn replay(events: &[Value]) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    let mut is_done: Vec<bool> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        let kind = event["type"].as_str().unwrap();
        let Some(index) = event["output_index"].as_u64().map(|index| usize::try_from(index).unwrap()) else {
            continue;
        };
        if kind == "response.output_item.added" {
            assert_eq!(index, items.len(), "items are added in order");
            items.push(event["item"].clone());
            is_done.push(false);
            continue;
        }
        assert!(!is_done[index], "nothing follows the end of an item: {event}");
        let item = &mut items[index];
        if kind == "response.output_item.done" {
            is_done[index] = true;
            let (mut built, mut done) = (item.clone(), event["item"].clone());
            for value in [&mut built, &mut done] {
                value.as_object_mut().unwrap().remove("status");
                // Signatures come at the end only.
                value.as_object_mut().unwrap().remove("encrypted_content");
            }
            assert_eq!(built, done);
            *item = event["item"].clone();
            continue;
        }
        assert_eq!(event["item_id"], item["id"]);
        apply(item, kind, event);
    }
    items
}

fn apply(item: &mut Value, kind: &str, event: &Value) {
    let grow = |value: &mut Value| {
        let text = format!("{}{}", value.as_str().unwrap(), event["delta"].as_str().unwrap());
        *value = json!(text);
    };
    let content = usize::try_from(event["content_index"].as_u64().unwrap_or_default()).unwrap();
    match kind {
        "response.content_part.added" => {
            let parts = item["content"].as_array_mut().unwrap();
            assert_eq!(parts.len(), content);
            parts.push(event["part"].clone());
        }
        "response.output_text.delta" => {
            grow(&mut item["content"][content]["text"]);
            let more = event["logprobs"].as_array().unwrap().clone();
            item["content"][content]["logprobs"].as_array_mut().unwrap().extend(more);
        }
        "response.refusal.delta" => grow(&mut item["content"][content]["refusal"]),
        "response.output_text.annotation.added" => {
            let annotations = item["content"][content]["annotations"].as_array_mut().unwrap();
            assert_eq!(event["annotation_index"], annotations.len());
            annotations.push(event["annotation"].clone());
        }
        "response.output_text.done" => {
            assert_eq!(event["text"], item["content"][content]["text"]);
            item["content"][content]["logprobs"] = event["logprobs"].clone();
        }
        "response.refusal.done" => assert_eq!(event["refusal"], item["content"][content]["refusal"]),
        "response.content_part.done" => assert_eq!(event["part"], item["content"][content]),
        "response.reasoning_summary_part.added" => {
            assert_eq!(
                (event["summary_index"].as_u64(), item["summary"].as_array().unwrap().len()),
                (Some(0), 0)
            );
            item["summary"].as_array_mut().unwrap().push(event["part"].clone());
        }
        "response.reasoning_summary_text.delta" => grow(&mut item["summary"][0]["text"]),
        "response.reasoning_summary_text.done" => assert_eq!(event["text"], item["summary"][0]["text"]),
        "response.reasoning_summary_part.done" => assert_eq!(event["part"], item["summary"][0]),
        "response.function_call_arguments.delta" => grow(&mut item["arguments"]),
        "response.function_call_arguments.done" => assert_eq!(event["arguments"], item["arguments"]),
        "response.custom_tool_call_input.delta" => grow(&mut item["input"]),
        "response.custom_tool_call_input.done" => assert_eq!(event["input"], item["input"]),
        other => panic!("unknown event {other}"),
    }
}

/// The events of an answer; `cut` determines how texts are split, and adjacent tool calls overlap.
pub(super) fn events_of(response: &ChatResponse, cut: usize, usage_first: bool) -> Vec<StreamEvent> {
    let mut events = vec![StreamEvent::Start {
        id: response.id.clone(),
        model: response.model.clone(),
        created: response.created,
    }];
    let choice = response.choices.first().unwrap();
    let mut open_calls: Vec<usize> = Vec::new();
    for (part, content) in choice.parts.iter().enumerate() {
        let is_call = matches!(content, Part::ToolCall { .. });
        if !is_call {
            // In another order than they started.
            events.extend(open_calls.drain(..).rev().map(|part| StreamEvent::PartEnd { choice: 0, part }));
        }
        part_events(part, content, cut, &mut events);
        if is_call {
            open_calls.push(part);
        } else {
            events.push(StreamEvent::PartEnd { choice: 0, part });
        }
    }
    events.extend(open_calls.drain(..).rev().map(|part| StreamEvent::PartEnd { choice: 0, part }));
    let usage = response.usage.map(StreamEvent::Usage);
    let finish = choice.finish.clone().map(|reason| StreamEvent::Finish { choice: 0, reason });
    if usage_first {
        events.extend(usage.into_iter().chain(finish));
    } else {
        events.extend(finish.into_iter().chain(usage));
    }
    events.push(StreamEvent::Done);
    events
}

fn part_events(part: usize, content: &Part, cut: usize, events: &mut Vec<StreamEvent>) {
    let choice = 0;
    let start = match content {
        Part::Text { .. } => PartStart::Text,
        Part::Thinking { .. } => PartStart::Thinking,
        Part::Refusal { .. } => PartStart::Refusal,
        Part::RedactedThinking { data } => PartStart::RedactedThinking { data: data.clone() },
        Part::ToolCall { id, name, .. } => PartStart::ToolCall { id: id.clone(), name: name.clone() },
        _ => panic!("not part of an answer"),
    };
    events.push(StreamEvent::PartStart { choice, part, start });
    let pieces = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(cut.max(1)).map(|piece| piece.iter().collect()).collect()
    };
    match content {
        Part::Text { text, citations, .. } => {
            for citation in citations {
                events.push(StreamEvent::Citation { choice, part, citation: citation.clone() });
            }
            events.extend(pieces(text).into_iter().map(|text| StreamEvent::TextDelta { choice, part, text }));
        }
        Part::Thinking { text, signature } => {
            events.extend(pieces(text).into_iter().map(|text| StreamEvent::TextDelta { choice, part, text }));
            for signature in pieces(signature.as_deref().unwrap_or_default()) {
                events.push(StreamEvent::SignatureDelta { choice, part, signature });
            }
        }
        Part::Refusal { text } => {
            events.extend(pieces(text).into_iter().map(|text| StreamEvent::TextDelta { choice, part, text }));
        }
        Part::ToolCall { arguments, signature, .. } => {
            for signature in pieces(signature.as_deref().unwrap_or_default()) {
                events.push(StreamEvent::SignatureDelta { choice, part, signature });
            }
            events.extend(pieces(arguments).into_iter().map(|text| StreamEvent::ArgumentsDelta {
                choice,
                part,
                text,
            }));
        }
        _ => {}
    }
}

/// An answer of any parts.
pub(super) fn any_response() -> impl Strategy<Value = ChatResponse> {
    let signature = || prop::option::of("[A-Za-z0-9+/]{1,12}={0,2}");
    let citation = (
        prop::option::of("https://[a-z]{1,5}\\.example"),
        prop::option::of(".{0,6}"),
        prop::option::of((0_u64..9, 9_u64..20)),
    )
        .prop_map(|(url, title, span)| Citation {
            url,
            title,
            cited_text: None,
            span,
            original: None,
            ..Citation::default()
        });
    let call = |name: &'static str| {
        (r#"|\{\}|\{"a":"é[a-z]{0,9}"\}"#, signature()).prop_map(move |(arguments, signature)| {
            Part::ToolCall { id: String::new(), name: name.into(), arguments, signature, cache: None }
        })
    };
    let part = prop_oneof![
        ("\\PC{0,12}", prop::collection::vec(citation, 0..3)).prop_map(|(text, citations)| Part::Text {
            text,
            citations,
            cache: None
        }),
        ("\\PC{0,12}", signature()).prop_map(|(text, signature)| Part::Thinking { text, signature }),
        "[a-z]{1,9}".prop_map(|data| Part::RedactedThinking { data }),
        "\\PC{0,12}".prop_map(|text| Part::Refusal { text }),
        call("weather"),
        call("patch"),
        call("files__read"),
    ];
    let finish = prop::sample::select(vec![
        None,
        Some(FinishReason::Stop),
        Some(FinishReason::Length),
        Some(FinishReason::ToolCalls),
        Some(FinishReason::ContentFilter),
        Some(FinishReason::Pause),
        Some(FinishReason::Refusal),
    ]);
    (prop::collection::vec(part, 0..6), finish, prop::option::of((0_u64..99, 0_u64..99))).prop_map(
        |(mut parts, finish, usage)| {
            for (number, part) in parts.iter_mut().enumerate() {
                if let Part::ToolCall { id, .. } = part {
                    *id = format!("call_{number}");
                }
            }
            ChatResponse {
                id: Some("upstream-id".into()),
                created: Some(1_600_000_000),
                model: Some("served-model".into()),
                choices: vec![Choice { parts, finish, logprobs: None }],
                usage: usage.map(|(prompt, completion)| TokenUsage {
                    prompt,
                    completion,
                    ..TokenUsage::default()
                }),
                ..ChatResponse::default()
            }
        },
    )
}

/// One text as an answer.
pub(super) fn text_response(text: &str) -> ChatResponse {
    ChatResponse {
        choices: vec![Choice {
            parts: vec![Part::text(text)],
            finish: Some(FinishReason::Stop),
            logprobs: None,
        }],
        ..ChatResponse::default()
    }
}

/// Log probabilities of one token.
pub(super) fn logprobs(token: &str) -> Json {
    Json::of(
        &json!({"content": [{"token": token, "logprob": -0.1, "bytes": null, "top_logprobs": []}], "refusal": null}),
    )
}
