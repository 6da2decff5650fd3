//! Transitions that time causes: calls that are not acknowledged, deadlines, and the end of the grace for a lost connection.

use super::{Act, End, Executed, Hub, Live, Outcome, Store};
use crate::frame::Bye;
use crate::limits::{CLOSING_MS, GRACE_MS};

/// Close code for an agent that does not acknowledge calls.
const UNRESPONSIVE: u16 = 4408;

enum Verdict {
    End(End),
    Overdue,
}

impl<S: Store> Hub<S> {
    /// Does what is due. Every other method does it as well.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn tick(&mut self, now: u64) -> Result<(), S::Error> {
        let due: Vec<(String, Verdict)> =
            self.open.iter().filter_map(|(id, live)| Some((id.clone(), self.verdict(live, now)?))).collect();
        for (id, verdict) in due {
            match verdict {
                Verdict::Overdue => {
                    self.send_cancel(&id, "deadline");
                    if let Some(live) = self.open.get_mut(&id) {
                        live.is_overdue = true;
                    }
                }
                Verdict::End(end) => {
                    self.send_cancel(&id, "ended");
                    self.finish(now, &id, Outcome::without_result(end, Executed::Unknown))?;
                    if end == End::AgentUnresponsive {
                        self.drop_connection(now)?;
                    }
                }
            }
        }
        self.end_what_waited_too_long(now)
    }

    /// When [`tick`](Self::tick) has something to do next, in milliseconds.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let open = self.open.values().map(|live| self.due(live));
        let queue = self.queue.iter().map(|waiting| self.queue_due(waiting.deadline_ms));
        open.chain(queue).min()
    }

    /// A call of another instance is open only if the hub was cut off while it took the present one.
    fn verdict(&self, live: &Live, now: u64) -> Option<Verdict> {
        if live.row.instance != self.link.instance {
            return Some(Verdict::End(End::AgentLost));
        }
        let deadline = live.row.deadline_ms;
        if !self.is_connected {
            return (now >= self.lost_due(deadline)).then_some(Verdict::End(End::AgentLost));
        }
        if now >= deadline + CLOSING_MS {
            return Some(Verdict::End(End::Timeout));
        }
        if live.ack_by(self.heard_ms).is_some_and(|by| now >= by) {
            return Some(Verdict::End(End::AgentUnresponsive));
        }
        (now >= deadline && !live.is_overdue).then_some(Verdict::Overdue)
    }

    fn due(&self, live: &Live) -> u64 {
        if live.row.instance != self.link.instance {
            return 0;
        }
        let deadline = live.row.deadline_ms;
        if !self.is_connected {
            return self.lost_due(deadline);
        }
        let next = if live.is_overdue { deadline + CLOSING_MS } else { deadline };
        live.ack_by(self.heard_ms).map_or(next, |by| by.min(next))
    }

    /// When a call ends whose agent is not connected.
    fn lost_due(&self, deadline: u64) -> u64 {
        (self.link.lost_ms.unwrap_or_default() + GRACE_MS).min(deadline + GRACE_MS)
    }

    fn queue_due(&self, deadline: u64) -> u64 {
        if self.is_connected { deadline } else { self.lost_due(deadline).min(deadline) }
    }

    fn end_what_waited_too_long(&mut self, now: u64) -> Result<(), S::Error> {
        while let Some(place) = self.queue.iter().position(|one| now >= self.queue_due(one.deadline_ms)) {
            let Some(waiting) = self.queue.remove(place) else { break };
            let end = if now >= waiting.deadline_ms { End::Timeout } else { End::AgentOffline };
            self.end_waiting(now, &waiting, end)?;
        }
        Ok(())
    }

    /// Closes a connection that seems to be dead. An agent that lives connects again.
    fn drop_connection(&mut self, now: u64) -> Result<(), S::Error> {
        if !self.is_connected {
            return Ok(());
        }
        let bye =
            Bye { code: UNRESPONSIVE, reason: "a call was not acknowledged".into(), retry_after_ms: None };
        self.acts.push(Act::Close { epoch: self.link.epoch, bye });
        self.closed(now, self.link.epoch)
    }
}
