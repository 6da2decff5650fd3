//! Which number of which vendor says what.
//!
//! Names are compared without regard to capitals and underscores: `cacheReadInputTokens` of Bedrock and
//! `cache_read_input_tokens` of Anthropic are one row. Among rows that say the same, the first one with a number
//! above zero counts.

use crate::tokens::{MAX_SEARCHES, MAX_TOKENS, ServedTier};

/// What a number of a usage object says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The prompt with all of its parts.
    Prompt,
    /// The prompt as it is charged, without what the service adds itself.
    Billed,
    /// The prompt without the parts that are said beside it (`CachedBeside`, `WrittenBeside`); with all of its parts if
    /// none is.
    Input,
    /// Tokens of the prompt that no other number includes.
    InputBeside,
    /// The answer.
    Completion,
    /// Prompt and answer.
    Total,
    /// Part of the prompt that was read from the cache.
    Cached,
    /// The same, not included in `Input`.
    CachedBeside,
    /// Part of the prompt that was written to the cache.
    Written,
    /// The same, not included in `Input`.
    WrittenBeside,
    /// Of what was written, what is kept for five minutes.
    WrittenShort,
    /// Of what was written, what is kept longer.
    WrittenLong,
    /// Part of the answer that was spent on reasoning.
    Reasoning,
    /// The same at the top of the object, where some services count it beside the answer.
    ReasoningLoose,
    /// The same, never included in `Completion`.
    ReasoningBeside,
    /// Part of the prompt that is audio.
    AudioPrompt,
    /// Part of the answer that is audio.
    AudioCompletion,
    /// Part of what was read from the cache that is audio.
    AudioCached,
    /// Seconds of audio in a prompt whose tokens only the total includes.
    AudioSeconds,
    /// Part of the prompt that is images.
    ImagePrompt,
    /// Part of the answer that is images.
    ImageCompletion,
    /// Searches of the web that are charged.
    Searches,
    /// Further ones.
    MoreSearches,
    /// Cost in dollars.
    Cost,
    /// Cost in dollars at the provider behind this one, paid with the account's own key there.
    CostBehind,
    /// Cost in units of 10⁻¹⁰ dollars.
    CostTicks,
    /// Cost in the currency that the object names.
    Price,
}

impl Says {
    /// How many there are.
    pub const COUNT: usize = Self::Price as usize + 1;

    /// Whether it is an amount of money and no count.
    pub fn is_amount(self) -> bool {
        matches!(self, Self::Cost | Self::CostBehind | Self::Price | Self::CostTicks)
    }

    /// The highest count that a request can have of it.
    pub fn most(self) -> u64 {
        if matches!(self, Self::Searches | Self::MoreSearches) { MAX_SEARCHES } else { MAX_TOKENS }
    }
}

/// The objects inside of a usage object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The usage object itself.
    Top,
    /// Details of the prompt.
    In,
    /// Details of the answer.
    Out,
    /// What was written to the cache, by lifetime.
    Written,
    /// Details of what was read from the cache.
    CachedParts,
    /// Cohere: what is charged.
    Charged,
    /// Cohere: what the model processed.
    Processed,
    /// Details of the cost.
    Costs,
    /// Calls of the provider's own tools.
    Tools,
    /// Searches among them.
    Search,
    /// Wrapping of other vendors' fields.
    Wrapping,
}

use Place::{CachedParts, Charged, Costs, In, Out, Processed, Search, Tools, Top, Wrapping, Written};

