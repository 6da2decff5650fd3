//! Cached responses for identical requests.
//!
//! Requests are compared by value: white space, the order of fields, and whether the answer is streamed are ignored;
//! every other field counts. A response is stored in its caller's dialect and returned complete or as a stream, as
//! the new request requires.
//!
//! The stored form is the JSON of [`CachedAnswer`].

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{ReplyContext, explode};
use crate::dialect::native;
use crate::dialect::registry;
use crate::dialect::transcript::Transcript;
use crate::hash::hex;

/// Fields that determine how an answer is delivered, not its content.
const DELIVERY: &[&str] = &["stream", "stream_options", "models"];

/// Whether responses in this dialect can be cached. Those of the Responses API have state of their own.
#[must_use]
pub fn is_cacheable(caller_dialect: CallerDialect) -> bool {
    matches!(caller_dialect, CallerDialect::OpenaiChat | CallerDialect::Anthropic | CallerDialect::Gemini)
}

/// The cache key of a request, in hexadecimal. It differs between API keys, so that no key sees the responses of
/// another. `None` if the body is not a JSON object.
#[must_use]
pub fn name_of(api_key_id: &str, caller_dialect: CallerDialect, model: &str, body: &[u8]) -> Option<String> {
    let Value::Object(mut fields) = serde_json::from_slice(body).ok()? else { return None };
    for name in DELIVERY {
        fields.remove(*name);
    }
    // Objects are sorted by name, so equal requests are serialised equally.
    let request = serde_json::to_vec(&fields).ok()?;
    let mut hash = Sha256::new();
    for part in [api_key_id.as_bytes(), format!("{caller_dialect:?}").as_bytes(), model.as_bytes(), &request]
    {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Some(hex(&hash.finalize()))
}

/// A stored response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedAnswer {
    /// Milliseconds since the epoch.
    pub stored_at: u64,
    /// Milliseconds since the epoch.
    pub expires_at: u64,
    /// The upstream that answered.
    pub provider: String,
    /// The unstreamed answer in the caller's dialect.
    pub body: String,
}

impl CachedAnswer {
    /// The stored form of an answer, if it is complete and can be repeated.
    #[must_use]
    pub fn of(
        caller_dialect: CallerDialect,
        transcript: &mut Transcript,
        context: &ReplyContext,
    ) -> Option<String> {
        if let Some(body) = transcript.answer_as_it_came(caller_dialect) {
            return String::from_utf8(body.to_vec()).ok();
        }
        let answered = transcript.answer().filter(|answered| answered.is_whole)?;
        let is_over = answered.response.choices.iter().all(|choice| choice.finish.is_some());
        if answered.response.choices.is_empty() || !is_over {
            return None;
        }
        String::from_utf8(registry::caller(caller_dialect).encode_response(&answered.response, context)).ok()
    }

    /// Adds the answer to the transcript of the new request. It is decoded only if needed.
    pub fn keep_in(self, caller_dialect: CallerDialect, transcript: &mut Transcript) {
        transcript.keep_answer(caller_dialect, self.body.into_bytes().into());
    }

    /// The body to answer with, and its `content-type`. `None` if the stored response cannot be read.
    #[must_use]
    pub fn replay(
        &self,
        caller_dialect: CallerDialect,
        stream: Option<&ReplyContext>,
    ) -> Option<(Vec<u8>, &'static str)> {
        let Some(context) = stream else {
            return Some((self.body.clone().into_bytes(), "application/json; charset=utf-8"));
        };
        let response = native::decode_own_response(caller_dialect, self.body.as_bytes())?;
        let caller = registry::caller(caller_dialect);
        let mut encoder = caller.stream_encoder(context, true);
        let mut out = Vec::new();
        for event in explode(response) {
            encoder.encode(&event, &mut out);
        }
        Some((out, caller.stream_content_type()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::Part;

    const BODY: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0}"#;

    #[test]
    fn delivery_makes_no_difference_and_everything_else_does() {
        let name =
            |key: &str, body: &str| name_of(key, CallerDialect::OpenaiChat, "m", body.as_bytes()).unwrap();
        let same = name("k", std::str::from_utf8(BODY).unwrap());
        for body in [
            r#"{ "temperature": 0, "messages":[{"content":"hi","role":"user"}], "model":"m" }"#,
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0,"stream":true,"stream_options":{"include_usage":true}}"#,
        ] {
            assert_eq!(name("k", body), same, "{body}");
        }
        for body in [
            r#"{"model":"m","messages":[{"role":"user","content":"hi "}],"temperature":0}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0,"user":"u"}"#,
        ] {
            assert_ne!(name("k", body), same, "{body}");
        }
        assert_ne!(name("other", std::str::from_utf8(BODY).unwrap()), same);
        assert_ne!(
            name_of("k", CallerDialect::Anthropic, "m", BODY),
            name_of("k", CallerDialect::OpenaiChat, "m", BODY)
        );
        assert_eq!(name_of("k", CallerDialect::OpenaiChat, "m", b"[]"), None);
    }

    #[test]
    fn a_kept_answer_comes_back_whole_and_streamed() {
        let body = br#"{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ho ho"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
        let context = ReplyContext { unique: "u".into(), created: 9, model: "m".into() };
        let mut transcript = Transcript::default();
        transcript.keep_answer(CallerDialect::OpenaiChat, body.to_vec().into());
        let kept = CachedAnswer::of(CallerDialect::OpenaiChat, &mut transcript, &context).unwrap();
        assert_eq!(kept.as_bytes(), body);
        let answer = CachedAnswer { stored_at: 0, expires_at: 1, provider: "p".into(), body: kept };
        assert_eq!(answer.replay(CallerDialect::OpenaiChat, None).unwrap().0, body);
        let (stream, content_type) = answer.replay(CallerDialect::OpenaiChat, Some(&context)).unwrap();
        let stream = String::from_utf8(stream).unwrap();
        assert!(content_type.starts_with("text/event-stream"));
        assert!(stream.contains(r#""content":"ho ho""#) && stream.ends_with("data: [DONE]\n\n"), "{stream}");
    }

    #[test]
    fn an_answer_for_another_dialect_is_brought_into_the_callers() {
        let body = br#"{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ho"},"finish_reason":"stop"}]}"#;
        let context = ReplyContext { unique: "u".into(), created: 9, model: "m".into() };
        let mut transcript = Transcript::default();
        transcript.keep_answer(CallerDialect::OpenaiChat, body.to_vec().into());
        let kept = CachedAnswer::of(CallerDialect::Anthropic, &mut transcript, &context).unwrap();
        assert!(kept.contains(r#""type":"message""#), "{kept}");
        let answer = CachedAnswer { stored_at: 0, expires_at: 1, provider: "p".into(), body: kept };
        let (stream, _) = answer.replay(CallerDialect::Anthropic, Some(&context)).unwrap();
        assert!(String::from_utf8(stream).unwrap().contains("message_stop"));
        let mut given = Transcript::default();
        answer.keep_in(CallerDialect::Anthropic, &mut given);
        assert_eq!(given.answer().unwrap().response.choices[0].parts, [Part::text("ho")]);
    }
}
