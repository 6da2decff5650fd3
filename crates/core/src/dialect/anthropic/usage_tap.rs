//! Inspects pass-through answers of this dialect: usage, stop reason, completeness.
//!
//! The caller of this module splits the stream; the input here is the data of one event. Nothing is changed, and data
//! that cannot be parsed is ignored.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::canonical::ErrorInfo;
use crate::dialect::pipe::{Glance, StreamFacts};
use crate::dialect::upstream::repeated::Repeated;
use crate::dialect::upstream::usage::{self, Tally};
use crate::dialect::upstream::verdict::abnormal_word;
use crate::json::lenient::{self, Spare, string};
use crate::tokens::{TokenUsage, estimate_tokens};

/// The state of a stream.
#[derive(Debug, Default)]
pub struct UsageTap {
    tally: Tally,
    finish_reason: Option<String>,
    estimated_completion: u64,
    is_complete: bool,
    error: Option<ErrorInfo>,
    /// The last event, if it was a piece of text and nothing else.
    repeated: Repeated,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<MessageIn<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct MessageIn<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_json: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
}

impl UsageTap {
    /// Usage as reported so far. The prompt is counted from the first event on, the answer only at its end.
    #[must_use]
    pub fn usage(&self) -> Option<TokenUsage> {
        self.tally.usage()
    }

    /// The `stop_reason`, once it is known.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.finish_reason.as_deref()
    }

    /// Estimated tokens of the answer so far, for a stream that is truncated before it reports them.
    #[must_use]
    pub fn estimated_completion(&self) -> u64 {
        self.estimated_completion
    }

    /// Whether the answer is complete, though the connection may still be open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The error in the stream.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorInfo> {
        self.error.as_ref()
    }

    /// Processes the data of one event.
    pub fn observe(&mut self, data: &[u8]) {
        if let Some(text) = self.repeated.text_in(data) {
            self.estimated_completion += estimate_tokens(&text);
            return;
        }
        let spare = Spare::default();
        let Ok(wire) = lenient::read::<Wire<'_>>(data, &spare) else { return };
        match wire.r#type.as_deref() {
            Some("content_block_delta") => {
                if let Some(delta) = wire.delta {
                    self.estimated_completion += delta.estimate();
                    if let Some(text) = delta.only_text() {
                        self.repeated.note(data, text);
                    }
                }
            }
            Some("message_start") => {
                if let Some(usage) = wire.message.and_then(|message| message.usage) {
                    self.tally.add(usage);
                }
            }
            Some("message_delta") => {
                if let Some(usage) = wire.usage {
                    self.tally.add(usage);
                }
                let reason = wire.delta.and_then(|delta| delta.stop_reason).and_then(string);
                if let Some(reason) = reason {
                    self.error = self.error.take().or_else(|| abnormal_word(&reason, None));
                    self.finish_reason = Some(reason.into_owned());
                }
            }
            Some("message_stop") => self.is_complete = self.error.is_none(),
            Some("error") => self.error = Some(super::error::decode_event(data)),
            // An error in the shape of another service.
            None if wire.error.is_some() => self.error = Some(super::error::decode_event(data)),
            _ => {}
        }
    }
}

impl<'a> Delta<'a> {
    /// The one text in it.
    fn only_text(&self) -> Option<&'a RawValue> {
        let mut texts = [self.text, self.thinking, self.partial_json].into_iter().flatten();
        let only = texts.next().filter(|text| text.get().starts_with('"'))?;
        texts.next().is_none().then_some(only)
    }

    fn estimate(&self) -> u64 {
        let texts = [self.text, self.thinking, self.partial_json].into_iter().flatten();
        texts.filter_map(string).map(|text| estimate_tokens(&text)).sum()
    }
}

