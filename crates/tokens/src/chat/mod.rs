//! Tokens of a chat request: its messages, tools, images and audio.
//!
//! The text is counted exactly if the model's vocabulary is in the build. The framing (marks between messages, the
//! form of tools, the splitting of images) is not published for most models; the rules are those that OpenAI,
//! Anthropic and Google document, and those of published chat templates, each with its source. [`Count::exact`] is
//! true only where they are known to be exact: plain text messages to a model of OpenAI.

pub mod audio;
mod framing;
pub mod images;
pub mod tools;

use alloc::vec::Vec;

use framing::Framing;
use images::{Image, ImageRule};
pub use tools::Tool;

use crate::model::ModelTokens;

/// Tokens of a name besides its text, as in "How to count tokens with tiktoken" of OpenAI's cookbook.
const PER_NAME: usize = 1;
/// Tokens around a tool call besides its name and arguments. Not documented; from measurements.
const PER_TOOL_CALL: usize = 3;

/// One message.
#[derive(Debug, Clone, Default)]
pub struct Message<'a> {
    /// `system`, `user`, `assistant`, `tool` …
    pub role: &'a str,
    /// The `name` of the participant, if there is one.
    pub name: Option<&'a str>,
    /// The text, in any number of parts.
    pub text: Vec<&'a str>,
    /// Images in it.
    pub images: Vec<Image>,
    /// Milliseconds of audio in it.
    pub audio_milliseconds: u64,
    /// Its tool calls.
    pub tool_calls: Vec<ToolCall<'a>>,
}

/// A call of a tool in a message of the assistant.
#[derive(Debug, Clone, Copy)]
pub struct ToolCall<'a> {
    /// The tool's name.
    pub name: &'a str,
    /// Its arguments, as JSON text.
    pub arguments: &'a str,
}

/// A count of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The tokens.
    pub tokens: usize,
    /// Whether it equals the count of the model itself.
    pub exact: bool,
}

/// Number of tokens of a chat request.
#[cfg(feature = "tables")]
#[must_use]
pub fn count(model: &str, messages: &[Message<'_>], tools: &[Tool<'_>]) -> Count {
    let encoding = ModelTokens::for_model(model).encoding;
    count_with(model, messages, tools, &|text| encoding.count(text))
}

