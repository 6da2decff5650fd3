//! The events of one answer: each is passed on, with its texts searched.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::json::lenient::Joint;
use nexus_edge_core::json::splice::{Edit, apply};
use nexus_edge_core::sse::writer::write_data;

use super::edits::Edits;
use super::event::{ChannelName, Ends, Event};
use crate::document::{Leaf, Role, Walk, field, is_data_url, is_json, piece_of, text_of};
use crate::guard::Blocked;
use crate::rules::ContentRules;
use crate::scanner::{Output, Scanner};

/// Most texts of one answer that are searched at a time.
const MAX_CHANNELS: usize = 512;

/// A text of an answer.
struct Channel {
    scanner: Scanner,
    /// Half of a character that is written as two escapes.
    joint: Joint,
    last: LastEvent,
}

/// The last event that went on with a text, with its texts left empty.
#[derive(Clone, Default)]
struct LastEvent {
    name: Option<Vec<u8>>,
    data: Vec<u8>,
    /// Where the text stands in `data`.
    text: Range<usize>,
    is_item: bool,
}

/// A text of an event that goes on with one of the answer.
struct Delta {
    name: ChannelName,
    leaf: Leaf,
    output: Output,
}

/// The events of one answer.
pub(super) struct Events {
    pub(super) rules: Rc<ContentRules>,
    caller_dialect: CallerDialect,
    channels: BTreeMap<ChannelName, Channel>,
    /// By how much the numbers of events are larger than the provider's, in the dialect that numbers them.
    shift: u64,
}

/// Bytes for the caller and for the record.
#[derive(Default)]
pub(super) struct Written {
    pub(super) told: Vec<u8>,
    pub(super) kept: Vec<u8>,
}

impl Written {
    pub(super) fn same(&mut self, bytes: &[u8]) {
        self.told.extend_from_slice(bytes);
        self.kept.extend_from_slice(bytes);
    }
}

impl Channel {
    fn push(&mut self, piece: &str, output: &mut Output) -> Result<(), Blocked> {
        if self.joint.holds() || Joint::concerns(piece) {
            let joined = self.joint.add(piece.to_owned());
            return self.scanner.push(&joined, output);
        }
        self.scanner.push(piece, output)
    }

    fn finish(&mut self, output: &mut Output) -> Result<(), Blocked> {
        if let Some(half) = self.joint.end() {
            self.scanner.push(half.encode_utf8(&mut [0; 4]), output)?;
        }
        self.scanner.finish(output)
    }
}

impl Events {
    /// The events of an answer in a dialect, searched by these rules.
    pub(super) fn new(rules: Rc<ContentRules>, caller_dialect: CallerDialect) -> Self {
        Self { rules, caller_dialect, channels: BTreeMap::new(), shift: 0 }
    }

    /// Passes on an event, and before it what it is the end of.
    pub(super) fn event(
        &mut self,
        raw: &[u8],
        name: Option<&[u8]>,
        data: &[u8],
        is_item: bool,
        written: &mut Written,
    ) -> Result<(), Blocked> {
        if data.trim_ascii() == b"[DONE]" {
            self.flush(|_| true, written)?;
            written.same(raw);
            return Ok(());
        }
        let mut leaves = Vec::new();
        let mut walk = Walk::new(data, true);
        if !walk.run(|leaf| leaves.push(leaf)) || data.first() != Some(&b'{') {
            // What no client can read either.
            written.same(raw);
            return Ok(());
        }
        let event = Event { dialect: self.caller_dialect, data, frames: walk.frames(), is_item };
        let mut edits = Edits::default();
        let mut deltas: Vec<Delta> = Vec::new();
        let mut blocked = None;
        for leaf in &leaves {
            match leaf.role {
                Role::Text | Role::Number => {}
                Role::Count if event.is_number_of_event(leaf) => {
                    edits.number(leaf);
                    continue;
                }
                Role::Structure | Role::Count | Role::Logprobs => continue,
            }
            let text = text_of(data, &leaf.range);
            if is_data_url(text.as_bytes()) || event.is_data() {
                continue;
            }
            let Some(delta) = event.channel(leaf) else {
                if let Some(changed) = Scanner::whole(&self.rules, &text, is_json(data, leaf))? {
                    let kept = changed.kept.unwrap_or_else(|| changed.told.clone());
                    edits.text(leaf, Output { told: changed.told, kept });
                }
                continue;
            };
            let mut output = Output::default();
            if blocked.is_none() {
                let channel = self.open(&delta, event.is_json(leaf))?;
                blocked = channel.push(&piece_of(data, &leaf.range), &mut output).err();
            }
            deltas.push(Delta { name: delta, leaf: leaf.clone(), output });
        }
        let ends = event.ends(&leaves);
        if blocked.is_none() {
            blocked = self.end(&ends, &mut deltas, written).err();
            edits.renumber(data, self.shift);
        }
        self.remember(name, data, &deltas, is_item);
        for delta in deltas {
            if piece_of(data, &delta.leaf.range) != delta.output.told
                || delta.output.kept != delta.output.told
            {
                edits.text(&delta.leaf, delta.output);
            }
        }
        if edits.is_empty() {
            written.same(raw);
        } else {
            edits.logprobs(data);
            let (told, kept) = edits.apply(data);
            write_event(&mut written.told, name, &told, is_item);
            write_event(&mut written.kept, name, &kept, is_item);
        }
        blocked.map_or(Ok(()), Err)
    }

