//! Decodes a streamed answer of a service with the Responses API.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming>
//!
//! Guarantees, beyond those of every decoder:
//! - the events add up to what [`super::decode_response`] makes of the response in the last event;
//! - text that is repeated at the end of a piece, of an item or of the response is used only where no delta came before,
//!   so services that send no deltas, or no end of items, are understood as well;
//! - unknown events and items are skipped.

use super::answer_item::{self, Content, text_at, word_at};
use super::decode_answer::Answer;
use super::decode_response::{decode, error_in, failure};
use super::item_queue::{ItemKey, ItemQueue, Piece, PieceKind};
use crate::dialect::canonical::{ChatResponse, ErrorInfo, FinishReason, StreamDecoder, StreamEvent};
use crate::dialect::upstream::alphanumeric;
use crate::dialect::upstream::repeated::{Member, Repeated};
use crate::dialect::upstream::sse::{Reading, SseDecoder};
use crate::json::lenient::{self, Object, Spare};
use crate::json::object::Kind;
use crate::sse::Event;

/// A decoder of the answer of this host.
pub(super) fn decoder(host: &str) -> Box<dyn StreamDecoder> {
    Box::new(SseDecoder::new(ResponsesReading::new(host)))
}

pub(super) struct ResponsesReading {
    host: String,
    begun: bool,
    queue: ItemQueue,
    /// The last event, if it was more text and nothing else.
    repeated: Repeated,
    /// The piece that it is about.
    repeated_piece: (ItemKey, PieceKind, u64),
}

impl ResponsesReading {
    fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            begun: false,
            queue: ItemQueue::default(),
            repeated: Repeated::default(),
            repeated_piece: Default::default(),
        }
    }

    fn begin(&mut self, answer: Option<&Answer>, events: &mut Vec<StreamEvent>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let id = answer.and_then(|answer| answer.id.clone());
        self.queue.unique = alphanumeric(id.as_deref().unwrap_or_default());
        events.push(StreamEvent::Start {
            id,
            model: answer.and_then(|answer| answer.model.clone()),
            created: answer.and_then(|answer| answer.created),
        });
    }

    /// The piece of text that an event is about.
    fn piece(&mut self, event: &Object<'_>, kind: PieceKind) -> &mut Piece {
        self.queue.piece(&key(event), kind, position(event, kind))
    }

    /// More text.
    fn delta(&mut self, event: &Object<'_>, kind: PieceKind) {
        if let Some(delta) = event.piece("delta") {
            self.queue.growing(&key(event), kind, position(event, kind)).push(&delta);
        }
    }

    /// Notes an event if it is more text and nothing else. Arguments are mostly written with escapes.
    fn note(&mut self, named: Event<'_>, event: &Object<'_>, kind: &str) {
        let Some(kind) = growing(kind).filter(|kind| *kind != PieceKind::Call) else { return };
        let delta = event.get("delta").filter(|delta| Kind::of(delta) == Kind::String);
        let Some(delta) = delta.filter(|_| answer_item::logprobs(event).is_empty()) else { return };
        self.repeated_piece = (key(event), kind, position(event, kind));
        self.repeated.note_with(named.raw(), delta, varying(event));
    }

    /// The whole text of a piece, which may be news.
    fn told(&mut self, event: &Object<'_>, kind: PieceKind, name: &str) {
        let text = text_at(event, name);
        if !text.is_empty() {
            self.piece(event, kind).fill(&text);
        }
    }

    /// A complete item.
    fn item(&mut self, key: &ItemKey, item: &Object<'_>) {
        match answer_item::read(item, &self.host) {
            Content::Message(pieces) => {
                for (index, piece) in (0..).zip(pieces) {
                    let kind = if piece.is_refusal { PieceKind::Refusal } else { PieceKind::Text };
                    if piece.text.is_empty() && piece.citations.is_empty() {
                        continue;
                    }
                    let known = self.queue.piece(key, kind, index);
                    known.fill(&piece.text);
                    known.fill_citations(piece.citations);
                    known.fill_logprobs(piece.logprobs);
                }
            }
            Content::Thought { text, seal } => {
                if !text.is_empty() {
                    self.queue.thought(key).fill_thought(&text);
                }
                if let Some(seal) = seal {
                    self.queue.thought(key).seal = Some(seal);
                }
            }
            Content::Call { id, name, arguments } => {
                let call = self.queue.piece(key, PieceKind::Call, 0);
                call.name_call(&id, &name);
                call.fill(&arguments);
            }
            Content::Image(media) => self.queue.piece(key, PieceKind::Image, 0).image = Some(media),
            Content::Other => {}
        }
        self.queue.complete(key);
    }

    /// The end of the response. It repeats all items.
    fn ended(&mut self, response: &Object<'_>, answer: &Answer, events: &mut Vec<StreamEvent>) {
        for (index, item) in (0..).zip(response.objects("output")) {
            let key = ItemKey { index: Some(index), id: text_at(&item, "id") };
            if self.queue.wants(&key, index) {
                self.item(&key, &item);
            }
        }
        self.queue.finish(events);
        let reason = answer.finish(self.queue.has_calls).unwrap_or(FinishReason::Stop);
        events.push(StreamEvent::Finish { choice: 0, reason });
        if answer.service_tier.is_some() {
            let service_tier = answer.service_tier.clone();
            events.push(StreamEvent::Served { service_tier, system_fingerprint: None });
        }
        events.extend(answer.usage.map(StreamEvent::Usage));
        events.push(StreamEvent::Done);
    }

    /// A mark at the end of other dialects' streams. It ends this one only if nothing was left open.
    fn cut_short(&mut self, events: &mut Vec<StreamEvent>) {
        if !self.queue.is_settled() {
            events.push(StreamEvent::Error(ErrorInfo::truncated()));
            return;
        }
        self.queue.finish(events);
        let reason = if self.queue.has_calls { FinishReason::ToolCalls } else { FinishReason::Stop };
        events.extend([StreamEvent::Finish { choice: 0, reason }, StreamEvent::Done]);
    }
}

