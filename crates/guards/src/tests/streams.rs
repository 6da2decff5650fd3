use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::pipe::{Forward, StreamOutcome, StreamPipe};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::scanner::Scanner;
use crate::stream::GuardPipe;

const DIALECTS: [CallerDialect; 5] = [
    CallerDialect::OpenaiChat,
    CallerDialect::OpenaiCompletions,
    CallerDialect::OpenaiResponses,
    CallerDialect::Anthropic,
    CallerDialect::Gemini,
];

fn event(name: Option<&str>, data: &Value) -> String {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n")
}

/// A stream that says a text in pieces, in a dialect.
fn stream(dialect: CallerDialect, pieces: &[String]) -> String {
    let mut out = String::new();
    let text = pieces.concat();
    match dialect {
        CallerDialect::OpenaiChat => {
            for piece in pieces {
                out += &event(None, &json!({"id":"c","choices":[{"index":0,"delta":{"content":piece}}]}));
            }
            out += &event(None, &json!({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}));
            out += "data: [DONE]\n\n";
        }
        CallerDialect::OpenaiCompletions => {
            for piece in pieces {
                out += &event(
                    None,
                    &json!({"id":"c","choices":[{"index":0,"text":piece,"finish_reason":null}]}),
                );
            }
            out += &event(None, &json!({"id":"c","choices":[{"index":0,"text":"","finish_reason":"stop"}]}));
            out += "data: [DONE]\n\n";
        }
        CallerDialect::Anthropic => {
            let message = json!({"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}});
            out += &event(Some("message_start"), &json!({"type":"message_start","message":message}));
            let start =
                json!({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}});
            out += &event(Some("content_block_start"), &start);
            for piece in pieces {
                let delta = json!({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":piece}});
                out += &event(Some("content_block_delta"), &delta);
                out += &event(Some("ping"), &json!({"type":"ping"}));
            }
            out += &event(Some("content_block_stop"), &json!({"type":"content_block_stop","index":0}));
            let end = json!({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}});
            out += &event(Some("message_delta"), &end);
            out += &event(Some("message_stop"), &json!({"type":"message_stop"}));
        }
        CallerDialect::OpenaiResponses => {
            let mut number = 0;
            let mut add = |kind: &str, mut data: Value| {
                data["type"] = kind.into();
                data["sequence_number"] = number.into();
                number += 1;
                out += &event(Some(kind), &data);
            };
            add("response.created", json!({"response":{"id":"r","status":"in_progress","output":[]}}));
            for piece in pieces {
                add(
                    "response.output_text.delta",
                    json!({"item_id":"i","output_index":0,"content_index":0,"delta":piece}),
                );
            }
            add(
                "response.output_text.done",
                json!({"item_id":"i","output_index":0,"content_index":0,"text":text}),
            );
            let item = json!({"id":"i","type":"message","role":"assistant","content":[{"type":"output_text","text":text}]});
            add("response.completed", json!({"response":{"id":"r","status":"completed","output":[item]}}));
        }
        CallerDialect::Gemini => {
            for piece in pieces {
                out += &event(
                    None,
                    &json!({"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":piece}]}}]}),
                );
            }
            let end =
                json!({"candidates":[{"index":0,"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]});
            out += &event(None, &end);
        }
    }
    out
}

/// What the deltas of a stream add up to, the texts that it has as a whole, and whether its events are numbered in order.
fn heard(dialect: CallerDialect, stream: &str) -> (String, Vec<String>, bool) {
    let (mut said, mut whole, mut numbers) = (String::new(), Vec::new(), Vec::new());
    for line in stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|line| *line != "[DONE]")
    {
        let data: Value = serde_json::from_str(line).unwrap();
        let delta = match dialect {
            CallerDialect::OpenaiChat => &data["choices"][0]["delta"]["content"],
            CallerDialect::OpenaiCompletions => &data["choices"][0]["text"],
            CallerDialect::OpenaiResponses => &data["delta"],
            CallerDialect::Anthropic => &data["delta"]["text"],
            CallerDialect::Gemini => &data["candidates"][0]["content"]["parts"][0]["text"],
        };
        said += delta.as_str().unwrap_or_default();
        let complete = [&data["text"], &data["response"]["output"][0]["content"][0]["text"]];
        whole.extend(complete.into_iter().filter_map(Value::as_str).map(str::to_owned));
        numbers.extend(data["sequence_number"].as_u64());
    }
    (said, whole, numbers.windows(2).all(|two| two[0] < two[1]))
}

struct Ran {
    told: String,
    outcome: StreamOutcome,
    is_blocked: bool,
    recorded: String,
}

fn run(rules: &Rc<ContentRules>, dialect: CallerDialect, stream: &str, size: usize) -> Ran {
    let mut pipe = GuardPipe::new(native::tap(dialect, false), rules.clone(), dialect, false);
    let mut told = Vec::new();
    for chunk in stream.as_bytes().chunks(size) {
        match pipe.push(chunk) {
            Forward::Unchanged => told.extend_from_slice(chunk),
            Forward::Replaced(bytes) => told.extend(bytes),
        }
        if pipe.is_blocked() {
            break;
        }
    }
    let end = pipe.finish();
    told.extend(end.tail);
    let answer = pipe.take_answer();
    let recorded = serde_json::to_string(&format!("{:?}", answer.response)).unwrap();
    Ran {
        told: String::from_utf8(told).unwrap(),
        outcome: end.outcome,
        is_blocked: pipe.is_blocked(),
        recorded,
    }
}

