//! Schemas that must hold together: `allOf`, and what stands beside a union or a reference.
//!
//! Some services accept a union alone, or none at the top of a tool's arguments. What stands beside it still holds, so
//! it is merged into the variants, or the variants into it. The result may allow more than the original, never less.

use super::node::{Node, Object, set};

/// Keywords of unions and of other conditions that services refuse at the top of a tool's arguments.
pub const CONDITIONS: &[&str] = &[
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "enum",
    "const",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
];

/// Deepest nesting of references and combinations that is resolved.
const MAX_DEPTH: usize = 8;

/// The schema without these keywords.
pub fn without(schema: &Node, keywords: &[&str]) -> Node {
    let kept = schema.fields().iter().filter(|(name, _)| !keywords.contains(&name.as_str()));
    Node::Object(kept.cloned().collect())
}

/// A schema that both hold. Properties and lists of required ones are merged, types and choices intersected; of other
/// keywords the first schema's count.
pub fn joined(first: &Node, second: &Node) -> Node {
    let mut fields: Object = first.fields().to_vec();
    for (name, more) in second.fields() {
        let Some((_, held)) = fields.iter_mut().find(|(field, _)| field == name) else {
            fields.push((name.clone(), more.clone()));
            continue;
        };
        match name.as_str() {
            "properties" | "$defs" | "definitions" => join_properties(held, more),
            "required" => extend(held, more),
            "type" => *held = common_type(held, more),
            "enum" => retain(held, more),
            _ => {}
        }
    }
    Node::Object(fields)
}

/// The schema that a reference of `schema` leads to, together with what stands beside the reference.
pub fn resolved(root: &Node, schema: &Node) -> Node {
    let mut schema = schema.clone();
    for _ in 0..MAX_DEPTH {
        let Some(target) = target(root, &schema) else { break };
        schema = joined(&without(&schema, &["$ref"]), target);
    }
    schema
}

/// What the reference of a schema leads to.
pub fn target<'r>(root: &'r Node, schema: &Node) -> Option<&'r Node> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// The schema of an object without unions at its top: it has the properties of all variants, and those are required that
/// every variant requires.
pub fn as_object(root: &Node) -> Node {
    let mut object = flat_object(root, root, 0);
    if let Node::Object(fields) = &mut object {
        match fields.iter_mut().find(|(name, _)| name == "type") {
            Some((_, kind)) => *kind = Node::text("object"),
            None => fields.insert(0, ("type".into(), Node::text("object"))),
        }
        if !matches!(fields.iter().find(|(name, _)| name == "properties"), Some((_, Node::Object(_)))) {
            set(fields, "properties", Node::Object(Vec::new()));
        }
    }
    object
}

fn flat_object(root: &Node, schema: &Node, depth: usize) -> Node {
    let schema = resolved(root, schema);
    let mut base = without(&without(&schema, CONDITIONS), &["$ref", "nullable"]);
    if depth > MAX_DEPTH {
        return base;
    }
    for part in schema.get("allOf").and_then(Node::as_array).unwrap_or_default() {
        base = joined(&base, &flat_object(root, part, depth + 1));
    }
    for union in ["anyOf", "oneOf"] {
        let variants = schema.get(union).and_then(Node::as_array).unwrap_or_default();
        let objects: Vec<Node> = variants
            .iter()
            .map(|variant| flat_object(root, variant, depth + 1))
            .filter(|variant| variant.get("type").is_none_or(|kind| types(kind).contains(&"object")))
            .collect();
        base = with_any(base, &objects);
    }
    base
}

/// The schema of an object with the properties of any of these.
fn with_any(base: Node, variants: &[Node]) -> Node {
    let mut properties: Object = base.get("properties").map(Node::fields).unwrap_or_default().to_vec();
    let own: Vec<String> = properties.iter().map(|(name, _)| name.clone()).collect();
    for (name, property) in
        variants.iter().filter_map(|variant| variant.get("properties")).flat_map(Node::fields)
    {
        match properties.iter_mut().find(|(held, _)| held == name) {
            None => properties.push((name.clone(), property.clone())),
            Some((_, held)) if own.contains(name) => *held = joined(held, property),
            Some((_, held)) => *held = either(held, property),
        }
    }
    let Some((first, others)) = variants.split_first() else { return base };
    let Node::Object(mut fields) = base else { return base };
    if !properties.is_empty() {
        set(&mut fields, "properties", Node::Object(properties));
    }
    let names =
        |variant: &Node| variant.get("required").and_then(Node::as_array).unwrap_or_default().to_vec();
    let mut required = names(first);
    required.retain(|name| others.iter().all(|other| names(other).contains(name)));
    if !required.is_empty() {
        match fields.iter_mut().find(|(name, _)| name == "required") {
            Some((_, held)) => extend(held, &Node::Array(required)),
            None => fields.push(("required".into(), Node::Array(required))),
        }
    }
    Node::Object(fields)
}

