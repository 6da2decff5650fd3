//! Where an operation is asked for at an upstream, and how the gateway proves who it is.

use super::azure::{self, AzureAddress};
use super::codec::dify_app;
use super::upstream::Upstream;
use crate::catalog::ProviderKind;
use crate::catalog::provider::RESPONSES;
use crate::dialect::dashscope::{Endpoint, STREAM_HEADER};
use crate::dialect::operation::Operation;
use crate::http::percent::encode_name;

/// How a request is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer <key>`
    Bearer,
    /// The key alone in this header.
    Header(&'static str),
    /// `authorization: Bearer <token>` with a token that the key, a service account, is exchanged for.
    ServiceAccount,
}

/// A request to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// The address.
    pub url: String,
    /// Who we are.
    pub auth: Auth,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// Further headers that the service asks for.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// The request by which `upstream` is asked for `operation` with its own name of the model; `None` if it does not
/// offer the operation.
#[must_use]
pub fn call(upstream: &Upstream, operation: Operation, model: &str) -> Option<Call> {
    let url = upstream.url.as_ref()?;
    let streams =
        matches!(operation, Operation::Chat { stream: true, .. } | Operation::Responses { stream: true });
    let call =
        |url: String, auth: Auth| Call { method: "POST", url, auth, is_stream: streams, headers: Vec::new() };
    if matches!(operation, Operation::Responses { .. } | Operation::CompactResponse)
        && !upstream.record.has_quirk(RESPONSES)
    {
        return None;
    }
    match (upstream.record.kind, operation) {
        (ProviderKind::Openai, _) => {
            let path = operation.openai_path()?;
            url.endpoint("v1", "chat/completions", path).map(|url| call(url, Auth::Bearer))
        }
        (ProviderKind::AzureOpenai, _) => {
            let url = AzureAddress::read(&upstream.record.server_url, None).url(at_azure(operation)?, model);
            Some(call(url, Auth::Header("api-key")))
        }
        (ProviderKind::Anthropic, Operation::Chat { .. } | Operation::CountTokens) => {
            let path = if operation == Operation::CountTokens { "messages/count_tokens" } else { "messages" };
            let mut call = call(url.endpoint("v1", "messages", path)?, Auth::Header("x-api-key"));
            call.headers.push(("anthropic-version", "2023-06-01"));
            Some(call)
        }
        (ProviderKind::Gemini | ProviderKind::Vertex, Operation::Chat { .. } | Operation::CountTokens) => {
            let action = match operation {
                Operation::CountTokens => "countTokens",
                _ if streams => "streamGenerateContent?alt=sse",
                _ => "generateContent",
            };
            let auth = match upstream.record.kind {
                ProviderKind::Vertex => Auth::ServiceAccount,
                _ => Auth::Header("x-goog-api-key"),
            };
            Some(call(gemini_url(url.base(), upstream.record.kind, model, action), auth))
        }
        (ProviderKind::Dashscope, Operation::Chat { multimodal, .. }) => {
            let endpoint = if multimodal { Endpoint::MultimodalGeneration } else { Endpoint::TextGeneration };
            let mut call = call(endpoint.url(&upstream.record.server_url), Auth::Bearer);
            if streams {
                call.headers.push(STREAM_HEADER);
            }
            Some(call)
        }
        (ProviderKind::Dify, Operation::Chat { .. }) => {
            let path = dify_app(&upstream.record).path();
            url.endpoint("v1", path, path).map(|url| call(url, Auth::Bearer))
        }
        _ => None,
    }
}

/// The operation at an Azure resource.
fn at_azure(operation: Operation) -> Option<azure::Operation> {
    Some(match operation {
        Operation::Chat { .. } => azure::Operation::ChatCompletions,
        Operation::Embeddings => azure::Operation::Embeddings,
        Operation::ImageGenerations => azure::Operation::ImageGenerations,
        Operation::ImageEdits => azure::Operation::ImageEdits,
        Operation::Transcriptions => azure::Operation::Transcriptions,
        Operation::AudioTranslations => azure::Operation::Translations,
        Operation::Speech => azure::Operation::Speech,
        Operation::Responses { .. } => azure::Operation::Responses,
        Operation::CompactResponse => azure::Operation::CompactResponse,
        Operation::CountTokens | Operation::Rerank | Operation::Moderations => return None,
    })
}