fn cut(text: &str, sizes: &[usize]) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let (mut rest, mut pieces, mut sizes) = (characters.as_slice(), Vec::new(), sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, others) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        pieces.push(piece.iter().collect());
        rest = others;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// In every dialect, for any pieces of the text and of the bytes, the deltas add up to the masked text, and so does what an event has
    /// as a whole.
    #[test]
    fn deltas_add_up_to_the_masked_text(
        text in "(ada@example\\.com|hello |4111 1111 1111 1111|sk-proj-4f8Kd02mXq7Lw9Zt1Bv5Nc3R|机密|😀| |\\.|\"|a){1,12}",
        sizes in prop::collection::vec(1_usize..9, 1..4),
        size in 1_usize..200,
    ) {
        let rules = rules(&[record("all", GuardAction::Mask)], Way::Answer);
        let masked = Scanner::whole(&rules, &text, false).unwrap().map_or(text.clone(), |changed| changed.told);
        for dialect in DIALECTS {
            let stream = stream(dialect, &cut(&text, &sizes));
            let ran = run(&rules, dialect, &stream, size);
            let (said, whole, is_ordered) = heard(dialect, &ran.told);
            prop_assert_eq!(&said, &masked, "{:?}: {}", dialect, ran.told);
            prop_assert!(whole.iter().all(|text| *text == masked), "{:?}: {}", dialect, ran.told);
            prop_assert!(is_ordered, "{}", ran.told);
            prop_assert_eq!(ran.outcome, StreamOutcome::Complete);
            if masked == text {
                prop_assert!(!ran.told.contains("[DONE]") || stream.ends_with("data: [DONE]\n\n"));
            }
        }
    }
}

#[test]
fn a_blocked_answer_ends_in_an_error_of_its_dialect() {
    let rules = rules(&[record("strict", GuardAction::Block)], Way::Answer);
    for dialect in DIALECTS {
        let stream = stream(dialect, &cut("Of course: write to ada@example.com, please", &[3]));
        let ran = run(&rules, dialect, &stream, 50);
        assert!(ran.is_blocked && ran.outcome == StreamOutcome::UpstreamError, "{dialect:?}");
        assert!(!ran.told.contains("ada"), "{}", ran.told);
        assert!(ran.told.contains("content_blocked") || ran.told.contains("`strict`"), "{}", ran.told);
        assert!(
            heard(dialect, ran.told.split("data: {\"error\"").next().unwrap()).0.starts_with("Of course"),
            "{}",
            ran.told
        );
    }
}

#[test]
fn what_is_not_concerned_keeps_its_bytes() {
    let rules = rules(
        &[GuardRecord {
            detectors: vec!["card".into()],
            words: Vec::new(),
            patterns: Vec::new(),
            ..record("cards", GuardAction::Mask)
        }],
        Way::Answer,
    );
    for dialect in DIALECTS {
        let stream = stream(dialect, &cut("nothing to see here", &[4]));
        assert_eq!(run(&rules, dialect, &stream, 33).told, stream);
    }
}

#[test]
fn arguments_and_thoughts_are_searched() {
    let rules = rules(&[record("all", GuardAction::Mask)], Way::Answer);
    let mut chat = String::new();
    for piece in ["{\"to\":\"ad", "a@exam", "ple.com\",\"card\":4111", "111111111111}"] {
        let call = json!([{"index":0,"function":{"arguments":piece}}]);
        chat += &event(
            None,
            &json!({"choices":[{"index":0,"delta":{"tool_calls":call,"reasoning_content":piece}}]}),
        );
    }
    chat += &event(None, &json!({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}));
    chat += "data: [DONE]\n\n";
    let told = run(&rules, CallerDialect::OpenaiChat, &chat, 40).told;
    let (mut arguments, mut thoughts) = (String::new(), String::new());
    for line in told.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let data: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
        let delta = &data["choices"][0]["delta"];
        arguments += delta["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default();
        thoughts += delta["reasoning_content"].as_str().unwrap_or_default();
    }
    assert_eq!(arguments, r#"{"to":"[email]","card":"[card]"}"#);
    assert_eq!(thoughts, r#"{"to":"[email]","card":[card]}"#);
}

#[test]
fn what_is_recorded_has_no_values_that_came_back() {
    let vault = Rc::new(RefCell::new(Vault::new("salt".into())));
    let placeholder = vault.borrow_mut().placeholder("email", "ada@example.com");
    let (rules, _) = selected(&[], Way::Answer, Some(vault));
    let rules = rules.unwrap();
    for dialect in DIALECTS {
        let stream = stream(dialect, &cut(&format!("to {placeholder} it is"), &[2]));
        let ran = run(&rules, dialect, &stream, 64);
        assert_eq!(heard(dialect, &ran.told).0, "to ada@example.com it is");
        assert!(!ran.recorded.contains("ada@") && ran.recorded.contains(&placeholder), "{}", ran.recorded);
    }
}
