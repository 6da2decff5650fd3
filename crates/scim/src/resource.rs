//! What a client sends, read by the schema: names in its spelling, values of its types, and nothing that it does not know.
//!
//! What the schema does not name and what only the service says is left out, as RFC 7644 (section 3.3) wants it. Entra ID writes
//! truth as text (`"True"`) and a value with parts as its part `value` alone; both are taken as they are meant.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::time::parse_rfc3339;
use serde_json::Value;

use crate::filter::Path;
use crate::problem::invalid_value;
use crate::schema::{Attribute, Kind, Mutability, Object, ResourceType, find};

/// Longest text, in characters.
pub const MAX_TEXT: usize = 2_048;
/// Most values of an attribute.
pub const MAX_VALUES: usize = 10_000;

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The URN of the extension; `None` for the resource itself.
    pub extension: Option<&'static str>,
    /// The attribute; `None` for the extension as a whole.
    pub attribute: Option<&'static Attribute>,
    /// The part of the attribute.
    pub part: Option<&'static Attribute>,
}

impl Place {
    /// Whether only the service says what is there.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let is = |attribute: Option<&Attribute>| {
            attribute.is_some_and(|attribute| attribute.mutability == Mutability::ReadOnly)
        };
        is(self.attribute) || is(self.part)
    }
}

/// Where a path leads in resources of a type; `None` if there is no such attribute.
#[must_use]
pub fn place(kind: &ResourceType, path: &Path) -> Option<Place> {
    let (extension, attribute) = match path.schema.as_deref() {
        None => (None, kind.attribute(&path.attribute)?),
        Some(urn) if urn.eq_ignore_ascii_case(kind.schema.id) => (None, kind.attribute(&path.attribute)?),
        Some(urn) => {
            if let Some(extension) = kind.extension(urn) {
                (Some(extension.id), find(extension.attributes, &path.attribute)?)
            } else {
                let whole = kind.extension(&format!("{urn}:{}", path.attribute))?;
                let is_plain = path.part.is_none() && path.filter.is_none();
                let place = Place { extension: Some(whole.id), attribute: None, part: None };
                return is_plain.then_some(place);
            }
        }
    };
    let part = match &path.part {
        Some(name) => Some(attribute.part(name)?),
        None => None,
    };
    (path.filter.is_none() || attribute.is_list).then_some(Place {
        extension,
        attribute: Some(attribute),
        part,
    })
}

/// Whether a value stands for none (RFC 7643, section 2.5).
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(parts) => parts.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Reads a whole resource.
///
/// # Errors
/// `invalid_json` for what is no object, `invalid_value` for a value that its attribute cannot have.
pub fn read(kind: &ResourceType, given: &Value) -> Result<Object, ApiError> {
    let given = given.as_object().ok_or_else(|| ApiError::invalid_json("A resource must be an object."))?;
    let mut resource = Object::new();
    for (name, value) in given {
        if let Some(extension) = kind.extension(name) {
            let parts = value.as_object().ok_or_else(|| invalid_value(extension.id, "must be an object"))?;
            let parts = read_parts(extension.attributes, parts)?;
            if !parts.is_empty() {
                resource.insert(extension.id.to_owned(), parts.into());
            }
        } else if let Some(attribute) = kind.attribute(name) {
            put(&mut resource, attribute, read_value(attribute, value)?);
        }
    }
    Ok(resource)
}

fn read_parts(attributes: &'static [Attribute], given: &Object) -> Result<Object, ApiError> {
    let mut parts = Object::new();
    for (name, value) in given {
        if let Some(attribute) = find(attributes, name) {
            put(&mut parts, attribute, read_value(attribute, value)?);
        }
    }
    Ok(parts)
}

/// Sets an attribute, or removes it where there is no value.
pub(crate) fn put(holder: &mut Object, attribute: &Attribute, value: Value) {
    if attribute.mutability == Mutability::ReadOnly {
        return;
    }
    if is_empty(&value) {
        holder.remove(attribute.name);
    } else {
        holder.insert(attribute.name.to_owned(), value);
    }
}

/// Reads the value of an attribute, all values of a list included; `null` where there is none.
///
/// # Errors
/// `invalid_value` (400).
pub fn read_value(attribute: &'static Attribute, given: &Value) -> Result<Value, ApiError> {
    if !attribute.is_list {
        return read_one(attribute, given);
    }
    let given = match given {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    if given.len() > MAX_VALUES {
        return Err(invalid_value(attribute.name, &format!("has at most {MAX_VALUES} values")));
    }
    let mut values = Vec::with_capacity(given.len());
    for one in given {
        let value = read_one(attribute, one)?;
        if !is_empty(&value) {
            values.push(value);
        }
    }
    prefer(&mut values, 0);
    Ok(values.into())
}

/// Reads one value of an attribute.
///
/// # Errors
/// `invalid_value` (400).
pub fn read_one(attribute: &'static Attribute, given: &Value) -> Result<Value, ApiError> {
    let wrong = |must: &str| Err(invalid_value(attribute.name, must));
    match (attribute.kind, given) {
        (_, Value::Null) => Ok(Value::Null),
        (Kind::Text | Kind::Reference, Value::String(text)) => {
            if text.chars().count() > MAX_TEXT {
                return wrong(&format!("has at most {MAX_TEXT} characters"));
            }
            Ok(given.clone())
        }
        (Kind::Text, Value::Number(number)) => Ok(number.to_string().into()),
        (Kind::Text | Kind::Reference, _) => wrong("must be text"),
        (Kind::Boolean, Value::Bool(_)) => Ok(given.clone()),
        (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
        (Kind::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
        (Kind::Boolean, _) => wrong("must be true or false"),
        (Kind::Time, Value::String(text)) if parse_rfc3339(text).is_some() => Ok(given.clone()),
        (Kind::Time, _) => wrong("must be a time such as 2026-11-30T12:00:00Z"),
        (Kind::Complex(parts), Value::Object(given)) => Ok(read_parts(parts, given)?.into()),
        (Kind::Complex(_), Value::String(text)) => match attribute.part("value") {
            Some(part) if !text.is_empty() => {
                let mut value = Object::new();
                value.insert(part.name.to_owned(), read_one(part, given)?);
                Ok(value.into())
            }
            Some(_) => Ok(Value::Null),
            None => wrong("must be an object"),
        },
        (Kind::Complex(_), _) => wrong("must be an object"),
    }
}

/// Leaves at most one value of a list the primary one: the first of those from `newest` on that are, or of all.
pub(crate) fn prefer(values: &mut [Value], newest: usize) {
    let is_primary = |value: &Value| value.get("primary") == Some(&Value::Bool(true));
    let first = values.iter().skip(newest).position(is_primary).map(|at| at + newest);
    let Some(chosen) = first.or_else(|| values.iter().position(is_primary)) else { return };
    for (at, value) in values.iter_mut().enumerate() {
        if at != chosen
            && is_primary(value)
            && let Some(parts) = value.as_object_mut()
        {
            parts.insert("primary".to_owned(), false.into());
        }
    }
}
