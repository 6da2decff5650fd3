//! Groups: what of a resource is a team and who is in it, and how a team is shown.

use std::collections::BTreeSet;

use nexus_edge_core::error::ApiError;
use serde_json::{Value, json};

use crate::problem::invalid_value;
use crate::schema::{GROUP_URN, GROUPS_TYPE, Object};
use crate::user::meta;

/// Longest name and `externalId`, in characters.
const MAX_NAME: usize = 256;

/// What the gateway takes of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// A name for people.
    pub name: String,
    /// The id that the directory gave.
    pub external_id: Option<String>,
    /// Ids of the users.
    pub members: BTreeSet<String>,
}

impl Group {
    /// Reads a resource.
    ///
    /// # Errors
    /// `invalid_value` (400) without a name, for what is too long, and for a group in a group.
    pub fn of(resource: &Object) -> Result<Self, ApiError> {
        let text = |name: &str| {
            resource.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
        };
        let name = text("displayName").ok_or_else(|| invalid_value("displayName", "must have a value"))?;
        let external_id = text("externalId");
        for (field, value) in [("displayName", Some(name)), ("externalId", external_id)] {
            if value.is_some_and(|value| value.chars().count() > MAX_NAME) {
                return Err(invalid_value(field, &format!("has at most {MAX_NAME} characters")));
            }
        }
        let members = resource.get("members").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let members = members.iter().map(member).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), external_id: external_id.map(str::to_owned), members })
    }
}

fn member(of: &Value) -> Result<String, ApiError> {
    let text = |name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("$ref").contains("/Groups/") {
        return Err(invalid_value("members", "must be users: groups are not in groups"));
    }
    match text("value") {
        "" => Err(invalid_value("members", "must have a `value` each")),
        id => Ok(id.to_owned()),
    }
}

/// A team as it is stored. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The id.
    pub id: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// The id that the directory gave.
    pub external_id: Option<&'a str>,
    /// Ids and names of its members; `None` if they were not read.
    pub members: Option<&'a [(String, String)]>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

/// The resource of a team; `base` is the address of the API.
#[must_use]
pub fn resource(of: &Stored<'_>, base: &str) -> Object {
    let mut resource = Object::new();
    resource.insert("schemas".into(), json!([GROUP_URN]));
    resource.insert("id".into(), of.id.into());
    resource.insert("displayName".into(), of.name.into());
    if let Some(id) = of.external_id {
        resource.insert("externalId".into(), id.into());
    }
    let member = |(id, name): &(String, String)| {
        let mut member = json!({ "value": id, "$ref": format!("{base}/Users/{id}") });
        if let Some(parts) = member.as_object_mut().filter(|_| !name.is_empty()) {
            parts.insert("display".to_owned(), name.as_str().into());
        }
        member
    };
    if let Some(members) = of.members.filter(|members| !members.is_empty()) {
        resource.insert("members".into(), members.iter().map(member).collect());
    }
    resource.insert("meta".into(), meta(&GROUPS_TYPE, base, of.id, of.created_at, of.updated_at));
    resource
}
