//! A stream is read as it is when each of its events is parsed, whether or not events repeat each other.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::anthropic::stream_decoder::Decoder;
use crate::dialect::canonical::{StreamDecoder, StreamEvent};
use crate::dialect::upstream::testing::decode_pieces;

/// Texts with and without what JSON escapes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Zö€ ]{1,6}",
        1 => Just(String::new()),
        1 => Just("\n\n".to_owned()),
        1 => any::<String>(),
    ]
}

fn delta() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => text().prop_map(|text| json!({"type": "text_delta", "text": text})),
        3 => text().prop_map(|text| json!({"type": "thinking_delta", "thinking": text})),
        1 => text().prop_map(|text| json!({"type": "text_delta", "text": text, "thinking": "and this"})),
        1 => text().prop_map(|text| json!({"type": "thinking_delta", "text": text, "thinking": text})),
        1 => text().prop_map(|text| json!({"type": "input_json_delta", "partial_json": text})),
        1 => text().prop_map(|text| json!({"type": "signature_delta", "signature": text})),
        1 => text().prop_map(|text| json!({"type": "text_delta", "thinking": text})),
    ]
}

fn event() -> impl Strategy<Value = String> {
    let index = || 0..2_u8;
    let kind = prop_oneof![Just("text"), Just("thinking"), Just("tool_use"), Just("unknown")];
    let data = prop_oneof![
        20 => (delta(), index()).prop_map(|(delta, index)| json!({"type": "content_block_delta", "index": index, "delta": delta})),
        2 => (kind, index()).prop_map(|(kind, index)| {
            json!({"type": "content_block_start", "index": index, "content_block": {"type": kind, "text": "", "id": "t", "name": "f"}})
        }),
        2 => index().prop_map(|index| json!({"type": "content_block_stop", "index": index})),
        1 => Just(json!({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}})),
        1 => Just(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}})),
        1 => Just(json!({"type": "ping"})),
    ];
    prop_oneof![
        30 => data.prop_map(|data| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())),
        1 => Just("data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"cut".to_owned()),
    ]
}

fn events_of(decoder: Decoder, events: &[String]) -> Vec<StreamEvent> {
    decode_pieces(Box::new(decoder), events.iter().map(String::as_bytes))
}

proptest! {
    #[test]
    fn repeated_events_mean_what_parsed_ones_do(events in prop::collection::vec(event(), 0..40)) {
        prop_assert_eq!(events_of(Decoder::default(), &events), events_of(Decoder::that_parses_all(), &events));
    }
}

#[test]
fn a_piece_of_text_is_recognised_by_its_envelope() {
    let event = |text: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    let mut decoder = Decoder::default();
    let mut read = Vec::new();
    for text in ["one", "two", "three", "four"] {
        decoder.push(event(text).as_bytes(), &mut read);
    }
    assert_eq!(decoder.recognised(), 2);
}
