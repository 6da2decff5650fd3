//! The embedded upstream: answers inside the gateway, so that a fresh installation works with no account.
//!
//! Two models. `echo` repeats the last user message. `script` streams a fixed text with a pause between its words, to
//! make streaming visible. Both are deterministic, honour `max_tokens` and `max_completion_tokens`, and report usage.

use serde::Serialize;

use crate::dialect::openai::request::{ChatRequest, Message};
use crate::sse::writer;

/// Milliseconds between two pieces of `script`.
const SCRIPT_PAUSE_MS: u32 = 15;
const SCRIPT: &str = "This text is told by the gateway itself, word by word, with a short pause after each of them, so \
    that you can watch a stream arrive without any provider, account or key. Add a provider of your own, and the same \
    endpoint will relay its words just like these.";

/// An answer of the demo, before it is serialised.
#[derive(Debug, PartialEq, Eq)]
pub struct DemoReply {
    pieces: Vec<String>,
    finish_reason: &'static str,
    prompt_tokens: u64,
    /// Milliseconds to wait before each piece of a stream.
    pub pause_ms: u32,
}

#[derive(Serialize)]
struct Completion<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the wire format")]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Said<'a>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Said<'a>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl DemoReply {
    /// The answer of `model` to a request.
    #[must_use]
    pub fn new(model: &str, request: &ChatRequest<'_>) -> Self {
        let (text, pause_ms) = match model {
            "script" => (SCRIPT.to_owned(), SCRIPT_PAUSE_MS),
            _ => (last_user_text(request.messages()), 0),
        };
        let mut pieces = split_words(&text);
        let limit = request.integer("max_completion_tokens").or_else(|| request.integer("max_tokens"));
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let finish_reason = if pieces.len() > limit { "length" } else { "stop" };
        pieces.truncate(limit);
        Self { pieces, finish_reason, prompt_tokens: request.estimate_prompt_tokens(), pause_ms }
    }

    /// The answer as one JSON document. `created` is in seconds since the epoch.
    #[must_use]
    pub fn to_json(&self, id: &str, created: u64, model: &str) -> Vec<u8> {
        let text = self.pieces.concat();
        let message = Said { role: Some("assistant"), content: Some(&text) };
        let choice = Choice { index: 0, message, finish_reason: self.finish_reason };
        let object = "chat.completion";
        encode(&Completion { id, object, created, model, choices: vec![choice], usage: Some(self.usage()) })
    }

    /// The answer as the events of a stream: role, pieces, end, usage if asked for, `[DONE]`.
    #[must_use]
    pub fn to_events(&self, id: &str, created: u64, model: &str, with_usage: bool) -> Vec<Vec<u8>> {
        let object = "chat.completion.chunk";
        let chunk = |delta: Said<'_>, finish_reason: Option<&str>| {
            let choices = vec![ChunkChoice { index: 0, delta, finish_reason }];
            event(&encode(&Completion { id, object, created, model, choices, usage: None }))
        };
        let mut events = vec![chunk(Said { role: Some("assistant"), content: Some("") }, None)];
        events.extend(self.pieces.iter().map(|piece| chunk(Said { role: None, content: Some(piece) }, None)));
        events.push(chunk(Said::default(), Some(self.finish_reason)));
        if with_usage {
            let choices: Vec<ChunkChoice<'_>> = Vec::new();
            let usage = Some(self.usage());
            events.push(event(&encode(&Completion { id, object, created, model, choices, usage })));
        }
        events.push(writer::DONE.to_vec());
        events
    }

    fn usage(&self) -> Usage {
        let completion_tokens = self.pieces.len() as u64;
        Usage {
            prompt_tokens: self.prompt_tokens,
            completion_tokens,
            total_tokens: self.prompt_tokens + completion_tokens,
        }
    }
}

fn last_user_text(messages: &[Message<'_>]) -> String {
    let last = messages.iter().rev().find(|message| message.role == "user");
    last.map(|message| message.texts().collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

/// Splits a text into words, each with the space before it, like a model's tokens.
fn split_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_word = false;
    for character in text.chars() {
        let starts_piece = character.is_whitespace() && in_word;
        in_word = !character.is_whitespace();
        match words.last_mut() {
            Some(word) if !starts_piece => word.push(character),
            _ => words.push(character.to_string()),
        }
    }
    words
}

fn encode<C: Serialize>(completion: &Completion<'_, C>) -> Vec<u8> {
    serde_json::to_vec(completion).unwrap_or_default()
}

fn event(data: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(data.len() + 8);
    writer::write_data(&mut event, data);
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::response;
    use crate::dialect::openai::stream_tap::chat_tap;
    use crate::dialect::pipe::{Forward, StreamOutcome, StreamPipe};

    fn reply(model: &str, rest: &str) -> DemoReply {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"first"}},{{"role":"assistant","content":"x"}},{{"role":"user","content":"Hello, big  world!"}}]{rest}}}"#
        );
        DemoReply::new(model, &ChatRequest::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn echo_says_the_last_user_message() {
        let json: serde_json::Value =
            serde_json::from_slice(&reply("echo", "").to_json("id", 1, "echo")).unwrap();
        assert_eq!(json["choices"][0]["message"]["content"], "Hello, big  world!");
        assert_eq!(json["choices"][0]["finish_reason"], "stop");
        assert_eq!(json["usage"]["completion_tokens"], 3);
    }

    #[test]
    fn streamed_and_unstreamed_say_the_same() {
        for model in ["echo", "script"] {
            let reply = reply(model, "");
            let mut text = String::new();
            for event in reply.to_events("id", 1, model, true) {
                let event = String::from_utf8(event).unwrap();
                let data = event.strip_prefix("data: ").unwrap().trim_end();
                if let Ok(chunk) = serde_json::from_str::<serde_json::Value>(data) {
                    text += chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
                }
            }
            assert_eq!(text, reply.pieces.concat());
        }
    }

    #[test]
    fn a_token_limit_ends_it_early() {
        let json: serde_json::Value =
            serde_json::from_slice(&reply("echo", r#","max_tokens":2"#).to_json("i", 1, "m")).unwrap();
        assert_eq!(json["choices"][0]["message"]["content"], "Hello, big");
        assert_eq!(json["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn its_answers_are_read_like_any_upstreams() {
        let glance = response::inspect(&reply("echo", "").to_json("i", 1, "m")).unwrap();
        assert_eq!((glance.is_plainly_good, glance.facts.usage.unwrap().completion), (true, 3));
        let mut tap = chat_tap(true);
        let events = reply("echo", "").to_events("i", 1, "m", true);
        let withheld = events.iter().filter(|event| tap.push(event) != Forward::Unchanged).count();
        assert_eq!((withheld, tap.finish().outcome), (1, StreamOutcome::Complete));
        assert_eq!(tap.facts().usage.unwrap().completion, 3);
    }
}
