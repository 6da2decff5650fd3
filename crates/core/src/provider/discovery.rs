//! What an upstream says that it offers: where it is asked, and how its answer is read.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/models/list>, <https://docs.anthropic.com/en/api/models-list>,
//! <https://ai.google.dev/api/models#method:-models.list>, <https://docs.dify.ai/api-reference/applications/get-app-info>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::azure::{self, AzureAddress};
use super::endpoint::{Auth, Call};
use super::upstream::Upstream;
use crate::catalog::ProviderKind;
use crate::http::percent::encode_name;

/// Most models that are taken from one upstream.
pub const MAX_MODELS: usize = 2_000;
/// Most pages that are asked for.
pub const MAX_PAGES: usize = 20;

/// A model that an upstream says it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamModel {
    /// What it is asked for by.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u32>,
    /// Tokens of an answer.
    pub max_output: Option<u32>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The models.
    pub models: Vec<UpstreamModel>,
    /// What the next page is asked for by, if there is one.
    pub next: Option<String>,
}

/// The request (a GET) for the list, or for the page of it after `next`; `None` if this kind of provider has no list.
#[must_use]
pub fn call(upstream: &Upstream, next: Option<&str>) -> Option<Call> {
    let url = upstream.url.as_ref()?;
    let call =
        |url: String, auth: Auth| Call { method: "GET", url, auth, is_stream: false, headers: Vec::new() };
    let next = next.map(encode_name);
    let paged = |url: String, first: &str, parameter: &str| {
        let separator = if url.contains('?') { '&' } else { '?' };
        match &next {
            None => format!("{url}{separator}{first}"),
            Some(next) => format!("{url}{separator}{first}&{parameter}={next}"),
        }
    };
    Some(match upstream.record.kind {
        ProviderKind::Openai => call(url.endpoint("v1", "chat/completions", "models")?, Auth::Bearer),
        ProviderKind::AzureOpenai => {
            let address = AzureAddress::read(&upstream.record.server_url, None);
            call(address.url(azure::Operation::Models, ""), Auth::Header("api-key"))
        }
        ProviderKind::Anthropic => {
            let list = paged(url.endpoint("v1", "messages", "models")?, "limit=1000", "after_id");
            let mut call = call(list, Auth::Header("x-api-key"));
            call.headers.push(("anthropic-version", "2023-06-01"));
            call
        }
        ProviderKind::Gemini => {
            let base = url.base();
            let has_version = base.ends_with("/v1beta") || base.ends_with("/v1");
            let list = format!("{base}{}/models", if has_version { "" } else { "/v1beta" });
            call(paged(list, "pageSize=1000", "pageToken"), Auth::Header("x-goog-api-key"))
        }
        ProviderKind::Vertex => {
            let list = format!("{}/v1beta1/publishers/google/models", origin(url.base())?);
            call(paged(list, "pageSize=200", "pageToken"), Auth::ServiceAccount)
        }
        // Its native protocol has no list; the compatible one at the same place has.
        ProviderKind::Dashscope => {
            let list = format!("{}/compatible-mode/v1/models", origin(url.base())?);
            call(list, Auth::Bearer)
        }
        // An application is one model.
        ProviderKind::Dify => call(url.endpoint("v1", "chat-messages", "info")?, Auth::Bearer),
        ProviderKind::WorkersAi | ProviderKind::Demo => return None,
    })
}

/// Reads an answer of a success status.
pub fn read(kind: ProviderKind, body: &[u8]) -> Result<Page, String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|error| format!("the list is no JSON: {error}"))?;
    if kind == ProviderKind::Dify {
        let name = text(&answer, &["name"]).ok_or("the answer does not say the name of the application")?;
        let model = UpstreamModel { id: name, name: None, context_length: None, max_output: None };
        return Ok(Page { models: vec![model], next: None });
    }
    let items =
        ["data", "models", "publisherModels"].iter().find_map(|name| answer.get(name)).unwrap_or(&answer);
    // A list without entries may leave the list out.
    let none = Vec::new();
    let items = match items {
        Value::Array(items) => items,
        Value::Object(fields) if fields.get("error").is_none() && kind != ProviderKind::Openai => &none,
        _ => return Err("the answer has no list of models".to_owned()),
    };
    let models = items.iter().filter(|item| is_for_chat(item)).filter_map(model).take(MAX_MODELS).collect();
    let more = answer.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    let next = text(&answer, &["nextPageToken"])
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
    // What could not be entered by hand is not taken over either.
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

/// Gemini says what each model is good for; most of its list is not for chat.
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

