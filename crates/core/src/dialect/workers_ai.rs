//! Cloudflare's Workers AI as the platform's binding offers it (`env.AI.run(model, inputs)`).
//!
//! The input is a Chat Completions request without its model. Newer models answer with Chat Completions; older ones
//! have text and tool calls as top-level fields of the answer, and of each event of a stream. Both are supported.
//!
//! The binding reports failures by throwing an error whose message begins with a number. [`Thrown`] converts it to
//! the form of an upstream's error response, so that it is handled like any other
//! (<https://developers.cloudflare.com/workers-ai/platform/errors/>).

use serde_json::json;

use super::openai::codec::{OpenAi, Setting, TokenLimit, UpstreamOptions};

/// The codec of the binding's input and output.
#[must_use]
pub fn codec() -> OpenAi {
    let upstream = UpstreamOptions {
        token_limit: TokenLimit::MaxTokens,
        current_api: Setting::No,
        takes_thinking: Setting::No,
        takes_top_k: true,
        odd_replies: true,
        omits_model: true,
        ..UpstreamOptions::default()
    };
    OpenAi { upstream, ..OpenAi::default() }
}

/// An exception of the binding, as an error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// The equivalent HTTP status.
    pub status: u16,
    /// The error in Chat Completions' shape.
    pub body: Vec<u8>,
}

impl Thrown {
    /// Parses the message of the exception.
    #[must_use]
    pub fn read(message: &str) -> Self {
        let found = internal_code(message);
        let status = found.map_or_else(|| status_of_words(message), |(code, _)| status_of_code(code));
        let said = found.map_or(message, |(_, rest)| rest).trim();
        let said = if said.is_empty() { "Workers AI failed and did not say why." } else { said };
        let code = found.map(|(code, _)| code.to_string());
        let body = json!({ "error": { "message": said, "type": null, "param": null, "code": code } });
        Self { status, body: body.to_string().into_bytes() }
    }
}

/// The number at the beginning, and the text after it: `3040: Capacity temporarily exceeded`, with or without names
/// of errors before it.
fn internal_code(message: &str) -> Option<(u16, &str)> {
    let mut rest = message.trim_start();
    loop {
        let (head, tail) = rest.split_once(':')?;
        let head = head.trim();
        // Numbers of Workers AI have four digits; a name has no spaces.
        if head.len() == 4
            && let Ok(code) = head.parse()
        {
            return Some((code, tail));
        }
        if head.is_empty() || !head.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        rest = tail;
    }
}

fn status_of_code(code: u16) -> u16 {
    match code {
        3003 | 3039 | 5004 | 5006 => 400,
        3023 | 3041 | 5016 | 5018 => 403,
        // The service answers 400 for a model that it does not have. Another provider may have it.
        3042 | 5007 => 404,
        5005 | 5019 => 405,
        3006 => 413,
        3036 | 3040 => 429,
        // The service answers 408, which would mean that the caller was too slow.
        3007 | 3008 => 504,
        _ => 502,
    }
}

fn status_of_words(message: &str) -> u16 {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["429", "capacity", "rate limit", "too many requests"]) {
        429
    } else if says(&["timed out", "timeout"]) {
        504
    } else {
        502
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{
        ChatRequest, FinishReason, Message, Part, Role, UpstreamCodec, assemble,
    };

    fn streamed(events: &[&str]) -> Vec<Part> {
        let mut decoder = codec().stream_decoder();
        let mut read = Vec::new();
        for event in events {
            decoder.push(format!("data: {event}\n\n").as_bytes(), &mut read);
        }
        decoder.finish(&mut read);
        assemble(read).unwrap().choices.remove(0).parts
    }

    fn call(id: &str, name: &str, arguments: &str) -> Part {
        Part::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            signature: None,
            cache: None,
        }
    }

    #[test]
    fn the_model_is_not_in_the_request() {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, vec![Part::text("hi")])],
            max_tokens: Some(9),
            ..ChatRequest::default()
        };
        let encoded = codec().encode_request(&request, "@cf/openai/gpt-oss-120b");
        let body: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(body, json!({ "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 9 }));
    }

    #[test]
    fn older_models_answer_at_the_top() {
        let answer = r#"{"response":"hi","tool_calls":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
        let read = codec().decode_response(answer.as_bytes()).unwrap();
        assert_eq!(read.choices[0].parts, [Part::text("hi")]);
        assert_eq!(read.choices[0].finish, Some(FinishReason::Stop));
        assert_eq!(read.usage.unwrap().total(), 4);
        for (answer, text) in [
            (r#"{"response":{"city":"Bern","text":"x"}}"#, r#"{"city":"Bern","text":"x"}"#),
            (r#"{"response":[1,2]}"#, "[1,2]"),
            (r#"{"response":7}"#, "7"),
            (r#"{"response":""}"#, ""),
        ] {
            let read = codec().decode_response(answer.as_bytes()).unwrap();
            assert_eq!(read.choices[0].parts, [Part::text(text)], "{answer}");
        }
    }

    #[test]
    fn tool_calls_at_the_top() {
        let calls = r#"[{"name":"weather","arguments":{"city":"Bern"}},{"name":"weather","arguments":{"city":"Chur"}}]"#;
        let expected = [
            call("call_0_0", "weather", r#"{"city":"Bern"}"#),
            call("call_0_1", "weather", r#"{"city":"Chur"}"#),
        ];
        for response in ["null", "\"\""] {
            let answer = format!(r#"{{"response":{response},"tool_calls":{calls}}}"#);
            let read = codec().decode_response(answer.as_bytes()).unwrap();
            assert_eq!(read.choices[0].parts, expected);
            assert_eq!(read.choices[0].finish, Some(FinishReason::ToolCalls));
        }
        let bare = format!(r#"{{"tool_calls":{calls}}}"#);
        assert_eq!(streamed(&[r#"{"response":""}"#, &bare, "[DONE]"]), expected);
        assert!(codec().decode_response(br#"{"tool_calls":[]}"#).is_err());
    }

    #[test]
    fn streams_of_both_forms() {
        let older = [
            r#"{"response":"a","p":"xyz"}"#,
            r#"{"response":1}"#,
            r#"{"response":"","usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            "[DONE]",
        ];
        assert_eq!(streamed(&older), [Part::text("a1")]);
        let newer = [
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a1"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ];
        assert_eq!(streamed(&newer), [Part::text("a1")]);
    }

    #[test]
    fn what_is_thrown_has_a_status() {
        for (message, status, said) in [
            (
                "3040: Capacity temporarily exceeded, please try again.",
                429,
                "Capacity temporarily exceeded, please try again.",
            ),
            ("InferenceUpstreamError: 5007: No such model @cf/x or task", 404, "No such model @cf/x or task"),
            ("AiError: Error: 5006: Error: oneOf at '/' not met", 400, "Error: oneOf at '/' not met"),
            ("3007:", 504, "Workers AI failed and did not say why."),
            ("9999: new", 502, "new"),
            ("Network connection lost.", 502, "Network connection lost."),
            ("error code: 429", 429, "error code: 429"),
            ("", 502, "Workers AI failed and did not say why."),
        ] {
            let thrown = Thrown::read(message);
            let info = codec().decode_error(thrown.status, &thrown.body);
            assert_eq!((thrown.status, info.message.as_str()), (status, said), "{message}");
        }
    }
}
