//! Finding and changing values deep in a JSON text, of which everything else stays byte for byte.

use nexus_edge_core::json::lenient::{Object, items};
use nexus_edge_core::json::object::Kind;
use nexus_edge_core::json::splice::{Edit, apply, offset_in};
use serde_json::value::RawValue;

/// A step into a value.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// To a member of an object.
    Name(&'a str),
    /// To an item of an array.
    Item(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for Step<'_> {
    fn from(item: usize) -> Self {
        Self::Item(item)
    }
}

/// The value that is all of a text; `None` if the text is no JSON.
#[must_use]
pub fn value(text: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(text).ok()
}

/// The value at a path; `None` if a step leads nowhere, or to `null`.
#[must_use]
pub fn at<'a>(value: &'a RawValue, path: &[Step<'_>]) -> Option<&'a RawValue> {
    let mut found = value;
    for step in path {
        found = match step {
            Step::Name(name) => Object::of(found)?.get(name)?,
            Step::Item(item) if Kind::of(found) == Kind::Array => *items(found).get(*item)?,
            Step::Item(_) => return None,
        };
    }
    (Kind::of(found) != Kind::Null).then_some(found)
}

/// A path of member names and positions: `steps!["choices", 0, "delta"]`.
macro_rules! steps {
    ($($step:expr),* $(,)?) => { &[$($crate::json::Step::from($step)),*] };
}
pub(crate) use steps;

/// Changes to one JSON text.
#[derive(Debug)]
pub struct Patch<'a> {
    text: &'a [u8],
    edits: Vec<Edit>,
}

impl<'a> Patch<'a> {
    /// No changes to this text yet.
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// Writes something else in place of a value of the text.
    pub fn replace(&mut self, value: &RawValue, raw: impl Into<String>) {
        self.edits.push(Edit::replace(self.text, value, raw.into()));
    }

    /// Sets a member of an object of the text, which may have it or not.
    pub fn set(&mut self, object: &RawValue, name: &str, raw: impl Into<String>) {
        let Some(fields) = Object::of(object) else { return };
        if let Some(old) = fields.get(name) {
            return self.replace(old, raw);
        }
        let comma = if fields.is_empty() { "" } else { "," };
        let raw = raw.into();
        let inserted = format!("\"{name}\":{raw}{comma}");
        self.edits.push(Edit { at: offset_in(self.text, object) + 1, removed: 0, inserted });
    }

    /// Removes a member, given by its value. Only one member of an object may be removed by one patch.
    pub fn remove(&mut self, value: &RawValue) {
        self.edits.extend(Edit::remove_member(self.text, value));
    }

    /// Writes something at the end of an array of the text.
    pub fn append(&mut self, array: &RawValue, raw: &str) {
        let comma = if items(array).is_empty() { "" } else { "," };
        let end = offset_in(self.text, array) + array.get().len() - 1;
        self.edits.push(Edit { at: end, removed: 0, inserted: format!("{comma}{raw}") });
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The text with the changes.
    #[must_use]
    pub fn apply(self) -> Vec<u8> {
        apply(self.text, self.edits)
    }
}

/// The body without a member.
#[must_use]
pub fn without(body: Vec<u8>, name: &str) -> Vec<u8> {
    let mut patch = Patch::of(&body);
    if let Some(member) = value(&body).and_then(Object::of).and_then(|root| root.get(name)) {
        patch.remove(member);
    }
    if patch.is_empty() { body } else { patch.apply() }
}

/// The body with another value of a member, whether it has it or not.
#[must_use]
pub fn with(body: &[u8], name: &str, raw: String) -> Vec<u8> {
    let mut patch = Patch::of(body);
    if let Some(root) = value(body) {
        patch.set(root, name, raw);
    }
    patch.apply()
}

/// Raw values as an array.
#[must_use]
pub fn array<T: AsRef<str>>(values: &[T]) -> String {
    let mut text = "[".to_owned();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(value.as_ref());
    }
    text.push(']');
    text
}

/// A text as a JSON object on its own, or an empty object for everything else, which no service takes as arguments.
#[must_use]
pub fn as_object(arguments: &str) -> &str {
    let is_object =
        serde_json::from_str::<&RawValue>(arguments).is_ok_and(|raw| Kind::of(raw) == Kind::Object);
    if is_object { arguments.trim() } else { "{}" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_changes() {
        let text = br#"{ "a" : [ {"b":1.0} , {"b": 2e400} ], "c":{}, "d" : null }"#;
        let root = value(text).unwrap();
        let mut patch = Patch::of(text);
        patch.replace(at(root, steps!["a", 1, "b"]).unwrap(), "3");
        patch.append(at(root, steps!["a"]).unwrap(), "4");
        patch.set(at(root, steps!["c"]).unwrap(), "x", "5");
        patch.set(root, "d", "6");
        let patched = String::from_utf8(patch.apply()).unwrap();
        assert_eq!(patched, r#"{ "a" : [ {"b":1.0} , {"b": 3} ,4], "c":{"x":5}, "d" : 6 }"#);
        assert!(at(root, steps!["a", 2]).is_none() && at(root, steps!["c", 0]).is_none());
        assert!(at(root, steps!["d"]).is_none());
    }

    #[test]
    fn arguments_are_an_object() {
        assert_eq!(as_object(" {\"a\":1} "), "{\"a\":1}");
        for broken in ["", "null", "[1]", "{\"a\":", "x"] {
            assert_eq!(as_object(broken), "{}");
        }
    }
}
