//! The schema of a tool's arguments in the form that every service accepts: an object with `properties`, possibly
//! empty, and without a union at its top.
//!
//! `OpenAI` refuses a request with "object schema missing properties", and with "schema must have type 'object' and not
//! have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"; Anthropic with "`input_schema` does not support oneOf,
//! allOf, or anyOf at the top level"; Mistral and Cohere require the field.

use serde_json::value::RawValue;

use super::node::Node;
use super::union::{CONDITIONS, as_object};
use crate::dialect::canonical::Json;
use crate::json::object::{JsonObject, Kind, as_str};

/// The schema of a tool's arguments. A tool without a schema takes none. A schema in this form stays as it is.
pub fn schema_of(parameters: Option<&Json>) -> Json {
    let Some(parameters) = parameters else {
        let none = serde_json::json!({"type": "object", "properties": {}, "additionalProperties": false});
        return Json::of(&none);
    };
    let is_plain = serde_json::from_str::<JsonObject<'_>>(parameters.text()).is_ok_and(|fields| {
        let says = |name: &str, holds: fn(&RawValue) -> bool| fields.get(name).is_some_and(holds);
        says("type", |kind| as_str(kind).as_deref() == Some("object"))
            && says("properties", |properties| Kind::of(properties) == Kind::Object)
            && !CONDITIONS.iter().chain(&["$ref"]).any(|name| fields.get(name).is_some())
    });
    if is_plain {
        return parameters.clone();
    }
    let root = serde_json::from_str(parameters.text()).unwrap_or(Node::Object(Vec::new()));
    Json::of(&as_object(&root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_objects_with_properties() {
        let text = |json: Option<&str>| {
            schema_of(json.map(|json| Json::parse(json).unwrap()).as_ref()).text().to_owned()
        };
        assert_eq!(text(None), r#"{"additionalProperties":false,"properties":{},"type":"object"}"#);
        for (given, written) in [
            ("{}", r#"{"type":"object","properties":{}}"#),
            ("[]", r#"{"type":"object","properties":{}}"#),
            (r#"{"type":"object"}"#, r#"{"type":"object","properties":{}}"#),
            (r#"{"type":"object","properties":null}"#, r#"{"type":"object","properties":{}}"#),
            (r#"{"type":["object","null"],"properties":{}}"#, r#"{"type":"object","properties":{}}"#),
            (
                r#"{"type":"object","additionalProperties":false}"#,
                r#"{"type":"object","additionalProperties":false,"properties":{}}"#,
            ),
            (r#"{"properties":{"b":{},"a":{}}}"#, r#"{"type":"object","properties":{"b":{},"a":{}}}"#),
            (
                r#"{"type":"object", "properties":{},"b":1.50}"#,
                r#"{"type":"object", "properties":{},"b":1.50}"#,
            ),
        ] {
            assert_eq!(text(Some(given)), written);
        }
    }
}
