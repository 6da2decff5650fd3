//! How large a schema of a tool may be, and what it may refer to.
//!
//! Schemas are never resolved over the network: `$ref` may only point into the same document.

use serde_json::value::RawValue;

use crate::json::{Members, depth, text_of};

/// Bytes of a schema.
pub const MAX_BYTES: usize = 64 * 1024;
/// Levels of a schema.
pub const MAX_DEPTH: usize = 64;
/// Objects in a schema, each of which a validator may have to visit.
pub const MAX_OBJECTS: usize = 5_000;

/// Why a schema is not offered to a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Oversize {
    /// More than [`MAX_BYTES`].
    #[error("the schema has {0} bytes, more than {MAX_BYTES}")]
    Bytes(usize),
    /// More than [`MAX_DEPTH`].
    #[error("the schema is {0} levels deep, more than {MAX_DEPTH}")]
    Depth(usize),
    /// More than [`MAX_OBJECTS`].
    #[error("the schema has more than {MAX_OBJECTS} objects")]
    Objects,
    /// A `$ref` to another document.
    #[error("the schema refers to another document: {0}")]
    Reference(String),
    /// Not a schema.
    #[error("the schema is not an object")]
    NotAnObject,
}

/// Checks a schema.
///
/// # Errors
/// What is wrong with it.
pub fn check(schema: &RawValue) -> Result<(), Oversize> {
    let text = schema.get();
    if text.len() > MAX_BYTES {
        return Err(Oversize::Bytes(text.len()));
    }
    let levels = depth(text.as_bytes());
    if levels > MAX_DEPTH {
        return Err(Oversize::Depth(levels));
    }
    if !text.starts_with('{') {
        return Err(Oversize::NotAnObject);
    }
    let mut left = MAX_OBJECTS;
    visit(schema, &mut left)
}

fn visit(value: &RawValue, left: &mut usize) -> Result<(), Oversize> {
    match value.get().as_bytes().first() {
        Some(b'{') => {
            *left = left.checked_sub(1).ok_or(Oversize::Objects)?;
            let members = Members::parse(value.get()).map_err(|_| Oversize::NotAnObject)?;
            for member in members.iter() {
                if matches!(member.name.as_str(), "$ref" | "$dynamicRef")
                    && let Some(target) = text_of(&member.value)
                    && !target.starts_with('#')
                {
                    return Err(Oversize::Reference(target.chars().take(200).collect()));
                }
                visit(&member.value, left)?;
            }
            Ok(())
        }
        Some(b'[') => {
            let items: Vec<&RawValue> =
                serde_json::from_str(value.get()).map_err(|_| Oversize::NotAnObject)?;
            items.into_iter().try_for_each(|item| visit(item, left))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(), Oversize> {
        check(&crate::json::raw(text.to_owned()).unwrap())
    }

    #[test]
    fn schemas_that_cost_too_much_or_look_elsewhere_are_refused() {
        assert_eq!(of(r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}}}"##), Ok(()));
        let elsewhere = of(r#"{"anyOf":[{"$ref":"http://169.254.169.254/x"}]}"#);
        assert_eq!(elsewhere, Err(Oversize::Reference("http://169.254.169.254/x".to_owned())));
        assert_eq!(of("[]"), Err(Oversize::NotAnObject));
        let deep = format!("{}{}", r#"{"a":"#.repeat(70) + "1", "}".repeat(70));
        assert_eq!(of(&deep), Err(Oversize::Depth(70)));
        let wide = format!(r#"{{"a":[{}]}}"#, vec!["{}"; 6_000].join(","));
        assert_eq!(of(&wide), Err(Oversize::Objects));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_BYTES));
        assert!(matches!(of(&large), Err(Oversize::Bytes(_))));
        // A property may be called `$ref`; only its schema could point anywhere.
        assert_eq!(of(r#"{"properties":{"$ref":{"type":"string"}}}"#), Ok(()));
    }
}
