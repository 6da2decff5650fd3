//! Parses lists of models of upstreams.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/models/list>, <https://docs.anthropic.com/en/api/models-list>,
//! <https://ai.google.dev/api/models#method:-models.list>, <https://docs.dify.ai/api-reference/applications/get-app-info>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::with_query;
use crate::http::percent::encode_name;
use crate::json::lenient;

/// Most models that are accepted from one upstream.
pub const MAX_MODELS: usize = 2_000;
/// Most pages that are requested.
pub const MAX_PAGES: usize = 20;

/// A model in an upstream's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UpstreamModel {
    /// The upstream's name of it.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u32>,
    /// Tokens of an answer.
    pub max_output: Option<u32>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The models.
    pub models: Vec<UpstreamModel>,
    /// The value that requests the next page, if there is one.
    pub next: Option<String>,
}

/// The URL of a list, or of its page at `next` (parameter and value). `first` are the parameters of every page.
#[must_use]
pub(super) fn page(list: String, first: &str, next: Option<(&str, &str)>) -> String {
    let list = with_query(list, first);
    match next {
        Some((parameter, next)) => with_query(list, &format!("{parameter}={}", encode_name(next))),
        None => list,
    }
}

/// Parses a response with a success status: the formats of `OpenAI`, Anthropic and Google, and deviations of
/// compatible services from the first. The error describes why it is invalid.
pub fn read(body: &[u8]) -> Result<Page, String> {
    read_list(body, false)
}

/// The same, but a response without a list is an error rather than an empty list.
pub(super) fn read_strictly(body: &[u8]) -> Result<Page, String> {
    read_list(body, true)
}

/// The `name` in an answer.
pub(super) fn name_of(body: &[u8]) -> Result<Option<String>, String> {
    Ok(text(&parse(body)?, &["name"]))
}

fn parse(body: &[u8]) -> Result<Value, String> {
    lenient::tree(body).map_err(|error| format!("the list is no JSON: {error}"))
}

fn read_list(body: &[u8], is_strict: bool) -> Result<Page, String> {
    let answer = parse(body)?;
    let items =
        ["data", "models", "publisherModels"].iter().find_map(|name| answer.get(name)).unwrap_or(&answer);
    // The list may be absent if it is empty.
    let none = Vec::new();
    let items = match items {
        Value::Array(items) => items,
        Value::Object(fields) if fields.get("error").is_none() && !is_strict => &none,
        _ => return Err("the answer has no list of models".to_owned()),
    };
    let models = items.iter().filter(|item| is_for_chat(item)).filter_map(model).take(MAX_MODELS).collect();
    let more = answer.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    let next = text(&answer, &["nextPageToken", "next_page_token"])
        .or_else(|| if more { text(&answer, &["last_id"]) } else { None })
        .filter(|next| !next.is_empty());
    Ok(Page { models, next })
}

fn model(item: &Value) -> Option<UpstreamModel> {
    if let Value::String(id) = item {
        return Some(UpstreamModel { id: id.clone(), name: None, context_length: None, max_output: None });
    }
    let id = text(item, &["id", "name", "model"])?;
    let id = id.strip_prefix("publishers/google/").unwrap_or(&id);
    let id = id.strip_prefix("models/").unwrap_or(id).trim().to_owned();
    // Names that could not be entered by hand are skipped.
    if id.is_empty() || id.chars().count() > 200 || id.chars().any(char::is_control) {
        return None;
    }
    let of_best = item.get("top_provider").unwrap_or(&Value::Null);
    Some(UpstreamModel {
        name: text(item, &["display_name", "displayName"]).filter(|name| *name != id),
        context_length: number(
            item,
            &[
                "context_length",
                "context_window",
                "max_context_length",
                "max_model_len",
                "max_input_tokens",
                "inputTokenLimit",
            ],
        ),
        max_output: number(item, &["max_output_tokens", "max_completion_tokens", "outputTokenLimit"])
            .or_else(|| number(of_best, &["max_completion_tokens"])),
        id,
    })
}

/// Gemini lists the purposes of each model; most of its list is not for chat.
fn is_for_chat(item: &Value) -> bool {
    let Some(Value::Array(methods)) = item.get("supportedGenerationMethods") else { return true };
    methods.iter().any(|method| method.as_str() == Some("generateContent"))
}

fn text(object: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| object.get(name)?.as_str()).map(str::to_owned)
}

fn number(object: &Value, names: &[&str]) -> Option<u32> {
    let found = names.iter().find_map(|name| object.get(name)?.as_u64());
    found.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}
