//! The hub's side of the simulation: evictions, and what the hub asks for.

use super::disk::Evicted;
use super::disk::Storage;
use super::world::{Event, Wire, World};
use crate::frame::{Down, Up};
use crate::hub::{self, Hub};

impl World {
    /// Wakes the hub if it sleeps, runs a step and does what it asks for. `None`: it was evicted meanwhile.
    pub(super) fn with_hub<T>(
        &mut self,
        step: impl FnOnce(&mut Hub<Storage>) -> Result<T, Evicted>,
    ) -> Option<T> {
        if self.random.percent(self.faults.store) {
            let left = u32::try_from(self.random.below(4)).unwrap();
            self.storage.0.borrow_mut().fuse = Some(left);
        }
        let value = self.step(step);
        self.storage.0.borrow_mut().fuse = None;
        if value.is_none() {
            self.evicted();
        }
        value
    }

    pub(super) fn step<T>(
        &mut self,
        step: impl FnOnce(&mut Hub<Storage>) -> Result<T, Evicted>,
    ) -> Option<T> {
        let mut hub = if let Some(hub) = self.hub.take() {
            hub
        } else {
            let there = self.connections.iter().filter(|one| one.at_hub);
            let epochs: Vec<u64> = there.filter_map(|one| one.epoch).collect();
            Hub::wake(self.storage.clone(), self.limits, self.now, &epochs).ok()?
        };
        let value = step(&mut hub);
        let acts = hub.take_acts();
        let due = hub.next_due();
        if value.is_ok() {
            self.hub = Some(hub);
        }
        for act in acts {
            if self.random.per_mille(self.faults.between_acts) {
                return None;
            }
            self.do_for_hub(act);
        }
        if let Some(due) = due {
            self.at(due.saturating_sub(self.now).max(1), Event::HubTimer);
        }
        value.ok()
    }

    /// The object has lost its memory. Sometimes its connections too; those who wait must ask again.
    pub(super) fn evicted(&mut self) {
        self.hub = None;
        if self.random.percent(30) {
            self.drop_sockets();
        }
        for call in 0..self.calls.len() {
            if self.calls[call].told.is_none() && self.calls[call].is_placed {
                self.at(100, Event::Wait(call));
            }
        }
    }

    pub(super) fn do_for_hub(&mut self, act: hub::Act) {
        match act {
            hub::Act::Adopt { epoch } => {
                if let Some(connection) = self.greeting.take() {
                    self.connections[connection].epoch = Some(epoch);
                }
            }
            hub::Act::Refuse { bye } => {
                if let Some(connection) = self.greeting.take() {
                    self.close_at_hub(connection, bye.code);
                }
            }
            hub::Act::Close { epoch, bye } => {
                if let Some(connection) = self.of_epoch(epoch) {
                    self.close_at_hub(connection, bye.code);
                }
            }
            hub::Act::Send { epoch, frame } => {
                if let Down::ResultAck(list) = &*frame {
                    let disk = self.storage.0.borrow();
                    for id in &list.ids {
                        let is_over = disk.calls.get(id).is_none_or(|(_, end)| end.is_some());
                        assert!(is_over, "{id} is acknowledged and not stored");
                    }
                }
                self.send_to_agent(epoch, Wire::Text(frame.write()));
            }
            hub::Act::SendPart { epoch, frame } => self.send_to_agent(epoch, Wire::Bytes(frame)),
            hub::Act::Tell(hub::Event::Ended { row, end }) => self.tell(&row.id, &end),
            hub::Act::Tell(_) => {}
        }
    }

    pub(super) fn of_epoch(&self, epoch: u64) -> Option<usize> {
        self.connections.iter().position(|one| one.epoch == Some(epoch) && one.at_hub)
    }

    pub(super) fn hub_receives(&mut self, connection: usize, wire: Wire) {
        if !self.connections[connection].at_hub {
            return;
        }
        let (now, epoch) = (self.now, self.connections[connection].epoch);
        match wire {
            Wire::Close(_) => {
                self.connections[connection].at_hub = false;
                if let Some(epoch) = epoch {
                    self.with_hub(|hub| hub.closed(now, epoch));
                }
            }
            Wire::Bytes(frame) => {
                if let Some(epoch) = epoch {
                    self.with_hub(|hub| hub.part(now, epoch, &frame));
                }
            }
            Wire::Text(text) => match (Up::read(&text).unwrap().unwrap(), epoch) {
                (Up::Hello(hello), None) => {
                    self.greeting = Some(connection);
                    self.with_hub(|hub| hub.hello(now, None, &hello));
                    self.greeting = None;
                }
                (frame, Some(epoch)) => {
                    self.with_hub(|hub| hub.frame(now, epoch, frame));
                }
                _ => {}
            },
        }
    }

    pub(super) fn close_at_hub(&mut self, connection: usize, code: u16) {
        self.carry(connection, 1, Wire::Close(code));
        self.connections[connection].at_hub = false;
    }

    pub(super) fn drop_sockets(&mut self) {
        for connection in 0..self.connections.len() {
            if self.connections[connection].at_hub {
                self.close_at_hub(connection, 1006);
            }
        }
    }

    pub(super) fn deploy(&mut self) {
        self.evicted();
        self.drop_sockets();
    }
}
