//! The task of one server: it drives the pure machines (supervision, probe, lists) with a real child.
//!
//! It never waits for anything but its own inbox, the child's events and the clock, so that neither a child that hangs nor
//! a caller that reads slowly stops it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nexus_edge_mcp::client::{Ask as Question, Heard, Peer, Probe, Step, Transport};
use nexus_edge_mcp::json::to_raw;
use nexus_edge_mcp::method::{LOG_MESSAGE, Method};
use nexus_edge_mcp::mrtr;
use nexus_edge_mcp::progress::{Progress, cancelled, with_token};
use nexus_edge_mcp::rpc::{Id, Message, Notification, Outcome, Request, Response, RpcError};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::call::{Ask, CallError, CallFault, Note};
use super::command::Command;
use super::gathering::{Gathering, Next};
use super::settings::Settings;
use super::streams::{Event, Running, Surroundings, TOO_LONG, What, run};
use super::table::{Entry, Table};
use super::view::{Known, View};
use crate::machine::supervision::{Action, Input, Reason, State, Supervision};

/// How long a server may take from its start to its catalogue.
const START: Duration = Duration::from_mins(1);
/// How long calls in flight may go on when their server is stopped.
const DRAIN: Duration = Duration::from_secs(30);
/// How many lines that are no messages are logged of one child.
const GARBAGE: u32 = 5;

/// What a response is waited for.
enum Waiting {
    Probe,
    List,
}

/// When something is to happen.
#[derive(Default)]
struct Times {
    wake: Option<Instant>,
    start: Option<Instant>,
    drain: Option<Instant>,
    idle: Option<Instant>,
}