/// An object inside another: where it is, its name, what it is.
pub const PLACES: &[(Place, &str, Place)] = &[
    (Top, "prompt_tokens_details", In),
    (Top, "input_tokens_details", In),
    // Mistral beside the usual name; OpenAI's Realtime API.
    (Top, "prompt_token_details", In),
    (Top, "input_token_details", In),
    (Top, "completion_tokens_details", Out),
    (Top, "output_tokens_details", Out),
    (Top, "completion_token_details", Out),
    (Top, "output_token_details", Out),
    (Top, "cache_creation", Written),
    // DashScope, LiteLLM.
    (In, "cache_creation", Written),
    (In, "cache_creation_token_details", Written),
    (In, "cached_tokens_details", CachedParts),
    (Top, "billed_units", Charged),
    (Top, "tokens", Processed),
    // Perplexity.
    (Top, "cost", Costs),
    // OpenRouter.
    (Top, "cost_details", Costs),
    (Top, "server_tool_use", Tools),
    (Top, "server_tool_use_details", Tools),
    // xAI.
    (Top, "server_side_tool_usage_details", Tools),
    // Perplexity, Responses.
    (Top, "tool_calls_details", Tools),
    // Volcengine.
    (Top, "tool_usage", Tools),
    // DashScope.
    (Top, "plugins", Tools),
    (Top, "x_tools", Tools),
    (Tools, "web_search", Search),
    (Tools, "search", Search),
    // Vertex, in the shape of Chat Completions.
    (Top, "extra_properties", Wrapping),
    (Wrapping, "google", Wrapping),
];

/// A number: where it is, its name, what it says.
pub const NUMBERS: &[(Place, &str, Says)] = &[
    (Top, "prompt_tokens", Says::Prompt),
    (Top, "prompt_token_count", Says::Prompt),
    (Charged, "input_tokens", Says::Billed),
    (Processed, "input_tokens", Says::Prompt),
    (Top, "input_tokens", Says::Input),
    (Top, "tool_use_prompt_token_count", Says::InputBeside),
    (Top, "completion_tokens", Says::Completion),
    (Charged, "output_tokens", Says::Completion),
    (Processed, "output_tokens", Says::Completion),
    (Top, "output_tokens", Says::Completion),
    (Top, "candidates_token_count", Says::Completion),
    // Gemini's Live API.
    (Top, "response_token_count", Says::Completion),
    (Top, "total_tokens", Says::Total),
    (Top, "total_token_count", Says::Total),
    (In, "cached_tokens", Says::Cached),
    (In, "cache_read_tokens", Says::Cached),
    (In, "cache_read_input_tokens", Says::Cached),
    // DeepSeek.
    (Top, "prompt_cache_hit_tokens", Says::Cached),
    // Mistral.
    (Top, "num_cached_tokens", Says::Cached),
    // Moonshot, DashScope, Cohere.
    (Top, "cached_tokens", Says::Cached),
    (Top, "cached_input_tokens", Says::Cached),
    (Top, "cached_prompt_tokens", Says::Cached),
    (Top, "cached_content_token_count", Says::Cached),
    (Top, "cache_read_input_tokens", Says::CachedBeside),
    // InvokeModel's metrics of Bedrock.
    (Top, "cache_read_input_token_count", Says::CachedBeside),
    (In, "cache_write_tokens", Says::Written),
    // LiteLLM, DashScope, New API.
    (In, "cache_creation_tokens", Says::Written),
    (In, "cache_creation_input_tokens", Says::Written),
    (In, "cached_creation_tokens", Says::Written),
    (Top, "cache_write_tokens", Says::Written),
    (Top, "cache_creation_tokens", Says::Written),
    (Top, "cache_creation_input_tokens", Says::WrittenBeside),
    (Top, "cache_write_input_tokens", Says::WrittenBeside),
    (Top, "cache_write_input_token_count", Says::WrittenBeside),
    (Written, "ephemeral_5m_input_tokens", Says::WrittenShort),
    (Top, "claude_cache_creation_5_m_tokens", Says::WrittenShort),
    (Written, "ephemeral_1h_input_tokens", Says::WrittenLong),
    (Top, "claude_cache_creation_1_h_tokens", Says::WrittenLong),
    (Out, "reasoning_tokens", Says::Reasoning),
    (Out, "thinking_tokens", Says::Reasoning),
    // Cohere.
    (Processed, "reasoning_tokens", Says::Reasoning),
    (Top, "reasoning_tokens", Says::ReasoningLoose),
    (Top, "thoughts_token_count", Says::ReasoningBeside),
    (In, "audio_tokens", Says::AudioPrompt),
    // xAI.
    (Top, "audio_prompt_tokens", Says::AudioPrompt),
    // The early audio models of DashScope.
    (Top, "audio_tokens", Says::AudioPrompt),
    (Out, "audio_tokens", Says::AudioCompletion),
    (CachedParts, "audio_tokens", Says::AudioCached),
    // Mistral.
    (Top, "prompt_audio_seconds", Says::AudioSeconds),
    (In, "image_tokens", Says::ImagePrompt),
    (Top, "image_tokens", Says::ImagePrompt),
    (Out, "image_tokens", Says::ImageCompletion),
    // Anthropic, OpenRouter.
    (Tools, "web_search_requests", Says::Searches),
    // xAI; Volcengine.
    (Tools, "web_search_calls", Says::Searches),
    (Tools, "web_search", Says::Searches),
    (Search, "num_requests", Says::Searches),
    (Search, "invocation", Says::Searches),
    (Search, "count", Says::Searches),
    (Top, "web_search_requests", Says::Searches),
    // Perplexity.
    (Top, "num_search_queries", Says::Searches),
    // xAI's earlier live search, which charged by source.
    (Top, "num_sources_used", Says::Searches),
    (Tools, "x_search_calls", Says::MoreSearches),
    // OpenRouter and gateways that follow it.
    (Top, "cost", Says::Cost),
    // Perplexity.
    (Costs, "total_cost", Says::Cost),
    // DeepInfra.
    (Top, "estimated_cost", Says::Cost),
    (Costs, "upstream_inference_cost", Says::CostBehind),
    (Top, "cost_in_usd_ticks", Says::CostTicks),
    // Dify.
    (Top, "total_price", Says::Price),
];

