//! The state of one choice of a stream: its open part, and what is held back.

use super::answer::{self, CallPiece, Piece};
use super::calls::{Call, Calls};
use crate::dialect::canonical::{Citation, ErrorInfo, FinishReason, PartStart, StreamEvent};
use crate::dialect::upstream::is_call;
use crate::json::lenient;

/// Most bytes that are held back of one choice.
const MAX_HELD_BYTES: usize = 256 * 1024;

/// Most citations and other items that are held back of one choice.
const MAX_HELD_PIECES: usize = 4096;

/// The state of a choice.
#[derive(Default)]
pub(super) struct ChoiceState {
    pub finish: Option<FinishReason>,
    pub has_citations: bool,
    next_part: usize,
    open: Option<Open>,
    calls: Calls,
    /// Content that arrived while tool calls were open. It waits until they end.
    held: Vec<Piece>,
    /// Bytes held back, here and in calls whose name has not arrived.
    held_bytes: usize,
    /// Citations that wait for a text part.
    citations: Vec<Citation>,
    refused: bool,
}

/// The open part that is not a tool call.
struct Open {
    part: usize,
    kind: Kind,
}

enum Kind {
    Text,
    Thinking { index: Option<u64>, signed: bool },
    Refusal,
}

impl Kind {
    /// Whether a piece of reasoning belongs to the open part; if so, its index and signature are recorded. Another
    /// index, or text after the signature, starts another block.
    fn goes_on(&mut self, index: Option<u64>, text: &str, is_signed: bool) -> bool {
        let Self::Thinking { index: own, signed } = self else { return false };
        let is_other = own.is_some() && index.is_some() && *own != index;
        if is_other || (*signed && !text.is_empty()) {
            return false;
        }
        *own = own.or(index);
        *signed |= is_signed;
        true
    }
}

/// The output of a choice's events.
pub(super) struct Sink<'a> {
    /// Index of the choice.
    pub choice: usize,
    /// The upstream's id of the answer.
    pub reply: Option<&'a str>,
    pub events: &'a mut Vec<StreamEvent>,
}

impl Sink<'_> {
    fn text(&mut self, part: usize, text: String) {
        if !text.is_empty() {
            self.events.push(StreamEvent::TextDelta { choice: self.choice, part, text });
        }
    }

    fn arguments(&mut self, part: usize, text: String) {
        if !text.is_empty() {
            self.events.push(StreamEvent::ArgumentsDelta { choice: self.choice, part, text });
        }
    }

    fn signature(&mut self, part: usize, signature: Option<String>) {
        let choice = self.choice;
        self.events.extend(signature.map(|signature| StreamEvent::SignatureDelta {
            choice,
            part,
            signature,
        }));
    }

    fn begin(&mut self, part: usize, start: PartStart) {
        self.events.push(StreamEvent::PartStart { choice: self.choice, part, start });
    }

    fn end(&mut self, part: usize) {
        self.events.push(StreamEvent::PartEnd { choice: self.choice, part });
    }
}

impl ChoiceState {
    /// Whether there is no content yet.
    pub fn is_silent(&self) -> bool {
        self.next_part == 0 && self.held_bytes == 0
    }

    /// Adds text or other content.
    pub fn say(&mut self, piece: Piece, sink: &mut Sink<'_>) -> Result<(), ErrorInfo> {
        if self.calls.any_open() {
            if !self.calls.all_complete() {
                self.count_held(match &piece {
                    Piece::Text(text) | Piece::Thinking { text, .. } | Piece::Refusal(text) => text.len(),
                    Piece::Redacted(data) => data.len(),
                    // There are few of these; their number is limited, and the size of an event.
                    Piece::Image(_) | Piece::Audio(_) => 0,
                })?;
                match piece {
                    Piece::Text(text) => answer::push_text(&mut self.held, text),
                    other => self.held.push(other),
                }
                return Ok(());
            }
            self.close_calls(sink);
        }
        self.say_now(piece, sink);
        Ok(())
    }

    /// Adds citations of the text.
    pub fn cite(&mut self, citations: Vec<Citation>, sink: &mut Sink<'_>) {
        self.has_citations |= !citations.is_empty();
        let room = MAX_HELD_PIECES.saturating_sub(self.citations.len());
        self.citations.extend(citations.into_iter().take(room));
        if let Some(Open { part, kind: Kind::Text }) = self.open {
            let choice = sink.choice;
            let cited = |citation| StreamEvent::Citation { choice, part, citation };
            sink.events.extend(self.citations.drain(..).map(cited));
        }
    }

