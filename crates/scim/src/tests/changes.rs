use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ada, value};
use crate::Object;
use crate::patch::apply;
use crate::resource;
use crate::schema::{GROUPS_TYPE, USERS};

fn changed(operations: &Value) -> Result<Object, &'static str> {
    let mut user = ada();
    apply(&mut user, &USERS, &json!({ "Operations": operations })).map(|()| user).map_err(|error| error.code)
}

#[test]
fn a_single_value_is_set_and_removed() {
    for op in ["add", "replace"] {
        let user = changed(&json!([{ "op": op, "path": "title", "value": "Duchess" }])).unwrap();
        assert_eq!(value(&user, "/title"), "Duchess");
    }
    let user = changed(&json!([{ "op": "remove", "path": "title" }])).unwrap();
    assert_eq!(value(&user, "/title"), Value::Null);
    let user = changed(&json!([{ "op": "replace", "path": "title", "value": "" }])).unwrap();
    assert!(!user.contains_key("title"), "an empty value is none");
}

#[test]
fn parts_that_are_not_named_stay() {
    let user =
        changed(&json!([{ "op": "replace", "path": "name", "value": { "familyName": "King" } }])).unwrap();
    assert_eq!(
        (value(&user, "/name/givenName"), value(&user, "/name/familyName")),
        (json!("Ada"), json!("King"))
    );
    let user = changed(&json!([{ "op": "replace", "path": "NAME.familyname", "value": "King" }])).unwrap();
    assert_eq!(value(&user, "/name"), json!({ "givenName": "Ada", "familyName": "King" }));
    let user =
        changed(&json!([{ "op": "replace", "path": "name", "value": { "familyName": null } }])).unwrap();
    assert_eq!(value(&user, "/name"), json!({ "givenName": "Ada" }));
}

#[test]
fn values_of_a_list_are_selected() {
    let user = changed(
        &json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@b.example" }]),
    );
    let user = user.unwrap();
    assert_eq!(value(&user, "/emails/0"), json!({ "value": "a@b.example", "type": "work", "primary": true }));
    assert_eq!(value(&user, "/emails/1/value"), "ada@home.example");
    let user = changed(&json!([{ "op": "remove", "path": "emails[type eq \"home\"]" }])).unwrap();
    assert_eq!(user["emails"].as_array().unwrap().len(), 1);
    let user = changed(&json!([{ "op": "remove", "path": "emails" }])).unwrap();
    assert!(!user.contains_key("emails"));
}

#[test]
fn one_value_is_the_primary_one() {
    let new = json!({ "value": "a@b.example", "type": "other", "primary": true });
    let user = changed(&json!([{ "op": "add", "path": "emails", "value": [new] }])).unwrap();
    let primary = |at: usize| value(&user, &format!("/emails/{at}/primary"));
    assert_eq!((primary(0), primary(2)), (json!(false), json!(true)));
    let again = changed(&json!([
        { "op": "add", "path": "emails", "value": new }, { "op": "add", "path": "emails", "value": new }]));
    assert_eq!(again.unwrap()["emails"].as_array().unwrap().len(), 3, "what is there is not added again");
    let user =
        changed(&json!([{ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True" }]))
            .unwrap();
    assert_eq!(
        (value(&user, "/emails/0/primary"), value(&user, "/emails/1/primary")),
        (json!(false), json!(true))
    );
}

#[test]
fn what_is_refused_says_why() {
    for (operation, code) in [
        (json!({ "op": "move", "path": "title", "value": "x" }), "invalid_json"),
        (json!({ "op": "remove" }), "no_such_target"),
        (json!({ "op": "replace", "path": "salary", "value": 5 }), "invalid_attribute_path"),
        (json!({ "op": "replace", "path": "title[", "value": 5 }), "invalid_attribute_path"),
        (json!({ "op": "replace", "path": "title[value eq 5]", "value": "x" }), "invalid_attribute_path"),
        (json!({ "op": "replace", "path": "id", "value": "x" }), "read_only_attribute"),
        (json!({ "op": "replace", "path": "groups", "value": [] }), "read_only_attribute"),
        (json!({ "op": "replace", "path": "active", "value": "perhaps" }), "invalid_value"),
        (json!({ "op": "replace", "path": "emails", "value": 5 }), "invalid_value"),
        (json!({ "op": "replace", "value": "x" }), "invalid_value"),
        (json!({ "op": "replace", "path": "emails[salary eq 1].value", "value": "x" }), "invalid_filter"),
        (json!({ "op": "replace", "path": "emails[not (type pr)].value", "value": "x" }), "no_such_target"),
    ] {
        assert_eq!(changed(&json!([operation])).unwrap_err(), code, "{operation}");
    }
    let mut user = ada();
    assert_eq!(apply(&mut user, &USERS, &json!({})).unwrap_err().code, "invalid_json");
    assert_eq!(apply(&mut user, &USERS, &json!([])).unwrap_err().code, "invalid_json");
}

fn members(ids: &[u8]) -> Value {
    ids.iter().map(|id| json!({ "value": format!("u{id}") })).collect()
}

fn ids(group: &Object) -> Vec<String> {
    let members = group.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        members.iter().filter_map(|one| one["value"].as_str().map(str::to_owned)).collect();
    ids.sort_unstable();
    ids
}

proptest! {
    /// Members are a set: any operations on it have the result that the same operations have on a set.
    #[test]
    fn members_are_a_set(steps in prop::collection::vec((0..4_u8, prop::collection::vec(0..6_u8, 0..4)), 0..12)) {
        let mut group = resource::read(&GROUPS_TYPE, &json!({ "displayName": "g" })).unwrap();
        let mut model = std::collections::BTreeSet::new();
        for (kind, given) in steps {
            let operation = match kind {
                0 => json!({ "op": "Add", "path": "members", "value": members(&given) }),
                1 if given.is_empty() => continue,
                1 => json!({ "op": "Remove", "path": "members", "value": members(&given) }),
                2 => json!({ "op": "replace", "value": { "members": members(&given) } }),
                _ => json!({ "op": "remove", "path": format!("members[value eq \"u{}\"]", given.first().unwrap_or(&0)) }),
            };
            match kind {
                0 => model.extend(given.iter().copied()),
                1 => model.retain(|id| !given.contains(id)),
                2 => model = given.iter().copied().collect(),
                _ => { model.remove(given.first().unwrap_or(&0)); }
            }
            apply(&mut group, &GROUPS_TYPE, &json!({ "Operations": [operation] })).unwrap();
            let expected: Vec<String> = model.iter().map(|id| format!("u{id}")).collect();
            let mut got = ids(&group);
            got.dedup();
            prop_assert_eq!(got, expected);
        }
    }

    /// What is replaced is what is read, and twice is the same as once.
    #[test]
    fn a_replacement_is_idempotent(title in "[ -~]{0,20}", active in any::<bool>()) {
        let operation = json!({ "Operations": [
            { "op": "replace", "value": { "title": title, "active": active } },
            { "op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x@y.example" } ]});
        let mut once = ada();
        apply(&mut once, &USERS, &operation).unwrap();
        let mut twice = once.clone();
        apply(&mut twice, &USERS, &operation).unwrap();
        prop_assert_eq!(value(&once, "/title"), if title.is_empty() { Value::Null } else { title.into() });
        prop_assert_eq!(value(&once, "/active"), active);
        prop_assert_eq!(once, twice);
    }
}