/// The same with the caller's function for counting texts; `exact` refers to the rules only.
#[must_use]
pub fn count_with(
    model: &str,
    messages: &[Message<'_>],
    tools: &[Tool<'_>],
    tokens_of: &dyn Fn(&str) -> usize,
) -> Count {
    let rules = ModelTokens::for_model(model);
    let image_rule = ImageRule::for_model(model);
    let framing = Framing::of(rules.encoding);
    let mut text = framing.reply;
    let mut other = 0;
    let mut plain = tools.is_empty();
    for message in messages {
        text += framing.message(message.role);
        if framing.writes_role {
            text += tokens_of(message.role);
        }
        text += message.text.iter().map(|part| tokens_of(part)).sum::<usize>();
        text += message.name.map_or(0, |name| PER_NAME + tokens_of(name));
        for call in &message.tool_calls {
            text += PER_TOOL_CALL + tokens_of(call.name) + tokens_of(call.arguments);
        }
        other += message.images.iter().map(|image| image_rule.tokens(*image)).sum::<usize>();
        other += audio::input_tokens(model, message.audio_milliseconds);
        plain &=
            message.images.is_empty() && message.audio_milliseconds == 0 && message.tool_calls.is_empty();
        // The separator between the parts of a text is not documented.
        plain &= message.text.len() <= 1;
    }
    text += tools::tokens(rules.encoding, tools, tokens_of);
    Count { tokens: rules.scale(text) + other, exact: rules.exact && rules.encoding.is_openai() && plain }
}

#[cfg(all(test, feature = "tables"))]
mod tests {
    use alloc::vec;

    use super::{images::Detail, *};

    fn message<'a>(role: &'a str, name: Option<&'a str>, text: &'a str) -> Message<'a> {
        Message { role, name, text: vec![text], ..Message::default() }
    }

    // The example of the cookbook, with the counts that the API reported for it.
    #[test]
    fn the_cookbook_example_counts_what_the_api_says() {
        let messages = [
            message(
                "system",
                None,
                "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
            ),
            message("system", Some("example_user"), "New synergies will help drive top-line growth."),
            message(
                "system",
                Some("example_assistant"),
                "Things working well together will increase revenue.",
            ),
            message(
                "system",
                Some("example_user"),
                "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
            ),
            message(
                "system",
                Some("example_assistant"),
                "Let's talk later when we're less busy about how to do better.",
            ),
            message(
                "user",
                None,
                "This late pivot means we don't have time to boil the ocean for the client deliverable.",
            ),
        ];
        for (model, expected) in
            [("gpt-3.5-turbo", 129), ("gpt-4", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)]
        {
            assert_eq!(count(model, &messages, &[]), Count { tokens: expected, exact: true }, "{model}");
        }
    }

    #[test]
    fn what_is_not_plain_text_is_an_estimate() {
        let text = message("user", None, "What is this?");
        let plain = count("gpt-4o", core::slice::from_ref(&text), &[]);
        assert!(plain.exact);
        assert!(!count("claude-sonnet-4-5", core::slice::from_ref(&text), &[]).exact);

        let image = Image { width: 1024, height: 1024, detail: Detail::High };
        let seen = count("gpt-4o", &[Message { images: vec![image], ..text.clone() }], &[]);
        assert_eq!(seen, Count { tokens: plain.tokens + 765, exact: false });
        let heard =
            count("gpt-4o-audio-preview", &[Message { audio_milliseconds: 2500, ..text.clone() }], &[]);
        assert_eq!(heard, Count { tokens: plain.tokens + 25, exact: false });
        let call = ToolCall { name: "look", arguments: "{}" };
        assert!(!count("gpt-4o", &[Message { tool_calls: vec![call], ..text }], &[]).exact);
    }

    /// A chat of all roles as templates write it, and as it is counted.
    #[cfg(feature = "all-vocabularies")]
    #[test]
    fn a_chat_counts_what_the_template_of_its_model_writes() {
        use crate::Encoding;

        let messages = [
            message("system", None, "Be brief."),
            message("user", None, "What is 12 times 12?"),
            message("assistant", None, "It is 144."),
            message("user", None, "谢谢！"),
        ];
        let each = |write: &dyn Fn(&str, &str) -> alloc::string::String| {
            messages
                .iter()
                .map(|message| write(message.role, message.text[0]))
                .collect::<alloc::string::String>()
        };
        let chat_ml = each(&|role, text| alloc::format!("<|im_start|>{role}\n{text}<|im_end|>\n"));
        let deepseek = each(&|role, text| match role {
            "user" => alloc::format!("<｜User｜>{text}"),
            "assistant" => alloc::format!("<｜Assistant｜>{text}<｜end▁of▁sentence｜>"),
            _ => text.into(),
        });
        let kimi = each(&|role, text| alloc::format!("<|im_{role}|>{role}<|im_middle|>{text}<|im_end|>"));
        let glm = each(&|role, text| alloc::format!("<|{role}|>\n{text}"));
        let tekken = each(&|role, text| match role {
            "user" => alloc::format!("[INST]{text}[/INST]"),
            "assistant" => alloc::format!("{text}</s>"),
            _ => alloc::format!("[SYSTEM_PROMPT]{text}[/SYSTEM_PROMPT]"),
        });
        let minimax = each(&|role, text| alloc::format!("]~b]{role}\n{text}[e~[\n"));
        for (model, template) in [
            ("qwen3-32b", alloc::format!("{chat_ml}<|im_start|>assistant\n")),
            // The number of `</think>` had no name when this vocabulary was published.
            (
                "deepseek-v3.1",
                alloc::format!("<｜begin▁of▁sentence｜>{deepseek}<｜Assistant｜><｜place▁holder▁no▁799｜>"),
            ),
            ("kimi-k2-0905-preview", alloc::format!("{kimi}<|im_assistant|>assistant<|im_middle|>")),
            ("glm-4.6", alloc::format!("[gMASK]<sop>{glm}<|assistant|>")),
            ("open-mistral-nemo-2407", alloc::format!("<s>{tekken}")),
            ("minimax-m2", alloc::format!("]~!b[{minimax}]~b]ai\n<think>\n")),
        ] {
            let encoding = ModelTokens::for_model(model).encoding;
            assert_ne!(encoding, Encoding::O200kBase, "{model}");
            let tokens = encoding.encode_with_special_tokens(&template).len();
            assert_eq!(count(model, &messages, &[]), Count { tokens, exact: false }, "{model}");
        }
    }
}
