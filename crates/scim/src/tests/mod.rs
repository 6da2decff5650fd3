//! Tests of the whole: filters by their laws, and changes as the clients of directories send them.

mod changes;
mod clients;
mod filters;
mod resources;

use serde_json::{Value, json};

use crate::Object;
use crate::resource;
use crate::schema::USERS;

/// A user with something of everything.
fn ada() -> Object {
    let given = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "Ada@Example.org",
        "externalId": "00u1",
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "displayName": "Ada Lovelace",
        "active": true,
        "title": "Countess",
        "emails": [
            { "value": "ada@example.org", "type": "work", "primary": true },
            { "value": "ada@home.example", "type": "home" },
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Engines" },
    });
    resource::read(&USERS, &given).unwrap()
}

fn value(of: &Object, pointer: &str) -> Value {
    Value::from(of.clone()).pointer(pointer).cloned().unwrap_or_default()
}
