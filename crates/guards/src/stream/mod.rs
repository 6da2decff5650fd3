//! A streamed answer on its way to the caller, in the caller's dialect: each text that the events add up to is searched.
//!
//! An event whose texts do not change keeps its bytes. A text that is held back at the end of an event comes with the next one
//! that goes on with it, or, before the event that ends it, in an event of its own, which is a copy of the last one with
//! another text. Texts that an event has as a whole are searched as a whole, so that what is said twice is masked twice.

mod edits;
mod event;
mod events;

use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{Answered, ErrorInfo};
use nexus_edge_core::dialect::native;
use nexus_edge_core::dialect::pipe::{Forward, StreamEnd, StreamFacts, StreamOutcome, StreamPipe};

use self::event::{ChannelName, Event};
use self::events::{Events, Written};
use crate::content;
use crate::document::{Role, Walk, text_of};
use crate::framing::{Framing, Part};
use crate::guard::{Blocked, Piece, Verdict};
use crate::rules::ContentRules;
use crate::whole::Whole;

/// The error that ends an answer.
#[must_use]
pub fn error_of(blocked: &Blocked) -> ErrorInfo {
    ErrorInfo { code: Some("content_blocked".to_owned()), ..ErrorInfo::of_status(400, message_of(blocked)) }
}

/// The texts of a streamed answer, each put together from its pieces.
#[must_use]
pub fn texts(caller_dialect: CallerDialect, body: &[u8]) -> Vec<Piece<'static>> {
    let mut texts: BTreeMap<ChannelName, String> = BTreeMap::new();
    Framing::new(false).push(body, |part| {
        let Part::Event(_, data) = part else { return };
        let mut leaves = Vec::new();
        let mut walk = Walk::new(&data, true);
        let is_walked = walk.run(|leaf| leaves.push(leaf));
        let event = Event { dialect: caller_dialect, data: &data, frames: walk.frames(), is_item: false };
        for leaf in leaves.iter().filter(|leaf| is_walked && leaf.role == Role::Text) {
            if let Some(name) = event.channel(leaf).filter(|_| !event.is_data()) {
                texts.entry(name).or_default().push_str(&text_of(&data, &leaf.range));
            }
        }
    });
    texts.into_values().map(|text| Piece { text: text.into(), is_json: false }).collect()
}

/// What a caller is told whose text does not pass.
#[must_use]
pub fn message_of(blocked: &Blocked) -> String {
    format!("The rule `{}` of this gateway does not let this content pass.", blocked.rule)
}

/// A pipe whose texts are searched.
pub struct GuardPipe {
    pipe: Box<dyn StreamPipe>,
    framing: Framing,
    events: Events,
    /// Reads what is recorded of the answer.
    record: Option<Box<dyn StreamPipe>>,
    blocked: Option<Blocked>,
}

impl GuardPipe {
    /// Searches what comes out of a pipe, in the caller's dialect. `is_list`: as one growing JSON list instead of events.
    #[must_use]
    pub fn new(
        pipe: Box<dyn StreamPipe>,
        rules: Rc<ContentRules>,
        caller_dialect: CallerDialect,
        is_list: bool,
    ) -> Self {
        let record = (!is_list).then(|| native::tap(caller_dialect, false));
        let events = Events::new(rules, caller_dialect);
        Self { pipe, framing: Framing::new(is_list), events, record, blocked: None }
    }

    /// The rule that has ended the answer.
    #[must_use]
    pub fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    fn pass(&mut self, bytes: &[u8]) -> Written {
        let mut written = Written::default();
        let Self { framing, events, blocked, .. } = self;
        framing.push(bytes, |part| {
            if blocked.is_some() {
                return;
            }
            let passed = match part {
                Part::Between(bytes) => {
                    written.same(bytes);
                    Ok(())
                }
                Part::Event(event, data) => {
                    events.event(event.raw(), event.name(), &data, false, &mut written)
                }
                Part::Item(item) => events.event(item, None, item, true, &mut written),
                Part::TooLarge => Err(Blocked { rule: "(too large to be searched)".to_owned() }),
            };
            *blocked = passed.err();
        });
        self.keep(&written.kept);
        written
    }

