//! What a client can learn of the service before it uses it (RFC 7644, section 4; RFC 7643, sections 5 to 7).

use serde_json::{Value, json};

use crate::page::{MAX, Page};
use crate::schema::{
    Attribute, ENTERPRISE_USER, GROUP, GROUPS_TYPE, Kind, Mutability, Object, ResourceType, Schema, USER,
    USERS,
};

const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const CONFIG_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// What of the standard there is; `base` is the address of the API.
#[must_use]
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": [CONFIG_URN],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MAX },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The token of a SCIM client, from `POST /scim-clients`.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}

/// The types of resources.
#[must_use]
pub fn resource_types(base: &str) -> Value {
    listed(&[&USERS, &GROUPS_TYPE].map(|kind| resource_type(kind, base)))
}

/// The type of resources with this name.
#[must_use]
pub fn find_resource_type(name: &str, base: &str) -> Option<Value> {
    [&USERS, &GROUPS_TYPE]
        .into_iter()
        .find(|kind| kind.name == name)
        .map(|kind| resource_type(kind, base).into())
}

/// The schemas.
#[must_use]
pub fn schemas(base: &str) -> Value {
    listed(&[&USER, &ENTERPRISE_USER, &GROUP].map(|schema| described(schema, base)))
}

/// The schema with this URN.
#[must_use]
pub fn find_schema(urn: &str, base: &str) -> Option<Value> {
    let found =
        [&USER, &ENTERPRISE_USER, &GROUP].into_iter().find(|schema| schema.id.eq_ignore_ascii_case(urn));
    found.map(|schema| described(schema, base).into())
}

fn listed(resources: &[Object]) -> Value {
    Page { start: 1, count: resources.len() }.answer(resources.len(), resources)
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn resource_type(kind: &ResourceType, base: &str) -> Object {
    let extension = |schema: &&Schema| json!({ "schema": schema.id, "required": false });
    object(json!({
        "schemas": [TYPE_URN],
        "id": kind.name,
        "name": kind.name,
        "endpoint": kind.endpoint,
        "description": kind.description,
        "schema": kind.schema.id,
        "schemaExtensions": kind.extensions.iter().map(extension).collect::<Vec<_>>(),
        "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", kind.name) },
    }))
}

fn described(schema: &Schema, base: &str) -> Object {
    object(json!({
        "schemas": [SCHEMA_URN],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id) },
    }))
}

fn attribute(of: &Attribute) -> Value {
    let kind = match of.kind {
        Kind::Text => "string",
        Kind::Boolean => "boolean",
        Kind::Time => "dateTime",
        Kind::Reference => "reference",
        Kind::Complex(_) => "complex",
    };
    let mutability = match of.mutability {
        Mutability::ReadWrite => "readWrite",
        Mutability::ReadOnly => "readOnly",
        Mutability::Immutable => "immutable",
    };
    let mut described = object(json!({
        "name": of.name,
        "type": kind,
        "multiValued": of.is_list,
        "description": of.description,
        "required": of.is_required,
        "caseExact": of.is_case_exact,
        "mutability": mutability,
        "returned": "default",
        "uniqueness": if of.is_unique { "server" } else { "none" },
    }));
    if of.kind == Kind::Reference {
        let to = if of.is_case_exact { json!(["User", "Group"]) } else { json!(["external"]) };
        described.insert("referenceTypes".into(), to);
    }
    if !of.parts().is_empty() {
        described.insert("subAttributes".into(), of.parts().iter().map(attribute).collect());
    }
    described.into()
}
