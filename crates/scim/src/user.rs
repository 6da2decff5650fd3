//! Users: what of a resource is an account, and how an account is shown.
//!
//! The account's mail address is the primary one of `emails`, else the one for work, else the first, else `userName`, else one to
//! which no mail is delivered. Its name is
//! `displayName`, else the formatted name, else first and last name. Everything else that a client says is kept as it was said.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::time::rfc3339_ms;
use nexus_edge_identity::email;
use serde_json::{Value, json};

use crate::problem::invalid_value;
use crate::schema::{ENTERPRISE_URN, Object, USER_URN, USERS};

/// Longest resource that is kept, in bytes of JSON.
pub const MAX_KEPT_BYTES: usize = 32_768;
/// Longest name of an account, in characters.
const MAX_NAME: usize = 100;
/// Longest `userName` and `externalId`, in characters.
const MAX_ID: usize = 256;

/// What the gateway takes of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// By what the directory knows the user.
    pub user_name: String,
    /// The mail address in its one form.
    pub email: String,
    /// A name for people.
    pub name: String,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// The id that the directory gave.
    pub external_id: Option<String>,
}

impl Account {
    /// Reads a resource.
    ///
    /// # Errors
    /// `invalid_value` (400) without a user name, for an address that is none, and for what is too long.
    pub fn of(resource: &Object) -> Result<Self, ApiError> {
        let user_name =
            text(resource, "userName").ok_or_else(|| invalid_value("userName", "must have a value"))?;
        let external_id = text(resource, "externalId");
        for (name, value) in [("userName", Some(user_name)), ("externalId", external_id)] {
            if value.is_some_and(|value| value.chars().count() > MAX_ID) {
                return Err(invalid_value(name, &format!("has at most {MAX_ID} characters")));
            }
        }
        let email = match address(resource) {
            Some(given) => {
                email::normalise(given).ok_or_else(|| invalid_value("emails", "must be mail addresses"))?
            }
            None => email::normalise(user_name).unwrap_or_else(|| no_address(user_name)),
        };
        Ok(Self {
            user_name: user_name.to_owned(),
            email,
            name: name(resource),
            is_active: resource.get("active").and_then(Value::as_bool).unwrap_or(true),
            external_id: external_id.map(str::to_owned),
        })
    }
}

/// What of a resource is kept beside the account, as JSON.
///
/// # Errors
/// `invalid_value` (400) if that is too much.
pub fn kept(resource: &Object) -> Result<String, ApiError> {
    let mut kept = resource.clone();
    for name in ["id", "externalId", "meta", "schemas", "active", "groups", "roles"] {
        kept.remove(name);
    }
    let kept = Value::from(kept).to_string();
    if kept.len() > MAX_KEPT_BYTES {
        return Err(invalid_value(
            "value",
            &format!("is too long: a user has at most {MAX_KEPT_BYTES} bytes"),
        ));
    }
    Ok(kept)
}

/// An account as it is stored. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The id.
    pub id: &'a str,
    /// The mail address.
    pub email: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// The id that the directory gave.
    pub external_id: Option<&'a str>,
    /// What was kept of the resource; `None` for an account that no directory has changed.
    pub kept: Option<&'a str>,
    /// The groups of the user: ids and names.
    pub groups: &'a [(String, String)],
    /// Codes of the user's roles.
    pub roles: &'a [String],
    /// When the account was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

/// The resource of an account; `base` is the address of the API.
#[must_use]
pub fn resource(of: &Stored<'_>, base: &str) -> Object {
    let kept = of.kept.and_then(|kept| serde_json::from_str(kept).ok());
    let mut resource: Object = kept.unwrap_or_else(|| {
        let mut made = Object::new();
        made.insert("userName".into(), of.email.into());
        made.insert("emails".into(), json!([{ "value": of.email, "type": "work", "primary": true }]));
        if !of.name.is_empty() {
            made.insert("displayName".into(), of.name.into());
        }
        made
    });
    let mut schemas = vec![USER_URN];
    if resource.contains_key(ENTERPRISE_URN) {
        schemas.push(ENTERPRISE_URN);
    }
    resource.insert("schemas".into(), schemas.into());
    resource.insert("id".into(), of.id.into());
    if let Some(id) = of.external_id {
        resource.insert("externalId".into(), id.into());
    }
    resource.insert("active".into(), of.is_active.into());
    let group = |(id, name): &(String, String)| json!({ "value": id, "display": name, "$ref": format!("{base}/Groups/{id}"), "type": "direct" });
    if !of.groups.is_empty() {
        resource.insert("groups".into(), of.groups.iter().map(group).collect());
    }
    if !of.roles.is_empty() {
        resource.insert("roles".into(), of.roles.iter().map(|code| json!({ "value": code })).collect());
    }
    resource.insert("meta".into(), meta(&USERS, base, of.id, of.created_at, of.updated_at));
    resource
}

/// What is known about a resource.
pub(crate) fn meta(
    kind: &crate::schema::ResourceType,
    base: &str,
    id: &str,
    created_at: u64,
    updated_at: u64,
) -> Value {
    json!({
        "resourceType": kind.name,
        "created": rfc3339_ms(created_at),
        "lastModified": rfc3339_ms(updated_at),
        "location": format!("{base}{}/{id}", kind.endpoint),
    })
}

fn text<'a>(of: &'a Object, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn address(resource: &Object) -> Option<&str> {
    let addresses = resource.get("emails")?.as_array()?;
    let is_primary = |one: &&Value| one.get("primary") == Some(&Value::Bool(true));
    let is_work = |one: &&Value| {
        one.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
    };
    let with_value = || addresses.iter().filter(|one| one.get("value").is_some_and(Value::is_string));
    let chosen =
        with_value().find(is_primary).or_else(|| with_value().find(is_work)).or_else(|| with_value().next());
    chosen?.get("value")?.as_str()
}

/// The address of an account of which the directory knows none: no mail is delivered there (RFC 2606, section 2).
fn no_address(user_name: &str) -> String {
    let digest: String = sha256_hex(&user_name.to_lowercase()).chars().take(32).collect();
    format!("{digest}@scim.invalid")
}

fn name(resource: &Object) -> String {
    let parts = resource.get("name").and_then(Value::as_object);
    let part = |name| parts.and_then(|parts| text(parts, name));
    let both = || {
        let both: Vec<&str> = [part("givenName"), part("familyName")].into_iter().flatten().collect();
        both.join(" ")
    };
    let whole = text(resource, "displayName").or_else(|| part("formatted"));
    let whole = whole.map_or_else(both, str::to_owned);
    whole.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}
