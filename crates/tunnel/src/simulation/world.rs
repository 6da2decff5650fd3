//! Agents, a hub and its callers in virtual time, with faults.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde_json::value::RawValue;

use super::disk::Storage;
use super::{Faults, Random};
use crate::agent::Agent;
use crate::agent::reconnect::Reconnect;
use crate::hub::{End, EndRow, Executed, Hub, Placed, Request, Status};
use crate::limits::{LATEST_END_MS, Limits};

/// A frame on its way.
#[derive(Clone)]
pub enum Wire {
    Text(String),
    Bytes(Vec<u8>),
    /// The connection is closed with this code.
    Close(u16),
}

pub enum Event {
    Call(usize),
    Cancel(usize),
    /// A caller whose connection to the hub was lost asks what became of the call.
    Wait(usize),
    /// The last moment at which a call may be open.
    Judge(usize),
    HubTimer,
    HubReceives(usize, Wire),
    AgentReceives(usize, Wire),
    Connect(usize, u64),
    AgentTick(usize, u64),
    Finish(usize, u64, String),
    Kill(usize),
    Restart(usize, bool),
    Evict,
    Deploy,
    Cut(usize),
}

pub struct Connection {
    pub machine: usize,
    pub life: u64,
    pub since: u64,
    pub epoch: Option<u64>,
    /// Whether either side still has it.
    pub at_hub: bool,
    pub at_agent: bool,
    /// When the last frame arrives in either direction, as frames do not overtake each other.
    pub arrives: [u64; 2],
    /// Whether frames vanish: neither side knows it.
    pub is_hole: bool,
}

pub struct Machine {
    pub agent: Option<Agent>,
    /// Counts its processes.
    pub life: u64,
    pub connection: Option<usize>,
    pub reconnect: Reconnect,
}

pub struct Placement {
    pub id: String,
    pub deadline: u64,
    pub is_placed: bool,
    /// What the caller was told.
    pub told: Option<(End, Executed)>,
}

