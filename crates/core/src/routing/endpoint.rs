//! Where an operation is asked for at an upstream, and how the gateway proves who it is.

use super::snapshot::Upstream;
use crate::catalog::ProviderKind;
use crate::dialect::azure::{self, AzureAddress};
use crate::dialect::dashscope::{Endpoint, STREAM_HEADER};

/// What is asked of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    Chat { stream: bool, multimodal: bool },
    CountTokens,
    Embeddings,
    ImageGenerations,
    ImageEdits,
    Transcriptions,
    AudioTranslations,
    Speech,
    Rerank,
    Moderations,
}

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
    /// The address.
    pub url: String,
    /// Who we are.
    pub auth: Auth,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// Further headers that the service asks for.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Operation {
    /// Path of the operation below the version, in `OpenAI`'s API.
    fn openai_path(self) -> Option<&'static str> {
        Some(match self {
            Self::Chat { .. } => "chat/completions",
            Self::CountTokens => return None,
            Self::Embeddings => "embeddings",
            Self::ImageGenerations => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::Transcriptions => "audio/transcriptions",
            Self::AudioTranslations => "audio/translations",
            Self::Speech => "audio/speech",
            Self::Rerank => "rerank",
            Self::Moderations => "moderations",
        })
    }
}

impl Operation {
    /// The operation at an Azure resource.
    fn azure(self) -> Option<azure::Operation> {
        Some(match self {
            Self::Chat { .. } => azure::Operation::ChatCompletions,
            Self::Embeddings => azure::Operation::Embeddings,
            Self::ImageGenerations => azure::Operation::ImageGenerations,
            Self::ImageEdits => azure::Operation::ImageEdits,
            Self::Transcriptions => azure::Operation::Transcriptions,
            Self::AudioTranslations => azure::Operation::Translations,
            Self::Speech => azure::Operation::Speech,
            Self::CountTokens | Self::Rerank | Self::Moderations => return None,
        })
    }
}

/// The request by which `upstream` is asked for `operation` with its own name of the model; `None` if it does not
/// offer the operation.
#[must_use]
pub fn call(upstream: &Upstream, operation: Operation, model: &str) -> Option<Call> {
    let url = upstream.url.as_ref()?;
    let streams = matches!(operation, Operation::Chat { stream: true, .. });
    let call = |url: String, auth: Auth| Call { url, auth, is_stream: streams, headers: Vec::new() };
    match (upstream.record.kind, operation) {
        (ProviderKind::Openai, _) => {
            let path = operation.openai_path()?;
            url.endpoint("v1", "chat/completions", path).map(|url| call(url, Auth::Bearer))
        }
        (ProviderKind::AzureOpenai, _) => {
            let url = AzureAddress::read(&upstream.record.server_url, None).url(operation.azure()?, model);
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
            url.endpoint("v1", "chat-messages", "chat-messages").map(|url| call(url, Auth::Bearer))
        }
        _ => None,
    }
}

/// An address of the Gemini API. A base that ends in no version gets `v1beta`; Vertex bases name project and location.
fn gemini_url(base: &str, kind: ProviderKind, model: &str, action: &str) -> String {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let model = percent_encode(model);
    match kind {
        ProviderKind::Vertex => {
            let base = base.trim_end_matches("/publishers/google");
            format!("{base}/publishers/google/models/{model}:{action}")
        }
        _ if base.ends_with("/v1beta") || base.ends_with("/v1") => format!("{base}/models/{model}:{action}"),
        _ => format!("{base}/v1beta/models/{model}:{action}"),
    }
}

/// A name as one segment of a path, or as a value in a query.
pub(super) fn percent_encode(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for nibble in [byte >> 4, byte & 15] {
                encoded.push(char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0')));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::provider::test_record;
    use crate::routing::upstream_url::UpstreamUrl;

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
