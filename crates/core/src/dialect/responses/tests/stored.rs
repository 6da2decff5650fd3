//! Stored conversations.

use serde_json::{Value, json};

use super::super::stored::history;
use super::super::{
    Page, ResponsesEncoder, ResponsesRequest, StoredResponse, deleted_body, response_of_item,
};
use super::support::text_response;
use crate::dialect::canonical::{ChatResponse, Choice, FinishReason, Json, Part, ReplyContext, Role};

fn context(unique: &str) -> ReplyContext {
    ReplyContext { unique: unique.into(), created: 5, model: "m".into() }
}

fn stored_of(request: &ResponsesRequest, response: &[u8]) -> Option<StoredResponse> {
    StoredResponse::of(request.previous_response_id.as_deref(), &request.input_items, response)
}

fn exchange(unique: &str, body: &Value, chain: &[StoredResponse], answer: &ChatResponse) -> StoredResponse {
    let request =
        ResponsesRequest::parse(body.to_string().as_bytes(), unique).unwrap().resolve(chain, &[]).unwrap();
    let encoder = ResponsesEncoder::new(&request, &context(unique));
    let stored = stored_of(&request, &encoder.encode(answer)).unwrap();
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<StoredResponse>(&text).unwrap(), stored);
    stored
}

fn call_response() -> ChatResponse {
    let parts = vec![
        Part::Thinking { text: "Hm".into(), signature: Some("sig".into()) },
        Part::ToolCall {
            id: "c1".into(),
            name: "weather".into(),
            arguments: "{}".into(),
            signature: Some("proof".into()),
            cache: None,
        },
    ];
    ChatResponse {
        choices: vec![Choice { parts, finish: Some(FinishReason::ToolCalls), logprobs: None }],
        ..ChatResponse::default()
    }
}

#[test]
fn a_conversation_goes_on_where_it_was() {
    let first = exchange(
        "a",
        &json!({"model": "m", "input": "Weather?", "instructions": "Old."}),
        &[],
        &call_response(),
    );
    let second_body = json!({"model": "m", "previous_response_id": "resp_a", "instructions": "New.",
        "input": [{"type": "function_call_output", "call_id": "c1", "output": "7°"}]});
    let chain = [first];
    let second = exchange("b", &second_body, &chain, &text_response("Seven."));
    assert_eq!(second.previous_response_id.as_deref(), Some("resp_a"));
    assert_eq!(second.input_items.len(), 1);
    let [first] = chain;
    let third = json!({"model": "m", "previous_response_id": "resp_b", "input": "Thanks", "store": false});
    let third = ResponsesRequest::parse(third.to_string().as_bytes(), "c").unwrap();
    assert_eq!(third.request.messages.len(), 1);
    let third = third.resolve(&[first, second], &[]).unwrap();
    let roles: Vec<Role> = third.request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Assistant, Role::User]);
    let Part::ToolCall { signature, .. } = &third.request.messages[1].parts[1] else { panic!("the call") };
    assert_eq!(signature.as_deref(), Some("proof"));
    assert_eq!(third.request.messages[4].text(), "Thanks");
}

#[test]
fn instructions_come_first_and_are_not_inherited() {
    let first = exchange(
        "a",
        &json!({"model": "m", "input": "Hi", "instructions": "Old."}),
        &[],
        &text_response("Hello"),
    );
    let next = json!({"model": "m", "previous_response_id": "resp_a", "instructions": "New."});
    let next =
        ResponsesRequest::parse(next.to_string().as_bytes(), "b").unwrap().resolve(&[first], &[]).unwrap();
    let texts: Vec<String> =
        next.request.messages.iter().map(crate::dialect::canonical::Message::text).collect();
    assert_eq!(texts, ["New.", "Hi", "Hello"]);
}

