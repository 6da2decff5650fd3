//! What is to be known of an upstream that speaks this dialect.

/// How an upstream differs from others of the dialect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of the upstream, and none depends on another"
)]
pub struct UpstreamOptions {
    /// The field in which it takes the limit of the answer.
    pub token_limit: TokenLimit,
    /// It takes newer parts of the API that others do not know: the role `developer`, text in several parts,
    /// `allowed_tools`.
    pub current_api: Setting,
    /// It takes thoughts back, in `reasoning_content` and `thinking_blocks`.
    pub takes_thinking: Setting,
    /// It takes `cache_control` on content parts and tools.
    pub takes_cache_control: bool,
    /// It takes `top_k`.
    pub takes_top_k: bool,
    /// It takes every field that the caller sent and that has no place in the canonical model. To be set only where
    /// the caller speaks this dialect, too.
    pub takes_unknown_fields: bool,
    /// Its answers have their text at the top, as `message`, `text`, `content` or `response`, instead of in `choices`,
    /// and their tool calls beside it.
    pub odd_replies: bool,
    /// It is told the model beside the request, not in it.
    pub omits_model: bool,
}

/// The field that limits the length of the answer.
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

/// Whether an upstream can do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Setting {
    /// As the name of the model suggests: what `OpenAI` serves itself is told from what others serve.
    #[default]
    ByModel,
    /// Yes.
    Yes,
    /// No.
    No,
}

impl Setting {
    /// Whether it can, where its model suggests `by_model`.
    pub(super) fn resolve(self, by_model: bool) -> bool {
        match self {
            Self::ByModel => by_model,
            Self::Yes => true,
            Self::No => false,
        }
    }
}
