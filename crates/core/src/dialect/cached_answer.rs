//! Cached responses: which answers may be stored, and in what form.
//!
//! Stored is an answer that is complete and that the provider itself calls finished, in its caller's dialect; it is returned
//! complete or as a stream, as the new request requires. What is found by which request is in [`super::cache_name`].
//!
//! The stored form is the JSON of [`CachedAnswer`].

use serde::{Deserialize, Serialize};

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{ChatResponse, FinishReason, Part, ReplyContext, explode};
use crate::dialect::native;
use crate::dialect::registry;
use crate::dialect::transcript::Transcript;
use crate::dialect::upstream::verdict;

/// Whether responses in this dialect can be cached. Those of the Responses API have state of their own.
#[must_use]
pub fn is_cacheable(caller_dialect: CallerDialect) -> bool {
    matches!(caller_dialect, CallerDialect::OpenaiChat | CallerDialect::Anthropic | CallerDialect::Gemini)
}

/// What is known of an answer besides its content.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The status that the caller got.
    pub status: u16,
    /// The reason for the end, in the provider's own word. Where there is none, the end is a guess.
    pub finish_reason: Option<&'a str>,
    /// Whether the request sets a limit of tokens, so that to reach it is what was asked for.
    pub limits_length: bool,
}

/// Whether an answer may be stored and returned to an equal request: every choice has content and an end that another
/// attempt would most likely have, too. A filter, a refusal, a pause and unknown reasons are chance.
#[must_use]
pub fn may_be_stored(response: &ChatResponse, ending: Ending<'_>) -> bool {
    let is_over = |finish: Option<&FinishReason>| match finish {
        Some(FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::ToolCalls) => true,
        Some(FinishReason::Length) => ending.limits_length,
        Some(
            FinishReason::ContentFilter
            | FinishReason::Refusal
            | FinishReason::Pause
            | FinishReason::Other(_),
        )
        | None => false,
    };
    let has_content = |part: &Part| match part {
        Part::Text { text, .. } => !text.is_empty(),
        Part::Refusal { .. } => false,
        _ => true,
    };
    let choices = &response.choices;
    ending.status == 200
        && ending.finish_reason.is_some()
        && verdict::whole(response).is_ok()
        && !choices.is_empty()
        && choices
            .iter()
            .all(|choice| is_over(choice.finish.as_ref()) && choice.parts.iter().any(has_content))
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
    /// What the upstream could not be told of the request, as in `x-nexus-dropped-params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
}

impl CachedAnswer {
    /// The stored form of an answer, if it may be stored.
    #[must_use]
    pub fn of(
        caller_dialect: CallerDialect,
        transcript: &mut Transcript,
        context: &ReplyContext,
        ending: Ending<'_>,
    ) -> Option<String> {
        if let Some(body) = transcript.answer_as_it_came(caller_dialect) {
            let response = native::decode_own_response(caller_dialect, body)?;
            let body = std::str::from_utf8(body).ok()?;
            return may_be_stored(&response, ending).then(|| body.to_owned());
        }
        let answered = transcript.answer().filter(|answered| answered.is_whole)?;
        if !may_be_stored(&answered.response, ending) {
            return None;
        }
        String::from_utf8(registry::caller(caller_dialect).encode_response(&answered.response, context)).ok()
    }

    /// Adds the answer to the transcript of the new request. It is decoded only if needed.
    pub fn keep_in(self, caller_dialect: CallerDialect, transcript: &mut Transcript) {
        transcript.keep_answer(caller_dialect, self.body.into_bytes().into());
    }