/// A list of counts by kind: its name, the field with the kind, the kind, the field with the number, what it says.
pub const LISTS: &[(&str, &str, &str, &str, Says)] = &[
    ("prompt_tokens_details", "modality", "AUDIO", "token_count", Says::AudioPrompt),
    ("prompt_tokens_details", "modality", "IMAGE", "token_count", Says::ImagePrompt),
    ("candidates_tokens_details", "modality", "AUDIO", "token_count", Says::AudioCompletion),
    ("candidates_tokens_details", "modality", "IMAGE", "token_count", Says::ImageCompletion),
    ("response_tokens_details", "modality", "AUDIO", "token_count", Says::AudioCompletion),
    ("response_tokens_details", "modality", "IMAGE", "token_count", Says::ImageCompletion),
    ("cache_tokens_details", "modality", "AUDIO", "token_count", Says::AudioCached),
    ("cache_details", "ttl", "5m", "input_tokens", Says::WrittenShort),
    ("cache_details", "ttl", "1h", "input_tokens", Says::WrittenLong),
];

/// Where the tier is said at whose price a request was served.
pub const TIERS: &[(Place, &str)] = &[
    (Top, "service_tier"),
    // Anthropic.
    (Top, "speed"),
    // Vertex.
    (Top, "traffic_type"),
    (Wrapping, "traffic_type"),
];

/// The tier that a word of any vendor names; `None` for list price and for words that say nothing about prices.
pub fn tier(word: &str) -> Option<ServedTier> {
    Some(match word.to_ascii_lowercase().as_str() {
        "flex" | "on_demand_flex" => ServedTier::Flex,
        "priority" | "on_demand_priority" => ServedTier::Priority,
        "batch" => ServedTier::Batch,
        "fast" => ServedTier::Fast,
        _ => return None,
    })
}

/// Whether two names are the same but for capitals and underscores.
pub fn is_same(left: &str, right: &str) -> bool {
    letters(left).eq(letters(right))
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}