    /// Adds a tool call or a delta of one.
    pub fn call(&mut self, piece: CallPiece, sink: &mut Sink<'_>) -> Result<(), ErrorInfo> {
        let position = self.calls.place(&piece).ok_or_else(ErrorInfo::malformed)?;
        let CallPiece { arguments, signature, .. } = piece;
        let Some(call) = self.calls.list.get_mut(position) else { return Ok(()) };
        match call.part {
            Some(_) if call.closed => {
                // Its arguments were complete; more of them would change the text that was already sent.
                if !arguments.trim().is_empty() {
                    return Err(ErrorInfo::malformed());
                }
            }
            Some(part) => {
                call.progress.feed(&arguments);
                sink.signature(part, signature);
                sink.arguments(part, arguments);
            }
            None => {
                let held = arguments.len() + signature.as_ref().map_or(0, String::len);
                lenient::append(&mut call.held, &arguments);
                call.held_signature = signature.or(call.held_signature.take());
                if call.name.is_some() {
                    self.begin_call(position, sink);
                } else {
                    self.count_held(held)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the choice.
    pub fn settle(&mut self, sink: &mut Sink<'_>) {
        for position in 0..self.calls.list.len() {
            let is_waiting = |call: &Call| call.part.is_none() && is_call(call.name.as_deref(), &call.held);
            if self.calls.list.get(position).is_some_and(is_waiting) {
                self.begin_call(position, sink);
            }
        }
        let has_calls = self.calls.list.iter().any(|call| call.part.is_some());
        self.close_calls(sink);
        self.close(sink);
        let reason = answer::settled(self.finish.take(), has_calls, self.refused, self.next_part > 0);
        let choice = sink.choice;
        sink.events.extend(reason.map(|reason| StreamEvent::Finish { choice, reason }));
    }

    fn count_held(&mut self, bytes: usize) -> Result<(), ErrorInfo> {
        self.held_bytes += bytes;
        if self.held_bytes > MAX_HELD_BYTES || self.held.len() > MAX_HELD_PIECES {
            return Err(ErrorInfo::malformed());
        }
        Ok(())
    }

    fn say_now(&mut self, piece: Piece, sink: &mut Sink<'_>) {
        match piece {
            Piece::Text(text) if !text.is_empty() => {
                let part = match self.open {
                    Some(Open { part, kind: Kind::Text }) => part,
                    _ => self.begin(PartStart::Text, Kind::Text, sink),
                };
                self.cite(Vec::new(), sink);
                sink.text(part, text);
            }
            Piece::Refusal(text) if !text.is_empty() => {
                self.refused = true;
                let part = match self.open {
                    Some(Open { part, kind: Kind::Refusal }) => part,
                    _ => self.begin(PartStart::Refusal, Kind::Refusal, sink),
                };
                sink.text(part, text);
            }
            Piece::Thinking { index, text, signature } => {
                let is_signed = signature.is_some();
                let going = self
                    .open
                    .as_mut()
                    .and_then(|open| open.kind.goes_on(index, &text, is_signed).then_some(open.part));
                let part = going.unwrap_or_else(|| {
                    self.begin(PartStart::Thinking, Kind::Thinking { index, signed: is_signed }, sink)
                });
                sink.text(part, text);
                sink.signature(part, signature);
            }
            Piece::Redacted(data) => self.say_whole(PartStart::RedactedThinking { data }, sink),
            Piece::Image(media) => self.say_whole(PartStart::Image { media }, sink),
            Piece::Audio(media) => self.say_whole(PartStart::Audio { media }, sink),
            // Empty text is ignored.
            Piece::Text(_) | Piece::Refusal(_) => {}
        }
    }

    fn say_whole(&mut self, start: PartStart, sink: &mut Sink<'_>) {
        self.close(sink);
        let part = self.number();
        sink.begin(part, start);
        sink.end(part);
    }

    fn number(&mut self) -> usize {
        self.next_part += 1;
        self.next_part - 1
    }

    fn begin(&mut self, start: PartStart, kind: Kind, sink: &mut Sink<'_>) -> usize {
        self.close(sink);
        let part = self.number();
        sink.begin(part, start);
        self.open = Some(Open { part, kind });
        part
    }

    fn begin_call(&mut self, position: usize, sink: &mut Sink<'_>) {
        self.close(sink);
        // Complete calls need not stay open beside the new one.
        for call in &mut self.calls.list {
            if let Some(part) = call.part
                && !call.closed
                && call.progress.is_complete()
            {
                call.closed = true;
                sink.end(part);
            }
        }
        let part = self.number();
        let Some(call) = self.calls.list.get_mut(position) else { return };
        call.part = Some(part);
        let id = call.id().unwrap_or_else(|| answer::call_id(sink.reply, sink.choice, part));
        let name = call.name.clone().unwrap_or_default();
        sink.begin(part, PartStart::ToolCall { id, name });
        sink.signature(part, call.held_signature.take());
        let arguments = std::mem::take(&mut call.held);
        call.progress.feed(&arguments);
        sink.arguments(part, arguments);
    }

    /// Ends all calls that have started, and emits what was held back for that.
    fn close_calls(&mut self, sink: &mut Sink<'_>) {
        for call in &mut self.calls.list {
            if let Some(part) = call.part.filter(|_| !call.closed) {
                call.closed = true;
                sink.end(part);
            }
        }
        self.held_bytes = 0;
        for piece in std::mem::take(&mut self.held) {
            self.say_now(piece, sink);
        }
    }

    /// Ends the open part that is not a tool call.
    fn close(&mut self, sink: &mut Sink<'_>) {
        if let Some(open) = self.open.take() {
            sink.end(open.part);
        }
    }
}
