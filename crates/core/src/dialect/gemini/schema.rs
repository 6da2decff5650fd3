//! JSON Schema to the service's own kind of schema (<https://ai.google.dev/api/caching#Schema>, a subset of `OpenAPI`
//! 3.0).
//!
//! The service refuses a request with any unknown keyword. Schemas are therefore reduced to the known ones,
//! preserving the meaning where possible: references are inlined, `const` becomes `enum`, `null` among the types
//! becomes `nullable`, `oneOf` becomes `anyOf`. The result may allow more than the original, never less.

use serde_json::Value;

use super::schema_leaf::{bounds, choices, inferred_type, is_known_format};
use crate::dialect::canonical::Json;
use crate::dialect::upstream::node::{Node, Object, set};
use crate::dialect::upstream::union;
use crate::json::lenient;

/// Largest depth of a schema, references included.
pub(super) const MAX_DEPTH: usize = 24;
/// Most schemas that one may expand to; nested references grow fast.
const MAX_SCHEMAS: usize = 4_000;

/// Keywords whose values are kept unchanged.
const PLAIN_KEYWORDS: &[&str] = &[
    "title",
    "description",
    "default",
    "pattern",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
];

/// Keywords that describe and do not restrict.
const WORDS: &[&str] = &["description", "title"];

/// Converts the schema of a function's arguments, which must be that of an object, without a union at its top.
pub(super) fn of_arguments(schema: &Json) -> Node {
    let root: Node = lenient::nested(schema.raw()).unwrap_or(Node::Object(Vec::new()));
    let root = union::as_object(&root);
    Writer { root: &root, following: Vec::new(), written: 0, ordered: false }.schema(&root, 0)
}

/// Converts a JSON schema. With `ordered`, objects state the order of their properties.
pub(super) fn to_gemini(schema: &Json, ordered: bool) -> Node {
    let root: Node = lenient::nested(schema.raw()).unwrap_or(Node::Object(Vec::new()));
    let mut writer = Writer { root: &root, following: Vec::new(), written: 0, ordered };
    writer.schema(&root, 0)
}

/// Whether it is the schema of an object without properties, which the service requires to be left out.
pub(super) fn says_nothing(schema: &Node) -> bool {
    let of_object = schema.get("type").is_none_or(|kind| kind.as_str() == Some("object"));
    of_object
        && schema.get("properties").is_none_or(|properties| properties.fields().is_empty())
        && ["anyOf", "items", "enum"].iter().all(|keyword| schema.get(keyword).is_none())
}

struct Writer<'a> {
    root: &'a Node,
    /// References that are being inlined: one of them inside itself would never end.
    following: Vec<String>,
    written: usize,
    ordered: bool,
}