/// The kind of piece to which an event of this type adds text.
pub(super) fn growing(kind: &str) -> Option<PieceKind> {
    Some(match kind {
        "response.output_text.delta" => PieceKind::Text,
        "response.refusal.delta" => PieceKind::Refusal,
        "response.reasoning_text.delta" => PieceKind::Thought,
        "response.reasoning_summary_text.delta" => PieceKind::Summary,
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => PieceKind::Call,
        _ => return None,
    })
}

/// What differs in every event: its number, and what hides the length of its text.
pub(super) fn varying<'a>(event: &Object<'a>) -> impl Iterator<Item = Member<'a>> + use<'a> {
    let number = event.get_set("sequence_number").map(Member::number);
    number.into_iter().chain(event.get_set("obfuscation").map(Member::padding))
}

/// The item that an event is about.
fn key(event: &Object<'_>) -> ItemKey {
    ItemKey { index: event.integer("output_index"), id: text_at(event, "item_id") }
}

/// The position of a piece in its item.
fn position(event: &Object<'_>, kind: PieceKind) -> u64 {
    let position = match kind {
        PieceKind::Summary => event.integer("summary_index"),
        PieceKind::Call | PieceKind::Image => None,
        PieceKind::Text | PieceKind::Refusal | PieceKind::Thought => event.integer("content_index"),
    };
    position.unwrap_or_default()
}

impl Reading for ResponsesReading {
    fn repeated(&mut self, event: Event<'_>, events: &mut Vec<StreamEvent>) -> bool {
        let Some(text) = self.repeated.text_in(event.raw()) else { return false };
        let (key, kind, position) = &self.repeated_piece;
        self.queue.growing(key, *kind, *position).push(&text);
        self.queue.flush(events);
        true
    }