    fn open(&mut self, name: &ChannelName, is_json: bool) -> Result<&mut Channel, Blocked> {
        if self.channels.len() >= MAX_CHANNELS && !self.channels.contains_key(name) {
            return Err(Blocked { rule: "(too many texts to be searched)".to_owned() });
        }
        let rules = &self.rules;
        Ok(self.channels.entry(name.clone()).or_insert_with(|| Channel {
            scanner: Scanner::new(rules, is_json),
            joint: Joint::default(),
            last: LastEvent::default(),
        }))
    }

    /// Ends the texts that an event ends: the rest of one that it goes on with comes with it, others come before.
    fn end(&mut self, ends: &Ends, deltas: &mut [Delta], written: &mut Written) -> Result<(), Blocked> {
        for delta in deltas.iter_mut().filter(|delta| ends.covers(delta.name.scope)) {
            if let Some(mut channel) = self.channels.remove(&delta.name) {
                channel.finish(&mut delta.output)?;
            }
        }
        self.flush(|scope| ends.covers(scope), written)
    }

    /// Ends the texts of these scopes: what is held back of them comes in events of their own.
    pub(super) fn flush(
        &mut self,
        is_over: impl Fn(u64) -> bool,
        written: &mut Written,
    ) -> Result<(), Blocked> {
        let over: Vec<ChannelName> =
            self.channels.keys().filter(|name| is_over(name.scope)).cloned().collect();
        for name in over {
            let Some(mut channel) = self.channels.remove(&name) else { continue };
            let mut output = Output::default();
            let end = channel.finish(&mut output);
            if !output.told.is_empty() || !output.kept.is_empty() {
                self.write_held(&channel.last, output, written);
            }
            end?;
        }
        Ok(())
    }

    /// An event with what was held back.
    fn write_held(&mut self, last: &LastEvent, output: Output, written: &mut Written) {
        let mut edits = Edits::default();
        let leaf = Leaf { range: last.text.clone(), name: 0..0, frame: 0, role: Role::Text };
        edits.text(&leaf, output);
        if self.caller_dialect == CallerDialect::OpenaiResponses {
            self.shift += 1;
            let _ = Walk::new(&last.data, false).run(|leaf| {
                if field(&last.data, &leaf.name) == b"sequence_number" && leaf.role == Role::Count {
                    edits.number(&leaf);
                }
            });
            edits.renumber(&last.data, self.shift);
        }
        let (told, kept) = edits.apply(&last.data);
        write_event(&mut written.told, last.name.as_deref(), &told, last.is_item);
        write_event(&mut written.kept, last.name.as_deref(), &kept, last.is_item);
        if last.is_item {
            written.same(b",");
        }
    }

    /// Remembers an event for those of its texts that are held back.
    fn remember(&mut self, name: Option<&[u8]>, data: &[u8], deltas: &[Delta], is_item: bool) {
        for delta in deltas {
            let Some(channel) = self.channels.get_mut(&delta.name) else { continue };
            if channel.scanner.held() == 0 && !channel.joint.holds() {
                continue;
            }
            // Without the texts of the others, and without what was counted so far.
            let empty = |other: &Delta| Edit {
                at: other.leaf.range.start,
                removed: other.leaf.range.len(),
                inserted: "\"\"".to_owned(),
            };
            let before = deltas.iter().filter(|other| other.leaf.range.start < delta.leaf.range.start);
            let shorter: usize = before.map(|other| other.leaf.range.len().saturating_sub(2)).sum();
            let from = delta.leaf.range.start - shorter;
            channel.last = LastEvent {
                name: name.map(<[u8]>::to_vec),
                data: apply(data, deltas.iter().map(empty).collect()),
                text: from..from + 2,
                is_item,
            };
        }
    }
}

fn write_event(out: &mut Vec<u8>, name: Option<&[u8]>, data: &[u8], is_item: bool) {
    if is_item {
        out.extend_from_slice(data);
        return;
    }
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.push(b'\n');
    }
    write_data(out, data);
}
