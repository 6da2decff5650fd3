//! The agent's side of the tunnel: runs each call at most once, and keeps its result until the hub has it.
//!
//! The program around it connects, reads and writes, and runs what [`Act::Run`] says. Frames of a connection that has ended
//! must not be given to the machine. Times are milliseconds of a steady clock.

pub mod heartbeat;
mod journal;
mod notes;
mod outbox;
mod params;
pub mod reconnect;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use journal::{Entry, Running};
pub use journal::{Journal, Outcome};
use notes::Notes;
use params::ParamsAssembly;

use crate::frame::{
    Ack, Announce, Ask, Call, Cancel, CancelAck, CatalogFrame, Down, Hello, Note, Resume, Server, Up, Welcome,
};
use crate::limits::{Limits, MAX_IDS};
use crate::part::{Part, PartKind, parts};
use nexus_edge_hash::checksum_hex;

/// Milliseconds within which a hub answers a hello.
const WELCOME_MS: u64 = 15_000;
/// Milliseconds after its deadline at which a call is ended here that does not stop.
const STOPPING_MS: u64 = 4_000;
/// Most bytes of results that are kept.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// Who the agent is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The agent's id.
    pub agent_id: String,
    /// Names this run of the program.
    pub instance: String,
    /// The program's version.
    pub version: String,
    /// The operating system.
    pub os: String,
}

/// A server with its catalogue.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The server's name.
    pub name: String,
    /// What it is doing.
    pub state: String,
    /// The era of MCP that it speaks.
    pub era: Option<String>,
    /// Its lists as the server gave them, as one JSON object.
    pub catalog: Option<Box<RawValue>>,
}

/// What is to be done, in this order.
#[derive(Debug, Clone)]
pub enum Act {
    /// Send a text frame.
    Send(Box<Up>),
    /// Send a binary frame.
    SendPart(Vec<u8>),
    /// Run a call, and tell how it ended with [`Agent::finished`].
    Run(Box<Run>),
    /// Stop a call that runs. Its end is told like any other.
    Stop {
        /// The call.
        id: String,
        /// Why.
        reason: String,
    },
    /// A question of a call was answered.
    Answered {
        /// The call.
        id: String,
        /// The question.
        ask: String,
        /// The answer.
        body: Box<RawValue>,
    },
    /// End the connection, and connect again.
    Disconnect {
        /// Why.
        reason: String,
        /// Milliseconds that the hub asked to wait.
        retry_after_ms: Option<u64>,
    },
}

/// A call to be run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Names it.
    pub id: String,
    /// The server.
    pub server: String,
    /// The method of MCP.
    pub method: String,
    /// Its parameters, if it has any.
    pub params: Option<Box<RawValue>>,
    /// When it must have ended, in milliseconds of the agent's clock.
    pub deadline_ms: u64,
    /// Whether progress is wanted.
    pub progress: bool,
    /// For whom it is made.
    pub principal: Option<Box<RawValue>>,
}

enum State {
    Down,
    /// Hello was said at this time.
    Greeting(u64),
    Up,
}

struct Announced {
    server: Server,
    catalog: Option<Box<RawValue>>,
}

/// The machine.
pub struct Agent {
    identity: Identity,
    takeover: bool,
    state: State,
    limits: Limits,
    journal: Journal,
    notes: Notes,
    servers: BTreeMap<String, Announced>,
    /// The servers as the hub was told them last over this connection.
    told: Vec<Server>,
    params: ParamsAssembly,
    /// Number of the last catalogue in parts.
    catalogs: u32,
}

impl Agent {
    /// An agent that has not connected. With `takeover` it sends another instance away when it connects first; one that comes later
    /// is not sent away in turn.
    #[must_use]
    pub fn new(identity: Identity, takeover: bool) -> Self {
        Self {
            identity,
            takeover,
            state: State::Down,
            limits: Limits::default(),
            journal: Journal::default(),
            notes: Notes::default(),
            servers: BTreeMap::new(),
            told: Vec::new(),
            params: ParamsAssembly::default(),
            catalogs: 0,
        }
    }

