//! Error answers that many operations give alike stand once in the document, in `components.responses`: otherwise they would be
//! half of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Operations from which on an answer stands once.
const MANY: usize = 10;

/// Takes the error answers that many operations of these paths give alike out of them, and leaves references. The result is
/// the answers by their names.
pub(super) fn take_alike(paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut uses: BTreeMap<(String, String), usize> = BTreeMap::new();
    each_error(paths, |status, answer| {
        *uses.entry((status.to_owned(), answer.to_string())).or_default() += 1;
    });
    let mut of_status: BTreeMap<String, usize> = BTreeMap::new();
    let mut names: BTreeMap<(String, String), String> = BTreeMap::new();
    for (key, _) in uses.into_iter().filter(|(_, uses)| *uses >= MANY) {
        let number = of_status.entry(key.0.clone()).or_default();
        *number += 1;
        names.insert(key.clone(), format!("Error_{}_{number}", key.0));
    }
    let mut taken = Map::new();
    each_error(paths, |status, answer| {
        if let Some(name) = names.get(&(status.to_owned(), answer.to_string())) {
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            taken.insert(name.clone(), std::mem::replace(answer, reference));
        }
    });
    taken
}

/// Calls a function with the status and the description of each error answer.
fn each_error(paths: &mut Map<String, Value>, mut call: impl FnMut(&str, &mut Value)) {
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    let answers = operations.filter_map(|operation| operation.get_mut("responses")?.as_object_mut());
    for (status, answer) in answers.flatten() {
        if status == "default" || status.starts_with(['4', '5']) {
            call(status, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_say_stands_once_and_means_the_same() {
        let answers = |n: usize| json!({ "200": { "description": "yes" }, "404": { "description": if n < MANY { "gone" } else { "rare" } } });
        let mut paths: Map<String, Value> =
            (0..=MANY).map(|n| (format!("/{n:02}"), json!({ "get": { "responses": answers(n) } }))).collect();
        let taken = take_alike(&mut paths);
        assert_eq!(Value::from(taken), json!({ "Error_404_1": { "description": "gone" } }));
        let of = |path: &str| paths[path]["get"]["responses"].clone();
        assert_eq!(of("/00")["404"], json!({ "$ref": "#/components/responses/Error_404_1" }));
        assert_eq!(of("/10"), answers(MANY));
        assert_eq!(of("/00")["200"], json!({ "description": "yes" }));
    }
}
