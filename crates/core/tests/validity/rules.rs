//! What the checkers of all services share.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The rules that a request breaks, in the words of the service as far as they are known.
#[derive(Default)]
pub struct Faults(pub Vec<String>);

impl Faults {
    /// Notes a broken rule.
    pub fn add(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// Notes the rule unless it is kept.
    pub fn check(&mut self, is_kept: bool, what: impl FnOnce() -> String) {
        if !is_kept {
            self.add(what());
        }
    }
}

/// The items of an array; none of anything else.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a string; empty of anything else.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The fields of an object.
pub fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Whether the text has 1 to `most` characters, each a letter, a digit or one of `others`.
pub fn is_word(text: &str, most: usize, others: &str) -> bool {
    (1..=most).contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

/// Calls that wait for their results, and all ids so far.
#[derive(Default)]
pub struct Calls {
    seen: BTreeSet<String>,
    due: BTreeSet<String>,
}

impl Calls {
    /// A call of the message at `at`.
    pub fn call(&mut self, id: &str, at: &str, faults: &mut Faults) {
        faults.check(!id.is_empty(), || format!("{at}: the id of a call is empty"));
        faults.check(self.seen.insert(id.to_owned()), || format!("{at}: ids of calls must be unique: {id}"));
        self.due.insert(id.to_owned());
    }

    /// A result in the message at `at`.
    pub fn result(&mut self, id: &str, at: &str, faults: &mut Faults) {
        faults.check(self.due.remove(id), || {
            format!("{at}: messages with role 'tool' must be a response to a preceding message with 'tool_calls': {id}")
        });
    }

    /// What comes at `at` is no result.
    pub fn end(&mut self, at: &str, faults: &mut Faults) {
        let due = std::mem::take(&mut self.due);
        faults.check(due.is_empty(), || {
            format!(
                "{at}: An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                 'tool_call_id': {due:?}"
            )
        });
    }
}

/// The names of the tools of `OpenAI`'s form, each with an object as its schema.
pub fn function_tools(tools: &Value, faults: &mut Faults) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (index, tool) in items(tools).iter().enumerate() {
        let at = format!("tools[{index}]");
        if tool["type"] != "function" {
            names.insert(text(&tool["custom"]["name"]).to_owned());
            continue;
        }
        let name = text(&tool["function"]["name"]);
        faults.check(is_word(name, 64, "_-"), || format!("{at}: expected ^[a-zA-Z0-9_-]+$: {name}"));
        let schema = &tool["function"]["parameters"];
        faults.check(schema.is_null() || schema["type"] == "object", || {
            format!("{at}: schema must be of type \"object\": {schema}")
        });
        names.insert(name.to_owned());
    }
    names
}
