//! The agents' side of the simulation: processes that start, are killed, and run calls.

use serde_json::value::RawValue;

use super::world::{Connection, Event, Wire, World};
use crate::agent::reconnect::{Failure, Next};
use crate::agent::{self, Agent, Identity, Offer, Outcome};
use crate::frame::{Ask, AskKind, Down, Note, NoteKind};

impl World {
    pub(super) fn restart(&mut self, machine: usize, takeover: bool) {
        self.machines[machine].life += 1;
        let life = self.machines[machine].life;
        let identity = Identity {
            agent_id: "laptop".into(),
            instance: format!("m{machine}-{life}"),
            version: "1".into(),
            os: "linux".into(),
        };
        let mut agent = Agent::new(identity, takeover);
        let catalog = RawValue::from_string(format!(r#"{{"tools":["{}"]}}"#, "t".repeat(200))).unwrap();
        agent.announce(vec![Offer {
            name: "files".into(),
            state: "ready".into(),
            era: None,
            catalog: Some(catalog),
        }]);
        self.machines[machine].agent = Some(agent);
        self.at(1, Event::Connect(machine, life));
        self.at(1_000, Event::AgentTick(machine, life));
    }

    pub(super) fn kill(&mut self, machine: usize) {
        if self.machines[machine].agent.take().is_none() {
            return;
        }
        if let Some(connection) = self.machines[machine].connection.take() {
            self.connections[connection].at_agent = false;
            self.carry(connection, 0, Wire::Close(1006));
        }
        let pause = self.random.below(15_000);
        self.at(pause, Event::Restart(machine, self.faults.takeover));
    }

    pub(super) fn connect(&mut self, machine: usize, life: u64) {
        if self.machines[machine].life != life
            || self.machines[machine].agent.is_none()
            || self.now > self.end()
        {
            return;
        }
        self.connections.push(Connection {
            machine,
            life,
            since: self.now,
            epoch: None,
            at_hub: true,
            at_agent: true,
            arrives: [0, 0],
            is_hole: false,
        });
        self.machines[machine].connection = Some(self.connections.len() - 1);
        let now = self.now;
        self.with_agent(machine, life, |agent| agent.connected(now));
    }

    pub(super) fn agent_receives(&mut self, connection: usize, wire: Wire) {
        let Connection { machine, life, at_agent, .. } = self.connections[connection];
        if !at_agent {
            return;
        }
        let now = self.now;
        match wire {
            Wire::Text(text) => {
                let frame = Down::read(&text).unwrap().unwrap();
                self.with_agent(machine, life, |agent| agent.frame(now, frame));
            }
            Wire::Bytes(frame) => {
                self.with_agent(machine, life, |agent| {
                    agent.part(&frame);
                    Vec::new()
                });
            }
            Wire::Close(code) => self.disconnected(connection, code),
        }
    }

    pub(super) fn disconnected(&mut self, connection: usize, code: u16) {
        let Connection { machine, life, since, .. } = self.connections[connection];
        self.connections[connection].at_agent = false;
        if self.machines[machine].life != life {
            return;
        }
        let random = self.random.next();
        let one = &mut self.machines[machine];
        let Some(agent) = &mut one.agent else { return };
        agent.disconnected();
        one.connection = None;
        match one.reconnect.after(Failure::Closed(code), self.now - since, None, random) {
            Next::In(ms) => self.at(ms.max(1), Event::Connect(machine, life)),
            Next::Stop(_) => one.agent = None,
        }
    }

    /// Runs a step of a process and does what it asks for. False if the process has ended.
    pub(super) fn with_agent(
        &mut self,
        machine: usize,
        life: u64,
        step: impl FnOnce(&mut Agent) -> Vec<agent::Act>,
    ) -> bool {
        if self.machines[machine].life != life {
            return false;
        }
        let Some(agent) = &mut self.machines[machine].agent else { return false };
        let mut acts = step(agent);
        while let Some(note) = agent.take_note() {
            acts.push(agent::Act::Send(Box::new(note)));
        }
        for act in acts {
            if self.random.per_mille(self.faults.kill_between_acts) {
                self.kill(machine);
                return false;
            }
            self.do_for_agent(machine, life, act);
        }
        true
    }

    pub(super) fn do_for_agent(&mut self, machine: usize, life: u64, act: agent::Act) {
        let connection = self.machines[machine].connection;
        match (act, connection) {
            (agent::Act::Send(frame), Some(connection)) => {
                self.carry(connection, 0, Wire::Text(frame.write()));
            }
            (agent::Act::SendPart(frame), Some(connection)) => self.carry(connection, 0, Wire::Bytes(frame)),
            (agent::Act::Run(run), _) => {
                *self.executions.entry(run.id.clone()).or_default() += 1;
                let longest = if self.random.percent(80) { 2_000 } else { 40_000 };
                let takes = 1 + self.random.below(longest);
                self.at(takes, Event::Finish(machine, life, run.id));
            }
            (agent::Act::Stop { id, .. }, _) => {
                let takes = 1 + self.random.below(6_000);
                self.at(takes, Event::Finish(machine, life, id));
            }
            (agent::Act::Disconnect { .. }, Some(connection)) => {
                self.carry(connection, 0, Wire::Close(1000));
                self.disconnected(connection, 1000);
            }
            _ => {}
        }
    }

    pub(super) fn finish(&mut self, machine: usize, life: u64, id: &str) {
        let longest = if self.random.percent(5) { 4_000 } else { 900 };
        let length = self.random.below(longest);
        let body = format!("\"{id}:{}\"", "r".repeat(usize::try_from(length).unwrap()));
        let is_known = self.bodies.contains_key(id);
        let now = self.now;
        let outcome = Outcome { ok: true, body: RawValue::from_string(body.clone()).unwrap() };
        if self.machines[machine].life == life && !is_known {
            self.bodies.insert(id.to_owned(), body);
        } else if is_known {
            return;
        }
        let data = RawValue::from_string("1".into()).unwrap();
        let note = Note {
            id: id.to_owned(),
            seq: 0,
            kind: NoteKind::Progress,
            data: data.clone(),
            dropped_bytes: 0,
            dropped_lines: 0,
        };
        let ask = Ask { id: id.to_owned(), ask: "q".into(), kind: AskKind::Approval, body: data };
        self.with_agent(machine, life, |agent| {
            agent.noted(note);
            let mut acts = agent.asked(ask);
            acts.extend(agent.finished(now, id, outcome));
            acts
        });
    }
}