pub struct World {
    pub faults: Faults,
    pub limits: Limits,
    pub random: Random,
    pub now: u64,
    pub events: BTreeMap<u64, Event>,
    pub due: BinaryHeap<Reverse<(u64, u64)>>,
    pub count: u64,
    pub storage: Storage,
    pub hub: Option<Hub<Storage>>,
    pub machines: Vec<Machine>,
    pub connections: Vec<Connection>,
    pub calls: Vec<Placement>,
    pub executions: BTreeMap<String, u32>,
    pub bodies: BTreeMap<String, String>,
    pub results: usize,
    /// The connection whose hello the hub is looking at.
    pub greeting: Option<usize>,
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let limits = Limits {
            part_bytes: 64,
            window_bytes: 256,
            total_window_bytes: 512,
            max_result_bytes: 2_000,
            max_params_bytes: 500,
            max_calls: 3,
            max_queued: 3,
            row_bytes: 150,
        };
        let mut world = Self {
            faults,
            limits,
            random: Random(seed),
            now: 1_000_000_000_000,
            events: BTreeMap::new(),
            due: BinaryHeap::new(),
            count: 0,
            storage: Storage::default(),
            hub: None,
            machines: Vec::new(),
            connections: Vec::new(),
            calls: Vec::new(),
            executions: BTreeMap::new(),
            bodies: BTreeMap::new(),
            results: 0,
            greeting: None,
        };
        for machine in 0..faults.instances {
            let reconnect = Reconnect::new(500, 10_000);
            world.machines.push(Machine { agent: None, life: 0, connection: None, reconnect });
            let starts = if machine == 0 { 0 } else { world.random.below(60_000) };
            world.at(starts, Event::Restart(machine, world.faults.takeover));
        }
        for call in 0..faults.calls {
            let starts = 3_000 + world.random.below(60_000);
            world.at(starts, Event::Call(call));
            let deadline = world.now + starts + 1_000 + world.random.below(40_000);
            world.calls.push(Placement {
                id: format!("call-{call}"),
                deadline,
                is_placed: false,
                told: None,
            });
            if world.random.percent(world.faults.cancel) {
                let later = starts + world.random.below(5_000);
                world.at(later, Event::Cancel(call));
            }
            if world.random.percent(world.faults.repeat) {
                let later = starts + world.random.below(30_000);
                world.at(later, Event::Call(call));
            }
            let judged = deadline - world.now + LATEST_END_MS;
            world.at(judged, Event::Judge(call));
        }
        for (chance, make) in [
            (faults.kills, (|machine| Event::Kill(machine)) as fn(usize) -> Event),
            (faults.cuts, Event::Cut),
            (faults.evictions, |_| Event::Evict),
            (faults.deploys, |_| Event::Deploy),
        ] {
            for _ in 0..world.random.below(chance + 1) {
                let machine = usize::try_from(world.random.below(faults.instances as u64)).unwrap();
                let when = world.random.below(70_000);
                world.at(when, make(machine));
            }
        }
        world
    }

    pub fn run(&mut self) {
        while let Some(Reverse((time, number))) = self.due.pop() {
            self.now = time;
            if let Some(event) = self.events.remove(&number) {
                self.handle(event);
            }
        }
        self.judge_all();
    }

    pub(super) fn at(&mut self, after: u64, event: Event) {
        self.count += 1;
        self.events.insert(self.count, event);
        self.due.push(Reverse((self.now + after, self.count)));
    }

    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Call(call) => self.place(call),
            Event::Cancel(call) => {
                let id = self.calls[call].id.clone();
                let now = self.now;
                self.with_hub(|hub| hub.cancel(now, &id, "caller"));
            }
            Event::Wait(call) => {
                let is_over =
                    self.calls[call].told.is_some() || self.now > self.calls[call].deadline + LATEST_END_MS;
                if !is_over && !self.look_up(call) {
                    let pause = 500 + self.random.below(2_000);
                    self.at(pause, Event::Wait(call));
                }
            }
            Event::Judge(call) => self.judge(call),
            Event::HubTimer => {
                let now = self.now;
                if self.hub.is_some() {
                    self.with_hub(|hub| hub.tick(now));
                }
            }
            Event::HubReceives(connection, wire) => self.hub_receives(connection, wire),
            Event::AgentReceives(connection, wire) => self.agent_receives(connection, wire),
            Event::Connect(machine, life) => self.connect(machine, life),
            Event::AgentTick(machine, life) => {
                let now = self.now;
                if self.now < self.end() && self.with_agent(machine, life, |agent| agent.tick(now)) {
                    self.at(1_000, Event::AgentTick(machine, life));
                }
            }
            Event::Finish(machine, life, id) => self.finish(machine, life, &id),
            Event::Kill(machine) => self.kill(machine),
            Event::Restart(machine, takeover) => self.restart(machine, takeover),
            Event::Evict => self.hub = None,
            Event::Deploy => self.deploy(),
            Event::Cut(machine) => {
                if let Some(connection) = self.machines[machine].connection {
                    self.cut(connection);
                }
            }
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.calls.iter().map(|call| call.deadline).max().unwrap_or_default() + LATEST_END_MS
    }

    fn place(&mut self, call: usize) {
        let Placement { id, deadline, .. } = &self.calls[call];
        if self.now >= *deadline {
            return;
        }
        let length = if call.is_multiple_of(4) { 300 } else { 5 };
        let request = Request {
            id: id.clone(),
            server: "files".into(),
            method: "tools/call".into(),
            params: RawValue::from_string(format!("\"{}\"", "p".repeat(length))).unwrap(),
            timeout_ms: deadline - self.now,
            progress: true,
            principal: None,
            about: String::new(),
        };
        let now = self.now;
        let placed = self.with_hub(|hub| hub.call(now, request));
        match placed {
            // The caller cannot know whether it was placed: it asks.
            None => self.at(200, Event::Wait(call)),
            Some(Ok(Placed::Ended(ended))) => self.calls[call].told = Some((ended.1.end, ended.1.executed)),
            Some(Ok(_)) => self.calls[call].is_placed = true,
            Some(Err(_)) => {}
        }
    }

    /// Whether a call has an end.
    fn look_up(&mut self, call: usize) -> bool {
        let (id, now) = (self.calls[call].id.clone(), self.now);
        let status = self.with_hub(|hub| {
            hub.tick(now)?;
            hub.status(&id)
        });
        match status {
            None | Some(Status::Open | Status::Queued) => false,
            Some(Status::Unknown) => true,
            Some(Status::Ended(ended)) => {
                self.tell(&id, &ended.1);
                true
            }
        }
    }

    pub(super) fn tell(&mut self, id: &str, end: &EndRow) {
        let call = self.calls.iter_mut().find(|call| call.id == id).unwrap();
        let told = (end.end, end.executed);
        assert!(call.told.is_none_or(|before| before == told), "{id}: {:?}, then {told:?}", call.told);
        call.told = Some(told);
    }

    fn judge(&mut self, call: usize) {
        // An eviction at this very moment makes the caller ask once more.
        let is_over = (0..3).any(|_| self.look_up(call));
        assert!(is_over, "{} is open 25 s after its deadline", self.calls[call].id);
    }

    fn judge_all(&mut self) {
        let disk = self.storage.0.borrow();
        for call in &self.calls {
            let id = &call.id;
            let executed = self.executions.get(id).copied().unwrap_or_default();
            assert!(executed <= 1, "{id} was executed {executed} times");
            let Some((_, end)) = disk.calls.get(id) else {
                assert_eq!(executed, 0, "{id} was executed and is not known");
                continue;
            };
            let end = end.as_ref().unwrap();
            match end.executed {
                Executed::Yes => assert_eq!(executed, 1, "{id}"),
                Executed::No => assert_eq!(executed, 0, "{id} was executed: {end:?}"),
                Executed::Unknown => {}
            }
            if end.end == End::Result {
                self.results += 1;
                assert_eq!(disk.body(id).as_ref(), self.bodies.get(id), "{id} has another result");
            }
        }
    }
}
