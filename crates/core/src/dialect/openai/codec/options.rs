//! Properties of an upstream with this dialect.

/// How an upstream differs from others of the dialect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of the upstream, and none depends on another"
)]
pub struct UpstreamOptions {
    /// The field for the limit on tokens of the answer.
    pub token_limit: TokenLimit,
    /// It accepts newer parts of the API that others do not support: the role `developer`, text in several parts,
    /// `allowed_tools`.
    pub current_api: Setting,
    /// It accepts reasoning of earlier answers, in `reasoning_content` and `thinking_blocks`.
    pub takes_thinking: Setting,
    /// It accepts `cache_control` on content parts and tools.
    pub takes_cache_control: bool,
    /// It accepts `top_k`.
    pub takes_top_k: bool,
    /// It accepts all fields of the caller without a canonical form. To be set only where the caller has this
    /// dialect, too.
    pub takes_unknown_fields: bool,
    /// Its answers have their text in a top-level field `message`, `text`, `content` or `response` instead of in
    /// `choices`, and their tool calls beside it.
    pub odd_replies: bool,
    /// The model is passed beside the request, not in it.
    pub omits_model: bool,
}

/// The field for the limit on tokens of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenLimit {
    /// `max_completion_tokens` for the models that `OpenAI` itself serves under the names `o…` and `gpt-5…` and
    /// later, else `max_tokens`.
    #[default]
    ByModel,
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`
    MaxCompletionTokens,
}

/// Whether an upstream supports something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Setting {
    /// As the name of the model suggests: `OpenAI`'s own models or others.
    #[default]
    ByModel,
    /// Yes.
    Yes,
    /// No.
    No,
}

impl Setting {
    /// Whether it is supported, if its model suggests `by_model`.
    pub(super) fn resolve(self, by_model: bool) -> bool {
        match self {
            Self::ByModel => by_model,
            Self::Yes => true,
            Self::No => false,
        }
    }
}
