//! The machine of the tunnel with its surroundings: one connection at a time, the calls that run, and the clock.
//!
//! Calls go on while there is no connection. Frames are written by a task of their own, so that a slow connection keeps
//! neither calls nor the reading of frames waiting.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use nexus_edge_tunnel::agent::heartbeat::{Beat, Heartbeat};
use nexus_edge_tunnel::agent::reconnect::Failure;
use nexus_edge_tunnel::agent::{Act, Agent as Machine, Run};
use nexus_edge_tunnel::frame::{Bye, Down, Up};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::asking::{Waiting, question};
use super::calls::{self, Event};
use super::offers::offers;
use super::state::{Ended, LinkState, whole_ms};
use crate::agent::{Agent, new_instance};
use crate::http::connect::Wire;
use crate::log::{Log, now_ms};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long changes of servers are gathered before they are told.
const GATHERING: Duration = Duration::from_millis(200);
/// Events of calls that may wait.
const EVENTS: usize = 256;
/// How long a connection may take to say that this agent leaves.
const LEAVING: Duration = Duration::from_secs(2);

/// A call that runs.
struct Running {
    stop: Option<oneshot::Sender<String>>,
    /// Its questions, by their names.
    asks: BTreeMap<String, Waiting>,
}

/// The machine and what belongs to it.
pub struct Session {
    agent: Agent,
    machine: Machine,
    show: watch::Sender<LinkState>,
    log: Log,
    /// Where the machine's steady clock begins.
    began: Instant,
    changes: watch::Receiver<u64>,
    running: BTreeMap<String, Running>,
    tell: mpsc::Sender<Event>,
    told: mpsc::Receiver<Event>,
    /// What waits to be written to the current connection.
    outbox: VecDeque<Message>,
    /// Why the machine wants the current connection to end, and how long to wait then.
    leave: Option<(String, Option<u64>)>,
}

/// What happened in a session.
enum Happened {
    Read(Option<Result<Message, tokio_tungstenite::tungstenite::Error>>),
    Told(Event),
    Changed,
    Gathered,
    Tick,
    Room,
    Stop,
}

impl Session {
    /// A session without a connection.
    pub fn new(agent: Agent, machine: Machine, show: watch::Sender<LinkState>, log: Log) -> Self {
        let (tell, told) = mpsc::channel(EVENTS);
        let changes = agent.changes();
        Self {
            agent,
            machine,
            show,
            log,
            began: Instant::now(),
            changes,
            running: BTreeMap::new(),
            tell,
            told,
            outbox: VecDeque::new(),
            leave: None,
        }
    }

