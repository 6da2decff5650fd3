//! The JSON Schema of an object, field by field.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::rule::Rule;

/// The schema of an object under construction.
#[derive(Debug)]
pub struct ObjectSchema<'a> {
    generator: &'a mut SchemaGenerator,
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl<'a> ObjectSchema<'a> {
    /// Begins without fields.
    pub fn new(generator: &'a mut SchemaGenerator) -> Self {
        Self { generator, properties: Map::new(), required: Vec::new() }
    }

    /// The properties, and the names of those that are required.
    #[must_use]
    pub fn into_parts(self) -> (Map<String, Value>, Vec<&'static str>) {
        (self.properties, self.required)
    }

    /// Adds a field with its description in Markdown.
    pub fn field<R: Rule>(&mut self, name: &'static str, rule: &R, description: &str) {
        let mut schema = rule.schema(self.generator).to_value();
        if rule.is_nullable() {
            schema = nullable(schema);
        }
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), tidy(description).into());
        }
        self.properties.insert(name.to_owned(), schema);
        if rule.is_required() {
            self.required.push(name);
        }
    }
}

/// The schema with `null` allowed.
fn nullable(mut schema: Value) -> Value {
    match schema.get_mut("type") {
        Some(kind @ Value::String(_)) => {
            *kind = json!([kind.clone(), "null"]);
            if let Some(Value::Array(values)) = schema.get_mut("enum") {
                values.push(Value::Null);
            }
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// Rust's doc comments begin each line with a space.
#[must_use]
pub fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim().to_owned()
}
