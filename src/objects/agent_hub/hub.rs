//! The state machine of a hub in memory, the watchers of its events, and the execution of the acts that it returns.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use nexus_edge_api::agent_calls::call_of;
use nexus_edge_tunnel::backlog::{Backlog, Cursor, Missed};
use nexus_edge_tunnel::frame::Bye;
use nexus_edge_tunnel::hub::{Act, EndRow, Event, Hub, Status};
use nexus_edge_tunnel::limits::{KEPT_MS, Limits};
use worker::{Result, State, WebSocket};

use super::attached::{Attached, close};
use super::store::Tables;
use crate::platform::now_ms;
use crate::platform::promise::Timer;

/// Most events that wait for one watcher: one that reads more slowly loses notes.
const WAITING_EVENTS: usize = 256;

/// Events that are kept for watchers that connect again. Notes are not: they may be lost anyway, and are the largest.
const KEPT_EVENTS: usize = 256;

/// Milliseconds between two looks at whether a waiting caller has left.
const LOOK_MS: u64 = 1_000;

/// What an object has in memory.
pub struct Inside {
    /// The object's state.
    pub state: State,
    /// Its tables.
    pub tables: Tables,
    machine: RefCell<Option<Hub<Tables>>>,
    watchers: RefCell<Vec<Watcher>>,
    backlog: RefCell<Backlog<Rc<Event>>>,
    /// The connection whose hello is being looked at.
    greeting: RefCell<Option<WebSocket>>,
    has_alarm: Cell<bool>,
}

struct Watcher {
    /// The call that it waits for; all without.
    call: Option<String>,
    tell: mpsc::Sender<Heard>,
}

/// An event, and its name if it is one that is kept.
#[derive(Clone)]
pub struct Heard {
    /// Its name.
    pub cursor: Option<Cursor>,
    /// What happened.
    pub event: Rc<Event>,
}

impl Inside {
    /// That of an object.
    pub fn new(state: State) -> Rc<Self> {
        let tables = Tables::new(state.storage().sql());
        Rc::new(Self {
            state,
            tables,
            machine: RefCell::default(),
            watchers: RefCell::default(),
            backlog: RefCell::new(Backlog::new(now_ms(), KEPT_EVENTS)),
            greeting: RefCell::default(),
            has_alarm: Cell::new(false),
        })
    }

    /// Runs a step of the machine, and does what it asks for. After a failure of the storage the machine is made anew.
    pub fn with<T>(&self, step: impl FnOnce(&mut Hub<Tables>, u64) -> Result<T>) -> Result<T> {
        let now = now_ms();
        let (value, acts) = {
            let mut slot = self.machine.borrow_mut();
            let mut machine = match slot.take() {
                Some(machine) => machine,
                None => self.wake(now)?,
            };
            let value = step(&mut machine, now)?;
            let acts = machine.take_acts();
            *slot = Some(machine);
            (value, acts)
        };
        self.carry_out(acts);
        Ok(value)
    }

    fn wake(&self, now: u64) -> Result<Hub<Tables>> {
        self.tables.make()?;
        let connected: Vec<u64> =
            self.state.get_websockets().iter().filter_map(|socket| Attached::of(socket)?.epoch()).collect();
        Hub::wake(self.tables.clone(), Limits::default(), now, &connected)
    }

    /// Looks at a connection that says hello.
    pub fn greet<T>(
        &self,
        socket: &WebSocket,
        step: impl FnOnce(&mut Hub<Tables>, u64) -> Result<T>,
    ) -> Result<T> {
        self.greeting.replace(Some(socket.clone()));
        let value = self.with(step);
        self.greeting.take();
        value
    }

    /// What came after an event that a watcher has seen; all later events come by [`Self::watch`].
    pub fn missed(&self, cursor: Cursor) -> Missed<Rc<Event>> {
        self.backlog.borrow().after(cursor)
    }

    /// Events of a call, or all.
    pub fn watch(&self, call: Option<&str>) -> mpsc::Receiver<Heard> {
        let (tell, told) = mpsc::channel(WAITING_EVENTS);
        self.watchers.borrow_mut().push(Watcher { call: call.map(str::to_owned), tell });
        told
    }

