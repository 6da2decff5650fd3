//! Proves that `docs/openapi.json` is what the code declares, and that it hangs together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use nexus_edge_api::{ALL, Operation};
use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn document() -> Value {
    serde_json::from_str(&nexus_edge_openapi::document().unwrap()).unwrap()
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .iter()
                .map(move |(method, one)| (path.as_str(), method.as_str(), one))
        })
        .collect()
}

#[test]
fn the_file_is_up_to_date() {
    let made = nexus_edge_openapi::document().unwrap();
    let path = docs("openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    let differs = made.lines().zip(stands.lines()).position(|(a, b)| a != b);
    assert!(
        made == stands,
        "docs/openapi.json is stale (line {}): run `UPDATE_OPENAPI=1 cargo test -p nexus-edge-openapi` and read the difference",
        differs.map_or(0, |line| line + 1)
    );
}

#[test]
fn every_declared_operation_is_in_it() {
    let document = document();
    let shown = operations(&document);
    let declared: Vec<&Operation> = ALL.iter().copied().flatten().collect();
    for operation in &declared {
        let path = operation.path.replace("...}", "}");
        // Where callers write an action behind the model, each action is shown.
        let stem = path.split("{call}").next().unwrap();
        let method = operation.method.name().to_lowercase();
        let is_shown = shown.iter().any(|(shown, m, _)| {
            *m == method && (*shown == path || (stem != path && shown.starts_with(stem)))
        });
        assert!(is_shown, "{method} {path}");
    }
    let ids: BTreeSet<&str> = shown.iter().map(|(_, _, one)| one["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), shown.len(), "an operation id stands twice");
    let mut rows: Vec<_> =
        declared.iter().map(|operation| (operation.method.name(), operation.path)).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), declared.len(), "an operation is declared twice");
}

/// As `OpenAPI` demands.
#[test]
fn every_group_is_named_once() {
    let document = document();
    let tags: Vec<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let once: BTreeSet<&str> = tags.iter().copied().collect();
    assert_eq!(once.len(), tags.len(), "{tags:?}");
}

#[test]
fn every_operation_says_what_it_answers() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let succeeds = responses
            .keys()
            .any(|status| status.starts_with('2') || matches!(status.as_str(), "101" | "303"));
        assert!(succeeds, "{method} {path} has no successful answer");
        assert!(responses.contains_key("default"), "{method} {path} has no default answer");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        let in_path = path.matches('{').count();
        let parameters = operation["parameters"].as_array().unwrap();
        assert_eq!(parameters.iter().filter(|one| one["in"] == "path").count(), in_path, "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 40);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn every_error_code_is_in_the_reference() {
    let pages =
        ["api.md", "limits.md", "credits.md", "routing.md", "sessions.md", "websocket.md", "tokens.md"];
    let reference: String = pages.iter().map(|page| fs::read_to_string(docs(page)).unwrap()).collect();
    let document = document();
    let mut unknown = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if !status.starts_with(['4', '5']) {
                continue;
            }
            let response = match response.get("$ref").and_then(Value::as_str) {
                Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
                None => response,
            };
            let description = response["description"].as_str().unwrap();
            for code in description.split(", ").map(|code| code.trim_matches('`')) {
                // The session API has the same codes in capitals, some of them with names of its own.
                let known = reference.contains(&format!("`{code}`"))
                    || reference.contains(&format!("`{}`", code.to_lowercase()));
                if !known {
                    unknown.insert(code.to_owned());
                }
            }
        }
    }
    assert!(unknown.is_empty(), "not in the reference: {unknown:?}");
}