/// Scheme and host of an address.
fn origin(base: &str) -> Option<&str> {
    let host = base.find("://")? + "://".len();
    let end = base.get(host..)?.find('/').map_or(base.len(), |slash| host + slash);
    base.get(..end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::provider::test_record;
    use crate::http::upstream_url::UpstreamUrl;

    fn asked(kind: ProviderKind, base: &str, next: Option<&str>) -> Option<Call> {
        let mut record = test_record(1, "p");
        record.kind = kind;
        record.server_url = base.into();
        let url = UpstreamUrl::parse(base, false).ok().filter(|_| kind != ProviderKind::Demo);
        call(&Upstream { record, url, server_key: None, keys: Vec::new(), headers: BTreeMap::new() }, next)
    }

    #[test]
    fn every_kind_is_asked_at_its_own_place() {
        for (kind, base, next, url) in [
            (ProviderKind::Openai, "https://a.example", None, "https://a.example/v1/models"),
            (ProviderKind::Openai, "https://a.example/api/v3/", None, "https://a.example/api/v3/models"),
            (
                ProviderKind::AzureOpenai,
                "https://r.openai.azure.com",
                None,
                "https://r.openai.azure.com/openai/models?api-version=2024-10-21",
            ),
            (
                ProviderKind::Anthropic,
                "https://a.example",
                Some("m/1"),
                "https://a.example/v1/models?limit=1000&after_id=m%2F1",
            ),
            (
                ProviderKind::Gemini,
                "https://g.example",
                None,
                "https://g.example/v1beta/models?pageSize=1000",
            ),
            (
                ProviderKind::Gemini,
                "https://g.example/v1beta",
                Some("t"),
                "https://g.example/v1beta/models?pageSize=1000&pageToken=t",
            ),
            (
                ProviderKind::Vertex,
                "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l",
                None,
                "https://l-aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=200",
            ),
            (
                ProviderKind::Dashscope,
                "https://dashscope.aliyuncs.com/api/v1",
                None,
                "https://dashscope.aliyuncs.com/compatible-mode/v1/models",
            ),
            (ProviderKind::Dify, "https://d.example/v1", None, "https://d.example/v1/info"),
        ] {
            assert_eq!(asked(kind, base, next).unwrap().url, url);
        }
        assert!(asked(ProviderKind::Demo, "https://x.example", None).is_none());
    }

    fn ids(kind: ProviderKind, body: &str) -> Vec<String> {
        read(kind, body.as_bytes()).unwrap().models.into_iter().map(|model| model.id).collect()
    }

    #[test]
    fn lists_of_all_shapes_are_read() {
        let openai = r#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b","context_window":8192,
            "max_completion_tokens":99},{"nothing":1}]}"#;
        let page = read(ProviderKind::Openai, openai.as_bytes()).unwrap();
        assert_eq!(page.next, None);
        assert_eq!(page.models.len(), 2);
        assert_eq!((page.models[1].context_length, page.models[1].max_output), (Some(8192), Some(99)));
        assert_eq!(ids(ProviderKind::Openai, r#"[{"id":"x"},"y"]"#), ["x", "y"]);
        assert_eq!(ids(ProviderKind::Openai, r#"{"models":[{"name":"llama3:8b"}]}"#), ["llama3:8b"]);
        assert_eq!(ids(ProviderKind::Dify, r#"{"name":"My app","mode":"chat"}"#), ["My app"]);
        let gemini = r#"{"models":[
            {"name":"models/gemini-2.5-pro","displayName":"Gemini 2.5 Pro","inputTokenLimit":1048576,
             "outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens"]},
            {"name":"models/embedding-001","supportedGenerationMethods":["embedContent"]}],"nextPageToken":"t"}"#;
        let page = read(ProviderKind::Gemini, gemini.as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("t"));
        let expected = UpstreamModel {
            id: "gemini-2.5-pro".into(),
            name: Some("Gemini 2.5 Pro".into()),
            context_length: Some(1_048_576),
            max_output: Some(65_536),
        };
        assert_eq!(page.models, [expected]);
        let vertex = r#"{"publisherModels":[{"name":"publishers/google/models/gemini-3"}]}"#;
        assert_eq!(ids(ProviderKind::Vertex, vertex), ["gemini-3"]);
        assert!(ids(ProviderKind::Gemini, "{}").is_empty());
    }

    #[test]
    fn pages_go_on_only_where_there_is_more() {
        let page = |more| format!(r#"{{"data":[{{"id":"claude"}}],"has_more":{more},"last_id":"claude"}}"#);
        let next = |more| read(ProviderKind::Anthropic, page(more).as_bytes()).unwrap().next;
        assert_eq!((next(true), next(false)), (Some("claude".into()), None));
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for body in ["<html>", "7", r#"{"error":{"message":"no"}}"#, r#"{"object":"list"}"#] {
            assert!(read(ProviderKind::Openai, body.as_bytes()).is_err(), "{body}");
        }
        assert!(read(ProviderKind::Dify, b"{}").is_err());
    }
}
