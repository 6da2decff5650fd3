//! The tokens that one request used.

use serde::{Deserialize, Serialize};

/// Token counts in the sense of `OpenAI`: the details are parts of `prompt` and `completion`, not added to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens of the request.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// Part of `prompt` that was read from the provider's prompt cache.
    pub cached: u64,
    /// Part of `prompt` that was written to the provider's prompt cache.
    #[serde(default)]
    pub cache_written: u64,
    /// Part of `cache_written` that is kept for an hour, which costs more than the usual five minutes.
    #[serde(default)]
    pub cache_written_1h: u64,
    /// Part of `completion` that was spent on reasoning.
    pub reasoning: u64,
    /// Part of `prompt` that is audio.
    #[serde(default)]
    pub audio_prompt: u64,
    /// Part of `completion` that is audio.
    #[serde(default)]
    pub audio_completion: u64,
    /// Part of `cached` that is audio; it is part of `audio_prompt` as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audio_cached: u64,
    /// Part of `prompt` that is images.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub image_prompt: u64,
    /// Part of `completion` that is images.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub image_completion: u64,
    /// Searches of the web that the provider made and charges by number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub web_searches: u64,
    /// What the provider itself says that the request costs, in millionths of a dollar, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_cost_micros: Option<u64>,
    /// The tier at whose price the provider says that it served the request.
    #[serde(default, skip_serializing_if = "ServedTier::is_standard")]
    pub tier: ServedTier,
    /// The provider reported a number that no request can have (see [`MAX_TOKENS`]). It was left out; where it was a count, so
    /// were all others, and the gateway counts itself.
    #[serde(default, rename = "usage_suspect", skip_serializing_if = "std::ops::Not::not")]
    pub is_suspect: bool,
    /// The provider said only how many tokens there were in all. They stand in `completion`, of which the prompt is a part.
    #[serde(skip)]
    pub is_only_total: bool,
}

/// Most tokens of one kind that one request can have: twice the longest context that any model has.
pub const MAX_TOKENS: u64 = 20_000_000;
/// Most searches of the web that one request can have.
pub const MAX_SEARCHES: u64 = 10_000;
/// Most that one request can cost, in millionths of a dollar: a thousand dollars.
pub const MAX_COST_MICROS: u64 = 1_000_000_000;

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A way of serving that has its own prices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedTier {
    /// At list price; also what is not said.
    #[default]
    Standard,
    /// Whenever there is capacity, at a discount.
    Flex,
    /// Ahead of others, at a surcharge.
    Priority,
    /// As part of a batch.
    Batch,
    /// With faster output (`speed` of Anthropic).
    Fast,
}

impl ServedTier {
    /// Whether it is the list price.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

impl TokenUsage {
    /// Whether it has counts; without, the gateway counts.
    #[must_use]
    pub fn has_counts(&self) -> bool {
        self.total() > 0
    }

    /// Whether the tokens of the prompt, or of the answer, are missing. An answer without any text has none.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        (self.prompt == 0) != (self.completion == 0) && !self.is_only_total
    }

    /// Prompt and completion together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }

    /// Both together, as what several questions of one request have used. The tier is that of the later one.
    #[must_use]
    pub fn plus(self, later: Self) -> Self {
        let cost = [self.reported_cost_micros, later.reported_cost_micros].into_iter().flatten();
        Self {
            prompt: self.prompt.saturating_add(later.prompt),
            completion: self.completion.saturating_add(later.completion),
            cached: self.cached.saturating_add(later.cached),
            cache_written: self.cache_written.saturating_add(later.cache_written),
            cache_written_1h: self.cache_written_1h.saturating_add(later.cache_written_1h),
            reasoning: self.reasoning.saturating_add(later.reasoning),
            audio_prompt: self.audio_prompt.saturating_add(later.audio_prompt),
            audio_completion: self.audio_completion.saturating_add(later.audio_completion),
            audio_cached: self.audio_cached.saturating_add(later.audio_cached),
            image_prompt: self.image_prompt.saturating_add(later.image_prompt),
            image_completion: self.image_completion.saturating_add(later.image_completion),
            web_searches: self.web_searches.saturating_add(later.web_searches),
            reported_cost_micros: cost.reduce(u64::saturating_add),
            tier: later.tier,
            is_suspect: self.is_suspect || later.is_suspect,
            is_only_total: self.is_only_total || later.is_only_total,
        }
    }

    /// The same, served at this tier unless it names one itself.
    #[must_use]
    pub fn served(self, tier: ServedTier) -> Self {
        Self { tier: if self.tier.is_standard() { tier } else { self.tier }, ..self }
    }

    /// The same with no part above its whole: what was read from the cache and what was written to it fit into the
    /// prompt together, what is kept for an hour into what was written, reasoning into the answer.
    #[must_use]
    pub fn clamped(self) -> Self {
        let cached = self.cached.min(self.prompt);
        let cache_written = self.cache_written.min(self.prompt - cached);
        let audio_prompt = self.audio_prompt.min(self.prompt);
        let audio_completion = self.audio_completion.min(self.completion);
        Self {
            cached,
            cache_written,
            cache_written_1h: self.cache_written_1h.min(cache_written),
            reasoning: self.reasoning.min(self.completion),
            audio_prompt,
            audio_completion,
            audio_cached: self.audio_cached.min(cached).min(audio_prompt),
            image_prompt: self.image_prompt.min(self.prompt - audio_prompt),
            image_completion: self.image_completion.min(self.completion - audio_completion),
            ..self
        }
    }
}

/// Where the counts of a [`TokenUsage`] come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The upstream reported them.
    Reported,
    /// The upstream reported nothing, or one side only; our tokenizer counted the text of what is missing.
    Counted,
    /// The upstream reported nothing, or one side only; what is missing is our estimate.
    Estimated,
    /// Nothing was used: no upstream answered.
    #[default]
    None,
}

impl UsageSource {
    /// The name under which it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}
