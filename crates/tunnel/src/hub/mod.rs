//! The hub of one agent: takes calls, gives each to the agent at most once, and knows how each ended.
//!
//! Only what has not ended is held in memory; [`Hub::wake`] makes it anew from the storage. After an error of the storage
//! the machine must be dropped and woken again. A method changes the storage itself; what else is to be done (frames to be
//! sent, connections to be closed, waiting callers to be told) is collected, in its order, for [`Hub::take_acts`].

mod act;
mod assembly;
mod clock;
mod connection;
mod dispatch;
mod results;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;

pub use act::{Act, Event, Placed, Refused, Request, Status};
use assembly::{Assembly, CatalogAssembly};
pub use connection::{IN_USE, REPLACED, TAKEN_OVER};
pub use store::{CallRow, End, EndRow, Executed, Link, Store};

use crate::frame::{Ack, Answer, Ask, Bye, Cancel, Check, Down, Ids, Up, Want};
use crate::limits::{ACK_MS, Limits, MAX_DEADLINE_MS};
use nexus_edge_hash::checksum_hex;

/// A call without an end, in memory.
struct Live {
    row: CallRow,
    /// Until when the agent must acknowledge it, and when it was asked to; `None` once it has.
    ack: Option<u64>,
    /// Whether the agent was told that the deadline has passed.
    is_overdue: bool,
    /// How often its result was asked for again.
    retries: u8,
    asks: Vec<Ask>,
}

/// A call that waits to be sent.
struct Waiting {
    request: Request,
    fingerprint: String,
    deadline_ms: u64,
}

/// The machine.
pub struct Hub<S: Store> {
    store: S,
    limits: Limits,
    link: Link,
    is_connected: bool,
    /// When the agent was heard last, in milliseconds; 0 if not since the machine was made.
    heard_ms: u64,
    open: BTreeMap<String, Live>,
    queue: VecDeque<Waiting>,
    /// Number of the last call.
    last_n: u32,
    /// Results that are arriving, by the number of their call.
    assemblies: BTreeMap<u32, Assembly>,
    catalog: CatalogAssembly,
    acts: Vec<Act>,
}

