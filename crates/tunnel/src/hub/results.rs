//! Results and catalogues as they arrive.
//!
//! A result in parts is written to the storage while it arrives, in rows of [`row_bytes`](crate::limits::Limits::row_bytes), and credit is
//! given for what is written. So the hub holds at most half of the agent's window in memory, however slowly callers read.

use super::assembly::Assembly;
use super::{Act, End, Event, Executed, Hub, Outcome, Store};
use crate::frame::{CatalogFrame, Credit, Down, Ids, ResultFrame};
use crate::limits::MAX_RETRIES;
use crate::part::{Part, PartKind};
use nexus_edge_hash::checksum_hex;

impl<S: Store> Hub<S> {
    /// Takes a binary frame of the connection with this epoch. What is no part is ignored.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn part(&mut self, now: u64, epoch: u64, frame: &[u8]) -> Result<(), S::Error> {
        self.heard(now, epoch);
        match Part::read(frame) {
            Some(part) if epoch != self.link.epoch || part.bytes.len() > self.limits.part_bytes => {}
            Some(part) if part.kind == PartKind::Result => self.take_part(now, &part)?,
            Some(part) if part.kind == PartKind::Catalog => self.catalog.push(&part),
            _ => {}
        }
        self.tick(now)
    }

    fn take_part(&mut self, now: u64, part: &Part<'_>) -> Result<(), S::Error> {
        let Some(id) =
            self.open.values().find(|live| live.row.n == part.number).map(|live| live.row.id.clone())
        else {
            return Ok(());
        };
        if part.index == 0 && self.assemblies.insert(part.number, Assembly::default()).is_some() {
            self.store.clear_pieces(&id)?;
        }
        let Some(assembly) = self.assemblies.get_mut(&part.number) else { return Ok(()) };
        if assembly.is_broken || part.index != assembly.next {
            assembly.is_broken = true;
            return Ok(());
        }
        assembly.next += 1;
        assembly.bytes += part.bytes.len();
        assembly.sum.push(part.bytes);
        assembly.buffer.extend(part.bytes);
        if assembly.bytes > self.limits.max_result_bytes {
            return self.refuse_large(now, &id);
        }
        if assembly.buffer.len() >= self.limits.row_bytes {
            return self.flush(part.number, &id, true);
        }
        self.relieve()
    }

    /// Ends a call whose result is larger than the agent was told it may be.
    fn refuse_large(&mut self, now: u64, id: &str) -> Result<(), S::Error> {
        self.finish(now, id, Outcome::without_result(End::ResultTooLarge, Executed::Yes))?;
        self.acknowledge(self.link.epoch, id);
        Ok(())
    }

    /// Writes what is buffered of a result, and gives credit for it if more is to come.
    fn flush(&mut self, n: u32, id: &str, gives_credit: bool) -> Result<(), S::Error> {
        let Some(assembly) = self.assemblies.get_mut(&n) else { return Ok(()) };
        let buffer = std::mem::take(&mut assembly.buffer);
        if buffer.is_empty() {
            return Ok(());
        }
        self.store.put_piece(id, assembly.pieces, &buffer)?;
        assembly.pieces += 1;
        if gives_credit {
            self.send(Down::Credit(Credit { n, bytes: buffer.len() }));
        }
        Ok(())
    }

    /// Writes everything that is buffered when it fills half of the window: many results that each wait for a full row
    /// would use it up, and none could go on.
    fn relieve(&mut self) -> Result<(), S::Error> {
        let buffered: usize = self.assemblies.values().map(|assembly| assembly.buffer.len()).sum();
        if buffered * 2 < self.limits.total_window_bytes {
            return Ok(());
        }
        let all: Vec<(u32, String)> =
            self.open.values().map(|live| (live.row.n, live.row.id.clone())).collect();
        for (n, id) in all {
            self.flush(n, &id, true)?;
        }
        Ok(())
    }

    pub(super) fn take_result(&mut self, now: u64, epoch: u64, frame: ResultFrame) -> Result<(), S::Error> {
        if !self.is_given(&frame.id, epoch) {
            return self.take_late(epoch, &frame.id);
        }
        let (end, executed) = (if frame.ok { End::Result } else { End::Error }, Executed::Yes);
        if let Some(body) = frame.body {
            let body = String::from(Box::<str>::from(body));
            let bytes = body.len();
            let outcome = Outcome { body: Some(body), bytes, ..Outcome::without_result(end, executed) };
            self.finish(now, &frame.id, outcome)?;
            self.acknowledge(epoch, &frame.id);
            return Ok(());
        }
        if frame.bytes > self.limits.max_result_bytes {
            return self.refuse_large(now, &frame.id);
        }
        if !self.is_whole(&frame) {
            return self.ask_again(now, epoch, &frame.id);
        }
        self.flush(frame.n, &frame.id, false)?;
        let pieces = self.assemblies.get(&frame.n).map_or(0, |assembly| assembly.pieces);
        let outcome = Outcome { bytes: frame.bytes, pieces, ..Outcome::without_result(end, executed) };
        self.finish(now, &frame.id, outcome)?;
        self.acknowledge(epoch, &frame.id);
        Ok(())
    }

    fn is_whole(&self, frame: &ResultFrame) -> bool {
        let is_its = self.open.get(&frame.id).is_some_and(|live| live.row.n == frame.n);
        let assembly = self.assemblies.get(&frame.n).filter(|assembly| is_its && !assembly.is_broken);
        assembly.is_some_and(|assembly| {
            assembly.bytes == frame.bytes
                && assembly.next == frame.parts
                && Some(assembly.sum.clone().finish()) == frame.sha256
        })
    }

    /// Parts were lost with an eviction, or damaged.
    fn ask_again(&mut self, now: u64, epoch: u64, id: &str) -> Result<(), S::Error> {
        let Some(live) = self.open.get_mut(id) else { return Ok(()) };
        live.retries += 1;
        if live.retries > MAX_RETRIES {
            self.finish(now, id, Outcome::without_result(End::BadResult, Executed::Yes))?;
            self.acknowledge(epoch, id);
            return Ok(());
        }
        let frame = Box::new(Down::Send(Ids { ids: vec![id.to_owned()] }));
        self.acts.push(Act::Send { epoch, frame });
        Ok(())
    }

    /// A result of a call that is not open: it was stored already, or came too late. The agent may forget it.
    fn take_late(&mut self, epoch: u64, id: &str) -> Result<(), S::Error> {
        if let Some((_, end)) = self.store.ended(id)?
            && !matches!(end.end, End::Result | End::Error)
            && !end.late
        {
            self.store.mark_late(id)?;
        }
        if !self.open.contains_key(id) {
            self.acknowledge(epoch, id);
        }
        Ok(())
    }

    pub(super) fn take_catalog(&mut self, frame: &CatalogFrame) -> Result<(), S::Error> {
        let assembled = std::mem::take(&mut self.catalog);
        let from_parts = if frame.n == assembled.n { String::from_utf8(assembled.bytes).ok() } else { None };
        let body = match &frame.body {
            Some(body) => Some(body.get().to_owned()),
            None => from_parts.filter(|body| body.len() == frame.bytes),
        };
        let Some(body) = body.filter(|body| checksum_hex(body.as_bytes()) == frame.sha256) else {
            return Ok(());
        };
        let is_named = self.store.servers()?.iter().any(|server| server.name == frame.server);
        if is_named && serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok() {
            self.store.put_catalog(&frame.server, &frame.sha256, &body)?;
            self.acts.push(Act::Tell(Event::Servers));
        }
        Ok(())
    }
}