/// What is asked about a response that its provider keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ResponseAction {
    Get,
    Delete,
    Cancel,
    InputItems,
}

/// The request by which `upstream` is asked about a response that it keeps; `query` is the caller's. `None` if it keeps
/// none.
#[must_use]
pub fn kept_response(
    upstream: &Upstream,
    id: &str,
    action: ResponseAction,
    query: Option<&str>,
) -> Option<Call> {
    let mut call = call(upstream, Operation::Responses { stream: false }, "")?;
    call.method = match action {
        ResponseAction::Get | ResponseAction::InputItems => "GET",
        ResponseAction::Delete => "DELETE",
        ResponseAction::Cancel => "POST",
    };
    let suffix = match action {
        ResponseAction::Get | ResponseAction::Delete => "",
        ResponseAction::Cancel => "/cancel",
        ResponseAction::InputItems => "/input_items",
    };
    let (path, own_query) = call.url.split_once('?').unwrap_or((&call.url, ""));
    let url = format!("{path}/{}{suffix}", encode_name(id));
    call.url = with_query(with_query(url, own_query), query.unwrap_or_default());
    Some(call)
}

/// The request by which a Dify app is told to stop an answer.
#[must_use]
pub fn dify_stop(upstream: &Upstream, task_id: &str) -> Option<Call> {
    dify(upstream, &dify_app(&upstream.record).stop_path(task_id))
}

/// The request by which a file is uploaded to Dify.
#[must_use]
pub fn dify_upload(upstream: &Upstream) -> Option<Call> {
    dify(upstream, "files/upload")
}

fn dify(upstream: &Upstream, path: &str) -> Option<Call> {
    let app = dify_app(&upstream.record);
    let url = upstream.url.as_ref()?.endpoint("v1", app.path(), path)?;
    Some(Call { method: "POST", url, auth: Auth::Bearer, is_stream: false, headers: Vec::new() })
}

/// What is to be put into the body as the model's name, where that is not what the candidate calls it: an operation that
/// belongs to no deployment names the deployment there.
#[must_use]
pub fn body_model(upstream: &Upstream, model: &str) -> Option<String> {
    let address = AzureAddress::read(&upstream.record.server_url, None);
    let named = address.body_model(model);
    (upstream.record.kind == ProviderKind::AzureOpenai && named != model).then(|| named.to_owned())
}

/// The address with a further query.
#[must_use]
pub fn with_query(mut url: String, query: &str) -> String {
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(query);
    }
    url
}