impl<S: Store> Hub<S> {
    /// Makes the machine from its storage. `connected` has the epochs of the connections that are there.
    ///
    /// What the agent has acknowledged is not stored, as that would cost a row for each call: it is asked again.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn wake(mut store: S, limits: Limits, now: u64, connected: &[u64]) -> Result<Self, S::Error> {
        let mut link = store.link()?;
        let is_connected = link.epoch > 0 && link.lost_ms.is_none() && connected.contains(&link.epoch);
        if !is_connected && link.epoch > 0 && link.lost_ms.is_none() {
            link.lost_ms = Some(now);
            store.set_link(&link)?;
        }
        let live = |row: CallRow| {
            let live = Live {
                ack: is_connected.then_some(now),
                is_overdue: false,
                retries: 0,
                asks: Vec::new(),
                row,
            };
            (live.row.id.clone(), live)
        };
        let open: BTreeMap<_, _> = store.open_calls()?.into_iter().map(live).collect();
        let mut hub = Self {
            store,
            limits,
            link,
            is_connected,
            heard_ms: 0,
            open,
            queue: VecDeque::new(),
            last_n: low_bits(now),
            assemblies: BTreeMap::new(),
            catalog: CatalogAssembly::default(),
            acts: Vec::new(),
        };
        hub.tick(now)?;
        if is_connected && !hub.open.is_empty() {
            let ids = hub.open.keys().cloned().collect();
            hub.send(Down::Check(Check { ids }));
        }
        Ok(hub)
    }

    /// What is to be done since this was asked last.
    pub fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// The storage.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The storage, for what the machine does not know of.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The connection that counts.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Whether the agent is connected.
    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Number of calls that run and that wait.
    pub fn load(&self) -> (usize, usize) {
        (self.open.len(), self.queue.len())
    }

    /// Makes a call, at most once for an id.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn call(&mut self, now: u64, request: Request) -> Result<Result<Placed, Refused>, S::Error> {
        self.tick(now)?;
        let fingerprint = fingerprint(&request);
        let known = self.status(&request.id)?;
        let known_print = match &known {
            Status::Unknown => None,
            Status::Queued => {
                self.queue.iter().find(|one| one.request.id == request.id).map(|one| one.fingerprint.clone())
            }
            Status::Open => self.open.get(&request.id).map(|live| live.row.fingerprint.clone()),
            Status::Ended(ended) => Some(ended.0.fingerprint.clone()),
        };
        if known_print.is_some_and(|known| known != fingerprint) {
            return Ok(Err(Refused::IdReused));
        }
        match known {
            Status::Queued => return Ok(Ok(Placed::Queued)),
            Status::Open => return Ok(Ok(Placed::Open)),
            Status::Ended(ended) => return Ok(Ok(Placed::Ended(ended))),
            Status::Unknown => {}
        }
        if request.params.get().len() > self.limits.max_params_bytes {
            return Ok(Err(Refused::ParamsTooLarge));
        }
        if !self.is_connected {
            return Ok(Err(Refused::Offline));
        }
        let deadline_ms = now + request.timeout_ms.min(MAX_DEADLINE_MS);
        let waiting = Waiting { request, fingerprint, deadline_ms };
        if self.open.len() < self.limits.max_calls {
            self.dispatch(now, waiting)?;
            return Ok(Ok(Placed::Sent));
        }
        if self.queue.len() >= self.limits.max_queued {
            return Ok(Err(Refused::Busy));
        }
        self.queue.push_back(waiting);
        Ok(Ok(Placed::Queued))
    }

    /// What is known of a call.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn status(&self, id: &str) -> Result<Status, S::Error> {
        if self.open.contains_key(id) {
            return Ok(Status::Open);
        }
        if self.queue.iter().any(|one| one.request.id == id) {
            return Ok(Status::Queued);
        }
        Ok(self.store.ended(id)?.map_or(Status::Unknown, |ended| Status::Ended(Box::new(ended))))
    }

    /// The questions that open calls wait for, each with its call.
    pub fn questions(&self) -> impl Iterator<Item = (&CallRow, &Ask)> {
        self.open.values().flat_map(|live| live.asks.iter().map(|ask| (&live.row, ask)))
    }

    /// The questions that an open call waits for.
    pub fn asks(&self, id: &str) -> &[Ask] {
        self.open.get(id).map_or(&[], |live| &live.asks)
    }

    /// Cancels a call; false if it is not open.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn cancel(&mut self, now: u64, id: &str, reason: &str) -> Result<bool, S::Error> {
        self.tick(now)?;
        if let Some(place) = self.queue.iter().position(|one| one.request.id == id) {
            if let Some(waiting) = self.queue.remove(place) {
                self.end_waiting(now, &waiting, End::Canceled)?;
            }
            return Ok(true);
        }
        if !self.open.contains_key(id) {
            return Ok(false);
        }
        self.send_cancel(id, reason);
        self.finish(now, id, Outcome::without_result(End::Canceled, Executed::Unknown))?;
        Ok(true)
    }

    /// Passes the answer to a question on; false if there is no such question, or no connection.
    pub fn answer(&mut self, id: &str, ask: &str, body: Box<RawValue>) -> bool {
        let Some(live) = self.open.get_mut(id).filter(|_| self.is_connected) else { return false };
        let before = live.asks.len();
        live.asks.retain(|one| one.ask != ask);
        if live.asks.len() == before {
            return false;
        }
        self.send(Down::Answer(Answer { id: id.to_owned(), ask: ask.to_owned(), body }));
        true
    }

    /// Takes a frame of the connection with this epoch. A hello goes to [`hello`](Self::hello) instead.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn frame(&mut self, now: u64, epoch: u64, frame: Up) -> Result<(), S::Error> {
        self.heard(now, epoch);
        match frame {
            Up::Hello(_) => {
                let bye = Bye { code: 1008, reason: "hello was said already".into(), retry_after_ms: None };
                self.acts.push(Act::Close { epoch, bye });
            }
            Up::Announce(announce) if epoch == self.link.epoch => {
                let servers = self.take_servers(&announce.servers)?;
                if !servers.is_empty() {
                    self.send(Down::Want(Want { servers }));
                }
            }
            Up::Catalog(frame) if epoch == self.link.epoch => self.take_catalog(&frame)?,
            Up::Ack(ack) => self.acked(now, epoch, &ack)?,
            Up::Note(note) if self.is_given(&note.id, epoch) => {
                self.acts.push(Act::Tell(Event::Noted(Box::new(note))));
            }
            Up::Ask(ask) if self.is_given(&ask.id, epoch) => self.asked(ask),
            Up::Result(frame) => self.take_result(now, epoch, frame)?,
            Up::Bye(_) if epoch == self.link.epoch => self.leave(now)?,
            Up::Announce(_) | Up::Catalog(_) | Up::Note(_) | Up::Ask(_) | Up::CancelAck(_) | Up::Bye(_) => {}
        }
        self.tick(now)
    }

    /// Whether a call is open and was given to the connection with this epoch, or to an earlier one of its instance.
    fn is_given(&self, id: &str, epoch: u64) -> bool {
        self.open.get(id).is_some_and(|live| epoch == self.link.epoch || epoch == live.row.epoch)
    }

    fn heard(&mut self, now: u64, epoch: u64) {
        if epoch == self.link.epoch {
            self.heard_ms = now;
        }
    }

    fn acked(&mut self, now: u64, epoch: u64, ack: &Ack) -> Result<(), S::Error> {
        if !self.is_given(&ack.id, epoch) {
            return Ok(());
        }
        if ack.accepted {
            if let Some(live) = self.open.get_mut(&ack.id)
                && live.ack.take().is_some()
            {
                self.acts.push(Act::Tell(Event::Acked { id: ack.id.clone() }));
            }
            return Ok(());
        }
        let reason = ack.reason.clone().unwrap_or_default();
        // A call that the agent remembers was given to it twice by a network that repeats frames.
        let executed = if reason == "already_ended" { Executed::Unknown } else { Executed::No };
        let end = if reason == "unknown_id" { End::AgentLost } else { End::Rejected };
        let outcome = Outcome { reason: Some(reason), ..Outcome::without_result(end, executed) };
        self.finish(now, &ack.id, outcome)
    }

    fn asked(&mut self, ask: Ask) {
        let Some(live) = self.open.get_mut(&ask.id) else { return };
        // An agent asks again when it was asked what became of the call.
        if live.asks.len() < 8 && live.asks.iter().all(|one| one.ask != ask.ask) {
            live.asks.push(ask.clone());
            self.acts.push(Act::Tell(Event::Asked(Box::new(ask))));
        }
    }

    fn send(&mut self, frame: Down) {
        self.acts.push(Act::Send { epoch: self.link.epoch, frame: Box::new(frame) });
    }

    fn send_cancel(&mut self, id: &str, reason: &str) {
        if self.is_connected {
            self.send(Down::Cancel(Cancel { id: id.to_owned(), reason: reason.to_owned() }));
        }
    }

    fn acknowledge(&mut self, epoch: u64, id: &str) {
        let frame = Box::new(Down::ResultAck(Ids { ids: vec![id.to_owned()] }));
        self.acts.push(Act::Send { epoch, frame });
    }
}