    /// Whether the hub has welcomed the agent.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// Number of calls that run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.journal.running().count()
    }

    /// There is a connection.
    pub fn connected(&mut self, now: u64) -> Vec<Act> {
        self.state = State::Greeting(now);
        self.params = ParamsAssembly::default();
        self.reset_sending();
        self.told = self.server_list();
        let running = self.journal.running().filter(|(_, running)| !running.is_dropped);
        let hello = Hello {
            agent_id: self.identity.agent_id.clone(),
            instance: self.identity.instance.clone(),
            version: self.identity.version.clone(),
            os: self.identity.os.clone(),
            takeover: self.takeover,
            servers: self.told.clone(),
            resume: Resume {
                running: running.map(|(id, _)| id.clone()).take(MAX_IDS).collect(),
                done: self.journal.done().take(MAX_IDS).cloned().collect(),
            },
        };
        vec![send(Up::Hello(hello))]
    }

    /// The connection has ended.
    pub fn disconnected(&mut self) {
        self.state = State::Down;
    }

    /// The servers as they are now. The hub is told of a change: at once, or after its welcome. Calls that run are not affected.
    pub fn announce(&mut self, offers: Vec<Offer>) -> Vec<Act> {
        let announced = offers.into_iter().map(|offer| {
            let sum = offer.catalog.as_ref().map(|catalog| checksum_hex(catalog.get().as_bytes()));
            let server = Server { name: offer.name, state: offer.state, era: offer.era, catalog_sha256: sum };
            (server.name.clone(), Announced { server, catalog: offer.catalog })
        });
        self.servers = announced.collect();
        let mut acts = Vec::new();
        self.tell_change(&mut acts);
        acts
    }

    /// A text frame of the current connection.
    pub fn frame(&mut self, now: u64, frame: Down) -> Vec<Act> {
        let mut acts = Vec::new();
        match frame {
            Down::Welcome(welcome) => self.welcomed(now, &welcome, &mut acts),
            Down::Want(want) => self.give_catalogs(&want.servers, &mut acts),
            Down::Call(call) => self.called(now, call, &mut acts),
            Down::Check(check) => check.ids.iter().for_each(|id| self.checked(now, id, &mut acts)),
            Down::ResultAck(list) => list.ids.iter().for_each(|id| self.forget(now, id, None, &mut acts)),
            Down::Send(list) => list.ids.iter().for_each(|id| self.restart(id)),
            Down::Credit(credit) => self.credited(credit.n, credit.bytes),
            Down::Cancel(cancel) => self.cancelled(now, &cancel, &mut acts),
            Down::Answer(answer) => {
                if let Some(Entry::Running(running)) = self.journal.get_mut(&answer.id) {
                    running.asks.retain(|ask| ask.ask != answer.ask);
                    acts.push(Act::Answered { id: answer.id, ask: answer.ask, body: answer.body });
                }
            }
            Down::Bye(bye) => {
                acts.push(Act::Disconnect { reason: bye.reason, retry_after_ms: bye.retry_after_ms });
            }
        }
        self.pump(now, &mut acts);
        acts
    }

    /// A binary frame of the current connection.
    pub fn part(&mut self, frame: &[u8]) {
        if let Some(part) = Part::read(frame).filter(|part| part.kind == PartKind::Params) {
            self.params.push(&part);
        }
    }

    /// A call has ended. Ignored if it does not run.
    pub fn finished(&mut self, now: u64, id: &str, outcome: Outcome) -> Vec<Act> {
        let mut acts = Vec::new();
        let outcome = if outcome.body.get().len() > self.limits.max_result_bytes {
            failure("result_too_large", "The result is larger than the gateway takes.")
        } else {
            outcome
        };
        self.notes.forget(id);
        if self.journal.finish(now, id, outcome) {
            while self.journal.bytes() > MAX_KEPT_BYTES {
                let Some(oldest) = self.journal.oldest_result() else { break };
                self.give_up(&oldest);
            }
            self.pump(now, &mut acts);
        }
        acts
    }

    /// Something happens during a call: a note that is sent when [`take_note`](Self::take_note) is asked for one.
    pub fn noted(&mut self, note: Note) {
        if matches!(self.journal.get(&note.id), Some(Entry::Running(_))) {
            self.notes.push(note);
        }
    }

    /// The next note, if one may be sent now: notes are sent when nothing else waits.
    pub fn take_note(&mut self) -> Option<Up> {
        if !self.is_up() {
            return None;
        }
        self.notes.pop().map(Up::Note)
    }

    /// A call waits for a person.
    pub fn asked(&mut self, ask: Ask) -> Vec<Act> {
        let is_up = self.is_up();
        let Some(Entry::Running(running)) = self.journal.get_mut(&ask.id) else { return Vec::new() };
        running.asks.push(ask.clone());
        if is_up { vec![send(Up::Ask(ask))] } else { Vec::new() }
    }

    /// Does what is due; to be called at least once a second while calls run.
    pub fn tick(&mut self, now: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        let mut stuck = Vec::new();
        for (id, entry) in self.journal.iter_mut() {
            let Entry::Running(running) = entry else { continue };
            if now >= running.deadline_ms && !running.is_stopping {
                running.is_stopping = true;
                acts.push(Act::Stop { id: id.clone(), reason: "deadline".to_owned() });
            }
            if now >= running.deadline_ms + STOPPING_MS {
                stuck.push(id.clone());
            }
        }
        for id in stuck {
            self.journal.finish(now, &id, failure("timeout", "The call did not end by its deadline."));
        }
        self.resend_unacknowledged(now);
        self.journal.forget(now);
        if let State::Greeting(since) = self.state
            && now >= since + WELCOME_MS
        {
            let reason = "the gateway does not answer".to_owned();
            acts.push(Act::Disconnect { reason, retry_after_ms: None });
        }
        self.pump(now, &mut acts);
        acts
    }

    /// Tells the servers if the hub was told others. A hub takes nothing before its welcome.
    fn tell_change(&mut self, acts: &mut Vec<Act>) {
        let servers = self.server_list();
        if self.is_up() && servers != self.told {
            self.told.clone_from(&servers);
            acts.push(send(Up::Announce(Announce { servers })));
        }
    }

    fn server_list(&self) -> Vec<Server> {
        self.servers.values().map(|announced| announced.server.clone()).collect()
    }

    fn welcomed(&mut self, now: u64, welcome: &Welcome, acts: &mut Vec<Act>) {
        self.state = State::Up;
        self.takeover = false;
        self.limits = welcome.limits;
        for id in &welcome.drop {
            self.forget(now, id, Some("the gateway has ended the call"), acts);
        }
        for id in &welcome.keep {
            if let Some(Entry::Running(running)) = self.journal.get(id) {
                acts.extend(running.asks.iter().map(|ask| send(Up::Ask(ask.clone()))));
            }
        }
        // In this order the hub does not ask for a catalogue a second time that has changed since the hello.
        self.give_catalogs(&welcome.want, acts);
        self.tell_change(acts);
    }

    fn give_catalogs(&mut self, names: &[String], acts: &mut Vec<Act>) {
        for name in names {
            let Some(Announced { server, catalog: Some(catalog) }) = self.servers.get(name) else { continue };
            let Some(sum) = server.catalog_sha256.clone() else { continue };
            let text = catalog.get().as_bytes();
            let mut frame = CatalogFrame { server: name.clone(), sha256: sum, body: None, n: 0, bytes: 0 };
            if text.len() <= self.limits.part_bytes {
                frame.body = Some(catalog.clone());
            } else {
                self.catalogs += 1;
                (frame.n, frame.bytes) = (self.catalogs, text.len());
                let parts = parts(PartKind::Catalog, self.catalogs, text, self.limits.part_bytes);
                acts.extend(parts.map(|part| Act::SendPart(part.write())));
            }
            acts.push(send(Up::Catalog(frame)));
        }
    }

    fn called(&mut self, now: u64, call: Call, acts: &mut Vec<Act>) {
        let refuse = |reason: &str| send(ack(&call.id, Some(reason)));
        match self.journal.get(&call.id) {
            Some(Entry::Running(_)) => return acts.push(send(ack(&call.id, None))),
            Some(Entry::Done { .. }) => {
                acts.push(send(ack(&call.id, None)));
                return self.restart(&call.id);
            }
            Some(Entry::Ended) => return acts.push(refuse("already_ended")),
            None => {}
        }
        let params = match &call.sha256 {
            None => Ok(call.params.clone()),
            Some(sum) => self.params.take(call.n, call.bytes, sum).map(Some).ok_or("bad_params"),
        };
        let params = match params {
            Ok(_) if self.running() >= self.limits.max_calls => Err("busy"),
            params => params,
        };
        match params {
            Err(reason) => {
                // What was refused must not be run when the same frame comes again.
                self.journal.end(now, &call.id);
                acts.push(refuse(reason));
            }
            Ok(params) => {
                let deadline_ms = now + call.deadline_ms;
                self.journal.begin(&call.id, call.n, deadline_ms);
                acts.push(send(ack(&call.id, None)));
                let Call { id, server, method, progress, principal, .. } = call;
                acts.push(Act::Run(Box::new(Run {
                    id,
                    server,
                    method,
                    params,
                    deadline_ms,
                    progress,
                    principal,
                })));
            }
        }
    }

    /// The hub asks what became of a call.
    fn checked(&mut self, now: u64, id: &str, acts: &mut Vec<Act>) {
        match self.journal.get(id) {
            Some(Entry::Running(Running { asks, .. })) => {
                acts.push(send(ack(id, None)));
                acts.extend(asks.iter().map(|ask| send(Up::Ask(ask.clone()))));
            }
            Some(Entry::Done { .. }) => {
                acts.push(send(ack(id, None)));
                self.restart(id);
            }
            Some(Entry::Ended) => acts.push(send(ack(id, Some("already_ended")))),
            None => {
                self.journal.end(now, id);
                acts.push(send(ack(id, Some("unknown_id"))));
            }
        }
    }

    fn cancelled(&mut self, now: u64, cancel: &Cancel, acts: &mut Vec<Act>) {
        let will_cancel = match self.journal.get_mut(&cancel.id) {
            Some(Entry::Running(running)) => {
                if !running.is_stopping {
                    running.is_stopping = true;
                    acts.push(Act::Stop { id: cancel.id.clone(), reason: cancel.reason.clone() });
                }
                true
            }
            Some(_) => false,
            None => {
                self.journal.end(now, &cancel.id);
                false
            }
        };
        acts.push(send(Up::CancelAck(CancelAck { id: cancel.id.clone(), will_cancel })));
    }

    /// The hub needs nothing more of a call. One that runs is stopped if there is a reason.
    fn forget(&mut self, now: u64, id: &str, stop: Option<&str>, acts: &mut Vec<Act>) {
        match self.journal.get_mut(id) {
            Some(Entry::Running(running)) => {
                running.is_dropped = true;
                if let Some(reason) = stop.filter(|_| !running.is_stopping) {
                    running.is_stopping = true;
                    acts.push(Act::Stop { id: id.to_owned(), reason: reason.to_owned() });
                }
            }
            _ => self.journal.end(now, id),
        }
    }
}

fn send(frame: Up) -> Act {
    Act::Send(Box::new(frame))
}

fn ack(id: &str, refusal: Option<&str>) -> Up {
    Up::Ack(Ack { id: id.to_owned(), accepted: refusal.is_none(), reason: refusal.map(str::to_owned) })
}

/// An error of the agent itself, as the body of a result.
#[must_use]
pub fn failure(code: &str, message: &str) -> Outcome {
    let text = serde_json::json!({ "code": code, "message": message }).to_string();
    Outcome { ok: false, body: RawValue::from_string(text).unwrap_or_default() }
}