/// An address of the Gemini API. A base that ends in no version gets `v1beta`; Vertex bases name project and location.
/// A model that one has tuned stands in a collection of its own.
fn gemini_url(base: &str, kind: ProviderKind, model: &str, action: &str) -> String {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let (collection, model) = match model.strip_prefix("tunedModels/") {
        Some(tuned) if kind == ProviderKind::Gemini => ("tunedModels", tuned),
        _ => ("models", model),
    };
    let model = encode_name(model);
    match kind {
        ProviderKind::Vertex => {
            let base = base.trim_end_matches("/publishers/google");
            format!("{base}/publishers/google/{collection}/{model}:{action}")
        }
        _ if base.ends_with("/v1beta") || base.ends_with("/v1") => {
            format!("{base}/{collection}/{model}:{action}")
        }
        _ => format!("{base}/v1beta/{collection}/{model}:{action}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::provider::test_record;
    use crate::http::upstream_url::UpstreamUrl;

    fn ask(kind: ProviderKind, base: &str, operation: Operation, model: &str) -> Option<Call> {
        let mut record = test_record(1, "p");
        record.kind = kind;
        record.server_url = base.into();
        let url = UpstreamUrl::parse(base, false).ok();
        let upstream = Upstream { record, url, server_key: None, keys: Vec::new(), headers: BTreeMap::new() };
        call(&upstream, operation, model)
    }

    #[test]
    fn every_kind_has_its_address() {
        let chat = Operation::Chat { stream: false, multimodal: false };
        let stream = Operation::Chat { stream: true, multimodal: false };
        for (kind, base, operation, url) in [
            (ProviderKind::Openai, "https://a.example", chat, "https://a.example/v1/chat/completions"),
            (
                ProviderKind::Openai,
                "https://a.example/v1",
                Operation::Speech,
                "https://a.example/v1/audio/speech",
            ),
            (
                ProviderKind::AzureOpenai,
                "https://r.openai.azure.com/openai/v1",
                chat,
                "https://r.openai.azure.com/openai/v1/chat/completions",
            ),
            (
                ProviderKind::AzureOpenai,
                "https://r.openai.azure.com?api-version=2024-10-21#",
                Operation::Embeddings,
                "https://r.openai.azure.com/openai/deployments/m%2F1/embeddings?api-version=2024-10-21",
            ),
            (
                ProviderKind::Anthropic,
                "https://api.anthropic.com",
                stream,
                "https://api.anthropic.com/v1/messages",
            ),
            (
                ProviderKind::Anthropic,
                "https://a.example/v1",
                Operation::CountTokens,
                "https://a.example/v1/messages/count_tokens",
            ),
            (
                ProviderKind::Gemini,
                "https://g.example",
                chat,
                "https://g.example/v1beta/models/m%2F1:generateContent",
            ),
            (
                ProviderKind::Gemini,
                "https://g.example/v1beta/",
                stream,
                "https://g.example/v1beta/models/m%2F1:streamGenerateContent?alt=sse",
            ),
            (
                ProviderKind::Vertex,
                "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l",
                chat,
                "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m%2F1:generateContent",
            ),
            (ProviderKind::Dify, "https://d.example/v1", stream, "https://d.example/v1/chat-messages"),
        ] {
            assert_eq!(ask(kind, base, operation, "m/1").unwrap().url, url);
        }
    }

    #[test]
    fn no_name_of_a_model_leads_elsewhere() {
        let chat = Operation::Chat { stream: false, multimodal: false };
        let gemini = |model: &str| ask(ProviderKind::Gemini, "https://g.example", chat, model).unwrap().url;
        for (model, path) in [
            ("models/m", "models/m"),
            ("tunedModels/mine x", "tunedModels/mine%20x"),
            ("tunedModels/../m", "tunedModels/..%2Fm"),
            ("../../evil", "models/..%2F..%2Fevil"),
            ("m?key=1#x", "models/m%3Fkey%3D1%23x"),
        ] {
            assert_eq!(gemini(model), format!("https://g.example/v1beta/{path}:generateContent"));
        }
    }

    #[test]
    fn responses_are_asked_for_where_they_are_spoken() {
        let upstream = |kind, base: &str, quirks: &str| {
            let mut record = test_record(1, "p");
            (record.kind, record.server_url, record.quirks) = (kind, base.into(), quirks.into());
            let url = UpstreamUrl::parse(base, false).ok();
            Upstream { record, url, server_key: None, keys: Vec::new(), headers: BTreeMap::new() }
        };
        let operation = Operation::Responses { stream: true };
        let plain = upstream(ProviderKind::Openai, "https://a.example/v1", "");
        assert_eq!(call(&plain, operation, "m"), None);
        let native = upstream(ProviderKind::Openai, "https://a.example/v1", "responses");
        assert_eq!(call(&native, operation, "m").unwrap().url, "https://a.example/v1/responses");
        let get = kept_response(&native, "resp/1", ResponseAction::InputItems, Some("limit=2")).unwrap();
        assert_eq!(
            (get.method, get.url.as_str()),
            ("GET", "https://a.example/v1/responses/resp%2F1/input_items?limit=2")
        );
        let azure = "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-04-01-preview#";
        let azure = upstream(ProviderKind::AzureOpenai, azure, "responses");
        let cancel = kept_response(&azure, "resp_1", ResponseAction::Cancel, Some("a=b")).unwrap();
        assert_eq!(
            (cancel.method, cancel.url.as_str()),
            (
                "POST",
                "https://r.openai.azure.com/openai/responses/resp_1/cancel?api-version=2025-04-01-preview&a=b"
            )
        );
        assert_eq!(body_model(&azure, "m").as_deref(), Some("d"));
        assert_eq!(body_model(&native, "m"), None);
    }

    #[test]
    fn what_a_service_does_not_offer_is_not_asked_for() {
        assert!(ask(ProviderKind::Anthropic, "https://a.example", Operation::Embeddings, "m").is_none());
        assert!(ask(ProviderKind::Openai, "https://a.example", Operation::CountTokens, "m").is_none());
        assert!(
            ask(
                ProviderKind::Demo,
                "https://a.example",
                Operation::Chat { stream: true, multimodal: false },
                "m"
            )
            .is_none()
        );
    }
}
