//! The kinds of providers. [`super::registry`] has the dialect of each, [`crate::provider`] its addresses.

use serde::{Deserialize, Serialize};

/// The dialect of an upstream and how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Any `OpenAI`-compatible service.
    Openai,
    /// `OpenAI`'s models in an Azure resource.
    AzureOpenai,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Google's Gemini models in a Vertex AI project; `server_key` is the JSON of a service account.
    Vertex,
    /// Alibaba's native protocol for Qwen.
    Dashscope,
    /// A Dify chat application.
    Dify,
    /// Cloudflare's Workers AI through the deployment's own binding: no address, no key.
    WorkersAi,
    /// Answers inside the gateway, without a network.
    Demo,
}

impl ProviderKind {
    /// Every kind with its name in the admin API.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("openai", Self::Openai),
        ("azure_openai", Self::AzureOpenai),
        ("anthropic", Self::Anthropic),
        ("gemini", Self::Gemini),
        ("vertex", Self::Vertex),
        ("dashscope", Self::Dashscope),
        ("dify", Self::Dify),
        ("workers_ai", Self::WorkersAi),
        ("demo", Self::Demo),
    ];

    /// Whether its providers have a network address, the `server_url`.
    #[must_use]
    pub fn has_address(self) -> bool {
        !matches!(self, Self::WorkersAi | Self::Demo)
    }
}