    fn keep(&mut self, kept: &[u8]) {
        if let Some(record) = &mut self.record {
            let _ = record.push(kept);
        }
    }

    /// The error event, after what has been passed on.
    fn block(&mut self, mut told: Vec<u8>) -> Vec<u8> {
        if let Some(blocked) = &self.blocked {
            told.extend(self.pipe.encode_error(&error_of(blocked)));
        }
        told
    }
}

impl StreamPipe for GuardPipe {
    fn push(&mut self, chunk: &[u8]) -> Forward {
        if self.blocked.is_some() {
            return Forward::Replaced(Vec::new());
        }
        let written = match self.pipe.push(chunk) {
            Forward::Unchanged => self.pass(chunk),
            Forward::Replaced(bytes) => self.pass(&bytes),
        };
        match self.blocked {
            Some(_) => Forward::Replaced(self.block(written.told)),
            None if written.told == chunk => Forward::Unchanged,
            None => Forward::Replaced(written.told),
        }
    }

    fn finish(&mut self) -> StreamEnd {
        if self.blocked.is_some() {
            return StreamEnd { tail: Vec::new(), outcome: StreamOutcome::UpstreamError };
        }
        let end = self.pipe.finish();
        let mut written = self.pass(&end.tail);
        // A part that was not completed is not searched, and no client reads it.
        let _ = self.framing.finish();
        if self.blocked.is_none() {
            let mut flushed = Written::default();
            self.blocked = self.events.flush(|_| true, &mut flushed).err();
            // Behind the end of a list nothing may follow; there the last item has ended every text.
            if matches!(self.framing, Framing::Events(_)) {
                written.told.extend_from_slice(&flushed.told);
                self.keep(&flushed.kept);
            }
        }
        if self.blocked.is_some() {
            let tail = self.block(written.told);
            return StreamEnd { tail, outcome: StreamOutcome::UpstreamError };
        }
        if let Some(record) = &mut self.record {
            let _ = record.finish();
        }
        StreamEnd { tail: written.told, outcome: end.outcome }
    }

    fn facts(&self) -> StreamFacts {
        self.pipe.facts()
    }

    fn is_complete(&self) -> bool {
        self.pipe.is_complete() && self.blocked.is_none()
    }

    fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    fn at_boundary(&self) -> bool {
        self.pipe.at_boundary() && self.framing.at_boundary()
    }

    fn keep_alive(&self) -> &'static [u8] {
        self.pipe.keep_alive()
    }

    fn final_body(&self) -> Option<Vec<u8>> {
        let body = self.pipe.final_body()?;
        let rules = &self.events.rules;
        let Ok(whole) = Whole::read(&body) else { return Some(body) };
        let changes = match content::judge(rules, &whole.pieces()) {
            Verdict::Pass(changes) => changes,
            Verdict::Blocked(_) => return None,
        };
        let edited = whole.with(changes);
        Some(edited.map_or(body, |edited| edited.kept.unwrap_or(edited.told)))
    }

    fn has_content(&mut self) -> bool {
        self.blocked.is_some() || self.pipe.has_content()
    }

    fn is_at_work(&self) -> bool {
        self.pipe.is_at_work()
    }

    fn error(&mut self) -> Option<ErrorInfo> {
        self.pipe.error()
    }

    /// As the caller got it, without values that came back.
    fn take_answer(&mut self) -> Answered {
        match &mut self.record {
            Some(record) => record.take_answer(),
            None => Answered { is_whole: false, ..self.pipe.take_answer() },
        }
    }

    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8> {
        self.pipe.encode_error(error)
    }
}
