//! The task of one server: it drives the pure machines (supervision, probe, lists) with a real child.
//!
//! It never waits for anything but its own inbox, the child's events and the clock, so that neither a child that hangs nor
//! a caller that reads slowly stops it.

mod calls;
mod clock;
mod era;
mod hearing;
mod times;
mod watching;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use nexus_edge_mcp::client::{Ask as Question, Peer, Probe};
use nexus_edge_mcp::rpc::Response;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::clock::{Times, sleep_until};
use super::call::{CallError, CallFault};
use super::command::Command;
use super::connection::{Connection, Endpoint};
use super::gathering::Gathering;
use super::remote::Remote;
use super::settings::Settings;
use super::streams::{Event, Surroundings, run};
use super::table::{Entry, Table};
use super::view::View;
use crate::machine::supervision::{Action, Input, Reason, State, Supervision};

/// How long a server may take from its start to its catalogue.
const START: Duration = Duration::from_mins(1);
/// How long calls in flight may go on when their server is stopped.
const DRAIN: Duration = Duration::from_secs(30);
/// What a response is waited for.
enum Waiting {
    Probe,
    List,
}

pub(super) struct Actor {
    settings: Settings,
    around: Surroundings,
    machine: Supervision,
    began: Instant,
    times: Times,
    child: Option<Connection>,
    started: Instant,
    generation: u64,
    next_number: i64,
    waiting: HashMap<i64, Waiting>,
    table: Table,
    probe: Option<Probe>,
    question: Option<Question>,
    peer: Option<Arc<Peer>>,
    gathering: Option<Gathering>,
    gather_again: bool,
    /// Resources whose changes are told.
    watched: BTreeSet<String>,
    /// The request of the newer era without an end.
    listening: Option<i64>,
    garbage: u32,
    /// What is wrong with this child was said already.
    blamed: bool,
    removed: bool,
    view: watch::Sender<View>,
    answers: mpsc::UnboundedSender<(u64, Response)>,
}

impl Actor {
    pub(super) fn new(
        settings: Settings,
        around: Surroundings,
        view: watch::Sender<View>,
        answers: mpsc::UnboundedSender<(u64, Response)>,
    ) -> Self {
        let now = Instant::now();
        Self {
            settings,
            around,
            machine: Supervision::default(),
            began: now,
            times: Times::default(),
            child: None,
            started: now,
            generation: 0,
            next_number: 1,
            waiting: HashMap::new(),
            table: Table::default(),
            probe: None,
            question: None,
            peer: None,
            gathering: None,
            gather_again: false,
            watched: BTreeSet::new(),
            listening: None,
            garbage: 0,
            blamed: false,
            removed: false,
            view,
            answers,
        }
    }

    /// Runs until the server is removed and its child has ended.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut events: mpsc::Receiver<Event>,
        mut answered: mpsc::UnboundedReceiver<(u64, Response)>,
    ) {
        if self.settings.eager || self.view.borrow().known.is_none() {
            self.input(Input::Wanted);
        }
        let mut is_held = true;
        loop {
            self.send_calls();
            self.publish();
            if self.removed
                && self.child.is_none()
                && matches!(self.machine.state(), State::Off | State::Failed)
            {
                return;
            }
            let next = self.next_time();
            tokio::select! {
                command = commands.recv(), if is_held => if let Some(command) = command {
                    self.command(command);
                } else {
                    // The agent ends without having stopped the server.
                    is_held = false;
                    self.remove();
                },
                Some(event) = events.recv() => self.event(event),
                Some((generation, response)) = answered.recv() => self.answer(generation, response),
                () = sleep_until(next) => self.tick(),
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Call(call, done) => {
                let entry = Entry::new(call, done, self.settings.timeout, self.settings.max_timeout);
                if self.removed {
                    let error = CallError::new(CallFault::NotFound, "the server is not configured any more");
                    return entry.finish(Err(error));
                }
                self.table.add(entry);
                if self.child.is_none() {
                    self.input(Input::Wanted);
                }
            }
            Command::Cancel(id, reason) => {
                if let Some((number, entry)) = self.table.remove(&id) {
                    self.tell_canceled(number, &reason);
                    entry.finish(Err(CallError::new(CallFault::Canceled, reason)));
                }
            }
            Command::Wake => self.input(Input::Wanted),
            Command::Retry => self.input(Input::Retried),
            Command::Watch(uris) => self.watch(uris),
            Command::Change(settings) => self.settings = *settings,
            Command::Drain => {
                self.removed = true;
                self.input(Input::Drain);
            }
            Command::Stop => self.remove(),
        }
    }

    fn remove(&mut self) {
        self.removed = true;
        self.input(Input::Stop);
    }

    fn input(&mut self, input: Input) {
        let actions = self.machine.on(input, self.now_ms());
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Spawn => self.spawn(),
            Action::Probe => self.begin_probe(),
            Action::Stop => {
                if let Some(child) = &mut self.child {
                    child.end();
                }
            }
            Action::FailCalls(Reason::Crashed) => {
                let said =
                    "the server ended while the call was in flight; whether it was executed is not known";
                self.table.fail_flying(&CallError::new(CallFault::Crashed, said));
            }
            Action::FailCalls(Reason::Unavailable) => {
                let why = self.view.borrow().last_error.clone();
                let said = why.unwrap_or_else(|| "the server cannot be started".to_owned());
                let error = CallError::new(CallFault::Unavailable, said);
                self.table.fail_flying(&error);
                self.table.fail_waiting(&error);
            }
            Action::WakeIn(ms) => self.times.wake = Some(Instant::now() + Duration::from_millis(ms)),
            Action::AwaitCalls => self.times.drain = Some(Instant::now() + DRAIN),
        }
    }

    fn spawn(&mut self) {
        self.generation += 1;
        self.garbage = 0;
        self.blamed = false;
        self.started = Instant::now();
        let begun = match &self.settings.endpoint {
            Endpoint::Process(launch) => run(launch, self.generation, &self.around).map(|child| {
                (self.settings.note_child)(child.pid, &launch.program);
                Connection::Child(child)
            }),
            Endpoint::Http(target) => {
                Ok(Connection::Remote(Remote::begin(target, self.generation, &self.around)))
            }
        };
        match begun {
            Ok(child) => {
                self.child = Some(child);
                self.times.start = Some(Instant::now() + START);
                self.view.send_modify(|view| view.starts += 1);
                self.input(Input::Spawned);
            }
            Err(error) => {
                self.fault(&format!("cannot be started: {error}"));
                self.input(Input::SpawnFailed);
            }
        }
    }

    /// Says what is wrong with this child. The first thing counts: what follows are its consequences.
    fn fault(&mut self, said: &str) {
        if std::mem::replace(&mut self.blamed, true) {
            return;
        }
        let said = self.around.masking.mask(said.strip_prefix("the server ").unwrap_or(said));
        self.around.log.warn("a server is in trouble", &[("server", &self.around.name), ("why", &said)]);
        self.view.send_modify(|view| view.last_error = Some(format!("the server {said}")));
    }

    fn publish(&self) {
        let state = self.machine.state();
        let (pid, calls) =
            (self.child.as_ref().and_then(Connection::pid), self.table.flying() + self.table.waiting());
        self.view.send_if_modified(|view| {
            let changed = view.state != state || view.pid != pid;
            view.state = state;
            view.pid = pid;
            view.calls = calls;
            changed
        });
    }
}