/// A schema of which one of the two holds.
fn either(held: &Node, more: &Node) -> Node {
    if held == more {
        return held.clone();
    }
    if let (true, Some(variants)) = (held.fields().len() == 1, held.get("anyOf").and_then(Node::as_array)) {
        let mut variants = variants.to_vec();
        if !variants.contains(more) {
            variants.push(more.clone());
        }
        return Node::Object(vec![("anyOf".into(), Node::Array(variants))]);
    }
    // A choice of words grows by the other's.
    if let (Some(words), Some(other)) = (words(held), words(more))
        && without(held, &["enum", "const", "description"])
            == without(more, &["enum", "const", "description"])
    {
        let mut joined = words;
        joined.extend(other);
        joined.dedup();
        let Node::Object(mut fields) = without(held, &["const"]) else { return held.clone() };
        set(&mut fields, "enum", Node::Array(joined));
        return Node::Object(fields);
    }
    Node::Object(vec![("anyOf".into(), Node::Array(vec![held.clone(), more.clone()]))])
}

fn words(schema: &Node) -> Option<Vec<Node>> {
    match (schema.get("enum").and_then(Node::as_array), schema.get("const")) {
        (Some(words), _) => Some(words.to_vec()),
        (None, Some(word)) => Some(vec![word.clone()]),
        (None, None) => None,
    }
}

fn join_properties(held: &mut Node, more: &Node) {
    let Node::Object(fields) = held else { return };
    for (name, property) in more.fields() {
        match fields.iter_mut().find(|(field, _)| field == name) {
            Some((_, held)) if held == property => {}
            Some((_, held @ Node::Object(_))) => *held = joined(held, property),
            Some(_) => {}
            None => fields.push((name.clone(), property.clone())),
        }
    }
}

fn extend(held: &mut Node, more: &Node) {
    let (Node::Array(held), Some(more)) = (held, more.as_array()) else { return };
    for value in more {
        if !held.contains(value) {
            held.push(value.clone());
        }
    }
}

/// Keeps the choices of both, unless none is left.
fn retain(held: &mut Node, more: &Node) {
    let (Node::Array(choices), Some(more)) = (held, more.as_array()) else { return };
    if choices.iter().any(|choice| more.contains(choice)) {
        choices.retain(|choice| more.contains(choice));
    }
}

fn common_type(held: &Node, more: &Node) -> Node {
    let (first, second) = (types(held), types(more));
    let mut common: Vec<&str> = first.iter().copied().filter(|kind| second.contains(kind)).collect();
    if common.is_empty() && (first.contains(&"integer") || second.contains(&"integer")) {
        let is_number = |kinds: &[&str]| kinds.contains(&"number") || kinds.contains(&"integer");
        common.extend((is_number(&first) && is_number(&second)).then_some("integer"));
    }
    match common.as_slice() {
        [] => held.clone(),
        [only] => Node::text(*only),
        several => Node::Array(several.iter().map(|kind| Node::text(*kind)).collect()),
    }
}

fn types(kind: &Node) -> Vec<&str> {
    match kind {
        Node::Array(kinds) => kinds.iter().filter_map(Node::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object_of(schema: &Value) -> Value {
        let root: Node = serde_json::from_value(schema.clone()).unwrap();
        serde_json::to_value(as_object(&root)).unwrap()
    }

    #[test]
    fn what_stands_beside_a_union_holds() {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "level": {"type": "integer"}},
            "required": ["level"], "anyOf": [{"required": ["name"]}, {"required": ["area"]}]});
        assert_eq!(
            object_of(&schema),
            json!({"type": "object", "properties": {"name": {"type": "string"}, "level": {"type": "integer"}},
                "required": ["level"]})
        );
        let schema = json!({"type": "object", "properties": {"repo": {"type": "string"}}, "required": ["repo"],
            "oneOf": [{"properties": {"title": {"type": "string"}, "kind": {"const": "a"}}, "required": ["title", "kind"]},
                {"properties": {"number": {"type": "integer"}, "kind": {"const": "b"}}, "required": ["kind"]}]});
        assert_eq!(
            object_of(&schema),
            json!({"type": "object", "required": ["repo", "kind"], "properties": {"repo": {"type": "string"},
                "title": {"type": "string"}, "kind": {"enum": ["a", "b"]}, "number": {"type": "integer"}}})
        );
    }

    #[test]
    fn parts_and_references_are_merged_and_circles_end() {
        let schema = json!({"$defs": {"A": {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                "Loop": {"allOf": [{"$ref": "#/$defs/Loop"}]}},
            "allOf": [{"$ref": "#/$defs/A"}, {"anyOf": [{"properties": {"b": {"type": "number"}}}, {"type": "null"}]}]});
        let object = object_of(&schema);
        assert_eq!((&object["type"], &object["required"]), (&json!("object"), &json!(["a"])));
        assert_eq!(object["properties"], json!({"a": {"type": "string"}, "b": {"type": "number"}}));
        assert!(object_of(&json!({"$defs": {"L": {"$ref": "#/$defs/L"}}, "$ref": "#/$defs/L"})).is_object());
    }

    #[test]
    fn types_and_choices_are_intersected() {
        let join = |first: Value, second: Value| {
            let node = |value| serde_json::from_value::<Node>(value).unwrap();
            serde_json::to_value(joined(&node(first), &node(second))).unwrap()
        };
        assert_eq!(
            join(json!({"type": ["string", "null"]}), json!({"type": "string"})),
            json!({"type": "string"})
        );
        assert_eq!(join(json!({"type": "number"}), json!({"type": "integer"})), json!({"type": "integer"}));
        assert_eq!(join(json!({"enum": [1, 2]}), json!({"enum": [2, 3]})), json!({"enum": [2]}));
        assert_eq!(
            join(json!({"minimum": 1}), json!({"minimum": 2, "maximum": 3})),
            json!({"minimum": 1, "maximum": 3})
        );
    }
}
