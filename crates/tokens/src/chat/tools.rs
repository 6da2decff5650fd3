//! Tokens of tool definitions.
//!
//! Tools reach the model as text in a format that is not documented. OpenAI's cookbook ("How to count tokens with
//! tiktoken", "Counting tokens for chat completions API calls with tools") has a rule that gives the counts of the
//! API for flat schemas: a number for each tool, each property and each value of an enumeration, plus the tokens of
//! their names, types and descriptions. Here it is extended to nested schemas.

use alloc::{format, string::ToString};

use serde_json::Value;

use crate::encoding::Encoding;

/// Tokens of each tool: for the models of `o200k_base`, and for those of `cl100k_base`.
const PER_TOOL: (usize, usize) = (7, 10);
/// Tokens of a tool with properties.
const PER_PROPERTIES: usize = 3;
const PER_PROPERTY: usize = 3;
/// Tokens that a property with an enumeration has fewer, and tokens of each of its values.
const LESS_PER_ENUM: usize = 3;
const PER_ENUM_VALUE: usize = 3;
/// Tokens of all tools together.
const PER_LIST: usize = 12;
/// Largest depth of schemas.
const DEEPEST: usize = 32;

/// A tool that the model may call.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// The tool's name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// The JSON schema of its arguments, as text.
    pub parameters: &'a str,
}

/// Number of tokens of tool definitions.
pub(super) fn tokens(encoding: Encoding, tools: &[Tool<'_>], tokens_of: &dyn Fn(&str) -> usize) -> usize {
    if tools.is_empty() {
        return 0;
    }
    let each = if encoding == Encoding::Cl100kBase { PER_TOOL.1 } else { PER_TOOL.0 };
    let one = |tool: &Tool<'_>| {
        let line = format!("{}:{}", tool.name, without_full_stop(tool.description));
        let parameters = match serde_json::from_str(tool.parameters) {
            Ok(schema) => properties(tokens_of, &schema, 0),
            // Invalid JSON is text to the model.
            Err(_) => tokens_of(tool.parameters),
        };
        each + tokens_of(&line) + parameters
    };
    tools.iter().map(one).sum::<usize>() + PER_LIST
}

fn properties(tokens_of: &dyn Fn(&str) -> usize, schema: &Value, depth: usize) -> usize {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return 0 };
    if properties.is_empty() || depth > DEEPEST {
        return 0;
    }
    PER_PROPERTIES
        + properties.iter().map(|(name, schema)| property(tokens_of, name, schema, depth)).sum::<usize>()
}

fn property(tokens_of: &dyn Fn(&str) -> usize, name: &str, schema: &Value, depth: usize) -> usize {
    let text = |field: &str| schema.get(field).and_then(Value::as_str).unwrap_or_default();
    let line = format!("{name}:{}:{}", text("type"), without_full_stop(text("description")));
    let mut tokens = PER_PROPERTY + tokens_of(&line);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let value = |value: &Value| match value {
            Value::String(text) => tokens_of(text),
            other => tokens_of(&other.to_string()),
        };
        tokens += values.iter().map(|one| PER_ENUM_VALUE + value(one)).sum::<usize>();
        tokens = tokens.saturating_sub(LESS_PER_ENUM);
    }
    let inner = schema.get("items").unwrap_or(schema);
    tokens + properties(tokens_of, inner, depth + 1)
}

fn without_full_stop(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}

#[cfg(all(test, feature = "tables"))]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::chat::{Message, count};

    // The example of the cookbook, with the counts that the API reported for it.
    #[test]
    fn the_cookbook_example_counts_what_the_api_says() {
        let parameters = r#"{"type":"object","properties":{
            "location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
            "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}
        },"required":["location"]}"#;
        let tool = Tool {
            name: "get_current_weather",
            description: "Get the current weather in a given location",
            parameters,
        };
        let message = |role, text| Message { role, text: vec![text], ..Message::default() };
        let messages = [
            message("system", "You are a helpful assistant that can answer to questions about the weather."),
            message("user", "What's the weather like in San Francisco?"),
        ];
        for (model, expected) in
            [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)]
        {
            assert_eq!(count(model, &messages, &[tool]).tokens, expected, "{model}");
        }
    }

    #[test]
    fn any_schema_has_a_count() {
        let tool = |parameters| Tool { name: "f", description: "", parameters };
        let count = |parameters| {
            tokens(Encoding::O200kBase, &[tool(parameters)], &|text| Encoding::O200kBase.count(text))
        };
        let none = count("{}");
        assert_eq!(count(r#"{"properties":{}}"#), none);
        assert_eq!(count(r#"{"properties":[1]}"#), none);
        assert!(count("not json") > none);
        assert!(
            count(r#"{"properties":{"a":{"properties":{"b":{"type":"string"}}}}}"#)
                > count(r#"{"properties":{"a":{}}}"#)
        );
        assert!(count(r#"{"properties":{"a":{"enum":[]}}}"#) > none);
        assert_eq!(tokens(Encoding::O200kBase, &[], &|_| 1), 0);
    }
}
