//! Converts tools that other dialects do not have to functions and back.
//!
//! A custom tool has free-text input instead of JSON: elsewhere it becomes a function with one argument, `input`. A
//! namespace groups tools: elsewhere the group is part of each tool's name. Calls of the model are converted back for
//! the caller.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::json::lenient::{Object, string};

/// The argument for the free-text input of a custom tool.
pub(super) const INPUT: &str = "input";

/// A tool as the caller declared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallerTool {
    /// Its own name.
    pub(super) name: String,
    /// Its namespace.
    pub(super) namespace: Option<String>,
    /// Whether its input is free text.
    pub(super) is_custom: bool,
}

/// The tools with another form upstream, by their name there.
#[derive(Debug, Clone, Default)]
pub(super) struct CallNames(BTreeMap<String, CallerTool>);

impl CallNames {
    /// Records a tool and returns its name upstream.
    pub(super) fn add(&mut self, namespace: Option<&str>, name: &str, is_custom: bool) -> String {
        let upstream = upstream_name(namespace, name);
        if is_custom || namespace.is_some() {
            let namespace = namespace.map(str::to_owned);
            self.0.insert(upstream.clone(), CallerTool { name: name.to_owned(), namespace, is_custom });
        }
        upstream
    }

    /// The tool as the caller declared it.
    pub(super) fn caller_tool(&self, upstream: &str) -> CallerTool {
        let known = self.0.get(upstream).cloned();
        known.unwrap_or_else(|| CallerTool { name: upstream.to_owned(), namespace: None, is_custom: false })
    }
}

/// The name of a tool without namespaces. A function that was found by a search of tools is called in a namespace of its own name.
pub(super) fn upstream_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) if namespace != name => format!("{namespace}__{name}"),
        _ => name.to_owned(),
    }
}

/// The arguments for a free-text input.
pub(super) fn arguments_of_input(input: &str) -> String {
    serde_json::json!({ INPUT: input }).to_string()
}

/// The free-text input in the arguments of a call. Arguments with another shape are used as they are.
pub(super) fn input_of_arguments(arguments: &str) -> String {
    let object: Option<Object<'_>> = serde_json::from_str(arguments).ok();
    let input: Option<&RawValue> = object.as_ref().and_then(|object| object.get(INPUT));
    input.and_then(string).map_or_else(|| arguments.to_owned(), std::borrow::Cow::into_owned)
}

/// The schema of the function for a custom tool.
pub(super) fn input_schema() -> Json {
    Json::of(&serde_json::json!({
        "type": "object",
        "properties": { INPUT: { "type": "string", "description": "The input of the tool, as plain text." } },
        "required": [INPUT],
        "additionalProperties": false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_survives_as_an_argument() {
        let text = "*** Begin Patch\n\"é\"\n";
        assert_eq!(input_of_arguments(&arguments_of_input(text)), text);
        for odd in ["", "plain", "[1]", r#"{"input":3}"#, r#"{"other":"x"}"#] {
            assert_eq!(input_of_arguments(odd), odd);
        }
    }

    #[test]
    fn names_go_there_and_back() {
        let mut names = CallNames::default();
        assert_eq!(names.add(None, "plain", false), "plain");
        assert_eq!(names.add(Some("files"), "read", false), "files__read");
        assert_eq!(upstream_name(Some("get_weather"), "get_weather"), "get_weather");
        assert_eq!(names.add(None, "apply_patch", true), "apply_patch");
        let read = names.caller_tool("files__read");
        assert_eq!(
            (read.name.as_str(), read.namespace.as_deref(), read.is_custom),
            ("read", Some("files"), false)
        );
        assert!(names.caller_tool("apply_patch").is_custom);
        assert_eq!(names.caller_tool("plain").name, "plain");
    }
}
