//! A mapping of the file, read key by key: what has the wrong type is a problem with its line, and what nothing asked for
//! is a warning.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration;
use super::problem::Problem;
use super::yaml::{Entry, Node, Value};

/// The keys of one mapping that were not read yet.
pub struct Fields<'node> {
    entries: Vec<&'node Entry>,
    what: &'static str,
}

impl<'node> Fields<'node> {
    /// The keys of a node, which must be a mapping or nothing. `what` is what the mapping is called in complaints.
    pub fn of(node: &'node Node, what: &'static str, problems: &mut Vec<Problem>) -> Self {
        let entries = match &node.value {
            Value::Map(entries) => entries.iter().collect(),
            Value::Null => Vec::new(),
            _ => {
                problems
                    .push(Problem::error(node.line, format!("{what} must be a mapping of keys to values")));
                Vec::new()
            }
        };
        Self { entries, what }
    }

    /// Takes the value of a key. A key that is set to nothing counts as not given.
    pub fn take(&mut self, key: &str) -> Option<&'node Node> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        let node = &self.entries.remove(at).node;
        (node.value != Value::Null).then_some(node)
    }

    /// Takes a text.
    pub fn text(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<String> {
        let node = self.take(key)?;
        text_of(node, key, problems)
    }

    /// Takes a duration.
    pub fn duration(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<Duration> {
        let node = self.take(key)?;
        let text = text_of(node, key, problems)?;
        match duration::parse(&text) {
            Ok(found) => Some(found),
            Err(said) => {
                problems.push(Problem::error(node.line, format!("`{key}`: {said}")));
                None
            }
        }
    }

    /// Takes a whole number between two bounds, both included.
    pub fn number(&mut self, key: &str, least: u64, most: u64, problems: &mut Vec<Problem>) -> Option<u64> {
        let node = self.take(key)?;
        let found = match &node.value {
            Value::Scalar { text, plain: true } => {
                text.parse().ok().filter(|number| (least..=most).contains(number))
            }
            _ => None,
        };
        if found.is_none() {
            problems
                .push(Problem::error(node.line, format!("`{key}` must be a number from {least} to {most}")));
        }
        found
    }

    /// Takes `true` or `false`.
    pub fn flag(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<bool> {
        let node = self.take(key)?;
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                problems.push(Problem::error(node.line, format!("`{key}` must be true or false")));
                None
            }
        }
    }

    /// Takes one of several words.
    pub fn word<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let node = self.take(key)?;
        word_of(node, key, words, problems)
    }

    /// Takes a list of texts.
    pub fn texts(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
        let node = self.take(key)?;
        let Value::List(nodes) = &node.value else {
            problems.push(Problem::error(node.line, format!("`{key}` must be a list")));
            return None;
        };
        Some(nodes.iter().filter_map(|node| text_of(node, key, problems)).collect())
    }

    /// Takes a mapping of texts to texts.
    pub fn text_map(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<BTreeMap<String, String>> {
        let node = self.take(key)?;
        let Value::Map(entries) = &node.value else {
            problems.push(Problem::error(node.line, format!("`{key}` must be a mapping of names to texts")));
            return None;
        };
        let mut map = BTreeMap::new();
        for entry in entries {
            if let Some(text) = text_of(&entry.node, &entry.key, problems) {
                map.insert(entry.key.clone(), text);
            }
        }
        Some(map)
    }

    /// Warns of every key that nothing asked for.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        for entry in self.entries {
            problems
                .push(Problem::warning(entry.line, format!("`{}` is no key of {}", entry.key, self.what)));
        }
    }
}

/// The text of a scalar, with numbers and booleans as they are written.
pub fn text_of(node: &Node, key: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::List(_) | Value::Map(_) => {
            problems.push(Problem::error(node.line, format!("`{key}` must be text")));
            None
        }
    }
}

/// One of several words.
pub fn word_of<T: Copy>(
    node: &Node,
    key: &str,
    words: &[(&str, T)],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let found = match &node.value {
        Value::Scalar { text, .. } => words.iter().find(|(word, _)| word == text).map(|(_, value)| *value),
        _ => None,
    };
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        problems.push(Problem::error(node.line, format!("`{key}` must be one of {}", known.join(", "))));
    }
    found
}
