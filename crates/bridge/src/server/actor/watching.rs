//! What a server is asked to tell by itself: changes of its lists, and of resources that are watched.
//!
//! A server of the older era tells changes of lists unasked, and is asked for each resource. One of the newer era is asked for all of
//! it by one request without an end, which is made anew when something else is wanted. That request is made to child processes only:
//! at an address it would keep a connection open for each server.

use std::collections::BTreeSet;

use nexus_edge_mcp::json::{Members, to_raw};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::progress::cancelled;
use nexus_edge_mcp::rpc::Id;
use nexus_edge_mcp::version::Era;

use super::Actor;
use crate::machine::supervision::{Input, State};

/// The lists, by their member of `ServerCapabilities` and of the request.
const LISTS: [(&str, &str); 3] =
    [("tools", "toolsListChanged"), ("prompts", "promptsListChanged"), ("resources", "resourcesListChanged")];

impl Actor {
    /// Watches these resources, and no others.
    pub(super) fn watch(&mut self, uris: BTreeSet<String>) {
        if self.watched == uris {
            return;
        }
        let before = std::mem::replace(&mut self.watched, uris);
        if self.child.is_none() && !self.watched.is_empty() {
            self.input(Input::Wanted);
        }
        if self.machine.state() != State::Ready {
            return;
        }
        let (added, removed): (Vec<String>, Vec<String>) = (
            self.watched.difference(&before).cloned().collect(),
            before.difference(&self.watched).cloned().collect(),
        );
        match self.peer.as_ref().map(|peer| peer.version.era()) {
            Some(Era::Legacy) => {
                self.subscribe(Method::Subscribe, &added);
                self.subscribe(Method::Unsubscribe, &removed);
            }
            Some(Era::Modern) => self.listen(),
            None => {}
        }
    }

    /// Asks a child that is ready now for everything that is wanted.
    pub(super) fn begin_watching(&mut self) {
        self.listening = None;
        match self.peer.as_ref().map(|peer| peer.version.era()) {
            Some(Era::Legacy) => {
                let all: Vec<String> = self.watched.iter().cloned().collect();
                self.subscribe(Method::Subscribe, &all);
            }
            Some(Era::Modern) => self.listen(),
            None => {}
        }
    }

    fn subscribe(&mut self, method: Method, uris: &[String]) {
        if !self.can("resources", "subscribe") {
            return;
        }
        for uri in uris {
            // Its answer is not waited for: a resource that cannot be watched does not change for us.
            self.request(method.as_str(), Some(to_raw(&serde_json::json!({ "uri": uri }))));
        }
    }

    fn listen(&mut self) {
        let (Some(peer), Some(child)) = (self.peer.clone(), &self.child) else { return };
        if child.is_remote() {
            return;
        }
        if let Some(number) = self.listening.take() {
            child.send(&cancelled(&Id::Number(number), "something else is wanted").into());
        }
        let mut wanted = Members::default();
        for (list, member) in LISTS {
            if self.can(list, "listChanged") {
                wanted.set(member, to_raw(&true));
            }
        }
        if !self.watched.is_empty() && self.can("resources", "subscribe") {
            wanted.set("resourceSubscriptions", to_raw(&self.watched));
        }
        if wanted.is_empty() {
            return;
        }
        let mut params = Members::default();
        params.set("notifications", wanted.write());
        let params = peer.params(Some(&params.write()), &self.settings.identity, None).ok().flatten();
        self.listening = Some(self.request(Method::Listen.as_str(), params));
    }

    /// Whether the server says that it can do something.
    fn can(&self, area: &str, what: &str) -> bool {
        let Some(peer) = &self.peer else { return false };
        let capabilities = Members::of(Some(&peer.capabilities)).unwrap_or_default();
        let area = Members::of(capabilities.get(area)).unwrap_or_default();
        area.read::<bool>(what) == Some(true)
    }

    /// Whether the child is wanted although nothing is called.
    pub(super) fn is_watched(&self) -> bool {
        !self.watched.is_empty()
    }
}