#[test]
fn an_answer_of_several_rounds_is_continued_from_its_last_one() {
    let rounds = json!({"model": "m", "input": [{"role": "user", "content": "Weather?"},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "7°"}]});
    let last = exchange("b", &rounds, &[], &text_response("Seven."));
    let told = json!({"id": "resp_a", "object": "response", "model": "m", "created_at": 5, "output": [
        {"type": "mcp_call", "id": "mcp_c1", "name": "weather", "arguments": "{}", "output": "7°"},
        {"type": "message", "id": "msg_b_0", "role": "assistant", "content": [{"type": "output_text", "text": "Seven."}]}]});
    let after = Json::parse(r#"{"type":"function_call_output","call_id":"c2","output":"late"}"#).unwrap();
    let joined = StoredResponse::joined("resp_b", &[after], told.to_string().as_bytes()).unwrap();
    assert_eq!((joined.id.as_str(), joined.previous_response_id.as_deref()), ("resp_a", Some("resp_b")));
    let text = serde_json::to_string(&joined).unwrap();
    assert_eq!(serde_json::from_str::<StoredResponse>(&text).unwrap(), joined);
    assert!(joined.item("mcp_c1").is_some());
    assert_eq!(serde_json::from_slice::<Value>(&joined.body()).unwrap(), told);
    let types: Vec<String> = history(&[last, joined], &[])
        .iter()
        .map(|item| item.to_value()["type"].as_str().unwrap_or("message").to_owned())
        .collect();
    let expected = ["message", "function_call", "function_call_output", "message", "function_call_output"];
    assert_eq!(types, expected);
}

#[test]
fn references_are_looked_up_wherever_they_are() {
    let first = exchange("a", &json!({"model": "m", "input": "Hi"}), &[], &call_response());
    let body = json!({"model": "m", "input": [
        {"type": "item_reference", "id": "msg_a_i0"},
        {"id": "rs_a_0"},
        {"type": "item_reference", "id": "fc_a_1"},
        {"type": "function_call_output", "call_id": "c1", "output": "x"},
    ]});
    let request = ResponsesRequest::parse(body.to_string().as_bytes(), "b").unwrap();
    let owners: Vec<Option<String>> = request.references().map(response_of_item).collect();
    assert_eq!(owners, vec![Some("resp_a".to_owned()); 3]);
    let error = request.clone().resolve(&[], &[]).unwrap_err();
    assert_eq!((error.code, error.param.as_deref()), ("item_not_found", Some("input[0].id")));
    let request = request.resolve(&[], &[first]).unwrap();
    let roles: Vec<Role> = request.request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool]);
    assert_eq!(request.request.messages[1].parts.len(), 2);
    assert_eq!(request.input_items[0].to_value()["content"][0]["text"], "Hi");
}

#[test]
fn answers_about_what_is_kept() {
    let input: Vec<Value> =
        (0..5).map(|number| json!({"role": "user", "content": format!("{number}")})).collect();
    let stored = exchange("a", &json!({"model": "m", "input": input}), &[], &text_response("Hi"));
    let body: Value = serde_json::from_slice(&stored.body()).unwrap();
    assert_eq!((&body["id"], &body["object"]), (&json!("resp_a"), &json!("response")));
    assert_eq!((stored.model.as_str(), stored.created_at), ("m", 5));
    assert_eq!(stored.output_items().len(), 1);
    let page = |page: Page<'_>| -> Value {
        serde_json::from_slice(&stored.input_items_body(page).unwrap()).unwrap()
    };
    let newest = page(Page::default());
    assert_eq!((&newest["object"], &newest["has_more"]), (&json!("list"), &json!(false)));
    assert_eq!((&newest["first_id"], &newest["last_id"]), (&json!("msg_a_i4"), &json!("msg_a_i0")));
    let some = page(Page { after: Some("msg_a_i1"), limit: 2, is_ascending: true });
    let ids: Vec<&Value> = some["data"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!((ids, &some["has_more"]), (vec![&json!("msg_a_i2"), &json!("msg_a_i3")], &json!(true)));
    assert_eq!(stored.input_items_body(Page { after: Some("msg_x"), ..Page::default() }), None);
    let none = page(Page { after: Some("msg_a_i0"), ..Page::default() });
    assert_eq!((&none["data"], &none["first_id"]), (&json!([]), &Value::Null));
    let deleted: Value = serde_json::from_slice(&deleted_body("resp_a")).unwrap();
    assert_eq!(deleted, json!({"id": "resp_a", "object": "response", "deleted": true}));
}

#[test]
fn only_a_response_can_be_kept() {
    let request = ResponsesRequest::parse(br#"{"model":"m","input":"x"}"#, "a").unwrap();
    for odd in [&b""[..], b"{}", b"[]", b"\xff", br#"{"error":{}}"#] {
        assert_eq!(stored_of(&request, odd), None);
    }
}