    /// The body to answer with, and its `content-type`; `include_usage` of a stream as in the canonical model. `None` if the stored response cannot be read.
    #[must_use]
    pub fn replay(
        &self,
        caller_dialect: CallerDialect,
        stream: Option<&ReplyContext>,
        include_usage: bool,
    ) -> Option<(Vec<u8>, &'static str)> {
        let Some(context) = stream else {
            return Some((self.body.clone().into_bytes(), "application/json; charset=utf-8"));
        };
        let response = native::decode_own_response(caller_dialect, self.body.as_bytes())?;
        let caller = registry::caller(caller_dialect);
        let mut encoder = caller.stream_encoder(context, include_usage);
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
    use crate::dialect::canonical::Answered;

    const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ho"},"finish_reason":"stop"}]}"#;

    const ENDED: Ending<'static> = Ending { status: 200, finish_reason: Some("stop"), limits_length: false };

    fn context() -> ReplyContext {
        ReplyContext { unique: "u".into(), created: 9, model: "m".into() }
    }

    fn stored(caller_dialect: CallerDialect, body: &str, limits_length: bool) -> Option<String> {
        let mut transcript = Transcript::default();
        transcript.keep_answer(caller_dialect, body.as_bytes().to_vec().into());
        let finish_reason = native::inspect(caller_dialect, body.as_bytes()).ok()?.finish_reason;
        let ending = Ending { status: 200, finish_reason: finish_reason.as_deref(), limits_length };
        CachedAnswer::of(caller_dialect, &mut transcript, &context(), ending)
    }

    #[test]
    fn only_a_finished_answer_with_content_is_stored() {
        assert_eq!(stored(CallerDialect::OpenaiChat, WHOLE, false).as_deref(), Some(WHOLE));
        let ended = |finish: &str| WHOLE.replace(r#""stop""#, finish);
        assert!(stored(CallerDialect::OpenaiChat, &ended(r#""length""#), true).is_some());
        for body in [
            "",
            "{}",
            "null",
            r#"{"error":{"message":"no","type":"server_error","code":"overloaded"}}"#,
            r#"{"choices":[]}"#,
            r#"{"detail":"no seat"}"#,
            &WHOLE.replace(r#""ho""#, r#""""#),
            &WHOLE.replace(r#""ho""#, "null"),
            &WHOLE.replace(
                r#"{"role":"assistant","content":"ho"}"#,
                r#"{"role":"assistant","content":null,"refusal":"no"}"#,
            ),
            &WHOLE.replace(r#","finish_reason":"stop""#, ""),
            &WHOLE.replace(r#""choices""#, r#""error":{"message":"no"},"choices""#),
            &WHOLE[..WHOLE.len() - 2],
            &ended("null"),
            &ended(r#""length""#),
            &ended(r#""content_filter""#),
            &ended(r#""error""#),
            &ended(r#""something_new""#),
        ] {
            assert_eq!(stored(CallerDialect::OpenaiChat, body, false), None, "{body}");
        }
    }

    #[test]
    fn only_a_200_is_stored() {
        let response = native::decode_own_response(CallerDialect::OpenaiChat, WHOLE.as_bytes()).unwrap();
        for (status, may) in [(200, true), (202, false), (206, false), (500, false)] {
            assert_eq!(may_be_stored(&response, Ending { status, ..ENDED }), may, "{status}");
        }
        assert!(!may_be_stored(&response, Ending { finish_reason: None, ..ENDED }));
    }

    #[test]
    fn the_same_is_stored_in_every_dialect() {
        let message = |reason: &str| {
            format!(
                r#"{{"id":"m1","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"ho"}}],"stop_reason":{reason},"stop_sequence":null,"usage":{{"input_tokens":1,"output_tokens":1}}}}"#
            )
        };
        let generated = |reason: &str| {
            format!(
                r#"{{"candidates":[{{"content":{{"role":"model","parts":[{{"text":"ho"}}]}},"finishReason":{reason},"index":0}}]}}"#
            )
        };
        for (caller_dialect, body, is_stored) in [
            (CallerDialect::Anthropic, message(r#""end_turn""#), true),
            (CallerDialect::Anthropic, message(r#""tool_use""#), true),
            (CallerDialect::Anthropic, message(r#""max_tokens""#), true),
            (CallerDialect::Anthropic, message(r#""refusal""#), false),
            (CallerDialect::Anthropic, message(r#""pause_turn""#), false),
            (CallerDialect::Anthropic, message("null"), false),
            (
                CallerDialect::Anthropic,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#.into(),
                false,
            ),
            (CallerDialect::Gemini, generated(r#""STOP""#), true),
            (CallerDialect::Gemini, generated(r#""SAFETY""#), false),
            (CallerDialect::Gemini, generated(r#""RECITATION""#), false),
            (CallerDialect::Gemini, generated(r#""MALFORMED_FUNCTION_CALL""#), false),
            (CallerDialect::Gemini, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#.into(), false),
            (CallerDialect::Gemini, r#"{"candidates":[]}"#.into(), false),
        ] {
            assert_eq!(stored(caller_dialect, &body, true).is_some(), is_stored, "{body}");
        }
    }

    #[test]
    fn a_stream_that_was_cut_is_not_stored() {
        let response = native::decode_own_response(CallerDialect::OpenaiChat, WHOLE.as_bytes()).unwrap();
        for is_whole in [true, false] {
            let mut transcript = Transcript::default();
            transcript.keep_read_answer(Answered { response: response.clone(), is_whole });
            let kept = CachedAnswer::of(CallerDialect::OpenaiChat, &mut transcript, &context(), ENDED);
            assert_eq!(kept.is_some(), is_whole);
        }
    }

    #[test]
    fn usage_is_in_a_stream_only_if_it_is_wanted() {
        let body = WHOLE.replace(
            r#""choices""#,
            r#""usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"choices""#,
        );
        let answer = CachedAnswer { stored_at: 0, expires_at: 1, provider: "p".into(), body, dropped: None };
        for wanted in [true, false] {
            let (stream, _) = answer.replay(CallerDialect::OpenaiChat, Some(&context()), wanted).unwrap();
            assert_eq!(String::from_utf8(stream).unwrap().contains("total_tokens"), wanted);
        }
    }

    #[test]
    fn a_kept_answer_comes_back_whole_and_streamed() {
        let body = br#"{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ho ho"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
        let context = ReplyContext { unique: "u".into(), created: 9, model: "m".into() };
        let mut transcript = Transcript::default();
        transcript.keep_answer(CallerDialect::OpenaiChat, body.to_vec().into());
        let kept = CachedAnswer::of(CallerDialect::OpenaiChat, &mut transcript, &context, ENDED).unwrap();
        assert_eq!(kept.as_bytes(), body);
        let answer =
            CachedAnswer { stored_at: 0, expires_at: 1, provider: "p".into(), body: kept, dropped: None };
        assert_eq!(answer.replay(CallerDialect::OpenaiChat, None, true).unwrap().0, body);
        let (stream, content_type) = answer.replay(CallerDialect::OpenaiChat, Some(&context), true).unwrap();
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
        let kept = CachedAnswer::of(CallerDialect::Anthropic, &mut transcript, &context, ENDED).unwrap();
        assert!(kept.contains(r#""type":"message""#), "{kept}");
        let answer =
            CachedAnswer { stored_at: 0, expires_at: 1, provider: "p".into(), body: kept, dropped: None };
        let (stream, _) = answer.replay(CallerDialect::Anthropic, Some(&context), true).unwrap();
        assert!(String::from_utf8(stream).unwrap().contains("message_stop"));
        let mut given = Transcript::default();
        answer.keep_in(CallerDialect::Anthropic, &mut given);
        assert_eq!(given.answer().unwrap().response.choices[0].parts, [Part::text("ho")]);
    }
}
