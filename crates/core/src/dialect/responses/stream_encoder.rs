//! Encodes a streamed answer as semantic events.
//!
//! Guarantees, for any valid sequence of canonical events:
//! - the stream begins with `response.created` and ends with exactly one of `response.completed`,
//!   `response.incomplete` and `response.failed`; sequence numbers have no gaps;
//! - every item and part is added before its deltas and done before the end; deltas concatenate to the text of the
//!   `done` event and of the final response;
//! - tool calls may overlap, each with its own `output_index`;
//! - the final response equals the unstreamed answer with the same content.
//!
//! The dialect repeats the whole answer in its last event, so the items are held until then.
//!
//! The last item is closed only when the next one starts or the answer ends, because only then it is known whether it
//! was truncated.

use super::encode_response::{ResponsesEncoder, State};
use super::error::{Detail, code_of};
use super::events::{Events, at_content, at_item, at_summary};
use super::output::{NO_ARGUMENTS, Output, generated, outcome, token_logprobs};
use super::wire::{Content, Event, FlatError, Item, Part, Status, Summary};
use crate::dialect::canonical::{ErrorInfo, FinishReason, Json, PartStart, StreamEncoder, StreamEvent};
use crate::sse::writer::KEEP_ALIVE;
use crate::tokens::TokenUsage;

/// The streamed answer to one request.
#[derive(Debug)]
pub struct ResponsesStream {
    encoder: ResponsesEncoder,
    id: String,
    output: Output,
    /// The state of each item.
    progress: Vec<Progress>,
    events: Events,
    created: Option<u64>,
    model: Option<String>,
    usage: Option<TokenUsage>,
    service_tier: Option<String>,
    finish: Option<FinishReason>,
    error: Option<ErrorInfo>,
    /// Text whose log probabilities may come with the next event, and its part.
    held_text: Option<(usize, String)>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was written yet.
    New,
    /// Items are being written.
    Running,
    /// All items are closed, the final event is not written yet.
    Finished,
    /// The last event was written.
    Over,
}

#[derive(Debug, Default)]
struct Progress {
    open_parts: usize,
    is_closed: bool,
}

impl ResponsesEncoder {
    /// Begins a streamed answer.
    #[must_use]
    pub fn stream(&self) -> ResponsesStream {
        ResponsesStream::new(self.clone())
    }
}

impl ResponsesStream {
    fn new(encoder: ResponsesEncoder) -> Self {
        Self {
            id: encoder.response_id(),
            output: Output::new(&encoder.context.unique, encoder.names.clone()),
            encoder,
            progress: Vec::new(),
            events: Events::default(),
            created: None,
            model: None,
            usage: None,
            service_tier: None,
            finish: None,
            error: None,
            held_text: None,
            stage: Stage::New,
        }
    }

    /// Whether the final event was written.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// The response object so far, to be stored at the end.
    #[must_use]
    pub fn response(&self) -> Vec<u8> {
        let state = self.state();
        serde_json::to_vec(&self.encoder.body(&self.id, &state, &self.output.items)).unwrap_or_default()
    }