impl Writer<'_> {
    fn schema(&mut self, schema: &Node, depth: usize) -> Node {
        self.written += 1;
        if depth > MAX_DEPTH || self.written > MAX_SCHEMAS {
            return any_object(schema);
        }
        if let Some(reference) = schema.get("$ref").and_then(Node::as_str) {
            return self.reference(schema, reference, depth);
        }
        if let Some(parts) = schema.get("allOf").and_then(Node::as_array) {
            return self.all_of(schema, parts, depth);
        }
        let variants = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(keyword)?.as_array());
        if let Some(variants) = variants {
            return self.any_of(schema, variants, depth);
        }
        self.single(schema, depth)
    }

    fn reference(&mut self, schema: &Node, reference: &str, depth: usize) -> Node {
        let Some(target) = union::target(self.root, schema).filter(|_| !self.follows(reference)) else {
            return any_object(schema);
        };
        self.following.push(reference.to_owned());
        let mut written = self.schema(target, depth + 1);
        self.following.pop();
        if let (Node::Object(fields), Some(description)) = (&mut written, schema.get("description")) {
            set(fields, "description", description.clone());
        }
        written
    }

    fn follows(&self, reference: &str) -> bool {
        self.following.iter().any(|followed| followed == reference)
    }

    /// All parts must hold, and so must what stands beside them: together they are one schema.
    fn all_of(&mut self, schema: &Node, parts: &[Node], depth: usize) -> Node {
        let mut whole = union::without(schema, &["allOf"]);
        let before = self.following.len();
        for part in parts {
            if let Some(part) = self.followed(part) {
                whole = union::joined(&whole, &part);
            }
        }
        let written = self.schema(&whole, depth + 1);
        self.following.truncate(before);
        written
    }

    /// What the reference of a schema leads to, which is marked as being inlined; `None` if it is already.
    fn followed(&mut self, schema: &Node) -> Option<Node> {
        let Some(reference) = schema.get("$ref").and_then(Node::as_str) else { return Some(schema.clone()) };
        let target = union::target(self.root, schema).filter(|_| !self.follows(reference))?;
        self.following.push(reference.to_owned());
        Some(union::joined(&union::without(schema, &["$ref"]), target))
    }

    /// The service accepts `anyOf` only alone, so what stands beside it moves into the variants.
    fn any_of(&mut self, schema: &Node, variants: &[Node], depth: usize) -> Node {
        let is_null = |node: &Node| node.get("type").and_then(Node::as_str) == Some("null");
        let nullable = variants.iter().any(is_null) || says_nullable(schema);
        let beside =
            union::without(schema, &["anyOf", "oneOf", "$defs", "definitions", "default", "nullable"]);
        let holds = beside.fields().iter().any(|(name, _)| !WORDS.contains(&name.as_str()));
        // Variants that only require properties say little, and the service requires those to be described.
        let is_bare = |node: &Node| node.fields().iter().all(|(name, _)| name == "required");
        if holds && variants.iter().all(|variant| is_bare(variant) || is_null(variant)) {
            return self.schema(&beside, depth + 1);
        }
        let mut written = Vec::with_capacity(variants.len());
        for variant in variants.iter().filter(|variant| !is_null(variant)) {
            let before = self.following.len();
            let node = if holds {
                self.followed(variant).map(|variant| {
                    let mut whole = union::joined(&beside, &variant);
                    if let Node::Object(fields) = &mut whole {
                        for name in WORDS {
                            if let Some(words) = variant.get(name) {
                                set(fields, name, words.clone());
                            }
                        }
                    }
                    self.schema(&whole, depth + 1)
                })
            } else {
                Some(self.schema(variant, depth + 1))
            };
            self.following.truncate(before);
            written.extend(node);
        }
        for variant in &mut written {
            let Node::Object(fields) = variant else { continue };
            for name in WORDS {
                if let Some(words) =
                    beside.get(name).filter(|_| !fields.iter().any(|(field, _)| field == name))
                {
                    fields.push(((*name).to_owned(), words.clone()));
                }
            }
            if nullable {
                set(fields, "nullable", Node::Leaf(true.into()));
            }
        }
        match written.len() {
            0 => any_object(schema),
            1 => written.remove(0),
            _ => Node::Object(vec![("anyOf".into(), Node::Array(written))]),
        }
    }

    /// A schema without references and combinations.
    fn single(&mut self, schema: &Node, depth: usize) -> Node {
        let mut types = types_of(schema);
        let nullable = types.contains(&"null") && types.len() > 1 || says_nullable(schema);
        if types.len() > 1 {
            types.retain(|kind| *kind != "null");
        }
        if types.len() > 1 {
            let variants = types.iter().map(|kind| self.of_type(schema, kind, nullable, depth)).collect();
            return Node::Object(vec![("anyOf".into(), Node::Array(variants))]);
        }
        let kind = types.first().copied().unwrap_or_else(|| inferred_type(schema));
        self.of_type(schema, kind, nullable, depth)
    }

    fn of_type(&mut self, schema: &Node, kind: &str, nullable: bool, depth: usize) -> Node {
        let mut fields: Object = vec![("type".into(), Node::text(kind))];
        for keyword in PLAIN_KEYWORDS {
            if let Some(value) = schema.get(keyword) {
                fields.push(((*keyword).to_owned(), value.clone()));
            }
        }
        if let Some(format) = schema.get("format").filter(|format| is_known_format(kind, format)) {
            fields.push(("format".into(), format.clone()));
        }
        bounds(schema, kind, &mut fields);
        let has_null = choices(schema, kind, &mut fields);
        if nullable || has_null {
            fields.push(("nullable".into(), Node::Leaf(true.into())));
        }
        match kind {
            "object" => self.properties(schema, &mut fields, depth),
            "array" => {
                let items = self.items(schema, depth);
                fields.push(("items".into(), items));
            }
            _ => {}
        }
        Node::Object(fields)
    }

    fn properties(&mut self, schema: &Node, fields: &mut Object, depth: usize) {
        let Some(properties) = schema.get("properties") else { return };
        let written: Object = properties
            .fields()
            .iter()
            .map(|(name, property)| (name.clone(), self.schema(property, depth + 1)))
            .collect();
        let required: Vec<Node> = schema
            .get("required")
            .and_then(Node::as_array)
            .unwrap_or_default()
            .iter()
            // The service refuses a required property that is not described.
            .filter(|name| written.iter().any(|(property, _)| Some(property.as_str()) == name.as_str()))
            .cloned()
            .collect();
        fields.push(("properties".into(), Node::Object(written)));
        if !required.is_empty() {
            fields.push(("required".into(), Node::Array(required)));
        }
        if self.ordered {
            order(fields);
        }
    }

    /// The service requires the items of every array.
    fn items(&mut self, schema: &Node, depth: usize) -> Node {
        let tuple = schema.get("prefixItems").or_else(|| schema.get("items")).and_then(Node::as_array);
        if let Some(tuple) = tuple {
            let mut variants: Vec<Node> = Vec::new();
            for item in tuple {
                let item = self.schema(item, depth + 1);
                if !variants.contains(&item) {
                    variants.push(item);
                }
            }
            return match variants.len() {
                0 => string(),
                1 => variants.remove(0),
                _ => Node::Object(vec![("anyOf".into(), Node::Array(variants))]),
            };
        }
        match schema.get("items") {
            Some(items @ Node::Object(_)) => self.schema(items, depth + 1),
            _ => string(),
        }
    }
}

