//! The events of an answer, or of a chunk of a streamed one.
//!
//! Every chunk is an answer with the next piece of content
//! (<https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>), and there is no end marker:
//! an answer is complete if each of its candidates has a finish reason. Because some models have one in every chunk,
//! that is decided at the end of the stream.

use super::partial_args::PartialArgs;
use super::repeated::RepeatedChunk;
use super::wire::{BlobIn, CandidateIn, FunctionCallIn, PartIn, ResponseIn};
use super::{citations, finish, logprobs, signature, usage, wire};
use crate::dialect::canonical::{ErrorInfo, FinishReason, Json, Media, PartStart, StreamEvent};
use crate::dialect::tap::Choices;
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::verdict::{abnormal_word, no_answer};
use crate::json::lenient::{self, settled};
use crate::time::parse_rfc3339;
use crate::tokens::TokenUsage;

/// Text of one part that is held to compute positions in it.
const MAX_REMEMBERED: usize = 1 << 20;

/// Converts chunks to events.
#[derive(Debug, Default)]
pub(super) struct ChunkReader {
    started: bool,
    id: Option<String>,
    /// The model that answers, as the service names it.
    model: String,
    choices: Vec<Choice>,
    tally: Tally,
    /// Usage as last told.
    usage: Option<TokenUsage>,
    blocked: bool,
}

/// Where a piece of text belongs.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct TextPlace {
    pub choice: usize,
    pub is_thought: bool,
}

#[derive(Debug, Default)]
struct Choice {
    seen: bool,
    /// Number of parts so far.
    parts: usize,
    open: Option<Open>,
    /// The call whose arguments arrive in pieces, and the number of its part.
    open_call: Option<(usize, PartialArgs)>,
    /// Text of the open text part.
    text: String,
    /// Citations that wait for a text part.
    waiting: Vec<citations::Found>,
    cited: Vec<citations::Found>,
    has_calls: bool,
    finish: Option<String>,
    /// What the service says about its finish reason.
    finish_message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
}

impl ChunkReader {
    /// Processes the next chunk.
    pub(super) fn read(&mut self, response: ResponseIn, events: &mut Vec<StreamEvent>) {
        if !self.started {
            self.started = true;
            self.id.clone_from(&response.response_id);
            self.model = response.model_version.clone().unwrap_or_default();
            events.push(StreamEvent::Start {
                id: response.response_id,
                model: response.model_version,
                created: response.create_time.as_deref().and_then(parse_rfc3339),
            });
        }
        for (position, candidate) in response.candidates.unwrap_or_default().into_iter().enumerate() {
            let number = candidate.index.and_then(|index| usize::try_from(index).ok()).unwrap_or(position);
            if number < Choices::MOST {
                self.candidate(number, candidate, events);
            }
        }
        let reason = response.prompt_feedback.and_then(|feedback| feedback.block_reason);
        self.blocked |= reason.is_some_and(|reason| finish::is_block(&reason));
        if let Some(counts) = &response.usage_metadata {
            self.tally.add(counts.raw());
        }
        self.tell_usage(events);
    }

    /// Processes a chunk that differs from the one before only in a text and counts.
    pub(super) fn repeat(
        &mut self,
        place: TextPlace,
        text: &str,
        counts: &RepeatedChunk,
        events: &mut Vec<StreamEvent>,
    ) {
        if let Some(choice) = self.choices.get_mut(place.choice) {
            let mut out = Out { number: place.choice, choice, events };
            if place.is_thought { out.thought(text, None) } else { out.text(text) }
        }
        counts.add_usage(&mut self.tally);
        self.tell_usage(events);
    }

    fn tell_usage(&mut self, events: &mut Vec<StreamEvent>) {
        if let Some(usage) = self.tally.usage().filter(|usage| self.usage != Some(*usage)) {
            self.usage = Some(usage);
            events.push(StreamEvent::Usage(usage));
        }
    }