    fn state(&self) -> State<'_> {
        let (status, incomplete) = match (&self.error, self.stage) {
            (Some(_), _) => (Status::Failed, None),
            (None, Stage::Over) => outcome(self.finish.as_ref()),
            (None, _) => (Status::InProgress, None),
        };
        State {
            created: self.created,
            model: self.model.as_deref(),
            status,
            incomplete,
            error: self.error.as_ref(),
            usage: self.usage,
            service_tier: self.service_tier.as_deref(),
        }
    }

    fn write_response(&mut self, kind: &str, out: &mut Vec<u8>) {
        let state = self.state();
        let response = Some(self.encoder.body(&self.id, &state, &self.output.items));
        // Taken out because the state borrows the stream.
        let mut events = Events { sequence: self.events.sequence };
        events.write(out, kind, Event { response, ..Event::default() });
        self.events = events;
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.stage == Stage::New {
            self.stage = Stage::Running;
            self.write_response("response.created", out);
            self.write_response("response.in_progress", out);
        }
    }

    fn start_part(&mut self, part: usize, start: &PartStart, out: &mut Vec<u8>) {
        // Ignored for a part that is not open; and a decoder with wrong indexes must not leave a part without an end.
        self.end_part(part, out);
        if !self.output.continues(start)
            && let Some(last) = self.progress.len().checked_sub(1)
        {
            self.close_if_ended(last, out);
        }
        self.output.start(part, start.clone());
        let Some(slot) = self.output.slot(part) else { return };
        let Some(item) = self.output.items.get(slot.item) else { return };
        if self.progress.len() <= slot.item {
            self.progress.push(Progress::default());
            let event = Event { output_index: Some(slot.item), item: Some(&empty(item)), ..Event::default() };
            self.events.write(out, "response.output_item.added", event);
        }
        if let Some(progress) = self.progress.get_mut(slot.item) {
            progress.open_parts += 1;
        }
        if let Item::Message { content, .. } = item
            && let Some(content) = content.get(slot.content)
        {
            let event = Event { part: Some(Part::Content(content)), ..at_content(item, slot) };
            self.events.write(out, "response.content_part.added", event);
        }
        if let Item::ImageGenerationCall { .. } = item {
            self.events.write(out, "response.image_generation_call.in_progress", at_item(item, slot));
            self.events.write(out, "response.image_generation_call.generating", at_item(item, slot));
        }
    }

    /// Adds text to any kind of part.
    fn grow(&mut self, part: usize, more: &str, logprobs: &[Json], out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        let Some(slot) = self.output.slot(part) else { return };
        let Some(item) = self.output.items.get(slot.item) else { return };
        let delta = Some(more);
        match item {
            Item::Message { content, .. } => {
                let event = at_content(item, slot);
                if let Some(Content::Refusal { .. }) = content.get(slot.content) {
                    self.events.write(out, "response.refusal.delta", Event { delta, ..event });
                } else {
                    let event = Event { delta, logprobs: Some(logprobs), ..event };
                    self.events.write(out, "response.output_text.delta", event);
                }
            }
            Item::Reasoning { summary, .. } => {
                if summary.is_empty() {
                    let empty = Summary::SummaryText { text: String::new() };
                    let event = Event { part: Some(Part::Summary(&empty)), ..at_summary(item, slot) };
                    self.events.write(out, "response.reasoning_summary_part.added", event);
                }
                let event = Event { delta, ..at_summary(item, slot) };
                self.events.write(out, "response.reasoning_summary_text.delta", event);
            }
            Item::FunctionCall { .. } => {
                let event = Event { delta, ..at_item(item, slot) };
                self.events.write(out, "response.function_call_arguments.delta", event);
            }
            // Its text is inside the arguments and known when they are complete.
            Item::CustomToolCall { .. } | Item::ImageGenerationCall { .. } => {}
        }
        self.output.append(part, more);
    }

    fn end_part(&mut self, part: usize, out: &mut Vec<u8>) {
        if let Some(Item::FunctionCall { arguments, .. }) = self.item_of(part)
            && arguments.trim().is_empty()
        {
            self.grow(part, NO_ARGUMENTS, &[], out);
        }
        let Some(slot) = self.output.end(part) else { return };
        let Some(item) = self.output.items.get(slot.item) else { return };
        self.events.write_done(item, &slot, out);
        if let Some(progress) = self.progress.get_mut(slot.item) {
            progress.open_parts = progress.open_parts.saturating_sub(1);
        }
        if slot.item + 1 < self.progress.len() {
            self.close_if_ended(slot.item, out);
        }
    }

    fn item_of(&self, part: usize) -> Option<&Item> {
        self.output.items.get(self.output.slot(part)?.item)
    }

    fn close_if_ended(&mut self, index: usize, out: &mut Vec<u8>) {
        if self.progress.get(index).is_some_and(|progress| progress.open_parts == 0) {
            self.close(index, Status::Completed, out);
        }
    }

    fn close(&mut self, index: usize, status: Status, out: &mut Vec<u8>) {
        let Some(progress) = self.progress.get_mut(index).filter(|progress| !progress.is_closed) else {
            return;
        };
        progress.is_closed = true;
        let Some(item) = self.output.items.get_mut(index) else { return };
        item.set_status(status);
        let event = Event { output_index: Some(index), item: Some(item), ..Event::default() };
        self.events.write(out, "response.output_item.done", event);
    }

    /// Closes everything. Only the last item can be truncated.
    fn finish(&mut self, out: &mut Vec<u8>) {
        self.release_text(&[], out);
        for part in self.output.open_parts() {
            self.end_part(part, out);
        }
        let (status, _) = outcome(self.finish.as_ref());
        for index in 0..self.progress.len() {
            let is_last = index + 1 == self.progress.len();
            self.close(index, if is_last { status } else { Status::Completed }, out);
        }
        self.stage = Stage::Finished;
    }

    fn complete(&mut self, out: &mut Vec<u8>) {
        if self.stage == Stage::Running {
            self.finish(out);
        }
        for index in self.output.add_signatures() {
            if let Some(item) = self.output.items.get(index) {
                let added = Event { output_index: Some(index), item: Some(item), ..Event::default() };
                self.events.write(out, "response.output_item.added", added);
                let done = Event { output_index: Some(index), item: Some(item), ..Event::default() };
                self.events.write(out, "response.output_item.done", done);
            }
        }
        self.stage = Stage::Over;
        let kind = match outcome(self.finish.as_ref()).0 {
            Status::Incomplete => "response.incomplete",
            _ => "response.completed",
        };
        self.write_response(kind, out);
    }

    /// Both events are sent, as the service does: clients that raise errors look for `error`, those that track the
    /// response for `response.failed`.
    fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        self.begin(out);
        self.release_text(&[], out);
        let detail = Detail::of(error);
        let flat_error =
            Some(FlatError { code: code_of(error), message: &error.message, param: error.param.as_deref() });
        let event = Event { error: Some(&detail), flat_error, ..Event::default() };
        self.events.write(out, "error", event);
        for (item, progress) in self.output.items.iter_mut().zip(&self.progress) {
            if !progress.is_closed {
                item.set_status(Status::Incomplete);
            }
        }
        self.error = Some(error.clone());
        self.stage = Stage::Over;
        self.write_response("response.failed", out);
    }

    fn release_text(&mut self, logprobs: &[Json], out: &mut Vec<u8>) {
        if let Some((part, text)) = self.held_text.take() {
            self.grow(part, &text, logprobs, out);
        }
    }

    fn text(&mut self, part: usize, text: &str, out: &mut Vec<u8>) {
        let is_text = matches!(self.item_of(part), Some(Item::Message { .. }));
        if self.encoder.wants_logprobs && is_text {
            self.held_text = Some((part, text.to_owned()));
        } else {
            self.grow(part, text, &[], out);
        }
    }

    /// Processes an event of the only choice of this dialect.
    fn item_event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        match event {
            StreamEvent::PartStart { part, start, .. } => self.start_part(*part, start, out),
            StreamEvent::TextDelta { part, text, .. } => self.text(*part, text, out),
            StreamEvent::ArgumentsDelta { part, text, .. } => self.grow(*part, text, &[], out),
            StreamEvent::SignatureDelta { part, signature, .. } => self.output.sign(*part, signature),
            StreamEvent::Citation { part, citation, .. } => self.output.cite(*part, citation.clone()),
            StreamEvent::PartEnd { part, .. } => self.end_part(*part, out),
            StreamEvent::Finish { reason, .. } => {
                if let Some(words) = self.output.missing_refusal(Some(reason)) {
                    self.start_part(usize::MAX, &PartStart::Refusal, out);
                    self.grow(usize::MAX, words, &[], out);
                }
                self.finish = Some(reason.clone());
                self.finish(out);
            }
            _ => {}
        }
    }
}