    /// Waits for something while there is no connection: calls go on, and end by their deadlines.
    pub async fn rest<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut ticks = ticks();
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Some(event) = self.told.recv() => self.take(event),
                _ = ticks.tick() => {
                    let acts = self.machine.tick(self.now());
                    self.perform(acts);
                }
            }
        }
    }

    /// Serves a connection until it ends; `None` if the agent was told to end.
    pub async fn serve(
        &mut self,
        socket: WebSocketStream<Wire>,
        stopped: &mut watch::Receiver<bool>,
    ) -> Option<Ended> {
        let (sink, mut incoming) = socket.split();
        let (write, queue) = mpsc::channel(1);
        let writing = tokio::spawn(write_all(sink, queue));
        let mut ticks = ticks();
        let mut beat = Heartbeat::new(self.now(), now_ms());
        let mut gathered: Option<Instant> = None;
        self.outbox.clear();
        self.leave = None;
        self.announce();
        let acts = self.machine.connected(self.now());
        self.perform(acts);
        let ended = loop {
            if self.outbox.is_empty()
                && let Some(note) = self.machine.take_note()
            {
                self.outbox.push_back(Message::text(note.write()));
            }
            let happened = tokio::select! {
                message = incoming.next() => Happened::Read(message),
                permit = write.reserve(), if !self.outbox.is_empty() => {
                    if let (Ok(permit), Some(message)) = (permit, self.outbox.pop_front()) {
                        permit.send(message);
                        Happened::Room
                    } else {
                        Happened::Read(None)
                    }
                }
                Some(event) = self.told.recv() => Happened::Told(event),
                Ok(()) = self.changes.changed() => Happened::Changed,
                () = sleep_until(gathered.unwrap_or(self.began)), if gathered.is_some() => Happened::Gathered,
                _ = ticks.tick() => Happened::Tick,
                _ = stopped.wait_for(|stop| *stop) => Happened::Stop,
            };
            match happened {
                Happened::Read(Some(Ok(message))) => {
                    beat.heard();
                    if let Some(ended) = self.read(&message) {
                        break Some(ended);
                    }
                }
                Happened::Read(Some(Err(error))) => break Some(lost(1006, error.to_string())),
                Happened::Read(None) => break Some(lost(1006, "the connection was lost")),
                Happened::Told(event) => self.take(event),
                // Servers change several times while they start: the changes of a moment are told together.
                Happened::Changed => gathered = gathered.or_else(|| Some(Instant::now() + GATHERING)),
                Happened::Gathered => {
                    gathered = None;
                    self.announce();
                }
                Happened::Tick => {
                    let acts = self.machine.tick(self.now());
                    self.perform(acts);
                    match beat.look(self.now(), now_ms()) {
                        Beat::Nothing => {}
                        Beat::Ping => self.outbox.push_front(Message::text("ping")),
                        Beat::Dead => break Some(lost(1006, "the gateway does not answer")),
                    }
                }
                Happened::Room => {}
                Happened::Stop => break None,
            }
            if let Some((reason, retry_after_ms)) = self.leave.take() {
                break Some(Ended { retry_after_ms, ..lost(1000, reason) });
            }
        };
        self.machine.disconnected();
        if ended.is_none() {
            let bye = Bye { code: 1000, reason: "the agent ends".to_owned(), retry_after_ms: None };
            let _ = timeout(LEAVING, write.send(Message::text(Up::Bye(bye).write()))).await;
            drop(write);
            let _ = timeout(LEAVING, writing).await;
        } else {
            writing.abort();
        }
        ended
    }

    /// Takes a message of the gateway. Its end, if it is one.
    fn read(&mut self, message: &Message) -> Option<Ended> {
        match message {
            Message::Text(text) if text.as_str() == "pong" => {}
            Message::Text(text) => match Down::read(text.as_str()) {
                Ok(Some(frame)) => return self.frame(frame),
                Ok(None) => {}
                Err(error) => {
                    let said = error.to_string();
                    self.log.warn("a frame of the gateway cannot be read", &[("why", &said)]);
                }
            },
            Message::Binary(bytes) => self.machine.part(bytes),
            Message::Close(Some(close)) => return Some(lost(close.code.into(), close.reason.to_string())),
            Message::Close(None) => return Some(lost(1006, "the gateway closed the connection")),
            _ => {}
        }
        None
    }

    fn frame(&mut self, frame: Down) -> Option<Ended> {
        let bye = if let Down::Bye(bye) = &frame { Some(bye.clone()) } else { None };
        let was_up = self.machine.is_up();
        let acts = self.machine.frame(self.now(), frame);
        self.perform(acts);
        if !was_up && self.machine.is_up() {
            self.log.info("connected to the gateway", &[]);
            self.show.send_replace(LinkState::Connected);
        }
        // The code says more than that the machine wants to leave.
        bye.map(|bye| Ended { retry_after_ms: bye.retry_after_ms, ..lost(bye.code, bye.reason) })
    }

    /// Takes what a call tells.
    fn take(&mut self, event: Event) {
        match event {
            Event::Noted(note) => self.machine.noted(note),
            Event::Asked(id, ask) => {
                let name = new_instance();
                if let (Some(running), Some((frame, waiting))) =
                    (self.running.get_mut(&id), question(&id, &name, ask))
                {
                    running.asks.insert(name, waiting);
                    let acts = self.machine.asked(frame);
                    self.perform(acts);
                }
            }
            Event::Ended(id, outcome) => {
                self.running.remove(&id);
                let acts = self.machine.finished(self.now(), &id, outcome);
                self.perform(acts);
            }
        }
    }

    fn announce(&mut self) {
        let acts = self.machine.announce(offers(&self.agent, self.log));
        self.perform(acts);
    }

    /// Does what the machine asks for.
    fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Send(frame) => self.outbox.push_back(Message::text(frame.write())),
                Act::SendPart(bytes) => self.outbox.push_back(Message::binary(bytes)),
                Act::Run(run) => self.begin(*run),
                Act::Stop { id, reason } => {
                    let stop = self.running.get_mut(&id).and_then(|running| running.stop.take());
                    if let Some(stop) = stop {
                        let _ = stop.send(reason);
                    }
                }
                Act::Answered { id, ask, body } => {
                    let waiting = self.running.get_mut(&id).and_then(|running| running.asks.remove(&ask));
                    if let Some(waiting) = waiting {
                        waiting.answer(&body);
                    }
                }
                Act::Disconnect { reason, retry_after_ms } => self.leave = Some((reason, retry_after_ms)),
            }
        }
    }

    fn begin(&mut self, run: Run) {
        let within = Duration::from_millis(run.deadline_ms.saturating_sub(self.now()));
        let (stop, stopped) = oneshot::channel();
        self.running.insert(run.id.clone(), Running { stop: Some(stop), asks: BTreeMap::new() });
        tokio::spawn(calls::run(self.agent.clone(), run, within, stopped, self.tell.clone()));
    }

    fn now(&self) -> u64 {
        whole_ms(self.began.elapsed())
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn lost(code: u16, said: impl Into<String>) -> Ended {
    let said: String = said.into();
    let said = if said.is_empty() { format!("the gateway closed the connection with {code}") } else { said };
    Ended { failure: Failure::Closed(code), retry_after_ms: None, said }
}

/// Writes what comes, then closes the connection.
async fn write_all(mut sink: SplitSink<WebSocketStream<Wire>, Message>, mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    let _ = sink.close().await;
}
