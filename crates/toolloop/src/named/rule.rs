//! Which tools of a server a request lets the model use, and which calls must be agreed to.
//!
//! The forms are those of `OpenAI`'s tool `mcp` (`allowed_tools`, `require_approval`).

use nexus_edge_core::error::ApiError;
use nexus_edge_core::json::error::{unknown_value, wrong_type};
use nexus_edge_core::json::lenient::{Object, items, string};
use nexus_edge_core::json::object::Kind;
use serde_json::value::RawValue;

use crate::tool::Approval;

/// A choice of tools by the names that callers are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these; `None`: all.
    pub names: Option<Vec<String>>,
    /// None of these.
    pub denied: Vec<String>,
    /// Only those that are marked as reading, or only those that are not.
    pub read_only: Option<bool>,
}

impl Filter {
    /// Reads a list of names, or `{"tool_names": […], "read_only": …}`.
    ///
    /// # Errors
    /// `invalid_type` (400).
    pub fn read(given: &RawValue, param: &str) -> Result<Self, ApiError> {
        let (names, read_only) = match Kind::of(given) {
            Kind::Array => (Some(given), None),
            Kind::Object => {
                let fields = Object::of(given).unwrap_or_default();
                (fields.get_set("tool_names"), fields.boolean("read_only"))
            }
            other => return Err(wrong_type(param, "an array or an object", other)),
        };
        let read = |names: &RawValue| -> Result<Vec<String>, ApiError> {
            let read = |item: &&RawValue| string(item).map(std::borrow::Cow::into_owned);
            let found = items(names);
            let texts: Vec<String> = found.iter().filter_map(read).collect();
            if Kind::of(names) != Kind::Array || texts.len() != found.len() {
                return Err(wrong_type(param, "an array of names of tools", Kind::of(names)));
            }
            Ok(texts)
        };
        Ok(Self { names: names.map(read).transpose()?, denied: Vec::new(), read_only })
    }

    /// Whether a tool that goes by these names is among those.
    #[must_use]
    pub fn admits(&self, names: &[&str], is_read_only: bool) -> bool {
        let has = |written: &Vec<String>| written.iter().any(|name| names.contains(&name.as_str()));
        self.names.as_ref().is_none_or(has)
            && !has(&self.denied)
            && self.read_only.is_none_or(|wanted| wanted == is_read_only)
    }

    /// The names that it says.
    pub(super) fn written(&self) -> impl Iterator<Item = &str> {
        self.names.iter().flatten().chain(&self.denied).map(String::as_str)
    }
}

/// Which calls must be agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    asks_by_default: bool,
    always: Option<Filter>,
    never: Option<Filter>,
}

impl Rule {
    /// All of them.
    #[must_use]
    pub fn always() -> Self {
        Self { asks_by_default: true, always: None, never: None }
    }

    /// None of them.
    #[must_use]
    pub fn never() -> Self {
        Self { asks_by_default: false, always: None, never: None }
    }

    /// Reads `"always"`, `"never"` or `{"always": …, "never": …}`. Of a tool that is in neither list, calls must be agreed to.
    ///
    /// # Errors
    /// `invalid_type`, `invalid_value` (400).
    pub fn read(given: &RawValue, param: &str) -> Result<Self, ApiError> {
        if let Some(word) = string(given) {
            return match word.as_ref() {
                "always" => Ok(Self::always()),
                "never" => Ok(Self::never()),
                other => Err(unknown_value(param, other, &["always", "never"])),
            };
        }
        let Some(fields) = Object::of(given) else {
            return Err(wrong_type(param, "a string or an object", Kind::of(given)));
        };
        let filter = |name: &str| {
            let given = fields.get_set(name);
            given.map(|given| Filter::read(given, &format!("{param}.{name}"))).transpose()
        };
        Ok(Self { asks_by_default: true, always: filter("always")?, never: filter("never")? })
    }

    /// The names that it says.
    pub(super) fn written(&self) -> impl Iterator<Item = &str> {
        self.always.iter().chain(&self.never).flat_map(Filter::written)
    }

    /// The rule for a tool that goes by these names. If it is in both lists, the stricter one counts.
    #[must_use]
    pub fn of(&self, names: &[&str], is_read_only: bool) -> Approval {
        let admits = |filter: &Option<Filter>| {
            filter.as_ref().is_some_and(|filter| filter.admits(names, is_read_only))
        };
        let asks = admits(&self.always) || (self.asks_by_default && !admits(&self.never));
        if asks { Approval::Ask } else { Approval::Never }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::value;

    #[test]
    fn a_rule_says_which_calls_must_be_agreed_to() {
        let read = |text: &str| Rule::read(value(text.as_bytes()).unwrap(), "p").unwrap();
        for (rule, name, is_read_only, expected) in [
            (r#""always""#, "a", true, Approval::Ask),
            (r#""never""#, "a", false, Approval::Never),
            (r#"{"never":{"tool_names":["a"]}}"#, "a", false, Approval::Never),
            (r#"{"never":{"tool_names":["a"]}}"#, "b", false, Approval::Ask),
            (r#"{"never":{"read_only":true}}"#, "b", true, Approval::Never),
            (r#"{"never":{"read_only":true}}"#, "b", false, Approval::Ask),
            (r#"{"never":["a"],"always":["a"]}"#, "a", false, Approval::Ask),
        ] {
            assert_eq!(read(rule).of(&[name], is_read_only), expected, "{rule} {name}");
        }
    }
}
