//! Results on their way to the hub, part by part within the credit.

use super::journal::{Entry, Sending};
use super::{Act, Agent, failure, send};
use crate::frame::{ResultFrame, Up};
use crate::limits::RESEND_MS;
use crate::part::{Part, PartKind};
use nexus_edge_hash::checksum_hex;

impl Agent {
    /// Sends what may be sent of results: whole ones in a frame, long ones in parts as far as there is credit.
    pub(super) fn pump(&mut self, now: u64, acts: &mut Vec<Act>) {
        if !self.is_up() {
            return;
        }
        let limits = self.limits;
        let mut total: usize = self.journal.iter().map(|(_, entry)| outstanding(entry)).sum();
        for (id, entry) in self.journal.iter_mut() {
            let Entry::Done { n, outcome, sending, .. } = entry else { continue };
            let sending = sending.get_or_insert_with(Sending::default);
            if sending.sent_ms.is_some() {
                continue;
            }
            let text = outcome.body.get().as_bytes();
            let mut frame = ResultFrame {
                id: id.clone(),
                n: *n,
                ok: outcome.ok,
                body: None,
                bytes: 0,
                parts: 0,
                sha256: None,
            };
            if text.len() <= limits.part_bytes {
                frame.body = Some(outcome.body.clone());
            } else {
                while let Some(bytes) = next_part(text, sending.offset, limits.part_bytes) {
                    let has_room = sending.outstanding + bytes.len() <= limits.window_bytes
                        && total + bytes.len() <= limits.total_window_bytes;
                    if !has_room {
                        break;
                    }
                    let part = Part { kind: PartKind::Result, number: *n, index: sending.parts, bytes };
                    acts.push(Act::SendPart(part.write()));
                    sending.offset += bytes.len();
                    sending.parts += 1;
                    sending.outstanding += bytes.len();
                    total += bytes.len();
                }
                if sending.offset < text.len() {
                    continue;
                }
                (frame.bytes, frame.parts) = (text.len(), sending.parts);
                frame.sha256 = Some(checksum_hex(text));
            }
            sending.sent_ms = Some(now);
            acts.push(send(Up::Result(frame)));
        }
    }

    pub(super) fn credited(&mut self, number: u32, bytes: usize) {
        for (_, entry) in self.journal.iter_mut() {
            if let Entry::Done { n, sending: Some(sending), .. } = entry
                && *n == number
            {
                sending.outstanding = sending.outstanding.saturating_sub(bytes);
            }
        }
    }

    /// A result is to be sent from its beginning.
    pub(super) fn restart(&mut self, id: &str) {
        if let Some(Entry::Done { sending, .. }) = self.journal.get_mut(id) {
            *sending = None;
        }
    }

    /// A new connection knows nothing of what was sent over the last one.
    pub(super) fn reset_sending(&mut self) {
        for (_, entry) in self.journal.iter_mut() {
            if let Entry::Done { sending, .. } = entry {
                *sending = None;
            }
        }
    }

    pub(super) fn resend_unacknowledged(&mut self, now: u64) {
        for (_, entry) in self.journal.iter_mut() {
            if let Entry::Done { sending, .. } = entry
                && let Some(Sending { sent_ms: Some(at), .. }) = sending
                && now >= *at + RESEND_MS
            {
                *sending = None;
            }
        }
    }

    /// Gives a result up for which there is no room. The hub hears that it was executed.
    pub(super) fn give_up(&mut self, id: &str) {
        if let Some(Entry::Done { outcome, sending, .. }) = self.journal.get_mut(id) {
            *outcome = failure("result_dropped", "The agent had no room to keep the result.");
            *sending = None;
        }
    }
}

fn outstanding(entry: &Entry) -> usize {
    match entry {
        Entry::Done { sending: Some(sending), .. } => sending.outstanding,
        _ => 0,
    }
}

/// The bytes of the next part; `None` after the last.
fn next_part(text: &[u8], offset: usize, part_bytes: usize) -> Option<&[u8]> {
    let rest = text.get(offset..).filter(|rest| !rest.is_empty())?;
    rest.get(..part_bytes.min(rest.len()))
}
