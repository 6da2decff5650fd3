//! What the makers of open models ask of a history, beyond what `OpenAI` does.
//!
//! The model's name tells the maker, wherever the model is served: the order of messages is checked by the maker's own
//! template or by a service that imitates the maker's. Requests that pass through are not touched.

use super::wire::{ContentOut, MessageOut};
use crate::dialect::upstream::history::ACKNOWLEDGED;

use crate::dialect::canonical::limits::Spelling;
use crate::dialect::upstream::constraints;

/// Words in the names of Mistral's models.
const MISTRAL: &[&str] =
    &["mistral", "mixtral", "ministral", "magistral", "devstral", "codestral", "pixtral", "voxtral"];
/// How `DeepSeek`'s own API names its models. Other services add the maker's name or the size.
const DEEPSEEK: &[&str] =
    &["deepseek-chat", "deepseek-reasoner", "deepseek-flash", "deepseek-pro", "deepseek-v4"];

/// The maker of a model, as far as its models have rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Maker {
    /// Instructions only at the beginning ("Unexpected role 'system' after role 'assistant'"), an answer between
    /// results and the next question ("Unexpected role 'user' after role 'tool'"), a mark on a prefilled answer
    /// ("Expected last role User or Tool (or Assistant with prefix True)"), and no field that its API does not have
    /// (`extra_forbidden` for `reasoning_content` and `name`).
    Mistral,
    /// Reasoning in every answer of a history, even if it is empty ("The `reasoning_content` in the thinking mode must
    /// be passed back to the API"): its models think unless they are told not to.
    DeepSeek,
    /// Any other.
    #[default]
    Other,
}

impl Maker {
    /// The ids of tool calls that its services accept.
    pub(super) fn call_ids(self) -> &'static Spelling {
        match self {
            Self::Mistral => &constraints::MISTRAL.call_id,
            Self::DeepSeek | Self::Other => &constraints::OPENAI_CHAT.call_id,
        }
    }

    /// The maker of the model with this name.
    pub fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        if MISTRAL.iter().any(|word| name.contains(word)) {
            Self::Mistral
        } else if DEEPSEEK.iter().any(|own| name.starts_with(own)) {
            Self::DeepSeek
        } else {
            Self::Other
        }
    }

    /// Whether reasoning of earlier answers and names of participants are accepted.
    pub fn takes_unknown_fields(self) -> bool {
        self != Self::Mistral
    }

    /// Makes the messages what the models accept.
    pub fn fit(self, messages: &mut Vec<MessageOut<'_>>) {
        match self {
            Self::Other => {}
            Self::DeepSeek => {
                for message in messages.iter_mut().filter(|message| message.role == "assistant") {
                    message.reasoning_content.get_or_insert_default();
                }
            }
            Self::Mistral => {
                messages.sort_by_key(|message| message.role != "system");
                let mut fitted = Vec::with_capacity(messages.len());
                for message in messages.drain(..) {
                    let follows_result =
                        fitted.last().is_some_and(|last: &MessageOut<'_>| last.role == "tool");
                    if follows_result && message.role == "user" {
                        let content = Some(ContentOut::Text(ACKNOWLEDGED.into()));
                        fitted.push(MessageOut { role: "assistant", content, ..MessageOut::default() });
                    }
                    fitted.push(message);
                }
                if let Some(last) = fitted.last_mut().filter(|last| last.role == "assistant") {
                    last.prefix = Some(true);
                }
                *messages = fitted;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn makers_are_told_by_the_names_of_their_models() {
        for (model, maker) in [
            ("mistral-large-latest", Maker::Mistral),
            ("mistralai/Devstral-Small-2-24B-Instruct-2512", Maker::Mistral),
            ("deepseek-v4-flash", Maker::DeepSeek),
            ("deepseek-chat", Maker::DeepSeek),
            ("deepseek-ai/DeepSeek-V3.1", Maker::Other),
            ("deepseek-r1-distill-llama-70b", Maker::Other),
            ("gpt-4o", Maker::Other),
        ] {
            assert_eq!(Maker::of(model), maker, "{model}");
        }
    }

    fn fitted(maker: Maker, roles: &[&'static str]) -> Value {
        let mut messages: Vec<MessageOut<'_>> =
            roles.iter().map(|role| MessageOut { role, ..MessageOut::default() }).collect();
        maker.fit(&mut messages);
        serde_json::to_value(&messages).unwrap()
    }

    #[test]
    fn mistrals_order() {
        let messages = fitted(Maker::Mistral, &["user", "assistant", "tool", "system", "user", "assistant"]);
        let roles: Vec<&Value> =
            messages.as_array().unwrap().iter().map(|message| &message["role"]).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool", "assistant", "user", "assistant"]);
        assert_eq!((&messages[4]["content"], &messages[6]["prefix"]), (&json!(ACKNOWLEDGED), &json!(true)));
    }

    #[test]
    fn deepseek_gets_reasoning_in_every_answer() {
        let messages = fitted(Maker::DeepSeek, &["user", "assistant"]);
        assert_eq!(messages[1]["reasoning_content"], "");
        assert!(messages[0].get("reasoning_content").is_none());
    }
}