fn string() -> Node {
    Node::Object(vec![("type".into(), Node::text("string"))])
}

/// Replaces a schema that cannot be inlined.
pub(super) fn any_object(schema: &Node) -> Node {
    let mut fields = vec![("type".into(), Node::text("object"))];
    if let Some(description) = schema.get("description") {
        fields.push(("description".into(), description.clone()));
    }
    Node::Object(fields)
}

/// States the order of the properties.
fn order(fields: &mut Object) {
    let Some((_, properties)) = fields.iter().find(|(name, _)| name == "properties") else { return };
    if properties.fields().len() > 1 {
        let names = properties.fields().iter().map(|(name, _)| Node::text(name.as_str())).collect();
        set(fields, "propertyOrdering", Node::Array(names));
    }
}

/// Whether the schema states it in the service's form.
pub(super) fn says_nullable(schema: &Node) -> bool {
    schema.get("nullable").and_then(Node::as_leaf) == Some(&Value::Bool(true))
}

fn types_of(schema: &Node) -> Vec<&str> {
    match schema.get("type") {
        Some(Node::Array(types)) => types.iter().filter_map(Node::as_str).collect(),
        Some(kind) => kind.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn out(schema: &Value) -> Value {
        serde_json::to_value(to_gemini(&Json::of(schema), false)).unwrap()
    }

    #[test]
    fn unknown_keywords_go() {
        let schema = json!({"$schema": "x", "$id": "y", "type": "object", "additionalProperties": false,
            "properties": {"a": {"type": "string", "format": "uri", "contentEncoding": "x"},
                           "b": {"type": "string", "format": "date-time"},
                           "c": {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 2, "format": "int32"}},
            "required": ["a", "ghost"], "patternProperties": {}, "not": {}});
        assert_eq!(
            out(&schema),
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"},
                "b": {"type": "string", "format": "date-time"},
                "c": {"type": "integer", "minimum": 1, "format": "int32"}}})
        );
    }

    #[test]
    fn references_are_written_out_and_circles_end() {
        let schema = json!({"$defs": {"Node": {"type": "object", "properties": {
                "name": {"type": "string"}, "next": {"$ref": "#/$defs/Node", "description": "the next"}}}},
            "type": "object", "properties": {"head": {"$ref": "#/$defs/Node"}, "x": {"$ref": "http://a/b"}}});
        assert_eq!(
            out(&schema),
            json!({"type": "object", "properties": {"x": {"type": "object"}, "head": {"type": "object",
                "properties": {"name": {"type": "string"},
                    "next": {"type": "object", "description": "the next"}}}}})
        );
    }

    #[test]
    fn null_becomes_nullable() {
        let nullable = json!({"type": "string", "nullable": true});
        assert_eq!(out(&json!({"type": ["string", "null"]})), nullable);
        assert_eq!(out(&json!({"anyOf": [{"type": "string"}, {"type": "null"}]})), nullable);
        assert_eq!(
            out(
                &json!({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}], "description": "d"})
            ),
            json!({"anyOf": [{"type": "string", "nullable": true, "description": "d"},
                {"type": "integer", "nullable": true, "description": "d"}]})
        );
        assert_eq!(
            out(&json!({"type": ["string", "integer"]})),
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]})
        );
        assert_eq!(
            out(&json!({"enum": ["a", null, ""]})),
            json!({"type": "string", "enum": ["a"], "nullable": true})
        );
    }

    #[test]
    fn constants_and_numeric_choices() {
        assert_eq!(out(&json!({"const": "x"})), json!({"type": "string", "enum": ["x"]}));
        assert_eq!(
            out(&json!({"enum": [1, 2], "description": "d"})),
            json!({"type": "integer", "description": "d One of: 1, 2."})
        );
    }

    #[test]
    fn all_of_is_put_together() {
        assert_eq!(
            out(
                &json!({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}]})
            ),
            json!({"type": "object", "required": ["a", "b"],
                "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}})
        );
    }

    #[test]
    fn what_stands_beside_a_union_moves_into_it() {
        let text = json!({"type": "string"});
        assert_eq!(
            out(
                &json!({"type": "object", "properties": {"repo": text}, "required": ["repo"], "description": "d",
                "oneOf": [{"properties": {"title": text}, "required": ["title"]},
                    {"$ref": "#/$defs/N"}, {"type": "null"}],
                "$defs": {"N": {"properties": {"number": {"type": "integer"}}, "description": "n"}}})
            ),
            json!({"anyOf": [
                {"type": "object", "description": "d", "properties": {"repo": text, "title": text},
                    "required": ["repo", "title"], "nullable": true},
                {"type": "object", "description": "n", "properties": {"repo": text, "number": {"type": "integer"}},
                    "required": ["repo"], "nullable": true}]})
        );
        let bare = json!({"type": "object", "properties": {"a": text, "b": text},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
        assert_eq!(out(&bare), json!({"type": "object", "properties": {"a": text, "b": text}}));
        // A union among the parts stays alone.
        let parts = json!({"allOf": [{"type": "object", "properties": {"a": text}},
            {"anyOf": [{"properties": {"b": text}}, {"properties": {"c": text}}]}]});
        assert_eq!(
            out(&parts),
            json!({"anyOf": [{"type": "object", "properties": {"a": text, "b": text}},
                {"type": "object", "properties": {"a": text, "c": text}}]})
        );
        // Arguments are one object.
        assert_eq!(
            serde_json::to_value(of_arguments(&Json::of(&parts))).unwrap(),
            json!({"type": "object", "properties": {"a": text, "b": text, "c": text}})
        );
        let circle = json!({"$defs": {"T": {"type": "object", "properties": {"a": text},
            "anyOf": [{"$ref": "#/$defs/T"}, {"properties": {"next": {"$ref": "#/$defs/T"}}}]}}, "$ref": "#/$defs/T"});
        assert!(out(&circle).to_string().len() < 10_000);
    }

    #[test]
    fn every_array_has_items() {
        assert_eq!(out(&json!({"type": "array"})), json!({"type": "array", "items": {"type": "string"}}));
        assert_eq!(
            out(&json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]})),
            json!({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}})
        );
    }

    #[test]
    fn order_is_said_where_it_matters() {
        let schema =
            Json::parse(r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}"#)
                .unwrap();
        let text = serde_json::to_string(&to_gemini(&schema, true)).unwrap();
        assert!(text.find("\"z\"").unwrap() < text.find("\"a\"").unwrap());
        assert!(text.ends_with(r#""propertyOrdering":["z","a"]}"#), "{text}");
    }

    #[test]
    fn growth_has_a_limit() {
        let mut definitions = serde_json::Map::new();
        for level in 0..20 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(
                format!("d{level}"),
                json!({"type": "object", "properties": {"a": next, "b": next, "c": next}}),
            );
        }
        let text = out(&json!({"$defs": definitions, "$ref": "#/$defs/d0"})).to_string();
        assert!(text.len() < 1_000_000);
    }

    #[test]
    fn says_nothing_is_told() {
        for (schema, nothing) in [
            (json!({"type": "object", "properties": {}}), true),
            (json!({"type": "object"}), true),
            (json!({"type": "object", "properties": {"a": {}}}), false),
            (json!({"type": "string"}), false),
        ] {
            assert_eq!(says_nothing(&to_gemini(&Json::of(&schema), false)), nothing, "{schema}");
        }
    }
}