    /// Makes sure that what is old will be forgotten.
    pub async fn set_alarm(&self) -> Result<()> {
        if self.has_alarm.replace(true) {
            return Ok(());
        }
        let storage = self.state.storage();
        if storage.get_alarm().await?.is_none() {
            storage.set_alarm(Duration::from_millis(KEPT_MS)).await?;
        }
        Ok(())
    }

    /// Forgets calls and results that are older than a day.
    pub async fn forget(&self) -> Result<()> {
        self.has_alarm.set(false);
        self.tables.make()?;
        if self.tables.forget(now_ms().saturating_sub(KEPT_MS))? {
            self.set_alarm().await?;
        }
        Ok(())
    }

    /// Closes all connections, and with `wipe` deletes everything but the time since which tokens are good.
    pub fn revoke(&self, not_before_ms: u64, wipe: bool) -> Result<()> {
        self.tables.make()?;
        for socket in self.state.get_websockets() {
            close(&socket, 4401, "the token of the agent was revoked");
            if let Some(epoch) = Attached::of(&socket).and_then(|attached| attached.epoch()) {
                self.with(|machine, now| machine.closed(now, epoch))?;
            }
        }
        let not_before = self.tables.not_before()?;
        if wipe {
            self.machine.take();
            self.tables.wipe()?;
        }
        self.tables.set_not_before(not_before_ms.max(not_before))
    }

    fn carry_out(&self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Adopt { epoch } => {
                    if let Some(socket) = self.greeting.borrow().as_ref() {
                        Attached::adopt(socket, epoch);
                    }
                }
                Act::Refuse { bye } => {
                    if let Some(socket) = self.greeting.borrow().as_ref() {
                        end(socket, &bye);
                    }
                }
                Act::Close { epoch, bye } => {
                    self.of_epoch(epoch).iter().for_each(|socket| end(socket, &bye));
                }
                // The platform reports closed connections itself.
                Act::Send { epoch, frame } => {
                    if let Some(socket) = self.of_epoch(epoch) {
                        let _ = socket.send_with_str(frame.write());
                    }
                }
                Act::SendPart { epoch, frame } => {
                    if let Some(socket) = self.of_epoch(epoch) {
                        let _ = socket.send_with_bytes(frame);
                    }
                }
                Act::Tell(event) => self.tell(event),
            }
        }
    }

    fn of_epoch(&self, epoch: u64) -> Option<WebSocket> {
        let is_its = |socket: &WebSocket| Attached::of(socket).and_then(|it| it.epoch()) == Some(epoch);
        self.state.get_websockets().into_iter().find(is_its)
    }

    fn tell(&self, event: Event) {
        let event = Rc::new(event);
        let cursor = kept(&event).map(|kept| self.backlog.borrow_mut().add(kept));
        let call = call_of(&event);
        self.watchers.borrow_mut().retain_mut(|watcher| {
            if watcher.call.is_some() && watcher.call.as_deref() != call {
                return !watcher.tell.is_closed();
            }
            match watcher.tell.try_send(Heard { cursor, event: Rc::clone(&event) }) {
                Ok(()) => true,
                Err(error) => error.is_full(),
            }
        });
    }
}

fn end(socket: &WebSocket, bye: &Bye) {
    close(socket, bye.code, &bye.reason);
}

/// What is kept of an event: no notes, and no results, which are stored.
fn kept(event: &Rc<Event>) -> Option<Rc<Event>> {
    match &**event {
        Event::Noted(_) => None,
        Event::Ended { row, end } => {
            let end = EndRow { body: None, ..(**end).clone() };
            Some(Rc::new(Event::Ended { row: row.clone(), end: Box::new(end) }))
        }
        _ => Some(Rc::clone(event)),
    }
}

/// The status of a call, once what is due was done, and when something is due next.
pub fn look(inside: &Inside, id: &str) -> Result<(Status, Option<u64>)> {
    inside.with(|machine, now| {
        machine.tick(now)?;
        Ok((machine.status(id)?, machine.next_due()))
    })
}

/// Waits until something happens to a call, or something is due.
pub async fn pause(told: &mut mpsc::Receiver<Heard>, due: Option<u64>) -> Option<Rc<Event>> {
    let wait_ms = due.map_or(LOOK_MS, |due| due.saturating_sub(now_ms()).clamp(1, LOOK_MS));
    match select(told.next(), Timer::after_ms(wait_ms)).await {
        Either::Left((heard, _)) => heard.map(|heard| heard.event),
        Either::Right(_) => None,
    }
}
