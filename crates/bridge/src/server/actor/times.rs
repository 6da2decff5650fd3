//! What happens when nothing is heard: calls that are over time, children that are silent or not used.

use nexus_edge_mcp::client::Heard;
use tokio::time::Instant;

use super::{Actor, START};
use crate::machine::supervision::{Input, State};
use crate::server::call::{CallError, CallFault};

impl Actor {
    pub(super) fn next_time(&mut self) -> Option<Instant> {
        let used = self.table.flying() + self.table.waiting() > 0 || self.is_watched();
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

    pub(super) fn tick(&mut self) {
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
            let failed = self.machine.state() == State::Failed;
            self.input(if failed { Input::Retried } else { Input::Woke });
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
}
