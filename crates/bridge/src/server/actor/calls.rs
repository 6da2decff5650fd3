//! Calls on their way to the child.

use nexus_edge_mcp::client::Peer;
use nexus_edge_mcp::headers::{ParamHeader, param_headers};
use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::progress::{cancelled, with_token};
use nexus_edge_mcp::rpc::{Id, Request};
use nexus_edge_mcp::version::Era;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Actor;
use crate::machine::supervision::State;
use crate::server::call::{Call, CallError, CallFault};
use crate::server::connection::Connection;

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
                    let headers = self.repeated(&entry.call, &peer);
                    self.request_with(&entry.call.method, params, headers);
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
        self.request_with(method, params, Vec::new())
    }

    fn request_with(
        &mut self,
        method: &str,
        params: Option<Box<RawValue>>,
        headers: Vec<(String, String)>,
    ) -> i64 {
        let number = self.next_number;
        self.next_number += 1;
        if let Some(child) = &self.child {
            let request = Request { id: Id::Number(number), method: method.to_owned(), params };
            child.send_with(&request.into(), headers);
        }
        number
    }

    /// The headers that repeat arguments of a call: those that the tool's definition names, in the newer era over HTTP.
    fn repeated(&self, call: &Call, peer: &Peer) -> Vec<(String, String)> {
        let is_remote = self.child.as_ref().is_some_and(Connection::is_remote);
        let is_call = Method::parse(&call.method) == Some(Method::CallTool);
        if !is_remote || !is_call || peer.version.era() == Era::Legacy {
            return Vec::new();
        }
        let params = Members::of(call.params.as_deref()).unwrap_or_default();
        let name = params.text("name").unwrap_or_default();
        let known = self.view.borrow().known.clone();
        let tool = known.as_ref().and_then(|known| known.catalogue.tool(&name));
        // A definition that breaks a rule asks for no headers; the server says so where it needs them.
        let headers = tool.and_then(|tool| param_headers(tool.members().get("inputSchema")?).ok());
        ParamHeader::of(&headers.unwrap_or_default(), params.get("arguments"))
    }

    pub(super) fn tell_canceled(&mut self, number: Option<i64>, reason: &str) {
        let Some(number) = number else { return };
        if let Some(child) = &self.child {
            child.send(&cancelled(&Id::Number(number), reason).into());
        }
    }
}
