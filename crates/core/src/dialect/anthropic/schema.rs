//! JSON schemas as the API accepts them
//! (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>).
//!
//! Where an answer or a strict tool must follow a schema strictly, the API refuses open objects and limits of
//! numbers, lengths and counts. Objects are closed, and refused keywords move into the description, where the model
//! still reads them. Fields keep their order, because answers are written in that order.

use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::json::object::{JsonObject, Kind, as_str};

/// Schemas nested more deeply than this are left as they are; the API refuses far shallower ones.
const MAX_DEPTH: usize = 64;

/// Keywords that the API refuses.
const REFUSED: &[&str] = &[
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "uniqueItems",
];

/// String formats of the API.
const FORMATS: &[&str] =
    &["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"];

/// The enforceable form of the schema; `None` if it has objects with arbitrary keys, or is no object: closing those
/// would force the model to answer with empty ones.
pub fn enforceable(schema: &Json) -> Option<Json> {
    let mut out = String::with_capacity(schema.text().len() + 64);
    write_schema(schema.raw(), &mut out, 0)?;
    Json::parse(&out)
}

fn write_schema(raw: &RawValue, out: &mut String, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH || Kind::of(raw) != Kind::Object {
        out.push_str(raw.get());
        return (depth > 0).then_some(());
    }
    let fields: JsonObject<'_> = serde_json::from_str(raw.get()).ok()?;
    let is_object = fields.get("type").is_some_and(|kind| kind.get().contains("\"object\""))
        || fields.get("properties").is_some();
    if is_object && is_map(&fields) {
        return None;
    }
    let mut refused = Vec::new();
    let start = out.len();
    for (name, value) in fields.iter() {
        if is_refused(name, value) {
            refused.push(format!("{name}: {}", value.get()));
            continue;
        }
        match name {
            "description" | "additionalProperties" => {}
            "properties" | "$defs" | "definitions" => {
                open_field(out, start, name);
                write_named(value, out, depth)?;
            }
            "items" if Kind::of(value) == Kind::Object => {
                open_field(out, start, name);
                write_schema(value, out, depth + 1)?;
            }
            // Exactly one of several cannot be enforced; any of them can.
            "anyOf" | "oneOf" | "allOf" => {
                open_field(out, start, if name == "oneOf" { "anyOf" } else { name });
                write_list(value, out, depth)?;
            }
            _ => {
                open_field(out, start, name);
                out.push_str(value.get());
            }
        }
    }
    if is_object {
        open_field(out, start, "additionalProperties");
        out.push_str("false");
    }
    let said = fields.get_set("description").and_then(as_str);
    if said.is_some() || !refused.is_empty() {
        let said = said.into_iter().map(std::borrow::Cow::into_owned);
        let limits = (!refused.is_empty()).then(|| format!("({})", refused.join(", ")));
        let description = said.chain(limits).collect::<Vec<_>>().join(" ");
        open_field(out, start, "description");
        out.push_str(Json::of(&description).text());
    }
    if out.len() == start {
        out.push('{');
    }
    out.push('}');
    Some(())
}

/// Whether the object may have keys that its schema does not list.
fn is_map(fields: &JsonObject<'_>) -> bool {
    let names_nothing = fields.get_set("properties").is_none_or(|properties| {
        serde_json::from_str::<JsonObject<'_>>(properties.get()).is_ok_and(|fields| fields.is_empty())
    });
    let has_other_rules = ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|name| fields.get(name).is_some());
    let rest = fields.get("additionalProperties").map(RawValue::get);
    match rest {
        Some("false") => false,
        Some("true") | None => names_nothing && !has_other_rules,
        Some(_) => true,
    }
}

fn is_refused(name: &str, value: &RawValue) -> bool {
    match name {
        "minItems" => !matches!(value.get(), "0" | "1"),
        "format" => as_str(value).is_none_or(|format| !FORMATS.contains(&format.as_ref())),
        _ => REFUSED.contains(&name),
    }
}

/// Writes an object whose values are schemas.
fn write_named(raw: &RawValue, out: &mut String, depth: usize) -> Option<()> {
    let fields: JsonObject<'_> = serde_json::from_str(raw.get()).ok()?;
    out.push('{');
    let start = out.len();
    for (name, value) in fields.iter() {
        if out.len() > start {
            out.push(',');
        }
        out.push_str(Json::of(&name).text());
        out.push(':');
        write_schema(value, out, depth + 1)?;
    }
    out.push('}');
    Some(())
}

/// Writes an array of schemas.
fn write_list(raw: &RawValue, out: &mut String, depth: usize) -> Option<()> {
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_schema(item, out, depth + 1)?;
    }
    out.push(']');
    Some(())
}

/// Begins a field of the object that begins at `start`.
fn open_field(out: &mut String, start: usize, name: &str) {
    out.push(if out.len() == start { '{' } else { ',' });
    out.push_str(Json::of(&name).text());
    out.push(':');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enforced(schema: &str) -> Option<String> {
        enforceable(&Json::parse(schema).unwrap()).map(|json| json.text().to_owned())
    }

    #[test]
    fn objects_are_closed_and_limits_become_words_in_the_same_order() {
        let schema = r#"{"type":"object","properties":{"z":{"type":"integer","minimum":1,"description":"How many."},
            "a":{"type":"array","items":{"type":"string","maxLength":3},"minItems":1}},"required":["z","a"]}"#;
        assert_eq!(
            enforced(schema).unwrap(),
            r#"{"type":"object","properties":{"z":{"type":"integer","description":"How many. (minimum: 1)"},"a":{"type":"array","items":{"type":"string","description":"(maxLength: 3)"},"minItems":1}},"required":["z","a"],"additionalProperties":false}"#
        );
    }

    #[test]
    fn one_of_becomes_any_of_and_definitions_are_cleaned_too() {
        assert_eq!(
            enforced(r##"{"$defs":{"p":{"type":"object","properties":{"x":{"type":"number","multipleOf":2}}}},"oneOf":[{"$ref":"#/$defs/p"},{"type":"null"}]}"##).unwrap(),
            r##"{"$defs":{"p":{"type":"object","properties":{"x":{"type":"number","description":"(multipleOf: 2)"}},"additionalProperties":false}},"anyOf":[{"$ref":"#/$defs/p"},{"type":"null"}]}"##
        );
    }

    #[test]
    fn maps_cannot_be_enforced() {
        for schema in [
            r#"{"type":"object"}"#,
            r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
            r#"{"type":"object","properties":{"m":{"type":"object","additionalProperties":true}}}"#,
            "true",
        ] {
            assert_eq!(enforced(schema), None, "{schema}");
        }
        assert!(enforced(r#"{"type":"object","properties":{},"additionalProperties":false}"#).is_some());
        assert_eq!(enforced("{}").unwrap(), "{}");
    }

    #[test]
    fn what_is_enforceable_stays_as_it_is_when_enforced_again() {
        let once = enforced(r#"{"type":"object","properties":{"a":{"type":"string","format":"byte"}}}"#);
        assert_eq!(enforced(once.as_deref().unwrap()), once);
    }

    #[test]
    fn deep_schemas_do_no_harm() {
        let deep = format!("{}{}", r#"{"items":"#.repeat(100), "{}".to_owned() + &"}".repeat(100));
        assert!(enforced(&deep).is_some());
    }
}