pub(super) struct Actor {
    settings: Settings,
    around: Surroundings,
    machine: Supervision,
    began: Instant,
    times: Times,
    child: Option<Running>,
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
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    // The agent ends without having stopped the server.
                    None => self.remove(),
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
        match run(&self.settings.launch, self.generation, &self.around) {
            Ok(child) => {
                (self.settings.note_child)(child.pid, &self.settings.launch.program);
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

    fn begin_probe(&mut self) {
        if let Some(question) = self.question.take() {
            return self.ask(question);
        }
        let remembered = self.view.borrow().era;
        let identity = self.settings.identity.clone();
        let (probe, step) = Probe::begin(identity, self.settings.era, Transport::Stdio, remembered);
        self.probe = Some(probe);
        self.step(step);
    }

    fn ask(&mut self, question: Question) {
        let number = self.request(question.method.as_str(), Some(question.params));
        self.waiting.insert(number, Waiting::Probe);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask(question) => self.ask(question),
            Step::Restart(question) | Step::OpenEventStream(question) => self.question = Some(question),
            Step::Ready(peer, notification) => {
                self.probe = None;
                if let (Some(child), Some(notification)) = (&self.child, notification) {
                    child.send(&notification.into());
                }
                let peer = Arc::new(peer);
                self.gathering = Some(Gathering::begin(&peer));
                self.peer = Some(peer);
                self.gather();
            }
            Step::Failed(failure) => {
                self.probe = None;
                self.fault(&failure.to_string());
                if self.child.is_some() {
                    self.input(Input::ProbeFailed);
                }
            }
        }
    }

    /// Asks for the next list, or makes the lists known.
    fn gather(&mut self) {
        let Some(gathering) = &mut self.gathering else { return };
        match gathering.next() {
            Next::Ask(method, params) => {
                let Some(peer) = self.peer.clone() else { return };
                let params = peer.params(params.as_deref(), &self.settings.identity, None).ok().flatten();
                let number = self.request(method.as_str(), params);
                self.waiting.insert(number, Waiting::List);
            }
            Next::Done(lists) => {
                self.gathering = None;
                self.times.start = None;
                let Some(peer) = self.peer.clone() else { return };
                let known = Arc::new(Known::new(&peer, lists));
                (self.settings.note_known)(&known);
                self.view.send_modify(|view| {
                    view.era = Some(peer.version.era());
                    view.version = Some(peer.version.as_str());
                    view.known = Some(known);
                    view.stale = false;
                    view.last_error = None;
                });
                if self.machine.state() == State::Probing {
                    self.input(Input::Probed);
                }
                if std::mem::take(&mut self.gather_again) {
                    self.regather();
                }
            }
        }
    }

    fn regather(&mut self) {
        if self.gathering.is_some() {
            self.gather_again = true;
        } else if let Some(peer) = &self.peer {
            self.gathering = Some(Gathering::begin(peer));
            self.gather();
        }
    }

    fn request(&mut self, method: &str, params: Option<Box<RawValue>>) -> i64 {
        let number = self.next_number;
        self.next_number += 1;
        if let Some(child) = &self.child {
            child.send(&Request { id: Id::Number(number), method: method.to_owned(), params }.into());
        }
        number
    }

    /// Sends what waits, as far as the server may have calls in flight.
    fn send_calls(&mut self) {
        if self.machine.state() != State::Ready {
            return;
        }
        let Some(peer) = self.peer.clone() else { return };
        while let Some(mut entry) = self.table.next(self.settings.concurrency) {
            let number = self.next_number;
            // Progress is always asked for: it is what tells a slow call from a lost one.
            let asking = with_token(entry.call.params.as_deref(), &Id::Number(number));
            let level = entry.call.notes.is_some().then_some("info");
            let params = asking.and_then(|params| peer.params(Some(&params), &self.settings.identity, level));
            match params {
                Ok(params) => {
                    self.request(&entry.call.method.clone(), params);
                    entry.idle_at = Instant::now() + self.settings.timeout;
                    self.table.sent(number, entry);
                }
                Err(fault) => {
                    entry.finish(Err(CallError::new(CallFault::Invalid, format!("`params` {fault}"))));
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        if event.generation != self.generation {
            return;
        }
        match event.what {
            What::Message(Message::Response(response)) => self.response(response),
            What::Message(Message::Notification(notification)) => self.notification(&notification),
            What::Message(Message::Request(request)) => self.asked(request),
            What::Garbage(text) => {
                self.garbage += 1;
                if self.garbage <= GARBAGE {
                    let text = self.around.masking.mask(&text);
                    let fields = [("server", self.around.name.as_str()), ("text", text.as_str())];
                    self.around.log.warn("a server wrote something to stdout that is no message", &fields);
                }
            }
            What::Unusable(why) => {
                // A child that ends closes its output first: its status says more.
                if why == TOO_LONG {
                    self.fault(why);
                }
                if let Some(child) = &mut self.child {
                    child.end();
                }
            }
            What::Exited(status) => self.exited(status),
        }
    }

    fn exited(&mut self, status: Option<std::process::ExitStatus>) {
        self.child = None;
        self.peer = None;
        self.gathering = None;
        self.view.send_modify(|view| view.stale = view.known.is_some());
        self.waiting.clear();
        self.times = Times::default();
        let state = self.machine.state();
        if matches!(state, State::Probing | State::Ready) {
            let how = status.map_or_else(|| "without a status".to_owned(), |status| status.to_string());
            let last = self.around.ring.lock().unwrap_or_else(PoisonError::into_inner).last(1).pop();
            let last = last.map(|line| format!("; its last line on stderr: {line}")).unwrap_or_default();
            self.fault(&format!("ended by itself ({how}){last}"));
        }
        if let Some(probe) = self.probe.as_mut().filter(|_| state == State::Probing) {
            let step = probe.hear(Heard::Gone);
            self.step(step);
        }
        let again = self.question.is_some();
        if !again {
            self.probe = None;
        }
        let unknown = self.view.borrow().known.is_none();
        let wanted = !self.removed && (self.settings.eager || unknown || self.table.waiting() > 0);
        self.input(Input::Exited {
            ran_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            wanted,
            again: again && !self.removed,
            chance: (self.settings.chance)(),
        });
    }

    fn response(&mut self, response: Response) {
        let Some(Id::Number(number)) = response.id else { return };
        if let Some(entry) = self.table.take(number) {
            return entry.finish(match response.outcome {
                Outcome::Result(result) => Ok(result),
                Outcome::Error(mut error) => {
                    error.message = self.around.masking.mask(&error.message);
                    Err(CallError::answered(error))
                }
            });
        }
        match self.waiting.remove(&number) {
            Some(Waiting::Probe) => {
                let heard = match response.outcome {
                    Outcome::Result(result) => Heard::Result(result),
                    Outcome::Error(error) => Heard::Error(error),
                };
                if let Some(step) = self.probe.as_mut().map(|probe| probe.hear(heard)) {
                    self.step(step);
                }
            }
            Some(Waiting::List) => {
                if let Some(gathering) = &mut self.gathering {
                    match &response.outcome {
                        Outcome::Result(result) => gathering.hear(Some(result)),
                        Outcome::Error(_) => gathering.hear(None),
                    }
                    self.gather();
                }
            }
            None => {}
        }
    }

    fn notification(&mut self, notification: &Notification) {
        if notification.method.ends_with("/list_changed") {
            return self.regather();
        }
        if let Some(progress) = Progress::read(notification) {
            let Id::Number(number) = progress.token else { return };
            let notes =
                self.table.heard(number, self.settings.timeout).and_then(|entry| entry.call.notes.clone());
            if let Some(notes) = notes {
                let _ = notes.try_send(Note::Progress(progress));
            }
        } else if notification.method == LOG_MESSAGE
            && let Some(params) = &notification.params
            && let Some(notes) = self.table.newest().and_then(|entry| entry.call.notes.as_ref())
        {
            let _ = notes.try_send(Note::Log(params.clone()));
        }
    }

    /// A server of the older era asks its client something.
    fn asked(&mut self, request: Request) {
        if Method::parse(&request.method) == Some(Method::Ping) {
            return self
                .answer(self.generation, Response::result(request.id, to_raw(&serde_json::json!({}))));
        }
        let asks = self.table.newest().and_then(|entry| entry.call.asks.clone());
        let Some(asks) = asks.filter(|_| mrtr::asks_for_input(&request.method)) else {
            let error = RpcError::method_not_found(&request.method);
            return self.answer(self.generation, Response::error(Some(request.id), error));
        };
        let (answers, generation) = (self.answers.clone(), self.generation);
        tokio::spawn(async move {
            let (answer, answered) = tokio::sync::oneshot::channel();
            let ask = Ask::Input { method: request.method, params: request.params, answer };
            let result = if asks.send(ask).await.is_ok() { answered.await.ok() } else { None };
            let response = match result {
                Some(Ok(result)) => Response::result(request.id, result),
                Some(Err(error)) => Response::error(Some(request.id), error),
                None => {
                    let error = RpcError::new(nexus_edge_mcp::rpc::code::INTERNAL, "no answer came");
                    Response::error(Some(request.id), error)
                }
            };
            let _ = answers.send((generation, response));
        });
    }

    fn answer(&mut self, generation: u64, response: Response) {
        if let Some(child) = self.child.as_ref().filter(|child| child.generation == generation) {
            child.send(&response.into());
        }
    }

    fn tell_canceled(&mut self, number: Option<i64>, reason: &str) {
        let Some(number) = number else { return };
        if let Some(child) = &self.child {
            child.send(&cancelled(&Id::Number(number), reason).into());
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

    fn next_time(&mut self) -> Option<Instant> {
        let used = self.table.flying() + self.table.waiting() > 0;
        let stops = self.machine.state() == State::Ready
            && !self.settings.eager
            && !self.settings.idle_stop.is_zero();
        if used || !stops {
            self.times.idle = None;
        } else if self.times.idle.is_none() {
            self.times.idle = Some(Instant::now() + self.settings.idle_stop);
        }
        if self.machine.state() == State::Draining && self.table.flying() == 0 {
            return Some(Instant::now());
        }
        let times = [
            self.times.wake,
            self.times.start,
            self.times.drain,
            self.times.idle,
            self.table.next_deadline(),
        ];
        times.into_iter().flatten().min()
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let due = |time: &mut Option<Instant>| time.take_if(|at| *at <= now).is_some();
        for (number, entry) in self.table.overdue(now) {
            self.tell_canceled(number, "timeout");
            let said = match number {
                Some(_) => "no answer in time",
                None => "the server was not ready in time",
            };
            entry.finish(Err(CallError::new(CallFault::Timeout, said)));
        }
        if due(&mut self.times.wake) {
            self.input(Input::Woke);
        }
        if due(&mut self.times.start) {
            if let Some(step) = self.probe.as_mut().map(|probe| probe.hear(Heard::Silence)) {
                self.times.start = Some(now + START);
                self.step(step);
            } else if self.machine.state() == State::Probing {
                self.fault("did not tell its tools in time");
                self.input(Input::ProbeFailed);
            }
        }
        if due(&mut self.times.idle) {
            self.input(Input::Drain);
        }
        if self.machine.state() == State::Draining && (self.table.flying() == 0 || due(&mut self.times.drain))
        {
            self.times.drain = None;
            self.input(Input::Drained);
        }
    }

    fn publish(&self) {
        let state = self.machine.state();
        let (pid, calls) =
            (self.child.as_ref().map(|child| child.pid), self.table.flying() + self.table.waiting());
        self.view.send_if_modified(|view| {
            let changed = view.state != state || view.pid != pid;
            view.state = state;
            view.pid = pid;
            view.calls = calls;
            changed
        });
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