impl StreamEncoder for ResponsesStream {
    fn final_body(&self) -> Option<Vec<u8>> {
        self.is_over().then(|| self.response())
    }

    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.stage == Stage::Over {
            return;
        }
        let is_own = matches!(event, StreamEvent::PartStart { start: PartStart::Image { media, .. }, .. }
            if generated(media).is_some());
        if !is_own && let Some(words) = event.in_words() {
            for event in words {
                self.encode(&event, out);
            }
            return;
        }
        match event {
            StreamEvent::Start { model, created, .. } => {
                (self.model, self.created) = (model.clone(), *created);
                self.begin(out);
            }
            StreamEvent::Served { service_tier: Some(tier), .. } => self.service_tier = Some(tier.clone()),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Ping => out.extend_from_slice(KEEP_ALIVE),
            StreamEvent::Done => {
                self.begin(out);
                self.complete(out);
            }
            StreamEvent::Error(error) => self.fail(error, out),
            StreamEvent::Logprobs { choice: 0, logprobs } => {
                let logprobs = token_logprobs(logprobs);
                self.release_text(&logprobs, out);
                self.output.add_logprobs(logprobs);
            }
            StreamEvent::PartStart { choice: 0, .. }
            | StreamEvent::TextDelta { choice: 0, .. }
            | StreamEvent::ArgumentsDelta { choice: 0, .. }
            | StreamEvent::SignatureDelta { choice: 0, .. }
            | StreamEvent::Citation { choice: 0, .. }
            | StreamEvent::PartEnd { choice: 0, .. }
            | StreamEvent::Finish { choice: 0, .. } => {
                self.begin(out);
                if self.stage == Stage::Running {
                    self.release_text(&[], out);
                    self.item_event(event, out);
                }
            }
            _ => {}
        }
    }
}

/// An item as it is added: the parts of a message follow in events of their own, a picture when it is done.
fn empty(item: &Item) -> Item {
    let mut item = item.clone();
    match &mut item {
        Item::Message { content, .. } => content.clear(),
        Item::ImageGenerationCall { result, .. } => *result = None,
        _ => {}
    }
    item
}
