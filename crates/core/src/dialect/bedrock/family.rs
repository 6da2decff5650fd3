//! The vendor of a model and its format, by the model's name.

use crate::dialect::anthropic::model_rules::ModelRules;

/// A family of models with the same additional fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Anthropic's, with the rules of the model
    /// (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>).
    Claude(ModelRules),
    /// Amazon's; reasoning models since the second generation
    /// (<https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>).
    Nova {
        /// Whether it is a reasoning model.
        thinks: bool,
    },
    /// `OpenAI`'s open models, which accept `reasoning_effort`.
    GptOss,
    /// Any other.
    Other,
}

/// Vendors without a family above, as in the part before the dot of a model's name.
const OTHER_MAKERS: &[&str] = &[
    "ai21",
    "amazon",
    "cohere",
    "deepseek",
    "google",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "zai",
];

/// Whether the model refuses calls and results beside other content ("Conversation blocks and tool use blocks cannot be
/// provided in the same turn"), as Meta's do.
pub fn keeps_tools_apart(model: &str) -> bool {
    model.to_ascii_lowercase().contains("meta.llama")
}

impl Family {
    /// The family of a model, inference profile or ARN of either: `amazon.nova-lite-v1:0`,
    /// `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `arn:aws:bedrock:…:foundation-model/meta.llama3-1-8b-instruct-v1:0`.
    pub fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        if model.contains("claude") {
            return Self::Claude(ModelRules::of(&model));
        }
        if model.contains("amazon.nova") {
            return Self::Nova { thinks: model.contains("amazon.nova-2") };
        }
        if model.contains("openai.gpt-oss") {
            return Self::GptOss;
        }
        let words: Vec<&str> = model.split(['.', '/', ':']).collect();
        let is_other = words.iter().any(|word| OTHER_MAKERS.contains(word));
        if is_other { Self::Other } else { Self::Claude(ModelRules::of(&model)) }
    }

    /// Whether cache marks are supported.
    pub fn takes_cache_points(self) -> bool {
        matches!(self, Self::Claude(_) | Self::Nova { .. })
    }

    /// Whether thinking blocks may be sent back.
    pub fn takes_thoughts(self) -> bool {
        matches!(self, Self::Claude(_))
    }

    /// Whether the request may contain a prefilled answer.
    pub fn takes_prefill(self) -> bool {
        matches!(self, Self::Claude(rules) if rules.prefill)
    }

    /// Whether schemas of answers and arguments can be enforced.
    pub fn enforces_schemas(self) -> bool {
        matches!(self, Self::Claude(rules) if rules.structured_output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_in_every_spelling() {
        for (model, is_claude) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", true),
            ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc123", true),
            ("real-model", true),
            ("meta.llama3-1-8b-instruct-v1:0", false),
            ("us.deepseek.r1-v1:0", false),
            ("arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-large-2402-v1:0", false),
        ] {
            assert_eq!(matches!(Family::of(model), Family::Claude(_)), is_claude, "{model}");
        }
        assert_eq!(Family::of("eu.amazon.nova-lite-v1:0"), Family::Nova { thinks: false });
        assert_eq!(Family::of("us.amazon.nova-2-lite-v1:0"), Family::Nova { thinks: true });
        assert_eq!(Family::of("openai.gpt-oss-120b-1:0"), Family::GptOss);
        assert!(Family::of("anthropic.claude-sonnet-4-5-20250929-v1:0").enforces_schemas());
    }
}
