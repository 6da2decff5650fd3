//! Which messages of a request and its answer are archived, and in which form.

use serde_json::{Value, json};

use crate::dialect::canonical::{ChatRequest, Media, Message, Part, Role};
use crate::tokens::estimate_tokens;

const BYTES_OF_TOKEN: u64 = 4;
/// What the role and the frame of a message weigh.
const MESSAGE_BYTES: u64 = 4 * BYTES_OF_TOKEN;
/// What an image or a file weighs, whatever its size: a thousand tokens.
const MEDIA_BYTES: u64 = 1_000 * BYTES_OF_TOKEN;

/// Which messages of a request the archive does not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// All: the conversation is new, or starts again from an edited history.
    All,
    /// Those after the model's last turn.
    SinceLastAnswer,
    /// None: the request is a repetition.
    Nothing,
}

/// A message for the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedMessage {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: &'static str,
    /// A text; with other parts than text, a JSON list of parts.
    pub content: String,
    /// Tokens: of an answer its own, of any other message its share of the prompt's.
    pub tokens: u64,
    /// Milliseconds from the request to the message.
    pub after_ms: u64,
}

/// The messages of a request to be archived. Each has its share of the tokens of the prompt, by its length: counting each by
/// itself took a fifth of the time of a request of 100 KB.
#[must_use]
pub fn asked(request: &ChatRequest, fresh: Fresh, prompt_tokens: u64) -> Vec<ArchivedMessage> {
    let messages = request.messages.as_slice();
    let start = match fresh {
        Fresh::All => 0,
        Fresh::SinceLastAnswer => {
            messages.iter().rposition(|message| message.role == Role::Assistant).map_or(0, |last| last + 1)
        }
        Fresh::Nothing => messages.len(),
    };
    let weights: Vec<u64> = messages.iter().map(weight).collect();
    let shares = shares(prompt_tokens, &weights);
    let fresh = messages.get(start..).unwrap_or_default();
    fresh
        .iter()
        .zip(shares.get(start..).unwrap_or_default())
        .map(|(message, tokens)| of_message(message, *tokens))
        .collect()
}

/// The tokens of a prompt shared out by weight, exact in sum. If they are not known, a token for each four bytes.
fn shares(tokens: u64, weights: &[u64]) -> Vec<u64> {
    if tokens == 0 {
        return weights.iter().map(|weight| weight.div_ceil(BYTES_OF_TOKEN)).collect();
    }
    let all: u128 = weights.iter().copied().map(u128::from).sum();
    let (mut before, mut weighed) = (0, 0);
    let share = |weight: &u64| {
        weighed += u128::from(*weight);
        let until = u64::try_from(u128::from(tokens) * weighed / all.max(1)).unwrap_or(tokens);
        let share = until - before;
        before = until;
        share
    };
    weights.iter().map(share).collect()
}

/// About as many bytes of text as would have the tokens of a message.
fn weight(message: &Message) -> u64 {
    MESSAGE_BYTES + message.parts.iter().map(weight_of_part).sum::<u64>()
}

fn weight_of_part(part: &Part) -> u64 {
    match part {
        Part::Text { text, .. } | Part::Refusal { text } | Part::Thinking { text, .. } => text.len() as u64,
        Part::ToolCall { name, arguments, .. } => (name.len() + arguments.len()) as u64,
        Part::ToolResult { parts, .. } => parts.iter().map(weight_of_part).sum(),
        Part::Image { .. } | Part::Audio { .. } | Part::File { .. } => MEDIA_BYTES,
        Part::RedactedThinking { .. } | Part::ProviderBlock { .. } => MESSAGE_BYTES,
    }
}

/// An answer to be archived, with its tokens (estimated if they were not counted) and the milliseconds from the
/// request to its end.
#[must_use]
pub fn answered(parts: &[Part], tokens: Option<u64>, after_ms: u64) -> ArchivedMessage {
    let content = content(parts);
    let tokens = tokens.unwrap_or_else(|| estimate_tokens(&content));
    ArchivedMessage { role: "assistant", content, tokens, after_ms }
}

