//! The service's kind of schema as JSON Schema: the inverse of [`super::schema`].

use super::schema::{MAX_DEPTH, any_object, says_nullable};
use crate::dialect::canonical::Json;
use crate::dialect::upstream::node::{Node, Object};
use crate::json::lenient;

/// Converts the service's kind of schema to a JSON schema.
pub(super) fn from_gemini(schema: &Json) -> Json {
    let node: Node = lenient::nested(schema.raw()).unwrap_or(Node::Object(Vec::new()));
    Json::of(&read(&node, 0))
}

fn read(schema: &Node, depth: usize) -> Node {
    if depth > 2 * MAX_DEPTH {
        return any_object(schema);
    }
    let nullable = says_nullable(schema);
    let mut fields: Object = Vec::new();
    for (name, value) in schema.fields() {
        let (name, value) = match (name.as_str(), value) {
            ("nullable" | "propertyOrdering" | "property_ordering" | "example", _) => continue,
            ("format", value) if value.as_str() == Some("enum") => continue,
            ("type", value) => match type_word(value) {
                Some(kind) if kind == "type_unspecified" => continue,
                Some(kind) if nullable => ("type", Node::Array(vec![Node::text(kind), Node::text("null")])),
                Some(kind) => ("type", Node::text(kind)),
                None => ("type", value.clone()),
            },
            ("properties", value) => {
                let read = |(name, property): &(String, Node)| (name.clone(), read(property, depth + 1));
                ("properties", Node::Object(value.fields().iter().map(read).collect()))
            }
            ("items", value) => ("items", read(value, depth + 1)),
            ("anyOf" | "any_of", Node::Array(variants)) => {
                ("anyOf", Node::Array(variants.iter().map(|variant| read(variant, depth + 1)).collect()))
            }
            // 64-bit integers are strings.
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties"
                | "min_items" | "max_items" | "min_length" | "max_length" | "min_properties"
                | "max_properties",
                value,
            ) => {
                let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
                let bound = number.map_or_else(|| value.clone(), |number| Node::Leaf(number.into()));
                fields.push((camel_case(name), bound));
                continue;
            }
            (name, value) => (name, value.clone()),
        };
        fields.push((name.to_owned(), value));
    }
    Node::Object(fields)
}

/// The name of a type in small letters, also where it is the number of the enumeration.
fn type_word(value: &Node) -> Option<String> {
    const NUMBERED: [&str; 8] =
        ["type_unspecified", "string", "number", "integer", "boolean", "array", "object", "null"];
    let number =
        value.as_leaf().and_then(serde_json::Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let numbered = number.and_then(|number| NUMBERED.get(number)).map(|word| (*word).to_owned());
    numbered.or_else(|| value.as_str().map(str::to_ascii_lowercase))
}

/// `min_items` as `minItems`.
fn camel_case(name: &str) -> String {
    name.split_once('_').map_or_else(
        || name.to_owned(),
        |(head, tail)| {
            let (first, rest) = tail.split_at(tail.len().min(1));
            format!("{head}{}{rest}", first.to_ascii_uppercase())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_types_and_names_with_underscores_are_read() {
        let read = from_gemini(&Json::of(
            &json!({"type": 6, "properties": {"a": {"type": 5, "min_items": "2",
            "items": {"type": 3}}, "b": {"type": 1, "nullable": true}, "c": {"type": 0}, "d": {"type": 99}}}),
        ));
        assert_eq!(
            read.to_value(),
            json!({"type": "object", "properties": {"a": {"type": "array", "minItems": 2, "items": {"type": "integer"}},
                "b": {"type": ["string", "null"]}, "c": {}, "d": {"type": 99}}})
        );
    }

    #[test]
    fn the_services_own_schema_is_read() {
        let read = from_gemini(&Json::of(&json!({"type": "OBJECT", "propertyOrdering": ["a"], "properties":
            {"a": {"type": "ARRAY", "minItems": "2", "items": {"type": "STRING", "format": "enum", "enum": ["x"]}},
             "b": {"type": "NUMBER", "nullable": true}}})));
        assert_eq!(
            read.to_value(),
            json!({"type": "object", "properties":
                {"a": {"type": "array", "minItems": 2, "items": {"type": "string", "enum": ["x"]}},
                 "b": {"type": ["number", "null"]}}})
        );
    }
}
