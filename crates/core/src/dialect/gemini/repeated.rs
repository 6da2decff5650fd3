//! Chunks that say a piece of text and counts, as they are written.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::dialect::upstream::repeated::{Member, Repeated};
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::usage::form::Form;
use crate::json::object::Kind;

/// Recognises such chunks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct RepeatedChunk {
    repeated: Repeated,
    /// The counts of the noted chunk.
    usage: Option<Form>,
}

/// The one text of a chunk.
pub(super) struct OnlyText<'a> {
    pub text: &'a RawValue,
    pub is_thought: bool,
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: [Candidate<'a>; 1],
    #[serde(borrow)]
    usage_metadata: Option<&'a RawValue>,
    prompt_feedback: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Content<'a>,
    grounding_metadata: Option<IgnoredAny>,
    citation_metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: [Part<'a>; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: &'a RawValue,
    thought: Option<bool>,
    thought_signature: Option<IgnoredAny>,
    function_call: Option<IgnoredAny>,
}

/// The text of a chunk with one part that is only text, and without anything that is told once.
pub(super) fn only_text(data: &[u8]) -> Option<OnlyText<'_>> {
    let chunk: Chunk<'_> = serde_json::from_slice(data).ok()?;
    let [Candidate { content, grounding_metadata: None, citation_metadata: None }] = chunk.candidates else {
        return None;
    };
    let [Part { text, thought, thought_signature: None, function_call: None }] = content.parts else {
        return None;
    };
    let is_plain = chunk.prompt_feedback.is_none() && Kind::of(text) == Kind::String;
    is_plain.then_some(OnlyText { text, is_thought: thought == Some(true), usage: chunk.usage_metadata })
}

impl RepeatedChunk {
    /// Notes an event, as its bytes are in the stream, with a text of it. Its counts may vary.
    pub(super) fn note(&mut self, event: &[u8], only: &OnlyText<'_>) {
        let (form, counts) = match only.usage.map(Form::of) {
            Some(Some((form, counts))) => (Some(form), counts),
            Some(None) => return,
            None => (None, Vec::new()),
        };
        self.usage = form;
        self.repeated.note_with(event, only.text, counts.into_iter().map(Member::number));
    }

    /// See [`Repeated::text_in`].
    pub(super) fn text_in<'a>(&mut self, event: &'a [u8]) -> Option<Cow<'a, str>> {
        self.repeated.text_in(event)
    }

    /// Adds the counts of the event that was recognised last.
    pub(super) fn add_usage(&self, tally: &mut Tally) {
        if let Some(form) = &self.usage {
            form.add_to(tally, self.repeated.numbers());
        }
    }
}

#[cfg(test)]
impl RepeatedChunk {
    /// One that recognises nothing, to be compared with.
    pub(super) fn blind() -> Self {
        Self { repeated: Repeated::blind(), usage: None }
    }

    /// How many events were recognised.
    pub(super) fn recognised(&self) -> usize {
        self.repeated.recognised()
    }
}
