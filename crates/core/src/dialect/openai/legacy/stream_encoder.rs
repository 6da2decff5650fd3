//! Encodes canonical events to chunks of a streamed `text_completion`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::encode_response::{ChoiceOut, legacy_word};
use super::logprobs::{Legacy, translate};
use crate::dialect::canonical::{FinishReason, PartStart, ReplyContext, StreamEncoder, StreamEvent};
use crate::dialect::openai::codec::wire::{Field, ReplyOut, UsageOut, json};
use crate::dialect::openai::codec::{encode_error, finish_word, usage_out};
use crate::dialect::openai::head::Head;
use crate::sse::writer::{DONE, KEEP_ALIVE, write_data};
use crate::tokens::TokenUsage;

/// Writes a stream.
pub(super) struct Encoder {
    head: Head,
    include_usage: bool,
    usage: Option<TokenUsage>,
    choices: BTreeMap<usize, ChoiceState>,
    over: bool,
}

#[derive(Default)]
struct ChoiceState {
    /// Parts whose text belongs to the answer.
    visible: BTreeSet<usize>,
    refused: bool,
    finished: bool,
    /// Offset of the next token in the text.
    offset: u64,
}

impl Encoder {
    pub fn new(context: &ReplyContext, include_usage: bool) -> Self {
        Self {
            head: Head::new("cmpl", context),
            include_usage,
            usage: None,
            choices: BTreeMap::new(),
            over: false,
        }
    }

    fn state(&mut self, choice: usize) -> &mut ChoiceState {
        self.choices.entry(choice).or_default()
    }

    fn finish(&mut self, choice: usize, reason: Option<&FinishReason>, out: &mut Vec<u8>) {
        let state = self.state(choice);
        if std::mem::replace(&mut state.finished, true) {
            return;
        }
        let word = legacy_word(finish_word(reason, state.refused, false));
        self.chunk(choice, "", None, Some(word), out);
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        // Clients expect a first choice, and a finish reason for each.
        self.state(0);
        let open: Vec<usize> =
            self.choices.iter().filter(|(_, state)| !state.finished).map(|(choice, _)| *choice).collect();
        for choice in open {
            self.finish(choice, None, out);
        }
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.write(Vec::new(), Some(usage_out(&usage)), out);
        }
        out.extend_from_slice(DONE);
        self.over = true;
    }

    fn chunk(
        &self,
        index: usize,
        text: &str,
        logprobs: Option<Legacy>,
        finish_reason: Option<&'static str>,
        out: &mut Vec<u8>,
    ) {
        self.write(vec![ChoiceOut { text: Cow::Borrowed(text), index, logprobs, finish_reason }], None, out);
    }

    fn write(&self, choices: Vec<ChoiceOut<'_>>, usage: Option<UsageOut>, out: &mut Vec<u8>) {
        let chunk = ReplyOut {
            id: Cow::Borrowed(self.head.id.as_str()),
            object: "text_completion",
            created: self.head.created,
            model: &self.head.model,
            choices,
            usage: self.include_usage.then_some(usage.map_or(Field::Null, Field::Is)),
            service_tier: None,
            system_fingerprint: self.head.system_fingerprint.as_deref(),
        };
        write_data(out, &json(&chunk));
    }
}

impl StreamEncoder for Encoder {
    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        if let Some(words) = event.in_words() {
            for event in words {
                self.encode(&event, out);
            }
            return;
        }
        match event {
            StreamEvent::Start { .. } | StreamEvent::Served { .. } => self.head.note(event),
            StreamEvent::PartStart { choice, part, start } => {
                let state = self.state(*choice);
                if matches!(start, PartStart::Text | PartStart::Refusal) {
                    state.visible.insert(*part);
                }
                state.refused |= *start == PartStart::Refusal;
            }
            StreamEvent::TextDelta { choice, part, text } => {
                if !text.is_empty() && self.state(*choice).visible.contains(part) {
                    self.chunk(*choice, text, None, None, out);
                }
            }
            StreamEvent::Logprobs { choice, logprobs } => {
                let translated = translate(logprobs, &mut self.state(*choice).offset);
                if translated.is_some() {
                    self.chunk(*choice, "", translated, None, out);
                }
            }
            StreamEvent::Finish { choice, reason } => self.finish(*choice, Some(reason), out),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Ping => out.extend_from_slice(KEEP_ALIVE),
            StreamEvent::Done => self.done(out),
            StreamEvent::Error(info) => {
                self.over = true;
                write_data(out, &encode_error(info));
            }
            StreamEvent::ArgumentsDelta { .. }
            | StreamEvent::SignatureDelta { .. }
            | StreamEvent::Citation { .. }
            | StreamEvent::PartEnd { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::dialect::canonical::{ErrorInfo, Json};

    fn written(events: &[StreamEvent], include_usage: bool) -> String {
        let context = ReplyContext { unique: "u1".into(), created: 7, model: "m".into() };
        let mut encoder = Encoder::new(&context, include_usage);
        let mut out = Vec::new();
        for event in events {
            encoder.encode(event, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    fn start(part: usize, start: PartStart) -> StreamEvent {
        StreamEvent::PartStart { choice: 0, part, start }
    }

    fn text(part: usize, text: &str) -> StreamEvent {
        StreamEvent::TextDelta { choice: 0, part, text: text.into() }
    }

    #[test]
    fn a_stream_of_text_completions() {
        let logprobs = Json::parse(r#"{"content":[{"token":"hi","logprob":-1.0}]}"#).unwrap();
        let events = [
            StreamEvent::Start { id: None, model: None, created: None },
            start(0, PartStart::Thinking),
            text(0, "hm"),
            start(1, PartStart::Text),
            text(1, "hi"),
            StreamEvent::Logprobs { choice: 0, logprobs },
            StreamEvent::Finish { choice: 0, reason: FinishReason::StopSequence(None) },
            StreamEvent::Usage(TokenUsage { prompt: 1, completion: 1, ..TokenUsage::default() }),
            StreamEvent::Done,
        ];
        let stream = written(&events, true);
        let chunks: Vec<Value> = stream
            .split_terminator("\n\n")
            .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
            .collect();
        let texts: Vec<_> = chunks.iter().map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
        assert_eq!(texts, [Some("hi"), Some(""), Some(""), None]);
        assert_eq!(chunks[1]["choices"][0]["logprobs"]["tokens"][0], "hi");
        assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
        assert_eq!(chunks[3]["usage"]["total_tokens"], 2);
        assert!(chunks.iter().all(|chunk| chunk["object"] == "text_completion" && chunk["id"] == "cmpl-u1"));
        assert!(stream.ends_with("data: [DONE]\n\n") && !written(&events, false).contains("usage"));
    }

    #[test]
    fn errors_and_silence() {
        let stream = written(&[StreamEvent::Error(ErrorInfo::truncated()), StreamEvent::Done], false);
        assert!(stream.contains("upstream_stream_truncated") && !stream.contains("[DONE]"));
        assert!(
            written(&[StreamEvent::Ping, StreamEvent::Done], false).contains("\"finish_reason\":\"stop\"")
        );
    }
}
