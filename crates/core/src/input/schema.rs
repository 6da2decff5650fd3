//! The JSON Schema of an [`Input`], for the `OpenAPI` document.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::body::Input;
use super::object_schema::{ObjectSchema, tidy};

fn schema_of<T: Input>(generator: &mut SchemaGenerator, with_required: bool) -> Schema {
    let mut object = ObjectSchema::new(generator);
    T::describe(&mut object);
    let (properties, required) = object.into_parts();
    let mut schema = json_schema!({
        "type": "object",
        "description": tidy(T::ABOUT.1),
        "properties": properties,
        "additionalProperties": false,
    });
    if with_required && !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema
}

fn base_name<T: Input>() -> &'static str {
    T::ABOUT.0.strip_suffix("Input").unwrap_or(T::ABOUT.0)
}

macro_rules! described {
    ($(#[doc = $doc:literal])+ $name:ident, $suffix:literal, $with_required:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $name<T>(PhantomData<T>);

        impl<T: Input> JsonSchema for $name<T> {
            fn schema_name() -> Cow<'static, str> {
                format!("{}{}", base_name::<T>(), $suffix).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                schema_of::<T>(generator, $with_required)
            }
        }
    };
}

described!(
    /// The body that makes a new record.
    Create, "Create", true
);
described!(
    /// The body that changes a record: nothing is required.
    Update, "Update", false
);
described!(
    /// An object inside a body, or a body that is neither of the two.
    Nested, "Input", true
);
