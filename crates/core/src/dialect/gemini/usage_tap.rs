//! Inspects pass-through answers of this dialect for what is recorded.
//!
//! Texts are not copied: only their lengths count.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::repeated::{RepeatedChunk, only_text};
use super::{error, finish, usage};
use crate::dialect::canonical::ErrorInfo;
use crate::dialect::tap::Choices;
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::verdict::abnormal_word;
use crate::json::lenient::{self, Spare, string};
use crate::tokens::{TokenUsage, estimate_tokens};

/// The state of a streamed answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UsageTap {
    /// Usage as last reported.
    pub usage: Option<TokenUsage>,
    tally: Tally,
    /// The service's finish reason of the (first) candidate.
    pub finish_reason: Option<String>,
    /// Whether every candidate has a finish reason, or the prompt was blocked.
    pub complete: bool,
    candidates: Choices,
    is_blocked: bool,
    /// The error that the upstream sent instead of the rest.
    pub error: Option<ErrorInfo>,
    /// Estimated tokens of the texts, for an answer that was truncated before it reported usage.
    pub estimated_completion: u64,
    /// Of an unstreamed answer: see [`Glance`](crate::dialect::pipe::Glance).
    pub is_plainly_good: bool,
    /// The last event, if it was a piece of text and counts.
    repeated: RepeatedChunk,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: Vec<Candidate<'a>>,
    #[serde(borrow)]
    usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    model_version: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_feedback: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Candidate<'a> {
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    grounding_metadata: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

impl Chunk<'_> {
    /// Whether every candidate has content and a usual end.
    fn is_plainly_good(&self) -> bool {
        let is_good = |candidate: &Candidate<'_>| {
            let reason = candidate.finish_reason.and_then(string);
            let parts = candidate.content.as_ref().and_then(|content| content.parts.as_ref());
            reason.is_some_and(|reason| matches!(&*reason, "STOP" | "MAX_TOKENS"))
                && parts.is_some_and(|parts| !parts.is_empty())
        };
        self.error.is_none() && !self.candidates.is_empty() && self.candidates.iter().all(is_good)
    }
}

impl UsageTap {
    /// Inspects the data of one event. Data that cannot be parsed is ignored.
    pub fn observe(&mut self, data: &[u8]) {
        if let Some(text) = self.repeated.text_in(data) {
            self.estimated_completion += estimate_tokens(&text);
            self.repeated.add_usage(&mut self.tally);
            self.usage = self.tally.usage();
            return;
        }
        let spare = Spare::default();
        let Ok(chunk) = lenient::read::<Chunk<'_>>(data, &spare) else { return };
        if chunk.error.is_some() {
            self.error.get_or_insert_with(|| error::decode_in_answer(data));
            return;
        }
        let is_read = self.read(&chunk);
        // Whatever else is in such a chunk says the same each time.
        if let Some(only) = only_text(data).filter(|_| is_read) {
            self.repeated.note(data, &only);
        }
    }

    /// False if a candidate has a number that is out of range: it is ignored, as the decoder does.
    fn read(&mut self, chunk: &Chunk<'_>) -> bool {
        let mut is_read = true;
        for (index, candidate) in (0..).zip(&chunk.candidates) {
            let reason = candidate.finish_reason.and_then(string).filter(|reason| finish::is_said(reason));
            let number = candidate.index.and_then(lenient::integer).unwrap_or(index);
            if !self.candidates.note(number, reason.is_some()) {
                is_read = false;
                continue;
            }
            if let Some(reason) = reason {
                self.error = self.error.take().or_else(|| abnormal_word(&reason, None));
                if index == 0 {
                    self.finish_reason = Some(reason.into_owned());
                }
            }
            if let Some(grounding) = candidate.grounding_metadata {
                let model = chunk.model_version.and_then(string).unwrap_or_default();
                self.tally.add_searches(usage::searches(grounding, &model));
            }
            let parts = candidate.content.as_ref().and_then(|content| content.parts.as_ref());
            self.estimated_completion += parts.into_iter().flatten().map(estimate).sum::<u64>();
        }
        let feedback = chunk.prompt_feedback.and_then(lenient::nested::<Feedback>);
        let reason = feedback.and_then(|feedback| feedback.block_reason);
        if let Some(reason) = reason.filter(|reason| finish::is_block(reason)) {
            self.is_blocked = true;
            self.finish_reason.get_or_insert(reason);
        }
        self.complete = self.is_blocked || self.candidates.have_ended();
        if let Some(counts) = chunk.usage_metadata {
            self.tally.add(counts);
        }
        self.usage = self.tally.usage();
        is_read
    }
}

fn estimate(part: &Part<'_>) -> u64 {
    let text = part.text.and_then(string).map_or(0, |text: Cow<'_, str>| estimate_tokens(&text));
    text + part.function_call.map_or(0, |call| estimate_tokens(call.get()))
}

/// What is recorded of an unstreamed answer, or of one that was streamed as a JSON array. An error if it is neither.
pub fn inspect(body: &[u8]) -> Result<UsageTap, serde_json::Error> {
    let mut tap = UsageTap::default();
    if body.trim_ascii_start().first() == Some(&b'[') {
        let spare = Spare::default();
        for chunk in lenient::array(body, &spare) {
            tap.observe(chunk.get().as_bytes());
        }
        return serde_json::from_slice::<serde::de::IgnoredAny>(body).map(|_| tap);
    }
    let spare = Spare::default();
    let chunk = lenient::read::<Chunk<'_>>(body, &spare)?;
    tap.is_plainly_good = chunk.is_plainly_good();
    if chunk.error.is_none() {
        tap.read(&chunk);
    }
    Ok(tap)
}

#[cfg(test)]
impl UsageTap {
    /// One that recognises no repeated event, to be compared with.
    pub(super) fn that_parses_all() -> Self {
        Self { repeated: RepeatedChunk::blind(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: &str = r#"{"candidates":[{"content":{"parts":[{"text":"one two"}]}}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}"#;
    const LAST: &str = r#"{"candidates":[{"content":{"parts":[{"text":" three"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"thoughtsTokenCount":5,"totalTokenCount":12}}"#;

    #[test]
    fn the_last_counts_hold_and_the_end_is_seen() {
        let mut tap = UsageTap::default();
        tap.observe(FIRST.as_bytes());
        assert!(!tap.complete && tap.estimated_completion == 2);
        tap.observe(b"nonsense");
        tap.observe(LAST.as_bytes());
        let usage = tap.usage.unwrap();
        assert_eq!((usage.prompt, usage.completion, usage.reasoning), (3, 9, 5));
        assert_eq!((tap.finish_reason.as_deref(), tap.complete), (Some("STOP"), true));
        assert_eq!(inspect(format!("[{FIRST}\n,{LAST}]").as_bytes()).unwrap(), tap);
    }

    #[test]
    fn errors_and_blocks_are_noted() {
        let mut tap = UsageTap::default();
        tap.observe(br#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#);
        assert_eq!((tap.error.unwrap().status, tap.complete), (429, false));
        let blocked = inspect(br#"{"promptFeedback":{"blockReason":"SAFETY"}}"#).unwrap();
        assert_eq!((blocked.finish_reason.as_deref(), blocked.complete), (Some("SAFETY"), true));
    }

    #[test]
    fn garbage_is_an_error() {
        for bad in ["", "<html>", "{\"candidates\":[{\"con", "[{]"] {
            assert!(inspect(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            UsageTap::default().observe(&bytes);
            let _ = inspect(&bytes);
        }
    }
}
