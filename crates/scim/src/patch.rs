//! Changes of a resource (RFC 7644, section 3.5.2).
//!
//! Either all operations of a request apply or none: the caller keeps the resource as it was. Where clients deviate:
//!
//! - Entra ID writes operations with a capital (`Replace`), removes members by a list in `value`, names attributes as keys of an
//!   object without a path (`"name.givenName"`, `"urn:…:User:department"`), and replaces `emails[type eq "work"].value` whether or
//!   not there is such a value;
//! - Okta renames a group by an object without a path that repeats the `id`: what only the service says is ignored there.

use nexus_edge_core::error::ApiError;
use serde_json::Value;

use crate::filter::{Filter, Literal, Operator, Path};
use crate::problem::{invalid_path, invalid_value, no_target, read_only};
use crate::resource::{MAX_VALUES, Place, is_empty, place, prefer, put, read_one, read_value};
use crate::schema::{Attribute, Mutability, Object, ResourceType};

/// URN of a request that changes a resource.
pub const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Most operations of a request.
pub const MAX_OPERATIONS: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Applies a request to a resource of this type.
///
/// # Errors
/// `invalid_json` for what is no such request; `invalid_attribute_path`, `invalid_filter`, `invalid_value`, `no_such_target` and
/// `read_only_attribute` (400).
pub fn apply(resource: &mut Object, kind: &ResourceType, request: &Value) -> Result<(), ApiError> {
    let operations = member(request, "Operations").and_then(Value::as_array);
    let operations = operations.ok_or_else(|| ApiError::invalid_json("`Operations` must be a list."))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(invalid_value("Operations", &format!("has at most {MAX_OPERATIONS} operations")));
    }
    for operation in operations {
        let verb =
            match member(operation, "op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
                Some("add") => Verb::Add,
                Some("replace") => Verb::Replace,
                Some("remove") => Verb::Remove,
                _ => return Err(ApiError::invalid_json("`op` must be add, replace or remove.")),
            };
        let value = member(operation, "value").unwrap_or(&Value::Null);
        match member(operation, "path").and_then(Value::as_str).filter(|path| !path.is_empty()) {
            Some(path) => at_path(resource, kind, verb, path, value)?,
            None if verb == Verb::Remove => {
                return Err(no_target("An operation that removes needs a `path`."));
            }
            None => {
                let values = value.as_object().ok_or_else(|| {
                    invalid_value("value", "must be an object in an operation without a `path`")
                })?;
                without_path(resource, kind, verb, None, values)?;
            }
        }
    }
    resource.retain(|_, value| !is_empty(value));
    Ok(())
}

/// The member with this name in any case.
fn member<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// What the schema does not name is ignored here, as it is in a whole resource.
fn without_path(
    resource: &mut Object,
    kind: &ResourceType,
    verb: Verb,
    schema: Option<&str>,
    values: &Object,
) -> Result<(), ApiError> {
    for (name, value) in values {
        if schema.is_none()
            && let Some(extension) = kind.extension(name)
        {
            let parts = value.as_object().ok_or_else(|| invalid_value(extension.id, "must be an object"))?;
            without_path(resource, kind, verb, Some(extension.id), parts)?;
            continue;
        }
        let Ok(mut path) = Path::parse(name) else { continue };
        path.schema = path.schema.or_else(|| schema.map(str::to_owned));
        if let Some(place) = place(kind, &path).filter(|place| !place.is_read_only()) {
            change(resource, kind, verb, &path, &place, value)?;
        }
    }
    Ok(())
}

fn at_path(
    resource: &mut Object,
    kind: &ResourceType,
    verb: Verb,
    text: &str,
    value: &Value,
) -> Result<(), ApiError> {
    let path = Path::parse(text)?;
    let place = place(kind, &path).ok_or_else(|| invalid_path(text, "leads to no attribute"))?;
    if place.is_read_only() || place.part.is_some_and(|part| part.mutability == Mutability::Immutable) {
        return Err(read_only(text));
    }
    change(resource, kind, verb, &path, &place, value)
}