/// How a call ends, before the time is known.
struct Outcome {
    end: End,
    executed: Executed,
    reason: Option<String>,
    body: Option<String>,
    bytes: usize,
    pieces: u32,
}

impl Outcome {
    fn without_result(end: End, executed: Executed) -> Self {
        Self { end, executed, reason: None, body: None, bytes: 0, pieces: 0 }
    }

    fn row(self, ended_ms: u64) -> EndRow {
        let Self { end, executed, reason, body, bytes, pieces } = self;
        EndRow { end, executed, ended_ms, reason, body, bytes, pieces, late: false }
    }
}

fn fingerprint(request: &Request) -> String {
    checksum_hex([&request.server, "\0", &request.method, "\0", request.params.get()].concat().as_bytes())
}

/// Numbers of calls begin at the time at which the machine was made: after an eviction none is used again that late parts
/// of an earlier call may carry.
fn low_bits(now: u64) -> u32 {
    u32::try_from(now & u64::from(u32::MAX)).unwrap_or_default()
}

impl Live {
    /// Until when the call must be acknowledged, if it has not been; `heard_ms` is when the agent was heard last.
    fn ack_by(&self, heard_ms: u64) -> Option<u64> {
        let asked = self.ack?;
        let last = asked + crate::limits::ACK_LAST_MS;
        Some((asked + ACK_MS).max(heard_ms + ACK_MS).min(last))
    }
}
