//! Answers, streamed and not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Responses, ResponsesEncoder, ResponsesRequest};
use super::support::{
    any_response, context, encoder, encoder_of, events_of, kinds, logprobs, read, replay, streamed,
    text_response,
};
use crate::dialect::canonical::{
    CallerCodec, ChatResponse, Choice, Citation, ErrorInfo, FinishReason, Part, PartStart, StreamEncoder,
    StreamEvent,
};
use crate::tokens::TokenUsage;

fn body(encoder: &ResponsesEncoder, response: &ChatResponse) -> Value {
    serde_json::from_slice(&encoder.encode(response)).unwrap()
}

fn start() -> StreamEvent {
    StreamEvent::Start { id: None, model: None, created: None }
}

fn begin(part: usize, start: PartStart) -> StreamEvent {
    StreamEvent::PartStart { choice: 0, part, start }
}

fn call(part: usize, id: &str, name: &str) -> StreamEvent {
    begin(part, PartStart::ToolCall { id: id.into(), name: name.into() })
}

fn text(part: usize, text: &str) -> StreamEvent {
    StreamEvent::TextDelta { choice: 0, part, text: text.into() }
}

fn arguments(part: usize, text: &str) -> StreamEvent {
    StreamEvent::ArgumentsDelta { choice: 0, part, text: text.into() }
}

fn end(part: usize) -> StreamEvent {
    StreamEvent::PartEnd { choice: 0, part }
}

fn finish(reason: FinishReason) -> StreamEvent {
    StreamEvent::Finish { choice: 0, reason }
}