    /// Processes the end of a stream, which is complete only if all its candidates have a finish reason.
    pub(super) fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let seen = self.choices.iter().any(|choice| choice.seen);
        let ended = self.choices.iter().all(|choice| choice.finish.is_some() || !choice.seen);
        if (seen && ended) || self.blocked {
            self.end(events);
        } else if seen || !self.started {
            events.push(StreamEvent::Error(ErrorInfo::truncated()));
        } else {
            events.push(StreamEvent::Error(no_answer()));
        }
    }

    /// The end of an unstreamed answer in any state.
    pub(super) fn end(&mut self, events: &mut Vec<StreamEvent>) {
        if self.blocked && !self.choices.iter().any(|choice| choice.seen) {
            self.choices.resize_with(1, Choice::default);
        }
        let (choices, blocked) = (std::mem::take(&mut self.choices), self.blocked);
        for (number, mut choice) in choices.into_iter().enumerate() {
            if !choice.seen && !blocked {
                continue;
            }
            let mut out = Out { number, choice: &mut choice, events };
            if !out.choice.waiting.is_empty() && out.choice.open != Some(Open::Text) {
                out.begin(Open::Text);
            }
            out.close();
            let words = choice.finish_message.as_deref();
            if let Some(error) = choice.finish.as_deref().and_then(|word| abnormal_word(word, words)) {
                return events.push(StreamEvent::Error(error));
            }
            let reason = match &choice.finish {
                Some(word) => finish::read(word, choice.has_calls),
                None if blocked => FinishReason::ContentFilter,
                None => continue,
            };
            events.push(StreamEvent::Finish { choice: number, reason });
        }
        events.push(StreamEvent::Done);
    }

    fn candidate(&mut self, number: usize, candidate: CandidateIn, events: &mut Vec<StreamEvent>) {
        if self.choices.len() <= number {
            self.choices.resize_with(number + 1, Choice::default);
        }
        let id = self.id.as_deref();
        let Some(choice) = self.choices.get_mut(number) else { return };
        choice.seen = true;
        // The citations of a text come with its last piece or after it, so they wait for the end of the part.
        if let Some(grounding) = &candidate.grounding_metadata {
            self.tally.add_searches(usage::searches(grounding.raw(), &self.model));
        }
        let grounding = candidate.grounding_metadata.as_ref().map(citations::read_grounding);
        let sources = candidate.citation_metadata.as_ref().map(citations::read_sources);
        for found in grounding.into_iter().chain(sources).flatten() {
            if choice.cited.len() < citations::MAX_CITATIONS && !choice.cited.contains(&found) {
                choice.cited.push(found.clone());
                choice.waiting.push(found);
            }
        }
        let mut out = Out { number, choice, events };
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            out.part(part, id);
        }
        if let Some(logprobs) = candidate.logprobs_result.as_ref().and_then(logprobs::read) {
            out.events.push(StreamEvent::Logprobs { choice: number, logprobs });
        }
        if let Some(word) = candidate.finish_reason.filter(|word| finish::is_said(word)) {
            out.choice.finish = Some(word);
            out.choice.finish_message = candidate.finish_message;
        }
    }
}

/// One choice and the output of its events.
struct Out<'a> {
    number: usize,
    choice: &'a mut Choice,
    events: &'a mut Vec<StreamEvent>,
}