fn of_message(message: &Message, tokens: u64) -> ArchivedMessage {
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let content = content(&message.parts);
    ArchivedMessage { role, content, tokens, after_ms: 0 }
}

fn content(parts: &[Part]) -> String {
    if is_plain(parts) {
        return parts.iter().filter_map(Part::as_text).collect();
    }
    Value::Array(parts.iter().map(of_part).collect()).to_string()
}

fn is_plain(parts: &[Part]) -> bool {
    parts.iter().all(|part| part.as_text().is_some())
}

fn of_part(part: &Part) -> Value {
    match part {
        Part::Text { text, .. } => json!({ "type": "text", "text": text }),
        Part::Image { media, .. } => json!({ "type": "image", "source": source(media) }),
        Part::Audio { media } => json!({ "type": "audio", "source": source(media) }),
        Part::File { media, name, .. } => json!({ "type": "file", "name": name, "source": source(media) }),
        Part::ToolCall { id, name, arguments, .. } => {
            json!({ "type": "tool_call", "id": id, "name": name, "arguments": arguments })
        }
        Part::ToolResult { call_id, parts, is_error, .. } => {
            json!({ "type": "tool_result", "tool_call_id": call_id, "content": content(parts), "is_error": is_error })
        }
        Part::Thinking { text, .. } => json!({ "type": "thinking", "text": text }),
        Part::RedactedThinking { .. } => json!({ "type": "redacted_thinking" }),
        Part::ProviderBlock { block, .. } => json!({ "type": "provider_block", "block": block }),
        Part::Refusal { text } => json!({ "type": "refusal", "text": text }),
    }
}

fn source(media: &Media) -> Value {
    match media {
        Media::Url { url, .. } => json!({ "url": url }),
        Media::Base64 { media_type, data } => json!({ "media_type": media_type, "base64": data }),
        Media::FileId { id } => json!({ "file_id": id }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, text: &str) -> Message {
        Message::new(role, vec![Part::text(text)])
    }

    #[test]
    fn only_what_is_new_is_archived() {
        let request = ChatRequest {
            messages: vec![
                message(Role::Developer, "s"),
                message(Role::User, "a"),
                message(Role::Assistant, "b"),
                message(Role::User, "c"),
            ],
            ..ChatRequest::default()
        };
        let roles = |fresh| asked(&request, fresh, 7).iter().map(|message| message.role).collect::<Vec<_>>();
        assert_eq!(roles(Fresh::All), ["system", "user", "assistant", "user"]);
        assert_eq!(roles(Fresh::SinceLastAnswer), ["user"]);
        assert!(roles(Fresh::Nothing).is_empty());
    }

    #[test]
    fn the_tokens_of_a_prompt_are_shared_out_by_length() {
        let texts = [5_000, 1, 300, 77, 4_000];
        let messages = texts.map(|size| message(Role::User, &"x".repeat(size))).to_vec();
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let tokens = |prompt| {
            asked(&request, Fresh::All, prompt).iter().map(|message| message.tokens).collect::<Vec<_>>()
        };
        for prompt in [1, 3, 2_000, u64::MAX >> 11] {
            assert_eq!(tokens(prompt).iter().sum::<u64>(), prompt);
        }
        let shared = tokens(2_000);
        assert!(shared[0] > shared[4] && shared[4] > shared[2] && shared[2] > shared[1], "{shared:?}");
        assert_eq!(tokens(0), [1_254, 5, 79, 24, 1_004], "nothing was used, or it is not known");
    }

    #[test]
    fn texts_are_texts_and_the_rest_is_json() {
        let both = answered(&[Part::text("a"), Part::text("b")], Some(2), 5);
        assert_eq!((both.content.as_str(), both.tokens), ("ab", 2));
        assert!(answered(&[Part::text("Nobody has counted this.")], None, 0).tokens > 0);
        let call = Part::ToolCall {
            id: "c".into(),
            name: "f".into(),
            arguments: "{}".into(),
            signature: None,
            cache: None,
        };
        let archived = answered(&[Part::text("a"), call], Some(2), 0);
        let parts: Value = serde_json::from_str(&archived.content).unwrap();
        assert_eq!(parts[1]["name"], "f");
    }
}