#[test]
fn text_is_streamed_in_the_documented_order() {
    let usage = TokenUsage {
        prompt: 9,
        completion: 4,
        cached: 3,
        cache_written: 2,
        reasoning: 1,
        ..TokenUsage::default()
    };
    let events = read(&streamed(
        &encoder(),
        &[
            start(),
            begin(0, PartStart::Text),
            text(0, "Hel"),
            StreamEvent::Ping,
            text(0, "lo"),
            end(0),
            finish(FinishReason::Stop),
            StreamEvent::Usage(usage),
            StreamEvent::Done,
        ],
    ));
    assert_eq!(
        kinds(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!(
        (&events[0]["response"]["output"], &events[0]["response"]["usage"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(
        events[2]["item"],
        json!({"type": "message", "id": "msg_u1_0", "status": "in_progress", "role": "assistant", "content": []})
    );
    assert_eq!(
        events[4],
        json!({"type": "response.output_text.delta", "sequence_number": 4, "item_id": "msg_u1_0", "output_index": 0,
               "content_index": 0, "delta": "Hel", "logprobs": []})
    );
    let last = &events[9]["response"];
    assert_eq!((&last["id"], &last["status"]), (&json!("resp_u1"), &json!("completed")));
    assert_eq!((&last["model"], &last["created_at"]), (&json!("asked-model"), &json!(1_700_000_000)));
    assert_eq!(last["output"], json!(replay(&events)));
    assert_eq!(
        last["usage"],
        json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
               "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 13})
    );
}

#[test]
fn thoughts_refusals_and_sources_have_their_events() {
    let citation = Citation {
        url: Some("https://a.example".into()),
        title: None,
        cited_text: Some("x".into()),
        span: None,
        original: None,
        ..Citation::default()
    };
    let events = read(&streamed(
        &encoder(),
        &[
            start(),
            begin(0, PartStart::Thinking),
            text(0, "Hm"),
            StreamEvent::SignatureDelta { choice: 0, part: 0, signature: "si".into() },
            StreamEvent::SignatureDelta { choice: 0, part: 0, signature: "g=".into() },
            end(0),
            begin(1, PartStart::RedactedThinking { data: "x".into() }),
            end(1),
            begin(2, PartStart::Text),
            StreamEvent::Citation { choice: 0, part: 2, citation },
            text(2, "Yés"),
            end(2),
            begin(3, PartStart::Refusal),
            text(3, "No"),
            end(3),
            finish(FinishReason::Refusal),
            StreamEvent::Done,
        ],
    ));
    assert_eq!(
        kinds(&events)[2..],
        [
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.annotation.added",
            "response.output_text.done",
            "response.content_part.done",
            "response.content_part.added",
            "response.refusal.delta",
            "response.refusal.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let items = replay(&events);
    assert_eq!(
        items[0],
        json!({"type": "reasoning", "id": "rs_u1_0", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "sig="})
    );
    assert_eq!(items[1]["encrypted_content"], "redacted_thinking:x");
    assert_eq!(
        items[2]["content"],
        json!([
            {"type": "output_text", "text": "Yés", "logprobs": [], "annotations": [
                {"type": "url_citation", "url": "https://a.example", "title": "", "start_index": 0, "end_index": 3},
            ]},
            {"type": "refusal", "refusal": "No"},
        ])
    );
}

#[test]
fn calls_beside_each_other_keep_apart() {
    let events = read(&streamed(
        &encoder(),
        &[
            start(),
            call(0, "c0", "weather"),
            arguments(0, "{\"a\""),
            call(1, "c1", "patch"),
            arguments(1, "{\"input\":\"x\\"),
            arguments(0, ":1}"),
            arguments(1, "n\"}"),
            call(2, "c2", "files__read"),
            end(1),
            end(0),
            end(2),
            finish(FinishReason::ToolCalls),
            StreamEvent::Done,
        ],
    ));
    let items = replay(&events);
    assert_eq!(
        items,
        [
            json!({"type": "function_call", "id": "fc_u1_0", "status": "completed", "call_id": "c0", "name": "weather", "arguments": "{\"a\":1}"}),
            json!({"type": "custom_tool_call", "id": "ctc_u1_1", "status": "completed", "call_id": "c1", "name": "patch", "input": "x\n"}),
            json!({"type": "function_call", "id": "fc_u1_2", "status": "completed", "call_id": "c2", "name": "read", "namespace": "files", "arguments": "{}"}),
        ]
    );
    assert_eq!(events.last().unwrap()["response"]["output"], json!(items));
    let deltas = events.iter().filter(|event| event["type"] == "response.custom_tool_call_input.delta");
    assert_eq!(deltas.map(|event| event["delta"].clone()).collect::<Vec<_>>(), ["x\n"]);
}

#[test]
fn a_cut_answer_is_incomplete() {
    for (reason, said) in [
        (FinishReason::Length, json!({"reason": "max_output_tokens"})),
        (FinishReason::ContentFilter, json!({"reason": "content_filter"})),
        (FinishReason::Pause, json!({"reason": "max_output_tokens"})),
    ] {
        let events = read(&streamed(
            &encoder(),
            &[
                start(),
                call(0, "c0", "f"),
                end(0),
                call(1, "c1", "f"),
                arguments(1, "{\"a"),
                end(1),
                finish(reason.clone()),
                StreamEvent::Done,
            ],
        ));
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(
            (&last["response"]["status"], &last["response"]["incomplete_details"]),
            (&json!("incomplete"), &said)
        );
        let items = replay(&events);
        assert_eq!((&items[0]["status"], &items[1]["status"]), (&json!("completed"), &json!("incomplete")));
    }
}

#[test]
fn a_failure_is_said_twice_and_nothing_follows() {
    let mut stream = encoder().stream();
    let mut out = Vec::new();
    let mut error = ErrorInfo::in_stream("upstream_stream_truncated", "It broke off.");
    error.param = Some("p".into());
    for event in
        [start(), begin(0, PartStart::Text), text(0, "Hal"), StreamEvent::Error(error), StreamEvent::Done]
    {
        stream.encode(&event, &mut out);
    }
    let events = read(&out);
    assert_eq!(kinds(&events)[5..], ["error", "response.failed"]);
    assert_eq!(
        events[5],
        json!({"type": "error", "sequence_number": 5, "code": "upstream_stream_truncated", "message": "It broke off.", "param": "p",
               "error": {"type": "server_error", "code": "upstream_stream_truncated", "message": "It broke off.", "param": "p"}})
    );
    let response = &events[6]["response"];
    assert_eq!(response["status"], "failed");
    assert_eq!(response["error"], json!({"code": "upstream_stream_truncated", "message": "It broke off."}));
    assert_eq!(
        (&response["output"][0]["status"], &response["output"][0]["content"][0]["text"]),
        (&json!("incomplete"), &json!("Hal"))
    );
    assert!(stream.is_over());
    let kept: Value = serde_json::from_slice(&stream.response()).unwrap();
    assert_eq!(kept, *response);
}

#[test]
fn an_early_failure_still_makes_a_stream() {
    let events = read(&streamed(&encoder(), &[StreamEvent::Error(ErrorInfo::of_status(529, "Busy."))]));
    assert_eq!(kinds(&events), ["response.created", "response.in_progress", "error", "response.failed"]);
    assert_eq!(events[3]["response"]["error"]["code"], "server_is_overloaded");
}

#[test]
fn log_probabilities_come_with_their_text() {
    let encoder =
        encoder_of(&json!({"model": "m", "input": "x", "include": ["message.output_text.logprobs"]}));
    let probable = |token: &str| StreamEvent::Logprobs { choice: 0, logprobs: logprobs(token) };
    let events = read(&streamed(
        &encoder,
        &[
            start(),
            begin(0, PartStart::Text),
            text(0, "a"),
            probable("a"),
            text(0, "b"),
            text(0, "c"),
            probable("c"),
            end(0),
            finish(FinishReason::Stop),
            StreamEvent::Done,
        ],
    ));
    let deltas: Vec<(&Value, usize)> = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| (&event["delta"], event["logprobs"].as_array().unwrap().len()))
        .collect();
    assert_eq!(deltas, [(&json!("a"), 1), (&json!("b"), 0), (&json!("c"), 1)]);
    let items = replay(&events);
    assert_eq!(items[0]["content"][0]["logprobs"].as_array().unwrap().len(), 2);
    let mut response = text_response("a");
    response.choices[0].logprobs = Some(logprobs("a"));
    response.choices[0].parts.push(Part::RedactedThinking { data: "x".into() });
    assert_eq!(body(&encoder, &response)["output"][0]["content"][0]["logprobs"][0]["token"], "a");
}

#[test]
fn the_answer_repeats_the_request() {
    let settings = json!({
        "model": "m", "input": "x", "instructions": "Be brief.", "max_output_tokens": 5, "metadata": {"a": "b"},
        "parallel_tool_calls": false, "previous_response_id": "resp_0", "prompt_cache_key": "k",
        "reasoning": {"effort": "low"}, "safety_identifier": "s", "service_tier": "flex", "store": false,
        "temperature": 1, "text": {"verbosity": "low"}, "tool_choice": "none",
        "tools": [{"type": "function", "name": "f"}], "top_logprobs": 2, "top_p": 0.5, "truncation": "auto", "user": "u",
        "max_tool_calls": 1,
    });
    let answer = body(&encoder_of(&settings), &text_response("Hi"));
    for (name, value) in settings.as_object().unwrap() {
        match name.as_str() {
            "model" | "input" => {}
            "reasoning" => assert_eq!(answer[name], json!({"effort": "low", "summary": null})),
            "text" => assert_eq!(answer[name], json!({"verbosity": "low", "format": {"type": "text"}})),
            _ => assert_eq!(&answer[name], value, "{name}"),
        }
    }
    assert!(answer.get("output_text").is_none());
}

#[test]
fn an_answer_without_request_repeats_defaults() {
    let response = ChatResponse { service_tier: Some("default".into()), ..text_response("Hi") };
    let answer: Value = serde_json::from_slice(&Responses.encode_response(&response, &context())).unwrap();
    assert_eq!(
        answer,
        json!({
            "id": "resp_u1", "object": "response", "created_at": 1_700_000_000, "status": "completed", "background": false,
            "completed_at": null, "error": null, "incomplete_details": null, "model": "asked-model",
            "output": [{"type": "message", "id": "msg_u1_0", "status": "completed", "role": "assistant",
                        "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}]}],
            "usage": null, "service_tier": "default", "access_programs": null, "instructions": null,
            "max_output_tokens": null, "max_tool_calls": null, "metadata": {}, "parallel_tool_calls": true,
            "previous_response_id": null, "prompt_cache_key": null, "prompt_cache_retention": null,
            "reasoning": {"effort": null, "summary": null}, "safety_identifier": null, "store": true,
            "temperature": null, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_logprobs": 0, "top_p": null, "truncation": "disabled", "user": null,
        })
    );
    let mut stream = Responses.stream_encoder(&context(), false);
    let mut out = Vec::new();
    stream.encode(&StreamEvent::Done, &mut out);
    assert_eq!(kinds(&read(&out)), ["response.created", "response.in_progress", "response.completed"]);
}

#[test]
fn other_choices_and_stray_events_are_ignored() {
    let events = read(&streamed(
        &encoder(),
        &[
            start(),
            text(7, "stray"),
            end(7),
            StreamEvent::PartStart { choice: 1, part: 0, start: PartStart::Text },
            StreamEvent::TextDelta { choice: 1, part: 0, text: "other".into() },
            begin(0, PartStart::Text),
            text(0, "one"),
            // Never ended.
            finish(FinishReason::Stop),
            begin(1, PartStart::Text),
            text(1, "late"),
            StreamEvent::Done,
        ],
    ));
    assert_eq!(replay(&events), events.last().unwrap()["response"]["output"].as_array().unwrap()[..]);
    assert_eq!(events.last().unwrap()["response"]["output"][0]["content"][0]["text"], "one");
    let mut two = text_response("one");
    two.choices.push(Choice::default());
    assert_eq!(body(&encoder(), &two)["output"].as_array().unwrap().len(), 1);
}

/// What is decoded when the caller sends the answer's items with the next request.
fn given_back(output: &Value) -> Vec<Part> {
    let mut input = vec![json!({"role": "user", "content": "Hi"})];
    input.extend_from_slice(output.as_array().unwrap());
    let body = json!({"model": "m", "input": input});
    let request = ResponsesRequest::parse(body.to_string().as_bytes(), "u2").unwrap().request;
    request.messages.into_iter().skip(1).flat_map(|message| message.parts).collect()
}

/// The part after translation: a call has arguments, citations have this dialect's form only, and empty thinking
/// blocks are gone.
fn after_translation(part: Part) -> Option<Part> {
    match part {
        Part::Text { text, .. } => Some(Part::text(text)),
        Part::Thinking { text, signature: None } if text.is_empty() => None,
        Part::ToolCall { id, name, arguments, signature, cache } => {
            let arguments = match (name.as_str(), arguments.as_str()) {
                ("patch", input) => json!({ "input": input }).to_string(),
                (_, "") => "{}".into(),
                (_, arguments) => arguments.into(),
            };
            Some(Part::ToolCall { id, name, arguments, signature, cache })
        }
        part => Some(part),
    }
}

/// Without citations, which the test of the content covers.
fn without_sources(part: Part) -> Part {
    match part {
        Part::Text { text, .. } => Part::text(text),
        part => part,
    }
}

proptest! {
    #[test]
    fn streamed_equals_unstreamed(response in any_response(), cut in 1_usize..5, usage_first in any::<bool>()) {
        let encoder = encoder();
        let expected = body(&encoder, &response);
        let events = read(&streamed(&encoder, &events_of(&response, cut, usage_first)));
        prop_assert_eq!(&events.last().unwrap()["response"], &expected);
        prop_assert_eq!(json!(replay(&events)), expected["output"].clone());
    }

    #[test]
    fn the_answer_can_be_given_back(response in any_response()) {
        let output = body(&encoder(), &response)["output"].clone();
        let mut expected: Vec<Part> =
            response.choices[0].parts.iter().cloned().filter_map(after_translation).collect();
        let is_silent = !expected.iter().any(|part| matches!(part, Part::Text { .. } | Part::Refusal { .. }));
        if response.choices[0].finish == Some(FinishReason::Refusal) && is_silent {
            expected.push(Part::Refusal { text: "The model refused to answer.".into() });
        }
        let found: Vec<Part> = given_back(&output).into_iter().map(without_sources).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_events_make_a_readable_stream(events in prop::collection::vec(any_event(), 0..30), wants_logprobs in any::<bool>()) {
        let include = if wants_logprobs { json!(["message.output_text.logprobs"]) } else { json!([]) };
        let encoder = encoder_of(&json!({"model": "m", "input": "x", "include": include}));
        let mut events = events;
        events.push(StreamEvent::Done);
        let written = read(&streamed(&encoder, &events));
        let ends = kinds(&written).into_iter().filter(|kind| {
            ["response.completed", "response.incomplete", "response.failed"].contains(kind)
        });
        prop_assert_eq!(ends.count(), 1);
        if written.last().unwrap()["type"] != "response.failed" {
            prop_assert_eq!(json!(replay(&written)), written.last().unwrap()["response"]["output"].clone());
        }
    }
}

/// Events in an invalid order.
fn any_event() -> impl Strategy<Value = StreamEvent> {
    let part = 0_usize..4;
    prop_oneof![
        Just(start()),
        part.clone().prop_map(|part| begin(part, PartStart::Text)),
        part.clone().prop_map(|part| begin(part, PartStart::Thinking)),
        part.clone().prop_map(|part| begin(part, PartStart::Refusal)),
        part.clone().prop_map(|part| call(part, "", "f")),
        part.clone().prop_map(|part| text(part, "te")),
        part.clone().prop_map(|part| arguments(part, "{}")),
        part.prop_map(end),
        Just(StreamEvent::Logprobs { choice: 0, logprobs: logprobs("t") }),
        Just(StreamEvent::Ping),
        Just(finish(FinishReason::Length)),
        Just(StreamEvent::Usage(TokenUsage::default())),
        Just(StreamEvent::Error(ErrorInfo::malformed())),
    ]
}
