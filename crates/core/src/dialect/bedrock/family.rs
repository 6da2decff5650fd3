//! Whose models take what, read off the name of the model.

use crate::dialect::anthropic::model_rules::ModelRules;

/// A family of models that take the same additional fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Anthropic's, with the rules of the model
    /// (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>).
    Claude(ModelRules),
    /// Amazon's; since the second generation they think
    /// (<https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>).
    Nova {
        /// Whether the model thinks.
        thinks: bool,
    },
    /// `OpenAI`'s open models, which take `reasoning_effort`.
    GptOss,
    /// Any other.
    Other,
}

/// Makers whose models are none of the families above, as they stand before the dot in a model's name.
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

    /// Whether marks up to which the prompt is to be cached are taken.
    pub fn takes_cache_points(self) -> bool {
        matches!(self, Self::Claude(_) | Self::Nova { .. })
    }

    /// Whether thoughts may be given back.
    pub fn takes_thoughts(self) -> bool {
        matches!(self, Self::Claude(_))
    }

    /// Whether the request may end in the beginning of the answer.
    pub fn takes_prefill(self) -> bool {
        matches!(self, Self::Claude(rules) if rules.prefill)
    }

    /// Whether answers and arguments can be held to a schema.
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
