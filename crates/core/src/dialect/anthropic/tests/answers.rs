//! Unstreamed answers.

use super::*;

fn decoded(body: &Value) -> ChatResponse {
    Anthropic.decode_response(body.to_string().as_bytes()).unwrap()
}

#[test]
fn counts_are_in_the_canonical_sense_and_back() {
    let usage = json!({"input_tokens":10,"cache_read_input_tokens":100,"output_tokens":50,"service_tier":"standard",
        "cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},
        "output_tokens_details":{"thinking_tokens":30}});
    let response = decoded(&json!({"content":[],"stop_reason":"end_turn","usage":usage}));
    assert_eq!(response.service_tier.as_deref(), Some("default"));
    let expected = TokenUsage {
        prompt: 117,
        completion: 50,
        cached: 100,
        cache_written: 7,
        cache_written_1h: 4,
        reasoning: 30,
        ..TokenUsage::default()
    };
    assert_eq!(response.usage, Some(expected));
    let body: Value = serde_json::from_slice(&Anthropic.encode_response(&response, &context())).unwrap();
    assert_eq!(
        body["usage"],
        json!({"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":7,"output_tokens":50,
            "cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},
            "output_tokens_details":{"thinking_tokens":30},"service_tier":"standard"})
    );
    assert_eq!((&body["id"], &body["model"]), (&json!("msg_u1"), &json!("asked-for")));
}

#[test]
fn every_reason_to_stop() {
    use FinishReason as F;
    let text = json!([{"type":"text","text":"x"}]);
    let tool = json!([{"type":"tool_use","id":"a","name":"b","input":{}}]);
    for (content, reason, finish, back) in [
        (&text, "end_turn", F::Stop, "end_turn"),
        (&tool, "end_turn", F::ToolCalls, "tool_use"),
        (&tool, "tool_use", F::ToolCalls, "tool_use"),
        (&text, "max_tokens", F::Length, "max_tokens"),
        (&text, "model_context_window_exceeded", F::Length, "max_tokens"),
        (&text, "stop_sequence", F::StopSequence(Some("END".into())), "stop_sequence"),
        (&text, "pause_turn", F::Pause, "pause_turn"),
        (&text, "refusal", F::Refusal, "refusal"),
        (&text, "novel", F::Other("novel".into()), "end_turn"),
    ] {
        let stop = if reason == "stop_sequence" { json!("END") } else { Value::Null };
        let response = decoded(&json!({"content":content,"stop_reason":reason,"stop_sequence":stop}));
        assert_eq!(response.choices[0].finish.as_ref(), Some(&finish), "{reason}");
        let body: Value = serde_json::from_slice(&Anthropic.encode_response(&response, &context())).unwrap();
        assert_eq!((&body["stop_reason"], &body["stop_sequence"]), (&json!(back), &stop));
    }
}

#[test]
fn a_refusal_without_content_explains_itself() {
    let response = decoded(&json!({"content":[],"stop_reason":"refusal",
        "stop_details":{"type":"refusal","category":"bio","explanation":"I cannot."}}));
    assert_eq!(response.choices[0].parts, [Part::Refusal { text: "I cannot.".into() }]);
    let refused = ChatResponse {
        choices: vec![Choice { finish: Some(FinishReason::Stop), ..response.choices[0].clone() }],
        ..response
    };
    let body: Value = serde_json::from_slice(&Anthropic.encode_response(&refused, &context())).unwrap();
    assert_eq!((&body["stop_reason"], &body["content"][0]["text"]), (&json!("refusal"), &json!("I cannot.")));
}

#[test]
fn what_is_no_answer_is_described() {
    for (body, words) in [
        (r#"{"type":"error","error":{"type":"api_error","message":"boom"}}"#, "boom"),
        ("<html>", "cannot be read"),
        (r#"{"id":"x"}"#, "no `content`"),
        (r#"{"content":[5]}"#, "content[0]"),
    ] {
        assert!(Anthropic.decode_response(body.as_bytes()).unwrap_err().message.contains(words), "{body}");
    }
}

#[test]
fn a_foreign_signature_travels_in_the_id() {
    let mut part = call("c1");
    if let Part::ToolCall { signature, .. } = &mut part {
        *signature = Some("proof".into());
    }
    let choice = Choice { parts: vec![part.clone()], finish: Some(FinishReason::ToolCalls), logprobs: None };
    let response = ChatResponse { choices: vec![choice], ..ChatResponse::default() };
    let body: Value = serde_json::from_slice(&Anthropic.encode_response(&response, &context())).unwrap();
    let replayed = decode(&json!({"model":"m","max_tokens":1,"messages":[
        {"role":"assistant","content":body["content"]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":body["content"][0]["id"]}]}]}));
    assert_eq!(replayed.messages[0].parts, [part]);
    assert!(matches!(&replayed.messages[1].parts[0], Part::ToolResult { call_id, .. } if call_id == "c1"));
}