impl Out<'_> {
    fn part(&mut self, part: PartIn, id: Option<&str>) {
        let is_thought = part.thought == Some(true);
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        if let Some(call) = part.function_call {
            self.call(call, signature, id);
            return;
        }
        if is_thought {
            self.thought(part.text.as_deref().map(String::as_str).unwrap_or_default(), signature);
            return;
        }
        if let Some(text) = part.text {
            self.text(&text);
        } else if let Some(blob) = part.inline_data {
            let BlobIn { mime_type: media_type, data } = blob;
            self.media(Media::Base64 { media_type, data });
        } else if let Some(file) = part.file_data {
            self.media(Media::Url { url: file.file_uri, media_type: file.mime_type });
        }
        if let Some(signature) = signature {
            // A text part cannot have a signature: it follows as an empty thinking part.
            self.begin(Open::Thinking);
            self.sign(signature);
        }
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.begin(Open::Text);
        if self.choice.text.len() < MAX_REMEMBERED {
            lenient::append(&mut self.choice.text, text);
        }
        self.delta(text);
    }

    fn thought(&mut self, text: &str, signature: Option<String>) {
        if let Some(data) = signature.as_deref().and_then(signature::unwrap_redacted) {
            self.close();
            let part = self.next_part();
            let start = PartStart::RedactedThinking { data };
            self.events.push(StreamEvent::PartStart { choice: self.number, part, start });
            self.events.push(StreamEvent::PartEnd { choice: self.number, part });
            return;
        }
        if text.is_empty() && signature.is_none() {
            return;
        }
        if self.choice.open != Some(Open::Thinking) {
            self.begin(Open::Thinking);
        }
        if !text.is_empty() {
            self.delta(text);
        }
        if let Some(signature) = signature {
            self.sign(signature);
        }
    }

    fn call(&mut self, call: FunctionCallIn, signature: Option<String>, id: Option<&str>) {
        let pieces = call.partial_args.unwrap_or_default();
        let goes_on = call.will_continue == Some(true);
        if call.name.is_empty() {
            self.pieces(&pieces, goes_on);
            return;
        }
        self.close();
        let (choice, part) = (self.number, self.next_part());
        self.choice.has_calls = true;
        let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| made_up_id(id, choice, part));
        self.events.push(StreamEvent::PartStart {
            choice,
            part,
            start: PartStart::ToolCall { id, name: call.name },
        });
        // Before the arguments, because a caller dialect may need it at the start of the call.
        if let Some(signature) = signature {
            self.events.push(StreamEvent::SignatureDelta { choice, part, signature });
        }
        if goes_on || !pieces.is_empty() {
            self.choice.open_call = Some((part, PartialArgs::new(call.args.as_ref())));
            self.pieces(&pieces, goes_on);
            return;
        }
        let text = wire::compact(&arguments(call.args.as_ref()));
        self.events.push(StreamEvent::ArgumentsDelta { choice, part, text });
        self.events.push(StreamEvent::PartEnd { choice, part });
    }

    /// More arguments of the open call.
    fn pieces(&mut self, pieces: &[Json], goes_on: bool) {
        if let Some((_, args)) = &mut self.choice.open_call {
            for piece in pieces {
                args.add(piece);
            }
        }
        if !goes_on {
            self.end_call();
        }
    }

    fn end_call(&mut self) {
        let Some((part, args)) = self.choice.open_call.take() else { return };
        let (choice, text) = (self.number, args.text());
        self.events.push(StreamEvent::ArgumentsDelta { choice, part, text });
        self.events.push(StreamEvent::PartEnd { choice, part });
    }

    /// An image or audio is a part of its own; a file of any other kind is told as a link.
    fn media(&mut self, media: Media) {
        let (Media::Base64 { media_type, .. } | Media::Url { media_type: Some(media_type), .. }) = &media
        else {
            return;
        };
        let start = match media_type.split('/').next().unwrap_or_default() {
            "image" => PartStart::Image { media },
            "audio" => PartStart::Audio { media },
            _ => return self.text(&media.in_words().unwrap_or_default()),
        };
        self.close();
        let (choice, part) = (self.number, self.next_part());
        self.events.push(StreamEvent::PartStart { choice, part, start });
        self.events.push(StreamEvent::PartEnd { choice, part });
    }

    /// Opens a part of this kind. Adjacent texts are one part; every call starts a new thinking part.
    fn begin(&mut self, kind: Open) {
        if kind == Open::Text && self.choice.open == Some(Open::Text) {
            return;
        }
        self.close();
        let part = self.next_part();
        self.choice.open = Some(kind);
        let start = match kind {
            Open::Text => PartStart::Text,
            Open::Thinking => PartStart::Thinking,
        };
        self.events.push(StreamEvent::PartStart { choice: self.number, part, start });
    }

    fn delta(&mut self, text: &str) {
        let part = self.choice.parts.saturating_sub(1);
        self.events.push(StreamEvent::TextDelta { choice: self.number, part, text: text.to_owned() });
    }

    /// Adds the signature of the open thinking part, which ends it.
    fn sign(&mut self, signature: String) {
        let part = self.choice.parts.saturating_sub(1);
        self.events.push(StreamEvent::SignatureDelta { choice: self.number, part, signature });
        self.close();
    }

    fn close(&mut self) {
        self.end_call();
        let Some(open) = self.choice.open.take() else { return };
        let (choice, part) = (self.number, self.choice.parts.saturating_sub(1));
        if open == Open::Text {
            let text = settled(std::mem::take(&mut self.choice.text));
            for found in std::mem::take(&mut self.choice.waiting) {
                self.events.push(StreamEvent::Citation { choice, part, citation: found.within(&text) });
            }
        }
        self.events.push(StreamEvent::PartEnd { choice, part });
    }

    fn next_part(&mut self) -> usize {
        self.choice.parts += 1;
        self.choice.parts - 1
    }
}

/// The arguments of a call; some services that imitate the API have them as text.
fn arguments(args: Option<&Json>) -> String {
    let text = args.map(|args| lenient::arguments(args.raw())).unwrap_or_default();
    if text.trim().is_empty() { "{}".to_owned() } else { lenient::clean_text(settled(text.into_owned())) }
}

/// An id for a call without one: the same for the same position in the same answer.
fn made_up_id(response_id: Option<&str>, choice: usize, part: usize) -> String {
    let kept: String =
        response_id.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    if kept.is_empty() { format!("call_{choice}_{part}") } else { format!("call_{kept}_{choice}_{part}") }
}
