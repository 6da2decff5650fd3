//! Calls on their way to the child.

use nexus_edge_mcp::progress::{cancelled, with_token};
use nexus_edge_mcp::rpc::{Id, Request};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Actor;
use crate::machine::supervision::State;
use crate::server::call::{CallError, CallFault};

impl Actor {
    /// Sends what waits, as far as the server may have calls in flight.
    pub(super) fn send_calls(&mut self) {
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

    pub(super) fn request(&mut self, method: &str, params: Option<Box<RawValue>>) -> i64 {
        let number = self.next_number;
        self.next_number += 1;
        if let Some(child) = &self.child {
            child.send(&Request { id: Id::Number(number), method: method.to_owned(), params }.into());
        }
        number
    }

    pub(super) fn tell_canceled(&mut self, number: Option<i64>, reason: &str) {
        let Some(number) = number else { return };
        if let Some(child) = &self.child {
            child.send(&cancelled(&Id::Number(number), reason).into());
        }
    }
}
