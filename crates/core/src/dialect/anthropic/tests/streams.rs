//! Streamed answers.

use super::*;
use StreamEvent as E;

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"c\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";
const STOP: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn data(json: &str) -> String {
    format!("data: {json}\n\n")
}

fn read(stream: &str) -> Vec<StreamEvent> {
    read_stream([stream.as_bytes()])
}

fn tool_start(part: usize, id: &str) -> E {
    E::PartStart { choice: 0, part, start: PartStart::ToolCall { id: id.into(), name: "get".into() } }
}

fn arguments(part: usize, text: &str) -> E {
    E::ArgumentsDelta { choice: 0, part, text: text.into() }
}

fn part_end(part: usize) -> E {
    E::PartEnd { choice: 0, part }
}

fn finish(reason: FinishReason) -> E {
    E::Finish { choice: 0, reason }
}

fn start() -> E {
    E::Start { id: Some("x1".into()), model: Some("m1".into()), created: None }
}

#[test]
fn a_block_that_is_neither_begun_nor_ended_is_understood() {
    let delta = data(r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#);
    let events = read(&format!("{START}{delta}{STOP}"));
    assert_eq!(
        events,
        [
            E::Start { id: Some("msg_1".into()), model: Some("c".into()), created: None },
            E::Usage(TokenUsage { prompt: 9, completion: 1, ..TokenUsage::default() }),
            E::PartStart { choice: 0, part: 0, start: PartStart::Text },
            E::TextDelta { choice: 0, part: 0, text: "hi".into() },
            part_end(0),
            finish(FinishReason::Stop),
            E::Usage(TokenUsage { prompt: 9, completion: 5, ..TokenUsage::default() }),
            E::Done,
        ]
    );
}

#[test]
fn text_in_the_beginning_of_a_block_and_blocks_of_the_provider_s_own() {
    let events = read(&[
        START.to_owned(),
        data(r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#),
        data(r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\""}}"#),
        data(r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":":\"x\"}"}}"#),
        data(r#"{"type":"content_block_stop","index":0}"#),
        data(r#"{"type":"content_block_start","index":1,"content_block":{"type":"hologram","x":1}}"#),
        data(r#"{"type":"content_block_stop","index":1}"#),
        data(r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":"He"}}"#),
        data(r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"llo"}}"#),
        STOP.to_owned(),
    ].concat());
    let response = assemble(events).unwrap();
    let search = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"}}"#;
    let search =
        Part::ProviderBlock { origin: SignatureOrigin::Anthropic, block: Json::parse(search).unwrap() };
    assert_eq!(response.choices[0].parts, [search, Part::text("Hello")]);
}

#[test]
fn arguments_that_come_whole_or_not_at_all() {
    for (input, deltas, arguments) in
        [("{}", "", "{}"), (r#"{"a":1}"#, "", r#"{"a":1}"#), ("{}", r#"{"a": 2}"#, r#"{"a": 2}"#)]
    {
        let begin = data(&format!(
            r#"{{"type":"content_block_start","index":0,"content_block":{{"type":"tool_use","id":"t","name":"n","input":{input}}}}}"#
        ));
        let delta = json!({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":deltas}});
        let events = read(&format!("{START}{begin}{}{STOP}", data(&delta.to_string())));
        let response = assemble(events).unwrap();
        assert!(
            matches!(&response.choices[0].parts[0], Part::ToolCall { arguments: held, .. } if held == arguments)
        );
        assert_eq!(
            response.choices[0].finish,
            Some(FinishReason::ToolCalls),
            "calls make a plain stop one of calls"
        );
    }
}

#[test]
fn the_ends_that_are_errors() {
    let overloaded = data(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
    for (stream, status, code) in [
        (String::new(), 502, "upstream_stream_truncated"),
        (START.to_owned(), 502, "upstream_stream_truncated"),
        (format!("{START}data: {{\"type\":\n\n{STOP}"), 502, "upstream_invalid_response"),
        (format!("{START}{overloaded}{STOP}"), 529, "overloaded_error"),
        (format!("{START}event: error\ndata: oops\n\n"), 502, "upstream_error"),
        (
            format!("{START}data: {{\"error\":{{\"message\":\"m\",\"type\":\"api_error\"}}}}\n\n"),
            500,
            "api_error",
        ),
        (format!("data: {}\n\n", "x".repeat(5 << 20)), 502, "upstream_invalid_response"),
        (
            START.to_owned()
                + &data(
                    r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
                ),
            502,
            "upstream_invalid_response",
        ),
    ] {
        let events = read(&stream);
        let errors = events.iter().filter(|event| matches!(event, E::Error(_))).count();
        assert_eq!(errors, 1);
        assert!(!events.contains(&E::Done));
        let Some(E::Error(error)) = events.last() else { panic!("{events:?}") };
        assert_eq!((error.status, error.code.as_deref()), (status, Some(code)));
    }
}

#[test]
fn a_reason_to_stop_is_an_end() {
    let (delta, _) = STOP.split_once("event: message_stop").unwrap();
    assert_eq!(read(&format!("{START}{delta}")).last(), Some(&E::Done));
    let unfinished = delta.trim_end();
    assert_eq!(read(&format!("{START}{unfinished}")).last(), Some(&E::Done), "its blank line is missing");
    assert_eq!(read(&format!("{START}{delta}data: [DONE]\n\n")).last(), Some(&E::Done));
}

#[test]
fn calls_beside_each_other_are_written_one_after_the_other() {
    let stream = write_stream(&[
        start(),
        E::Usage(TokenUsage { prompt: 12, ..TokenUsage::default() }),
        tool_start(0, "a"),
        tool_start(1, "b"),
        arguments(1, r#"{"y":"#),
        arguments(0, r#"{"x":"#),
        E::Ping,
        arguments(1, "2}"),
        arguments(0, "1}"),
        part_end(1),
        part_end(0),
        E::Usage(TokenUsage { prompt: 12, completion: 8, ..TokenUsage::default() }),
        finish(FinishReason::ToolCalls),
        E::Done,
    ]);
    assert_eq!(
        names(&stream),
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert!(stream.contains(r#""usage":{"input_tokens":12,"cache_creation_input_tokens":0"#), "{stream}");
    let response = assemble(read(&stream)).unwrap();
    let ids: Vec<_> = response.choices[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolCall { id, arguments, .. } => (id.as_str(), arguments.as_str()),
            _ => panic!(),
        })
        .collect();
    assert_eq!(ids, [("a", r#"{"x":1}"#), ("b", r#"{"y":2}"#)]);
    assert_eq!(response.usage.unwrap().total(), 20);
}

#[test]
fn a_signature_leaves_in_one_piece_and_empty_text_leaves_nothing() {
    let stream = write_stream(&[
        start(),
        E::PartStart { choice: 0, part: 0, start: PartStart::Text },
        part_end(0),
        E::PartStart { choice: 0, part: 1, start: PartStart::Thinking },
        E::TextDelta { choice: 0, part: 1, text: "hm".into() },
        E::SignatureDelta { choice: 0, part: 1, signature: "ab".into() },
        E::SignatureDelta { choice: 0, part: 1, signature: "cd".into() },
        part_end(1),
        finish(FinishReason::Stop),
        E::Done,
    ]);
    assert_eq!(stream.matches("signature_delta").count(), 1);
    assert!(stream.contains(r#"{"type":"signature_delta","signature":"abcd"}"#));
    assert_eq!(stream.matches("content_block_start").count(), 2, "the name and the type of one event");
}

#[test]
fn an_error_ends_a_stream_without_making_it_whole() {
    let stream = write_stream(&[
        start(),
        E::PartStart { choice: 0, part: 0, start: PartStart::Text },
        E::TextDelta { choice: 0, part: 0, text: "x".into() },
        E::Error(ErrorInfo::truncated()),
        E::Done,
    ]);
    assert_eq!(names(&stream), ["message_start", "content_block_start", "content_block_delta", "error"]);
    let events = read(&stream);
    assert!(matches!(events.last(), Some(E::Error(error)) if error.kind == ErrorKind::Server));
}

#[test]
fn the_signature_of_a_call_is_in_the_id_of_its_beginning() {
    let signature = E::SignatureDelta { choice: 0, part: 0, signature: "abc".into() };
    let stream =
        write_stream(&[start(), tool_start(0, "a"), signature, arguments(0, "{}"), part_end(0), E::Done]);
    assert!(stream.contains(r#""id":"a__sig_YWJj""#), "{stream}");
}

#[test]
fn of_several_answers_the_first_is_written() {
    let stream = write_stream(&[
        start(),
        E::PartStart { choice: 1, part: 0, start: PartStart::Text },
        E::TextDelta { choice: 1, part: 0, text: "second".into() },
        E::PartStart { choice: 0, part: 0, start: PartStart::Text },
        E::TextDelta { choice: 0, part: 0, text: "first".into() },
        finish(FinishReason::Length),
        E::Finish { choice: 1, reason: FinishReason::Stop },
        E::Done,
    ]);
    assert!(stream.contains("first") && !stream.contains("second"));
    assert!(stream.contains(r#""stop_reason":"max_tokens""#));
}

#[test]
fn nothing_but_comments_is_written_before_the_start() {
    let written = write_stream(&[E::Ping, start(), E::Ping, E::Done]);
    assert!(written.starts_with(": keep-alive\n\nevent: message_start\n"), "{written}");
    assert!(written.contains("event: ping\n"), "{written}");
}

#[test]
fn arguments_that_are_no_object_are_written_as_one() {
    for (pieces, input) in [
        (["4 ", "+ 4"], r#"{"arguments":"4 + 4"}"#),
        (["nu", "ll"], "{}"),
        ([" ", "{}"], "{}"),
        (["[1", "]"], r#"{"arguments":"[1]"}"#),
        (["", ""], ""),
    ] {
        let [first, second] = pieces;
        let events =
            [start(), tool_start(0, "t"), arguments(0, first), arguments(0, second), part_end(0), E::Done];
        let written = write_stream(&events);
        let partial = |line: &str| -> Option<String> {
            let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).unwrap();
            event["delta"]["partial_json"].as_str().map(str::to_owned)
        };
        assert_eq!(written.lines().filter_map(partial).collect::<String>(), input, "{pieces:?}");
    }
}