fn change(
    resource: &mut Object,
    kind: &ResourceType,
    verb: Verb,
    path: &Path,
    place: &Place,
    value: &Value,
) -> Result<(), ApiError> {
    let Some(attribute) = place.attribute else {
        return whole_extension(resource, kind, verb, place.extension.unwrap_or_default(), value);
    };
    if verb != Verb::Remove && value.is_null() && place.extension.is_none() && attribute.is_required {
        return Err(invalid_value(attribute.name, "must have a value"));
    }
    let holder = match place.extension {
        None => resource,
        Some(urn) => {
            let entry = resource.entry(urn.to_owned()).or_insert_with(|| Object::new().into());
            entry.as_object_mut().ok_or_else(|| invalid_path(urn, "leads to no attribute"))?
        }
    };
    // A value of null is none (RFC 7643, section 2.5).
    let verb = if value.is_null() { Verb::Remove } else { verb };
    if attribute.is_list {
        let mut values = match holder.remove(attribute.name) {
            Some(Value::Array(values)) => values,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        in_list(&mut values, attribute, verb, path, place.part, value)?;
        if values.len() > MAX_VALUES {
            return Err(invalid_value(attribute.name, &format!("has at most {MAX_VALUES} values")));
        }
        put(holder, attribute, values.into());
        return Ok(());
    }
    match (place.part, verb) {
        (None, Verb::Remove) => {
            holder.remove(attribute.name);
        }
        (None, Verb::Add | Verb::Replace) => {
            let mut read = read_value(attribute, value)?;
            // The parts that are not named stay as they are (RFC 7644, section 3.5.2.3).
            if let (Some(Value::Object(old)), Value::Object(new)) = (holder.get(attribute.name), &mut read) {
                let kept = old.iter().filter(|(name, _)| member(value, name).is_none());
                let kept: Vec<_> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
                new.extend(kept);
            }
            put(holder, attribute, read);
        }
        (Some(part), _) => {
            let mut parts = match holder.remove(attribute.name) {
                Some(Value::Object(parts)) => parts,
                _ => Object::new(),
            };
            set_part(&mut parts, part, verb, value)?;
            put(holder, attribute, parts.into());
        }
    }
    Ok(())
}

fn whole_extension(
    resource: &mut Object,
    kind: &ResourceType,
    verb: Verb,
    urn: &str,
    value: &Value,
) -> Result<(), ApiError> {
    if verb == Verb::Remove {
        resource.remove(urn);
        return Ok(());
    }
    let values = value.as_object().ok_or_else(|| invalid_value(urn, "must be an object"))?;
    without_path(resource, kind, verb, Some(urn), values)
}

fn set_part(parts: &mut Object, part: &'static Attribute, verb: Verb, value: &Value) -> Result<(), ApiError> {
    let read = if verb == Verb::Remove { Value::Null } else { read_value(part, value)? };
    put(parts, part, read);
    Ok(())
}

fn in_list(
    values: &mut Vec<Value>,
    attribute: &'static Attribute,
    verb: Verb,
    path: &Path,
    part: Option<&'static Attribute>,
    value: &Value,
) -> Result<(), ApiError> {
    let Some(filter) = path.filter.as_deref() else {
        return match part {
            Some(part) => in_each(values, attribute, verb, None, part, value),
            None => of_list(values, attribute, verb, value),
        };
    };
    filter.check_parts(Some(attribute))?;
    if let Some(part) = part {
        return in_each(values, attribute, verb, Some(filter), part, value);
    }
    if verb == Verb::Remove {
        values.retain(|one| !filter.matches_value(one, attribute));
        return Ok(());
    }
    let new = match value {
        Value::Array(list) => list.first().unwrap_or(&Value::Null),
        one => one,
    };
    let new = read_one(attribute, new)?;
    let mut found = false;
    for at in 0..values.len() {
        let Some(one) = values.get_mut(at).filter(|one| filter.matches_value(one, attribute)) else {
            continue;
        };
        found = true;
        match (verb, one.as_object_mut(), new.as_object()) {
            (Verb::Add, Some(old), Some(new)) => old.extend(new.clone()),
            _ => *one = new.clone(),
        }
        prefer(values, at);
    }
    if !found {
        let mut made = of_filter(filter, attribute)?;
        made.extend(new.as_object().cloned().unwrap_or_default());
        values.push(made.into());
        let newest = values.len() - 1;
        prefer(values, newest);
    }
    Ok(())
}

/// Changes a part of each value that a filter selects, or of all.
fn in_each(
    values: &mut Vec<Value>,
    attribute: &'static Attribute,
    verb: Verb,
    filter: Option<&Filter>,
    part: &'static Attribute,
    value: &Value,
) -> Result<(), ApiError> {
    let mut found = false;
    for at in 0..values.len() {
        let fits = |one: &&mut Value| filter.is_none_or(|filter| filter.matches_value(one, attribute));
        let Some(parts) = values.get_mut(at).filter(fits).and_then(Value::as_object_mut) else { continue };
        found = true;
        set_part(parts, part, verb, value)?;
        prefer(values, at);
    }
    if !found && verb != Verb::Remove {
        let mut made = filter.map_or_else(|| Ok(Object::new()), |filter| of_filter(filter, attribute))?;
        set_part(&mut made, part, verb, value)?;
        values.push(made.into());
        let newest = values.len() - 1;
        prefer(values, newest);
    }
    values.retain(|one| !is_empty(one) && has_more_than_a_type(one));
    Ok(())
}

/// Of an address whose value was removed only its type is left.
fn has_more_than_a_type(value: &Value) -> bool {
    let words = ["type", "primary", "display"];
    value.as_object().is_none_or(|parts| parts.keys().any(|name| !words.contains(&name.as_str())))
}

/// Changes a list as a whole.
fn of_list(
    values: &mut Vec<Value>,
    attribute: &'static Attribute,
    verb: Verb,
    value: &Value,
) -> Result<(), ApiError> {
    let given = match read_value(attribute, value)? {
        Value::Array(list) => list,
        _ => Vec::new(),
    };
    match verb {
        Verb::Replace => *values = given,
        // Entra ID names what goes in `value`.
        Verb::Remove if !given.is_empty() => {
            values.retain(|one| !given.iter().any(|gone| is_same(one, gone)));
        }
        Verb::Remove => values.clear(),
        Verb::Add => {
            let newest = values.len();
            let mut known: std::collections::HashSet<String> = values.iter().filter_map(name_of).collect();
            for one in given {
                let is_new = match name_of(&one) {
                    Some(name) => known.insert(name),
                    None => !values.contains(&one),
                };
                if is_new {
                    values.push(one);
                }
            }
            prefer(values, newest);
        }
    }
    Ok(())
}

/// By what a value of a list is known: its value and its type.
fn name_of(value: &Value) -> Option<String> {
    let part = |name| value.get(name).and_then(Value::as_str);
    part("value").map(|text| format!("{text}\n{}", part("type").unwrap_or_default()))
}

fn is_same(one: &Value, gone: &Value) -> bool {
    match (one.get("value"), gone.get("value")) {
        (Some(one_value), Some(gone_value)) => {
            one_value == gone_value && gone.get("type").is_none_or(|kind| Some(kind) == one.get("type"))
        }
        _ => one == gone,
    }
}

/// A value for which a filter holds, if the filter says so much: `type eq "work"`.
fn of_filter(filter: &Filter, attribute: &'static Attribute) -> Result<Object, ApiError> {
    match filter {
        Filter::And(a, b) => {
            let mut parts = of_filter(a, attribute)?;
            parts.extend(of_filter(b, attribute)?);
            Ok(parts)
        }
        Filter::Compare(path, Operator::Equal, literal) => {
            let value = match literal {
                Literal::Text(text) => Value::from(text.as_str()),
                Literal::Boolean(value) => Value::from(*value),
                Literal::Number(_) | Literal::Null => Value::Null,
            };
            let part = attribute.part(&path.attribute);
            let part = part.ok_or_else(|| no_target("There is no such part of the attribute."))?;
            let mut parts = Object::new();
            put(&mut parts, part, read_one(part, &value)?);
            Ok(parts)
        }
        _ => Err(no_target(format!("No value of `{}` fits the filter.", attribute.name))),
    }
}
