//! Fields of one upstream only, which are passed on from callers of any dialect.
//!
//! Some of their names exist in other dialects with another meaning, and with another kind of value: `context_management`
//! is an object at Anthropic and a list at `OpenAI`. A field is passed on only where its value is of the upstream's kind.

use crate::dialect::canonical::Json;
use crate::json::object::Kind;

/// Names of fields, with the kinds of their values.
pub type OwnFields = &'static [(&'static str, &'static [Kind])];

/// Anthropic Messages.
pub const ANTHROPIC: OwnFields = &[
    ("cache_control", &[Kind::Object]),
    ("container", &[Kind::String, Kind::Object]),
    ("context_management", &[Kind::Object]),
    ("inference_geo", &[Kind::String]),
    ("mcp_servers", &[Kind::Array]),
];

/// `OpenAI` Chat Completions.
pub const OPENAI_CHAT: OwnFields = &[
    ("modalities", &[Kind::Array]),
    ("prediction", &[Kind::Object]),
    ("prompt_cache_retention", &[Kind::String]),
    ("safety_identifier", &[Kind::String]),
    ("store", &[Kind::Boolean]),
    ("web_search_options", &[Kind::Object]),
];

/// Cohere.
pub const COHERE: OwnFields = &[
    ("citation_options", &[Kind::Object]),
    ("documents", &[Kind::Array]),
    ("priority", &[Kind::Number]),
    ("safety_mode", &[Kind::String]),
    ("strict_tools", &[Kind::Boolean]),
];

/// Bedrock Converse.
pub const BEDROCK: OwnFields = &[
    ("additionalModelResponseFieldPaths", &[Kind::Array]),
    ("guardrailConfig", &[Kind::Object]),
    ("performanceConfig", &[Kind::Object]),
    ("promptVariables", &[Kind::Object]),
    ("requestMetadata", &[Kind::Object]),
];

/// Whether a field is one of these, and means the same.
#[must_use]
pub fn has(fields: OwnFields, name: &str, value: &Json) -> bool {
    let kind = Kind::of(value.raw());
    fields.iter().any(|(own, kinds)| *own == name && kinds.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_another_meaning_is_not_the_same_field() {
        let value = |json: &str| Json::parse(json).unwrap();
        for (name, json, is_own) in [
            ("context_management", r#"{"edits":[]}"#, true),
            ("context_management", r#"[{"type":"compaction","compact_threshold":1000}]"#, false),
            ("container", "\"c\"", true),
            ("store", "true", false),
        ] {
            assert_eq!(has(ANTHROPIC, name, &value(json)), is_own, "{name} {json}");
        }
    }
}
