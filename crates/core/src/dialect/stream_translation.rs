//! Translates a stream from one dialect to another, event by event.

use std::sync::Arc;

use crate::dialect::canonical::{
    Answered, Assembly, ChatResponse, ErrorInfo, FinishReason, Part, StreamDecoder, StreamEncoder,
    StreamEvent, StreamFault,
};
use crate::dialect::pipe::{Forward, MAX_ANSWER_TEXT, StreamEnd, StreamFacts, StreamOutcome, StreamPipe};
use crate::dialect::upstream::usage;
use crate::dialect::veil::Veil;
use crate::secrets::redactor::Redactor;
use crate::tokens::{ServedTier, estimate_tokens};

/// The translation of one stream.
pub struct StreamTranslation {
    decoder: Box<dyn StreamDecoder>,
    encoder: Box<dyn StreamEncoder>,
    /// Kept between chunks to reuse its memory.
    events: Vec<StreamEvent>,
    facts: StreamFacts,
    tier: ServedTier,
    ending: Option<StreamOutcome>,
    answer: Assembly,
    veil: Option<Veil>,
}

impl StreamTranslation {
    /// A translation from `decoder` to `encoder`.
    #[must_use]
    pub fn new(decoder: Box<dyn StreamDecoder>, encoder: Box<dyn StreamEncoder>) -> Self {
        Self {
            decoder,
            encoder,
            events: Vec::new(),
            facts: StreamFacts::default(),
            tier: ServedTier::Standard,
            ending: None,
            answer: Assembly::new(MAX_ANSWER_TEXT),
            veil: None,
        }
    }

    /// The same, with every secret masked.
    #[must_use]
    pub fn hiding(self, redactor: Arc<Redactor>) -> Self {
        Self { veil: Some(Veil::new(redactor)), ..self }
    }

    /// Encodes the decoded events. A truncation is left to the relay, which knows more about its cause.
    fn encode(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut events = std::mem::take(&mut self.events);
        if let Some(veil) = &mut self.veil {
            events = veil.pass(events);
        }
        for event in events {
            self.note(&event);
            if self.ending != Some(StreamOutcome::Truncated) {
                self.encoder.encode(&event, &mut out);
            }
            self.answer.add(event);
        }
        out
    }

    fn note(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::TextDelta { text, .. } => self.facts.estimated_completion += estimate_tokens(text),
            StreamEvent::ArgumentsDelta { text, .. } => {
                self.facts.estimated_completion += text.len() as u64 / 4;
            }
            StreamEvent::Finish { reason, .. } => self.facts.finish_reason = Some(finish_word(reason)),
            StreamEvent::Usage(usage) => self.facts.usage = Some(usage.served(self.tier)),
            StreamEvent::Served { service_tier: Some(word), .. } => {
                self.tier = usage::tier(word).unwrap_or(self.tier);
                self.facts.usage = self.facts.usage.map(|usage| usage.served(self.tier));
            }
            StreamEvent::Done => self.ending = Some(StreamOutcome::Complete),
            StreamEvent::Error(error) if error.fault == Some(StreamFault::Truncated) => {
                self.ending = Some(StreamOutcome::Truncated);
            }
            StreamEvent::Error(_) => self.ending = Some(StreamOutcome::UpstreamError),
            _ => {}
        }
    }
}

impl StreamPipe for StreamTranslation {
    fn push(&mut self, chunk: &[u8]) -> Forward {
        self.decoder.push(chunk, &mut self.events);
        Forward::Replaced(self.encode())
    }

    fn finish(&mut self) -> StreamEnd {
        if self.ending.is_none() {
            self.decoder.finish(&mut self.events);
        }
        let tail = self.encode();
        StreamEnd { tail, outcome: self.ending.unwrap_or(StreamOutcome::Truncated) }
    }

    fn facts(&self) -> StreamFacts {
        self.facts.clone()
    }

    fn is_complete(&self) -> bool {
        self.ending == Some(StreamOutcome::Complete)
    }

    fn at_boundary(&self) -> bool {
        self.encoder.takes_comments()
    }

    fn keep_alive(&self) -> &'static [u8] {
        self.encoder.keep_alive()
    }

    fn final_body(&self) -> Option<Vec<u8>> {
        self.is_complete().then(|| self.encoder.final_body()).flatten()
    }

    fn has_content(&mut self) -> bool {
        self.answer.has_content()
    }

    fn error(&mut self) -> Option<ErrorInfo> {
        self.answer.error().cloned()
    }

    fn take_answer(&mut self) -> Answered {
        std::mem::replace(&mut self.answer, Assembly::new(0)).into_answered()
    }

    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8> {
        let mut out = Vec::new();
        self.encoder.encode(&StreamEvent::Error(error.clone()), &mut out);
        out
    }
}

/// The recorded name of a finish reason: `OpenAI`'s, because most of the log uses it.
#[must_use]
pub fn finish_word(reason: &FinishReason) -> String {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence(_) => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Refusal => "refusal",
        FinishReason::Pause => "pause",
        FinishReason::Other(word) => word,
    }
    .to_owned()
}

/// What is recorded of an unstreamed answer.
#[must_use]
pub fn facts_of(response: &ChatResponse) -> StreamFacts {
    let finish = response.choices.first().and_then(|choice| choice.finish.as_ref());
    let parts = response.choices.iter().flat_map(|choice| &choice.parts);
    let tier = response.service_tier.as_deref().and_then(usage::tier);
    StreamFacts {
        usage: response.usage.map(|usage| usage.served(tier.unwrap_or_default())),
        finish_reason: finish.map(finish_word),
        estimated_completion: if response.usage.is_some_and(|usage| usage.has_counts()) {
            0
        } else {
            parts.map(estimate_part).sum()
        },
    }
}

fn estimate_part(part: &Part) -> u64 {
    match part {
        Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => {
            estimate_tokens(text)
        }
        Part::ToolCall { arguments, .. } => estimate_tokens(arguments),
        _ => 0,
    }
}
