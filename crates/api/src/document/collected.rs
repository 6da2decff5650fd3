//! What the operations put into the document: their paths, and the schemas of the types that they take and answer.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Paths and schemas while operations are added.
#[derive(Debug)]
pub(super) struct Collected {
    generator: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Collected {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            // Views say `Option` for what may be null; what may be absent says so itself.
            settings.contract = Contract::Serialize;
        });
        Self { generator: settings.into_generator(), paths: Map::new() }
    }

    /// The schema of a type, or a reference to it.
    pub(super) fn schema_of<T: JsonSchema>(&mut self) -> Value {
        self.generator.subschema_for::<T>().to_value()
    }

    /// Adds an operation to its path.
    pub(super) fn insert(&mut self, path: &str, method: &str, operation: Value) {
        let methods = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(method.to_lowercase(), operation);
        }
    }

    /// The paths, and the schemas that they refer to.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Map<String, Value>) {
        let schemas = self.generator.take_definitions(true);
        (self.paths, schemas)
    }
}
