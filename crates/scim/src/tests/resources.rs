use serde_json::{Value, json};

use super::{ada, value};
use crate::group::{self, Group};
use crate::schema::{ENTERPRISE_URN, GROUPS_TYPE, USERS};
use crate::user::{self, Account, kept};
use crate::version::{check_match, names, stamp};
use crate::view::Selection;
use crate::{discovery, resource};

fn read(given: &Value) -> crate::Object {
    resource::read(&USERS, given).unwrap()
}

fn stored<'a>(
    kept: Option<&'a str>,
    groups: &'a [(String, String)],
    roles: &'a [String],
) -> user::Stored<'a> {
    user::Stored {
        id: "u1",
        email: "ada@example.org",
        name: "Ada",
        is_active: false,
        external_id: Some("00u1"),
        kept,
        groups,
        roles,
        created_at: 1_000,
        updated_at: 2_000,
    }
}

#[test]
fn what_the_schema_does_not_know_is_left_out() {
    let user = read(&json!({
        "USERNAME": "ada", "Active": "False", "salary": 5, "id": "x", "meta": {}, "groups": [{ "value": "g" }],
        "emails": { "value": "a@b.example", "secret": 1 }, "nickName": null, "title": "",
    }));
    assert_eq!(
        Value::from(user),
        json!({ "userName": "ada", "active": false, "emails": [{ "value": "a@b.example" }] })
    );
}

#[test]
fn values_of_other_types_are_refused() {
    for wrong in [
        json!({ "userName": ["a"] }),
        json!({ "active": 1 }),
        json!({ "name": 5 }),
        json!({ "name": "Ada" }),
        json!({ "emails": [5] }),
        json!({ "title": "x".repeat(resource::MAX_TEXT + 1) }),
        json!({ ENTERPRISE_URN: 5 }),
    ] {
        assert_eq!(resource::read(&USERS, &wrong).unwrap_err().code, "invalid_value", "{wrong}");
    }
    assert_eq!(resource::read(&USERS, &json!([])).unwrap_err().code, "invalid_json");
}

#[test]
fn an_account_is_found_in_a_resource() {
    let account = Account::of(&ada()).unwrap();
    assert_eq!((account.email.as_str(), account.name.as_str()), ("ada@example.org", "Ada Lovelace"));
    assert_eq!((account.user_name.as_str(), account.is_active), ("Ada@Example.org", true));
    let of =
        |given: Value| Account::of(&read(&given)).map(|account| account.email).map_err(|error| error.code);
    assert_eq!(of(json!({ "userName": "Bob@Example.org" })), Ok("bob@example.org".into()));
    let several = json!({ "userName": "bob", "emails": [{ "value": "h@x.example" }, { "value": "w@x.example", "type": "Work" }] });
    assert_eq!(of(several), Ok("w@x.example".into()));
    let unknown = of(json!({ "userName": "bob" })).unwrap();
    assert!(unknown.ends_with("@scim.invalid") && of(json!({ "userName": "BOB" })) == Ok(unknown));
    assert_eq!(of(json!({ "userName": "bob", "emails": [{ "value": "nowhere" }] })), Err("invalid_value"));
    assert_eq!(of(json!({ "emails": [{ "value": "w@x.example" }] })), Err("invalid_value"));
    assert_eq!(of(json!({ "userName": "x".repeat(257) })), Err("invalid_value"));
    let named = |given: Value| Account::of(&read(&given)).unwrap().name;
    assert_eq!(
        named(json!({ "userName": "a@b.example", "name": { "givenName": "A", "familyName": "B" } })),
        "A B"
    );
    assert_eq!(named(json!({ "userName": "a@b.example", "name": { "formatted": "Dr. A" } })), "Dr. A");
}

#[test]
fn what_is_kept_comes_back() {
    let kept = kept(&ada()).unwrap();
    let groups = [("g1".to_owned(), "Engines".to_owned())];
    let roles = ["user".to_owned()];
    let shown = user::resource(&stored(Some(&kept), &groups, &roles), "https://g.example/scim/v2");
    assert_eq!(value(&shown, "/active"), false, "the account says that, not what was kept");
    assert_eq!(value(&shown, "/groups/0/$ref"), "https://g.example/scim/v2/Groups/g1");
    assert_eq!(value(&shown, "/roles/0/value"), "user");
    assert_eq!(value(&shown, "/meta/location"), "https://g.example/scim/v2/Users/u1");
    assert_eq!(value(&shown, "/schemas/1"), ENTERPRISE_URN);
    let again = resource::read(&USERS, &Value::from(shown)).unwrap();
    assert_eq!(user::kept(&again).unwrap(), kept, "what is read from an answer is what was kept");
    let plain = user::resource(&stored(None, &[], &[]), "");
    assert_eq!(
        (value(&plain, "/userName"), value(&plain, "/emails/0/value")),
        (json!("ada@example.org"), json!("ada@example.org"))
    );
    assert!(!plain.contains_key("groups") && !plain.contains_key("roles"));
}

