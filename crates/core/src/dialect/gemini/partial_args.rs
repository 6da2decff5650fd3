//! Arguments of a call that arrive in pieces, each with the place that it belongs to
//! (`streamFunctionCallArguments`, <https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling>):
//!
//! ```json
//! {"jsonPath": "$.operations[0].name", "stringValue": "app", "willContinue": true}
//! {"jsonPath": "$.operations[0].name", "stringValue": "le"}
//! ```
//!
//! Texts of one place are joined. A piece that cannot be read is left out, so that the others survive.

use serde_json::{Map, Value};

use crate::dialect::canonical::Json;

/// No list of arguments is longer; a wild index must not cost memory.
const MAX_INDEX: usize = 10_000;

/// No arguments are nested deeper; a tree is written and dropped recursively.
const MAX_STEPS: usize = 64;

/// The arguments so far.
#[derive(Debug)]
pub(super) struct PartialArgs(Value);

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl PartialArgs {
    /// Begins with the arguments that came at once.
    pub(super) fn new(args: Option<&Json>) -> Self {
        let whole = args.map(Json::to_value).filter(Value::is_object);
        Self(whole.unwrap_or_else(|| Value::Object(Map::new())))
    }

    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &Json) {
        let piece = piece.to_value();
        let Some(steps) = piece.get("jsonPath").and_then(Value::as_str).and_then(steps) else { return };
        let value = ["stringValue", "numberValue", "boolValue"].iter().find_map(|name| piece.get(name));
        let value = match value {
            Some(value) => value.clone(),
            None if piece.get("nullValue").is_some() => Value::Null,
            None => return,
        };
        let Some(place) = place(&mut self.0, &steps) else { return };
        match (place, value) {
            (Value::String(held), Value::String(more)) => held.push_str(&more),
            (place, value) => *place = value,
        }
    }

    /// The arguments as JSON text.
    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }
}

/// The value at a path, which is created if it does not exist.
fn place<'a>(root: &'a mut Value, steps: &[Step<'_>]) -> Option<&'a mut Value> {
    let mut place = root;
    for step in steps {
        match step {
            Step::Member(name) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                place = place.as_object_mut()?.entry(*name).or_insert(Value::Null);
            }
            Step::Item(index) => {
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                let items = place.as_array_mut()?;
                if items.len() <= *index {
                    items.resize(index + 1, Value::Null);
                }
                place = items.get_mut(*index)?;
            }
        }
    }
    Some(place)
}

/// The steps of a path such as `$.a.b[0]['c d']`; `None` if it is no such path, or the root.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= MAX_STEPS {
            return None;
        }
        if let Some(member) = rest.strip_prefix('.') {
            let end = member.find(['.', '[']).unwrap_or(member.len());
            let (name, after) = member.split_at_checked(end)?;
            steps.push(Step::Member(name));
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
            let (end, length) = ["']", "\"]"].iter().find_map(|mark| Some((quoted.find(mark)?, 2)))?;
            steps.push(Step::Member(quoted.get(..end)?));
            rest = quoted.get(end + length..)?;
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            let index = index.trim().parse().ok().filter(|index| *index < MAX_INDEX)?;
            steps.push(Step::Item(index));
            rest = after;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn put_together(pieces: &[Value]) -> Value {
        let mut args = PartialArgs::new(None);
        for piece in pieces {
            args.add(&Json::of(piece));
        }
        serde_json::from_str(&args.text()).unwrap()
    }

    #[test]
    fn pieces_are_put_in_their_places() {
        let args = put_together(&[
            json!({"jsonPath": "$.town", "stringValue": "Ro", "willContinue": true}),
            json!({"jsonPath": "$.town", "stringValue": "me"}),
            json!({"jsonPath": "$.days[1].warm", "boolValue": true}),
            json!({"jsonPath": "$.days[0]['at most']", "numberValue": 2.5}),
            json!({"jsonPath": "$.unit", "nullValue": null}),
        ]);
        assert_eq!(args, json!({"town": "Rome", "days": [{"at most": 2.5}, {"warm": true}], "unit": null}));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let args = put_together(&[
            json!({"jsonPath": "town", "stringValue": "x"}),
            json!({"jsonPath": "$", "stringValue": "x"}),
            json!({"jsonPath": "$.list[99999999]", "stringValue": "x"}),
            json!({"jsonPath": "$.list[", "stringValue": "x"}),
            json!({"jsonPath": "$.nothing"}),
            json!(7),
            json!({"jsonPath": "$.a", "numberValue": 1}),
        ]);
        assert_eq!(args, json!({"a": 1}));
    }

    #[test]
    fn arguments_that_came_at_once_stay() {
        let mut args = PartialArgs::new(Json::parse(r#"{"a":1}"#).as_ref());
        args.add(&Json::of(&json!({"jsonPath": "$.b", "stringValue": "c"})));
        assert_eq!(args.text(), r#"{"a":1,"b":"c"}"#);
    }
}
