//! Requests as Entra ID and Okta send them, by their documentation (learn.microsoft.com, "Develop and plan provisioning for a SCIM
//! endpoint"; developer.okta.com, "SCIM 2.0 protocol reference").

use serde_json::{Value, json};

use super::{ada, value};
use crate::Object;
use crate::patch::apply;
use crate::resource;
use crate::schema::{ENTERPRISE_URN, GROUPS_TYPE, USERS};

fn user_after(operations: &Value) -> Object {
    let mut user = ada();
    let request =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
    apply(&mut user, &USERS, &request).unwrap();
    user
}

fn group_after(operations: &Value) -> Object {
    let given = json!({ "displayName": "Engines", "members": [{ "value": "u1" }, { "value": "u2" }] });
    let mut group = resource::read(&GROUPS_TYPE, &given).unwrap();
    apply(&mut group, &GROUPS_TYPE, &json!({ "Operations": operations })).unwrap();
    group
}

#[test]
fn entra_ends_a_user_with_text_or_without_a_path() {
    for operations in [
        json!([{ "op": "Replace", "path": "active", "value": "False" }]),
        json!([{ "op": "Replace", "path": "active", "value": false }]),
        json!([{ "op": "replace", "value": { "active": "False" } }]),
    ] {
        assert_eq!(value(&user_after(&operations), "/active"), false);
    }
}

#[test]
fn entra_names_attributes_in_an_object() {
    let user = user_after(&json!([{ "op": "Replace", "value": {
        "displayName": "Ada King",
        "name.familyName": "King",
        "emails[type eq \"work\"].value": "king@example.org",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Looms",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "u9",
        "salary": 5,
    }}]));
    assert_eq!(value(&user, "/displayName"), "Ada King");
    assert_eq!(value(&user, "/name"), json!({ "givenName": "Ada", "familyName": "King" }));
    assert_eq!(value(&user, "/emails/0/value"), "king@example.org");
    assert_eq!(user[ENTERPRISE_URN], json!({ "department": "Looms", "manager": { "value": "u9" } }));
}

#[test]
fn entra_replaces_what_is_not_there() {
    let user = user_after(&json!([
        { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 1" },
        { "op": "Replace", "path": "addresses[type eq \"work\"].country", "value": "GB" },
        { "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "value": 7 },
    ]));
    assert_eq!(value(&user, "/phoneNumbers"), json!([{ "type": "mobile", "value": "+44 1" }]));
    assert_eq!(value(&user, "/addresses"), json!([{ "type": "work", "country": "GB" }]));
    assert_eq!(user[ENTERPRISE_URN]["employeeNumber"], "7");
    let gone = user_after(&json!([{ "op": "Remove", "path": "emails[type eq \"home\"].value" }]));
    assert_eq!(gone["emails"].as_array().unwrap().len(), 1, "an address without a value is none");
    let gone = user_after(&json!([{ "op": "Remove", "path": format!("{ENTERPRISE_URN}:department") }]));
    assert!(!gone.contains_key(ENTERPRISE_URN));
}

#[test]
fn entra_adds_and_removes_members_by_lists() {
    let group = group_after(&json!([
        { "op": "Add", "path": "members", "value": [{ "value": "u3", "displayName": "x" }] },
        { "op": "Remove", "path": "members", "value": [{ "value": "u1" }] },
        { "op": "Replace", "path": "displayName", "value": "Looms" },
    ]));
    assert_eq!(value(&group, "/members"), json!([{ "value": "u2" }, { "value": "u3" }]));
    assert_eq!(value(&group, "/displayName"), "Looms");
}

#[test]
fn okta_renames_a_group_and_says_its_id() {
    let group = group_after(&json!([{ "op": "replace", "value": { "id": "g1", "displayName": "Looms" } }]));
    assert_eq!(value(&group, "/displayName"), "Looms");
    assert!(!group.contains_key("id"));
}

#[test]
fn okta_replaces_and_removes_members() {
    let group = group_after(&json!([{ "op": "remove", "path": "members[value eq \"u1\"]" }]));
    assert_eq!(value(&group, "/members"), json!([{ "value": "u2" }]));
    let group = group_after(
        &json!([{ "op": "replace", "path": "members", "value": [{ "value": "u7", "display": "a@b.c" }] }]),
    );
    assert_eq!(value(&group, "/members"), json!([{ "value": "u7" }]));
    let group = group_after(&json!([{ "op": "add", "value": { "members": [{ "value": "u7" }] } }]));
    assert_eq!(group["members"].as_array().unwrap().len(), 3);
    assert!(
        !group_after(&json!([{ "op": "replace", "path": "members", "value": [] }])).contains_key("members")
    );
}

#[test]
fn okta_ends_a_user() {
    assert_eq!(
        value(&user_after(&json!([{ "op": "replace", "value": { "active": false } }])), "/active"),
        false
    );
}