    fn event(&mut self, named: Event<'_>, data: &[u8], events: &mut Vec<StreamEvent>) -> bool {
        if data.trim_ascii() == b"[DONE]" {
            self.begin(None, events);
            self.cut_short(events);
            return true;
        }
        let spare = Spare::default();
        let Ok(event) = lenient::object(data, &spare) else {
            events.push(StreamEvent::Error(ErrorInfo::malformed()));
            return true;
        };
        let kind = word_at(&event, "type")
            .or_else(|| named.name().and_then(|name| String::from_utf8(name.to_vec()).ok()))
            .unwrap_or_default();
        if matches!(kind.as_str(), "error" | "response.error")
            || (kind.is_empty() && event.get_set("error").is_some())
        {
            // The details are beside the type, or an object of their own.
            events.push(StreamEvent::Error(error_in(data)));
            return true;
        }
        let response = event.object("response");
        let answer = response.as_ref().map(Answer::of);
        self.begin(answer.as_ref(), events);
        match (kind.as_str(), response, answer) {
            ("response.failed" | "response.cancelled", response, answer) => {
                events.extend(answer.and_then(|answer| answer.usage).map(StreamEvent::Usage));
                let status = kind.strip_prefix("response.");
                let error = failure(&response.unwrap_or_default(), status);
                events.push(StreamEvent::Error(error.unwrap_or_else(ErrorInfo::malformed)));
                return true;
            }
            (
                "response.completed" | "response.incomplete" | "response.done",
                Some(response),
                Some(mut answer),
            ) => {
                if let Some(error) = failure(&response, answer.status.as_deref()) {
                    events.extend(answer.usage.map(StreamEvent::Usage));
                    events.push(StreamEvent::Error(error));
                    return true;
                }
                if kind == "response.incomplete" {
                    answer.status = Some("incomplete".to_owned());
                }
                self.ended(&response, &answer, events);
                return true;
            }
            ("response.completed" | "response.incomplete" | "response.done", ..) => {
                self.cut_short(events);
                return true;
            }
            (kind, ..) => {
                if !self.content(kind, &event) {
                    events.push(StreamEvent::Ping);
                }
                self.note(named, &event, kind);
            }
        }
        self.queue.flush(events);
        false
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    fn end(&mut self, events: &mut Vec<StreamEvent>) {
        events.push(StreamEvent::Error(ErrorInfo::truncated()));
    }

    fn document(&mut self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        decode(body, &self.host)
    }
}

impl ResponsesReading {
    /// Reads an event about content; `false` for every other event.
    fn content(&mut self, kind: &str, event: &Object<'_>) -> bool {
        if let Some(piece) = growing(kind) {
            self.delta(event, piece);
        }
        match kind {
            "response.output_item.added" | "response.output_item.done" => {
                let Some(item) = event.object("item") else { return false };
                let mut key = key(event);
                if let Some(id) = word_at(&item, "id") {
                    key.id = id;
                }
                if kind == "response.output_item.done" {
                    self.item(&key, &item);
                } else {
                    self.queue.add(&key);
                    if answer_item::is_call(&text_at(&item, "type")) {
                        let (id, name) = (answer_item::id_of_call(&item), answer_item::name_of_call(&item));
                        self.queue.piece(&key, PieceKind::Call, 0).name_call(&id, &name);
                    }
                }
            }
            "response.output_text.delta" => {
                let tokens = answer_item::logprobs(event);
                if !tokens.is_empty() {
                    self.piece(event, PieceKind::Text).add_logprobs(tokens);
                }
            }
            "response.output_text.done" => {
                self.told(event, PieceKind::Text, "text");
                let tokens = answer_item::logprobs(event);
                if !tokens.is_empty() {
                    self.piece(event, PieceKind::Text).fill_logprobs(tokens);
                }
            }
            "response.output_text.annotation.added" => {
                let Some(citation) = event.get_set("annotation").and_then(answer_item::citation) else {
                    return false;
                };
                self.piece(event, PieceKind::Text).citations.push(citation);
            }
            "response.refusal.done" => self.told(event, PieceKind::Refusal, "refusal"),
            "response.content_part.done" => self.part(event),
            "response.reasoning_text.done" => self.told(event, PieceKind::Thought, "text"),
            "response.reasoning_summary_text.done" => self.told(event, PieceKind::Summary, "text"),
            "response.function_call_arguments.done" => {
                // Newer servers repeat the name.
                let name = text_at(event, "name");
                self.piece(event, PieceKind::Call).name_call("", &name);
                self.told(event, PieceKind::Call, "arguments");
                self.queue.complete_call(&key(event));
            }
            "response.custom_tool_call_input.done" => {
                self.told(event, PieceKind::Call, "input");
                self.queue.complete_call(&key(event));
            }
            "response.reasoning_summary_part.added" => {
                self.piece(event, PieceKind::Summary).begin_paragraph();
            }
            "response.created"
            | "response.queued"
            | "response.in_progress"
            | "response.content_part.added"
            | "response.reasoning_summary_part.done" => {}
            _ => return growing(kind).is_some(),
        }
        true
    }

    /// A complete piece of a message.
    fn part(&mut self, event: &Object<'_>) {
        let Some(part) = event.object("part") else { return };
        if !matches!(text_at(&part, "type").as_str(), "output_text" | "refusal") {
            return;
        }
        let read = answer_item::piece(&part);
        if read.text.is_empty() {
            return;
        }
        let kind = if read.is_refusal { PieceKind::Refusal } else { PieceKind::Text };
        let piece = self.piece(event, kind);
        piece.fill(&read.text);
        piece.fill_citations(read.citations);
        piece.fill_logprobs(read.logprobs);
    }
}

#[cfg(test)]
pub(super) mod compared {
    //! Decoders that are compared: one that recognises events, and one that parses all.

    use super::{Repeated, ResponsesReading, SseDecoder};

    pub(in super::super) type Decoder = SseDecoder<ResponsesReading>;

    pub(in super::super) fn decoder(parses_all: bool) -> Decoder {
        let mut reading = ResponsesReading::new("test");
        if parses_all {
            reading.repeated = Repeated::blind();
        }
        SseDecoder::new(reading)
    }

    /// How many events were recognised.
    pub(in super::super) fn recognised(decoder: &Decoder) -> usize {
        decoder.reading().repeated.recognised()
    }
}
