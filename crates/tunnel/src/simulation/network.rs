//! Connections that delay, lose and repeat frames, and end in several ways.

use super::world::{Event, Wire, World};

impl World {
    pub(super) fn send_to_agent(&mut self, epoch: u64, wire: Wire) {
        if let Some(connection) = self.of_epoch(epoch) {
            self.carry(connection, 1, wire);
        }
    }

    /// Carries a frame; `direction` is 0 to the hub and 1 to the agent.
    pub(super) fn carry(&mut self, connection: usize, direction: usize, wire: Wire) {
        let is_close = matches!(wire, Wire::Close(_));
        let delay = 1 + self.random.below(self.faults.delay);
        let one = &mut self.connections[connection];
        let arrives = (self.now + delay).max(one.arrives[direction]);
        one.arrives[direction] = arrives;
        if one.is_hole || (!is_close && self.random.per_mille(self.faults.lost)) {
            return;
        }
        let event = |wire| {
            if direction == 0 {
                Event::HubReceives(connection, wire)
            } else {
                Event::AgentReceives(connection, wire)
            }
        };
        if !is_close && self.random.per_mille(self.faults.repeated) {
            let later = arrives - self.now + self.random.below(3_000);
            self.at(later, event(wire.clone()));
        }
        self.at(arrives - self.now, event(wire));
    }

    /// Ends a connection in one of three ways: both notice, or one notices late, or frames vanish and only time tells.
    pub(super) fn cut(&mut self, connection: usize) {
        let kind = self.random.below(3);
        if kind == 2 {
            self.connections[connection].is_hole = true;
        }
        let (agent, hub) = match kind {
            0 => (0, 0),
            1 => (self.random.below(5_000), self.random.below(30_000)),
            _ => (self.random.below(35_000), 200_000),
        };
        self.at(agent, Event::AgentReceives(connection, Wire::Close(1006)));
        self.at(hub, Event::HubReceives(connection, Wire::Close(1006)));
    }
}