#[test]
fn a_group_has_users_in_it() {
    let read =
        |given: Value| Group::of(&resource::read(&GROUPS_TYPE, &given).unwrap()).map_err(|error| error.code);
    let group =
        read(json!({ "displayName": "g", "members": ["u2", { "value": "u1" }, { "value": "u1" }] })).unwrap();
    assert_eq!(group.members.into_iter().collect::<Vec<_>>(), ["u1", "u2"]);
    for wrong in [
        json!({ "members": [] }),
        json!({ "displayName": "g", "members": [{ "value": "g2", "$ref": "https://g.example/scim/v2/Groups/g2" }] }),
        json!({ "displayName": "g", "members": [{ "$ref": "../Users/u1" }] }),
    ] {
        assert_eq!(read(wrong), Err("invalid_value"));
    }
    let members = [("u1".to_owned(), "Ada".to_owned())];
    let of = group::Stored {
        id: "g",
        name: "Engines",
        external_id: None,
        members: Some(&members),
        created_at: 0,
        updated_at: 0,
    };
    let shown = group::resource(&of, "/scim/v2");
    assert_eq!(
        value(&shown, "/members/0"),
        json!({ "value": "u1", "display": "Ada", "$ref": "/scim/v2/Users/u1" })
    );
}

#[test]
fn attributes_are_selected() {
    let mut user = ada();
    user.insert("id".into(), "u1".into());
    user.insert("schemas".into(), json!([]));
    let select = |only, without| Selection::read(&USERS, only, without).unwrap();
    let shown = select(Some("userName, name.familyName,emails.value,salary"), None).of(user.clone());
    assert_eq!(
        Value::from(shown),
        json!({ "id": "u1", "schemas": [], "userName": "Ada@Example.org", "name": { "familyName": "Lovelace" },
            "emails": [{ "value": "ada@example.org" }, { "value": "ada@home.example" }] })
    );
    let department = format!("{ENTERPRISE_URN}:department");
    let shown = select(Some(&department), None).of(user.clone());
    assert_eq!(shown[ENTERPRISE_URN]["department"], "Engines");
    let shown = select(None, Some("emails,name.givenName,id")).of(user.clone());
    assert!(!shown.contains_key("emails") && shown.contains_key("id"));
    assert_eq!(value(&shown, "/name"), json!({ "familyName": "Lovelace" }));
    assert!(
        !select(None, Some("members,emails")).shows("emails")
            && select(Some("emails.value"), None).shows("emails")
    );
    assert!(Selection::read(&USERS, Some("a"), Some("b")).is_err());
    assert_eq!(select(Some(""), None), Selection::All);
}

#[test]
fn a_version_is_that_of_a_state() {
    let shown = || user::resource(&stored(None, &[], &[]), "/scim/v2");
    let (mut one, mut same, mut other) = (shown(), shown(), shown());
    other.insert("title".into(), "x".into());
    let (version, again, another) = (stamp(&mut one), stamp(&mut same), stamp(&mut other));
    assert_eq!((&version, value(&one, "/meta/version")), (&again, json!(version)));
    assert_ne!(version, another);
    assert!(names(&format!("\"x\", {version}"), &version) && names("*", &version));
    assert!(names(version.trim_start_matches("W/"), &version) && !names("\"x\"", &version));
    assert!(check_match(None, &version).is_ok() && check_match(Some(&version), &version).is_ok());
    assert_eq!(check_match(Some("\"x\""), &version).unwrap_err().status, 412);
}

#[test]
fn the_service_describes_itself() {
    let base = "https://g.example/scim/v2";
    assert_eq!(discovery::service_provider_config(base)["patch"]["supported"], true);
    assert_eq!(discovery::resource_types(base)["totalResults"], 2);
    let schemas = discovery::schemas(base);
    let user = &schemas["Resources"][0];
    let of = |name: &str| {
        user["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        (of("userName")["uniqueness"].clone(), of("userName")["required"].clone()),
        (json!("server"), json!(true))
    );
    assert_eq!(of("emails")["subAttributes"][0]["name"], "value");
    assert!(discovery::find_schema("URN:ietf:params:scim:schemas:core:2.0:group", base).is_some());
    assert!(
        discovery::find_resource_type("User", base).is_some() && discovery::find_schema("x", base).is_none()
    );
}
