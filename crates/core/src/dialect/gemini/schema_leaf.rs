//! The keywords of a schema besides its structure: type, format, bounds and choices.

use serde_json::Value;

use crate::dialect::upstream::node::{Node, Object, set};

/// The implied type if none is given.
pub(super) fn inferred_type(schema: &Node) -> &'static str {
    let first_choice = schema.get("enum").and_then(Node::as_array).and_then(|choices| choices.first());
    match schema.get("const").or(first_choice) {
        Some(Node::Leaf(Value::Bool(_))) => return "boolean",
        Some(Node::Leaf(Value::Number(number))) => {
            return if number.is_f64() { "number" } else { "integer" };
        }
        Some(_) => return "string",
        None => {}
    }
    let any = |keywords: &[&str]| keywords.iter().any(|keyword| schema.get(keyword).is_some());
    if any(&["properties", "additionalProperties", "required"]) {
        "object"
    } else if any(&["items", "prefixItems", "minItems", "maxItems"]) {
        "array"
    } else if any(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
        "number"
    } else if any(&["pattern", "minLength", "maxLength", "format"]) || schema.fields().is_empty() {
        "string"
    } else {
        "object"
    }
}

/// The service refuses a request with any other format.
pub(super) fn is_known_format(kind: &str, format: &Node) -> bool {
    matches!(
        (kind, format.as_str()),
        ("string", Some("date-time"))
            | ("integer", Some("int32" | "int64"))
            | ("number", Some("float" | "double"))
    )
}

/// Exclusive bounds become inclusive ones: exactly for integers, approximately for other numbers.
pub(super) fn bounds(schema: &Node, kind: &str, fields: &mut Object) {
    for (exclusive, inclusive, step) in
        [("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)]
    {
        let Some(Value::Number(bound)) = schema.get(exclusive).and_then(Node::as_leaf) else { continue };
        if fields.iter().any(|(name, _)| name == inclusive) {
            continue;
        }
        let bound = match bound.as_i64().filter(|_| kind == "integer") {
            Some(whole) => Value::from(whole.saturating_add(step)),
            None => Value::Number(bound.clone()),
        };
        fields.push((inclusive.to_owned(), Node::Leaf(bound)));
    }
}

/// `enum` and `const`. The service accepts strings only; other choices are described in text, or as bounds. Returns
/// whether `null` is among them.
pub(super) fn choices(schema: &Node, kind: &str, fields: &mut Object) -> bool {
    let constant = schema.get("const").map(std::slice::from_ref);
    let Some(choices) = schema.get("enum").and_then(Node::as_array).or(constant) else { return false };
    let is_null = |node: &&Node| node.as_leaf() == Some(&Value::Null);
    let texts: Vec<Node> = choices
        .iter()
        // The service refuses an empty string among the choices.
        .filter(|node| node.as_str().is_some_and(|text| !text.is_empty()))
        .cloned()
        .collect();
    if kind == "string" {
        if !texts.is_empty() {
            fields.push(("enum".into(), Node::Array(texts)));
        }
    } else if !choices.is_empty() {
        let shown: Vec<String> =
            choices.iter().map(|node| serde_json::to_string(node).unwrap_or_default()).collect();
        let words = format!("One of: {}.", shown.join(", "));
        let described = match schema.get("description").and_then(Node::as_str) {
            Some(description) => format!("{description} {words}"),
            None => words,
        };
        set(fields, "description", Node::text(described));
    }
    choices.iter().any(|node| is_null(&node))
}
