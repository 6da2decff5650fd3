//! Input items as they are stored: in their long form, each with an id.
//!
//! An id consists of the unique part of the response's id and the index of the item, so the response of an item can
//! be found by the item's id alone.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::json::lenient::string;
use crate::json::object::{JsonObject, Kind, as_str};

/// The id of a response.
pub(super) fn response_id(unique: &str) -> String {
    format!("resp_{unique}")
}

/// The id of an item of the answer.
pub(super) fn output_id(kind: &str, unique: &str, index: usize) -> String {
    format!("{}_{unique}_{index}", prefix(kind))
}

/// The id of the response that contains the item with this id, if the gateway generated it.
#[must_use]
pub fn response_of_item(item_id: &str) -> Option<String> {
    let (head, _) = item_id.rsplit_once('_')?;
    let (_, unique) = head.split_once('_')?;
    (!unique.is_empty()).then(|| response_id(unique))
}

fn prefix(kind: &str) -> &'static str {
    match kind {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "image_generation_call" => "ig",
        "custom_tool_call_output" => "ctco",
        _ => "item",
    }
}

/// The short form of the input as an item.
pub(super) fn of_text(text: &str, unique: &str) -> Json {
    Json::of(&json!({
        "id": input_id("message", unique, 0),
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{ "type": "input_text", "text": text }],
    }))
}

fn input_id(kind: &str, unique: &str, index: usize) -> String {
    format!("{}_{unique}_i{index}", prefix(kind))
}

/// A validated item in its long form.
pub(super) fn normalise(item: &RawValue, unique: &str, index: usize) -> Json {
    let Ok(object) = serde_json::from_str::<JsonObject<'_>>(item.get()) else { return Json::of(&item) };
    let kind = object.get_set("type").and_then(as_str).unwrap_or(Cow::Borrowed("message"));
    let mut fields: Vec<(&str, Json)> = Vec::with_capacity(6);
    if object.get_set("id").is_none() {
        fields.push(("id", Json::of(&input_id(&kind, unique, index))));
    }
    if object.get_set("type").is_none() {
        fields.push(("type", Json::of(&kind)));
    }
    if kind == "message" && object.get_set("status").is_none() {
        fields.push(("status", Json::of(&"completed")));
    }
    let role = object.get_set("role").and_then(as_str);
    for (name, value) in object.iter() {
        match name {
            "id" | "type" | "status" if Kind::of(value) == Kind::Null => {}
            "content" if kind == "message" && Kind::of(value) == Kind::String => {
                let part = if role.as_deref() == Some("assistant") {
                    json!([{ "type": "output_text", "text": string(value), "annotations": [] }])
                } else {
                    json!([{ "type": "input_text", "text": string(value) }])
                };
                fields.push((name, Json::of(&part)));
            }
            _ => fields.push((name, Json::of(&value))),
        }
    }
    Json::of(&InOrder(&fields))
}

/// The id of an item.
pub(super) fn id_of(item: &Json) -> Option<String> {
    let object: JsonObject<'_> = serde_json::from_str(item.text()).ok()?;
    object.get_set("id").and_then(as_str).map(Cow::into_owned)
}

/// An object with its fields in this order.
struct InOrder<'a>(&'a [(&'a str, Json)]);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(item: &serde_json::Value) -> serde_json::Value {
        normalise(Json::of(item).raw(), "u1", 3).to_value()
    }

    #[test]
    fn easy_messages_get_their_long_form() {
        assert_eq!(
            normalised(&json!({"role": "user", "content": "Hi"})),
            json!({"id": "msg_u1_i3", "type": "message", "status": "completed", "role": "user",
                   "content": [{"type": "input_text", "text": "Hi"}]})
        );
        let assistant =
            normalised(&json!({"role": "assistant", "content": "Hi", "id": null, "status": "incomplete"}));
        assert_eq!(assistant["content"][0]["type"], "output_text");
        assert_eq!((&assistant["id"], &assistant["status"]), (&json!("msg_u1_i3"), &json!("incomplete")));
    }

    #[test]
    fn other_items_only_get_an_id() {
        let output = json!({"type": "function_call_output", "call_id": "c", "output": "x"});
        let mut expected = output.clone();
        expected["id"] = json!("fco_u1_i3");
        assert_eq!(normalised(&output), expected);
        assert_eq!(normalised(&expected), expected);
        assert_eq!(of_text("Hi", "u1").to_value()["content"][0]["text"], "Hi");
    }

    #[test]
    fn an_item_tells_its_response() {
        assert_eq!(response_of_item(&output_id("reasoning", "u1", 12)).as_deref(), Some("resp_u1"));
        assert_eq!(response_of_item(&input_id("message", "u1", 0)).as_deref(), Some("resp_u1"));
        for other in ["", "msg", "msg_u1", "_", "__", "msg__0"] {
            assert_eq!(response_of_item(other), None, "{other}");
        }
    }
}
