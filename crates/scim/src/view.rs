//! Which attributes of a resource are shown (RFC 7644, section 3.9). Its `id` and its `schemas` always are.

use nexus_edge_core::error::ApiError;
use serde_json::Value;

use crate::filter::Path;
use crate::problem::invalid_value;
use crate::resource::{Place, place};
use crate::schema::{Object, ResourceType};

const ALWAYS: [&str; 2] = ["id", "schemas"];

/// The attributes that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// These.
    Only(Vec<Place>),
    /// All but these.
    Without(Vec<Place>),
}

impl Selection {
    /// Reads `attributes` and `excludedAttributes`: names between commas. What names no attribute selects nothing.
    ///
    /// # Errors
    /// `invalid_value` (400) for both at once.
    pub fn read(kind: &ResourceType, only: Option<&str>, without: Option<&str>) -> Result<Self, ApiError> {
        let places = |names: &str| {
            let paths = names.split(',').filter_map(|name| Path::parse(name.trim()).ok());
            paths.filter_map(|path| place(kind, &path)).collect()
        };
        match (only.filter(|text| !text.is_empty()), without.filter(|text| !text.is_empty())) {
            (None, None) => Ok(Self::All),
            (Some(only), None) => Ok(Self::Only(places(only))),
            (None, Some(without)) => Ok(Self::Without(places(without))),
            (Some(_), Some(_)) => {
                Err(invalid_value("excludedAttributes", "cannot be used with `attributes`"))
            }
        }
    }

    /// Whether an attribute of the resource itself is shown, or a part of it.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let is = |place: &Place| {
            place.extension.is_none() && place.attribute.is_some_and(|attribute| attribute.name == name)
        };
        match self {
            Self::All => true,
            Self::Only(places) => places.iter().any(is),
            Self::Without(places) => !places.iter().any(|place| place.part.is_none() && is(place)),
        }
    }

    /// The resource with the attributes that are shown.
    #[must_use]
    pub fn of(&self, mut resource: Object) -> Object {
        match self {
            Self::All => resource,
            Self::Without(places) => {
                for place in places {
                    remove(&mut resource, place);
                }
                resource
            }
            Self::Only(places) => {
                let mut shown = Object::new();
                for name in ALWAYS {
                    if let Some(value) = resource.remove(name) {
                        shown.insert(name.to_owned(), value);
                    }
                }
                for place in places {
                    copy(&resource, &mut shown, place);
                }
                shown
            }
        }
    }
}

fn remove(resource: &mut Object, place: &Place) {
    let holder = match place.extension {
        Some(urn) if place.attribute.is_none() => {
            resource.remove(urn);
            return;
        }
        Some(urn) => resource.get_mut(urn).and_then(Value::as_object_mut),
        None => Some(resource),
    };
    let (Some(holder), Some(attribute)) = (holder, place.attribute) else { return };
    match place.part {
        None if place.extension.is_none() && ALWAYS.contains(&attribute.name) => {}
        None => {
            holder.remove(attribute.name);
        }
        Some(part) => match holder.get_mut(attribute.name) {
            Some(Value::Object(parts)) => {
                parts.remove(part.name);
            }
            Some(Value::Array(values)) => {
                for parts in values.iter_mut().filter_map(Value::as_object_mut) {
                    parts.remove(part.name);
                }
            }
            _ => {}
        },
    }
}

fn copy(resource: &Object, shown: &mut Object, place: &Place) {
    let (from, name) = match (place.extension, place.attribute) {
        (Some(urn), None) => {
            if let Some(value) = resource.get(urn) {
                shown.insert(urn.to_owned(), value.clone());
            }
            return;
        }
        (Some(urn), Some(attribute)) => (resource.get(urn).and_then(Value::as_object), attribute.name),
        (None, Some(attribute)) => (Some(resource), attribute.name),
        (None, None) => return,
    };
    let Some(value) = from.and_then(|from| from.get(name)) else { return };
    let to = match place.extension {
        Some(urn) => shown.entry(urn.to_owned()).or_insert_with(|| Object::new().into()).as_object_mut(),
        None => Some(shown),
    };
    let Some(to) = to else { return };
    let Some(part) = place.part else {
        to.insert(name.to_owned(), value.clone());
        return;
    };
    let taken = |value: &Value| value.get(part.name).cloned();
    match (value, to.get_mut(name)) {
        (Value::Array(values), Some(Value::Array(already))) => {
            for (one, to) in values.iter().zip(already) {
                add_part(to, part.name, taken(one));
            }
        }
        (Value::Array(values), _) => {
            let mut list = vec![Value::from(Object::new()); values.len()];
            for (one, to) in values.iter().zip(&mut list) {
                add_part(to, part.name, taken(one));
            }
            to.insert(name.to_owned(), list.into());
        }
        (_, Some(already)) => add_part(already, part.name, taken(value)),
        (_, None) => {
            let mut made = Value::from(Object::new());
            add_part(&mut made, part.name, taken(value));
            to.insert(name.to_owned(), made);
        }
    }
}

fn add_part(to: &mut Value, name: &str, part: Option<Value>) {
    if let (Some(to), Some(part)) = (to.as_object_mut(), part) {
        to.insert(name.to_owned(), part);
    }
}