/// Extracts what is recorded from an unstreamed answer; an error if it has not the shape of one.
pub fn inspect(body: &[u8]) -> Result<Glance, serde_json::Error> {
    let spare = Spare::default();
    let message = lenient::read::<MessageIn<'_>>(body, &spare)?;
    let usage = message.usage.and_then(usage::read);
    // About five bytes of JSON per token.
    let estimate = || message.content.map_or(0, |content| content.get().len() as u64 / 5);
    let facts = StreamFacts {
        finish_reason: message.stop_reason.and_then(string).map(Cow::into_owned),
        estimated_completion: if usage.is_some() { 0 } else { estimate() },
        usage,
    };
    let is_usual = facts
        .finish_reason
        .as_deref()
        .is_some_and(|reason| matches!(reason, "end_turn" | "max_tokens" | "stop_sequence" | "tool_use"));
    let has_content =
        message.content.is_some_and(|content| content.get().starts_with('[') && content.get().contains('{'));
    let is_plainly_good = is_usual && has_content && message.error.is_none();
    Ok(Glance { facts, is_plainly_good })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tapped(events: &[&str]) -> UsageTap {
        let mut tap = UsageTap::default();
        for event in events {
            tap.observe(event.as_bytes());
        }
        tap
    }

    const START: &str = r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":1}}}"#;
    const DELTA: &str =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello there"}}"#;
    const STOP: &str =
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":42}}"#;

    #[test]
    fn a_stream_is_counted_as_it_passes() {
        let tap = tapped(&[START, DELTA, r#"{"type":"ping"}"#, "not json", STOP]);
        let usage = tap.usage().unwrap();
        assert_eq!((usage.prompt, usage.cached, usage.cache_written, usage.completion), (130, 100, 20, 42));
        assert_eq!(tap.finish_reason(), Some("end_turn"));
        assert!(!tap.is_complete() && tap.error().is_none());
        assert!(tapped(&[START, STOP, r#"{"type":"message_stop"}"#]).is_complete());
    }

    #[test]
    fn a_stream_that_breaks_off_is_estimated() {
        let tap = tapped(&[START, DELTA]);
        assert_eq!(tap.usage().unwrap().prompt, 130);
        assert!(tap.estimated_completion() >= 2 && tap.finish_reason().is_none());
    }

    #[test]
    fn an_error_is_noted_and_nothing_makes_it_whole() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let tap = tapped(&[START, error, r#"{"type":"message_stop"}"#]);
        assert_eq!(tap.error().unwrap().status, 529);
        assert!(!tap.is_complete());
    }

    #[test]
    fn an_unstreamed_answer() {
        let facts = inspect(
            br#"{"content":[],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4}}"#,
        );
        let facts = facts.unwrap().facts;
        assert_eq!(facts.finish_reason.as_deref(), Some("tool_use"));
        assert_eq!(facts.usage.unwrap().total(), 7);
        assert_eq!(
            inspect(br#"{"content":[{"type":"text","text":"some words here"}]}"#)
                .unwrap()
                .facts
                .estimated_completion,
            8
        );
        let glance = inspect(br#"{"usage":3,"content":7,"stop_reason":null}"#).unwrap();
        assert_eq!((glance.facts, glance.is_plainly_good), (StreamFacts::default(), false));
        let good = br#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}"#;
        assert!(inspect(good).unwrap().is_plainly_good);
        assert!(!inspect(br#"{"content":[],"stop_reason":"end_turn"}"#).unwrap().is_plainly_good);
        assert!(inspect(b"<html>").is_err());
    }

    proptest! {
        #[test]
        fn repeated_events_mean_what_parsed_ones_do(said in prop::collection::vec((0..8_u8, any::<String>()), 0..40)) {
            let taps = [Repeated::default(), Repeated::blind()].map(|repeated| {
                let mut tap = UsageTap { repeated, ..UsageTap::default() };
                for (kind, text) in &said {
                    let text = serde_json::to_string(text).unwrap();
                    let delta = match kind {
                        0 => format!(r#"{{"type":"input_json_delta","partial_json":{text}}}"#),
                        1 => format!(r#"{{"type":"thinking_delta","thinking":{text}}}"#),
                        2 => format!(r#"{{"type":"text_delta","text":{text},"thinking":"and this"}}"#),
                        _ => format!(r#"{{"type":"text_delta","text":{text}}}"#),
                    };
                    tap.observe(format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#).as_bytes());
                }
                tap.estimated_completion()
            });
            prop_assert_eq!(taps[0], taps[1]);
        }
    }
}
