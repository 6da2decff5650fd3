//! How calls are given to the agent, and how they end.

use super::{Act, CallRow, End, Event, Executed, Hub, Live, Outcome, Store, Waiting, low_bits};
use crate::frame::{Call, Down};
use crate::part::{PartKind, parts};
use nexus_edge_hash::checksum_hex;

impl<S: Store> Hub<S> {
    /// Stores a call, then sends it.
    pub(super) fn dispatch(&mut self, now: u64, waiting: Waiting) -> Result<(), S::Error> {
        self.last_n = low_bits(now).max(self.last_n.wrapping_add(1));
        let row = self.row_of(now, &waiting);
        self.store.add(&row)?;
        let (id, n) = (row.id.clone(), row.n);
        let live = Live { ack: Some(now), is_overdue: false, retries: 0, asks: Vec::new(), row };
        self.open.insert(id.clone(), live);
        let Waiting { request, deadline_ms, .. } = waiting;
        let params = request.params.get();
        let is_long = params.len() > self.limits.part_bytes;
        let (bytes, sum) =
            if is_long { (params.len(), Some(checksum_hex(params.as_bytes()))) } else { (0, None) };
        if is_long {
            for part in parts(PartKind::Params, n, params.as_bytes(), self.limits.part_bytes) {
                self.acts.push(Act::SendPart { epoch: self.link.epoch, frame: part.write() });
            }
        }
        self.send(Down::Call(Call {
            id: id.clone(),
            n,
            server: request.server,
            method: request.method,
            params: (!is_long).then_some(request.params),
            bytes,
            sha256: sum,
            deadline_ms: deadline_ms.saturating_sub(now),
            progress: request.progress,
            principal: request.principal,
        }));
        self.acts.push(Act::Tell(Event::Sent { id }));
        Ok(())
    }

    fn row_of(&self, now: u64, waiting: &Waiting) -> CallRow {
        let Waiting { request, fingerprint, deadline_ms } = waiting;
        CallRow {
            id: request.id.clone(),
            n: self.last_n,
            fingerprint: fingerprint.clone(),
            server: request.server.clone(),
            method: request.method.clone(),
            about: request.about.clone(),
            sent_ms: now,
            deadline_ms: *deadline_ms,
            epoch: self.link.epoch,
            instance: self.link.instance.clone(),
        }
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn advance(&mut self, now: u64) -> Result<(), S::Error> {
        while self.is_connected && self.open.len() < self.limits.max_calls {
            let Some(waiting) = self.queue.pop_front() else { break };
            self.dispatch(now, waiting)?;
        }
        Ok(())
    }

    /// Ends a call that was never sent.
    pub(super) fn end_waiting(&mut self, now: u64, waiting: &Waiting, end: End) -> Result<(), S::Error> {
        let row = self.row_of(now, waiting);
        let end = Outcome::without_result(end, Executed::No).row(now);
        self.store.end(&row, &end)?;
        self.acts.push(Act::Tell(Event::Ended { row: Box::new(row), end: Box::new(end) }));
        Ok(())
    }

    /// Stores the end of an open call and tells those who wait for it.
    pub(super) fn finish(&mut self, now: u64, id: &str, outcome: Outcome) -> Result<(), S::Error> {
        let Some(live) = self.open.remove(id) else { return Ok(()) };
        let has_assembly = self.assemblies.remove(&live.row.n).is_some();
        if has_assembly && outcome.pieces == 0 {
            self.store.clear_pieces(id)?;
        }
        let end = outcome.row(now);
        self.store.end(&live.row, &end)?;
        self.acts.push(Act::Tell(Event::Ended { row: Box::new(live.row), end: Box::new(end) }));
        self.advance(now)
    }
}
