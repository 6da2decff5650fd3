//! Lists of models in the formats of Anthropic (<https://docs.anthropic.com/en/api/models-list>) and Gemini
//! (<https://ai.google.dev/api/models>), for clients that list models before they use one.

use serde::Serialize;

use crate::time::rfc3339;

/// Anthropic's list, in one page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// One model in Anthropic's format.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AnthropicModel<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
}

/// Gemini's list, in one page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct GeminiList {
    models: Vec<GeminiModel>,
}

/// One model in Gemini's format.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GeminiModel {
    name: String,
    display_name: String,
    supported_generation_methods: [&'static str; 3],
}

impl<'a> AnthropicModel<'a> {
    /// A model with its time of creation `created_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: &'a str, created_ms: u64) -> Self {
        Self { r#type: "model", id, display_name: id, created_at: rfc3339(created_ms / 1000) }
    }
}

impl<'a> AnthropicList<'a> {
    /// The list of these models.
    #[must_use]
    pub fn new(data: Vec<AnthropicModel<'a>>) -> Self {
        let (first_id, last_id) = (data.first().map(|model| model.id), data.last().map(|model| model.id));
        Self { data, has_more: false, first_id, last_id }
    }
}

impl GeminiModel {
    /// A model with this name.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let supported_generation_methods = ["generateContent", "streamGenerateContent", "countTokens"];
        Self { name: format!("models/{id}"), display_name: id.to_owned(), supported_generation_methods }
    }
}

impl GeminiList {
    /// The list of these models.
    #[must_use]
    pub fn new(models: Vec<GeminiModel>) -> Self {
        Self { models }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let list = AnthropicList::new(vec![AnthropicModel::new("a", 0), AnthropicModel::new("b", 0)]);
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(json["last_id"], "b");
        assert_eq!(json["data"][0]["type"], "model");
        let json = serde_json::to_value(GeminiList::new(vec![GeminiModel::new("a")])).unwrap();
        assert_eq!(json["models"][0]["name"], "models/a");
    }
}
