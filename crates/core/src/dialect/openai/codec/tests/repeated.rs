//! A stream is read as it is when each of its events is parsed, whether or not events repeat each other.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::canonical::{StreamDecoder, StreamEvent};
use crate::dialect::openai::codec::stream_decoder::Decoder;
use crate::dialect::upstream::testing::decode_pieces;

/// Texts with and without what JSON escapes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Zö€ ]{1,6}",
        1 => Just(String::new()),
        1 => Just("\n\n".to_owned()),
        1 => Just("\"},{\"".to_owned()),
        1 => any::<String>(),
    ]
}

fn call() -> impl Strategy<Value = Value> {
    ("[ab]", 0..2_u8).prop_map(|(name, index)| {
        json!({"tool_calls": [{"index": index, "id": name, "function": {"name": name, "arguments": "{}"}}]})
    })
}

/// What a delta says.
fn delta() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => text().prop_map(|text| json!({"content": text})),
        1 => text().prop_map(|text| json!({"role": "assistant", "content": text, "refusal": null})),
        1 => text().prop_map(|text| json!({"reasoning_content": text})),
        1 => (text(), text()).prop_map(|(text, thought)| json!({"content": text, "reasoning_content": thought})),
        1 => text().prop_map(|text| json!({"refusal": text})),
        1 => text().prop_map(|text| json!({"content": text, "audio": {"transcript": "said"}})),
        1 => call(),
        1 => (text(), call()).prop_map(|(text, mut call)| { call["content"] = text.into(); call }),
    ]
}

fn chunk() -> impl Strategy<Value = String> {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2});
    let choice = (delta(), 0..2_u8, prop::option::weighted(0.05, Just("stop")))
        .prop_map(|(delta, index, finish)| json!({"index": index, "delta": delta, "finish_reason": finish}));
    let tier = prop::option::weighted(0.1, "[xy]");
    let whole = (prop::collection::vec(choice, 1..2), tier, prop::option::weighted(0.05, Just(usage)));
    prop_oneof![
        20 => whole.prop_map(|(choices, tier, usage)| {
            json!({"id": "c", "choices": choices, "service_tier": tier, "usage": usage}).to_string()
        }),
        1 => Just(r#"{"error":{"message":"no","code":"x"}}"#.to_owned()),
        1 => Just(r#"{"choices":[{"index":0,"delta":{"content":"cut"#.to_owned()),
        1 => Just("[DONE]".to_owned()),
    ]
}

fn event() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => chunk().prop_map(|data| format!("data: {data}\n\n")),
        1 => chunk().prop_map(|data| format!("event: error\ndata: {data}\n\n")),
        1 => chunk().prop_map(|data| format!("id: 1\r\ndata: {data}\r\n\r\n")),
        1 => Just(": ping\n\n".to_owned()),
    ]
}

fn events_of(decoder: Decoder, events: &[String]) -> Vec<StreamEvent> {
    decode_pieces(Box::new(decoder), events.iter().map(String::as_bytes))
}

proptest! {
    #[test]
    fn repeated_events_mean_what_parsed_ones_do(events in prop::collection::vec(event(), 0..40), odd in any::<bool>()) {
        prop_assert_eq!(events_of(Decoder::new(odd), &events), events_of(Decoder::that_parses_all(odd), &events));
    }
}

#[test]
fn a_piece_of_text_is_recognised_by_its_envelope() {
    let event = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let mut decoder = Decoder::new(false);
    let mut read = Vec::new();
    for text in ["one", "two", "three", "four"] {
        decoder.push(event(text).as_bytes(), &mut read);
    }
    assert_eq!(decoder.recognised(), 2);
}
