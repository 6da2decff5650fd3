//! Connections: one is in use, the others are closed. When an agent connects, the calls that it remembers are compared with those that
//! the hub waits for.

use super::{Act, End, Event, Executed, Hub, Link, Outcome, Store};
use crate::frame::{Bye, Down, Hello, Server, Welcome};
use crate::limits::FRESH_MS;

/// Close code for an instance that comes while another one is connected.
pub const IN_USE: u16 = 4409;
/// Close code for an instance that another one replaces.
pub const TAKEN_OVER: u16 = 4410;
/// Close code for a connection that its own instance has replaced.
pub const REPLACED: u16 = 4411;

impl<S: Store> Hub<S> {
    /// A new connection says hello. `answered_ms` is when the connection that counts answered last, as far as the platform
    /// knows. The connection that is adopted here has the epoch of [`Act::Adopt`].
    ///
    /// # Errors
    /// If the storage fails.
    pub fn hello(&mut self, now: u64, answered_ms: Option<u64>, hello: &Hello) -> Result<(), S::Error> {
        self.tick(now)?;
        let is_same = self.link.instance == hello.instance;
        let alive_ms = self.heard_ms.max(self.link.since_ms).max(answered_ms.unwrap_or_default());
        let is_fresh = now < alive_ms + FRESH_MS;
        if self.is_connected && !is_same && is_fresh && !hello.takeover {
            let reason = "the agent is connected from elsewhere".to_owned();
            let bye = Bye { code: IN_USE, reason, retry_after_ms: None };
            self.acts.push(Act::Refuse { bye });
            return Ok(());
        }
        let old = self.is_connected.then_some(self.link.epoch);
        self.link = Link {
            epoch: self.link.epoch + 1,
            instance: hello.instance.clone(),
            since_ms: now,
            lost_ms: None,
            version: hello.version.clone(),
            os: hello.os.clone(),
        };
        self.store.set_link(&self.link)?;
        (self.is_connected, self.heard_ms) = (true, now);
        // Results that were on their way begin anew.
        self.assemblies.clear();
        if let Some(epoch) = old {
            let (code, reason) = if is_same {
                (REPLACED, "the agent has connected again")
            } else {
                (TAKEN_OVER, "another instance has taken over")
            };
            let bye = Bye { code, reason: reason.into(), retry_after_ms: None };
            self.acts.push(Act::Close { epoch, bye });
        }
        self.acts.push(Act::Adopt { epoch: self.link.epoch });
        self.welcome(now, hello)?;
        self.acts.push(Act::Tell(Event::Connected));
        self.advance(now)
    }

    fn welcome(&mut self, now: u64, hello: &Hello) -> Result<(), S::Error> {
        let resume = &hello.resume;
        let (mut keep, mut send, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for (id, live) in &mut self.open {
            let is_its = live.row.instance == hello.instance;
            if is_its && resume.running.contains(id) {
                keep.push(id.clone());
            } else if is_its && resume.done.contains(id) {
                send.push(id.clone());
            } else {
                // The instance that it was given to remembers everything that it has begun.
                over.push((id.clone(), if is_its { Executed::No } else { Executed::Unknown }));
            }
            live.ack = None;
        }
        let remembered = resume.running.iter().chain(&resume.done);
        let drop = remembered.filter(|id| !keep.contains(id) && !send.contains(id)).cloned().collect();
        let want = self.take_servers(&hello.servers)?;
        let epoch = self.link.epoch;
        self.send(Down::Welcome(Welcome { epoch, limits: self.limits, want, keep, drop, send }));
        for (id, executed) in over {
            self.finish(now, &id, Outcome::without_result(End::AgentLost, executed))?;
        }
        Ok(())
    }

    /// Stores the agent's servers and says whose catalogues are missing.
    pub(super) fn take_servers(&mut self, servers: &[Server]) -> Result<Vec<String>, S::Error> {
        if self.store.servers()? != servers {
            self.store.set_servers(servers)?;
            self.acts.push(Act::Tell(Event::Servers));
        }
        let mut missing = Vec::new();
        for server in servers {
            if let Some(sum) = &server.catalog_sha256
                && self.store.catalog_sum(&server.name)?.as_ref() != Some(sum)
            {
                missing.push(server.name.clone());
            }
        }
        Ok(missing)
    }

    /// The connection with this epoch has ended.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn closed(&mut self, now: u64, epoch: u64) -> Result<(), S::Error> {
        if epoch == self.link.epoch && self.is_connected {
            self.is_connected = false;
            self.link.lost_ms = Some(now);
            self.store.set_link(&self.link)?;
            self.acts.push(Act::Tell(Event::Disconnected));
        }
        self.tick(now)
    }

    /// The agent has said that it leaves: it will not come back for what it was given.
    pub(super) fn leave(&mut self, now: u64) -> Result<(), S::Error> {
        let bye = Bye { code: 1000, reason: String::new(), retry_after_ms: None };
        self.acts.push(Act::Close { epoch: self.link.epoch, bye });
        self.closed(now, self.link.epoch)?;
        let ids: Vec<String> = self.open.keys().cloned().collect();
        for id in ids {
            self.finish(now, &id, Outcome::without_result(End::AgentLost, Executed::Unknown))?;
        }
        Ok(())
    }
}
