//! What a server speaks and has: the questions for its era, then its lists, and the lists again when it says that they
//! changed.

use std::sync::Arc;

use nexus_edge_mcp::client::{Ask as Question, Preference, Probe, ProbeFailure, Step, Transport};
use tokio::time::Instant;

use super::{Actor, START, Waiting};
use crate::machine::supervision::{Input, State};
use crate::server::connection::{Connection, Endpoint};
use crate::server::gathering::{Gathering, Next};
use crate::server::remote::Kind;
use crate::server::view::Known;

impl Actor {
    pub(super) fn begin_probe(&mut self) {
        if let Some(question) = self.question.take() {
            return self.ask(question);
        }
        let remembered = self.view.borrow().era;
        let identity = self.settings.identity.clone();
        let transport = self.child.as_ref().map_or(Transport::Stdio, Connection::transport);
        let is_event_stream = matches!(
            &self.settings.endpoint,
            Endpoint::Http(target) if target.kind == Kind::EventStream
        );
        // The transport HTTP+SSE exists in the older era only.
        let era = if is_event_stream { Preference::Legacy } else { self.settings.era };
        let (probe, step) = Probe::begin(identity, era, transport, remembered);
        self.probe = Some(probe);
        self.step(step);
    }

    fn ask(&mut self, question: Question) {
        let number = self.request(question.method.as_str(), Some(question.params));
        self.waiting.insert(number, Waiting::Probe);
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Ask(question) => self.ask(question),
            Step::Restart(question) => self.question = Some(question),
            Step::OpenEventStream(question) => {
                if self.child.as_mut().is_some_and(Connection::open_event_stream) {
                    self.ask(question);
                } else {
                    self.unusable(
                        "knows neither streamable HTTP nor the transport that is configured",
                        false,
                    );
                }
            }
            Step::Ready(peer, notification) => {
                self.probe = None;
                if let Some(child) = &self.child {
                    child.speaks(peer.version);
                    if let Some(notification) = notification {
                        child.send(&notification.into());
                    }
                }
                let peer = Arc::new(peer);
                self.gathering = Some(Gathering::begin(&peer));
                self.peer = Some(peer);
                self.gather();
            }
            Step::Failed(failure) => {
                // A server that does not let this machine in, or is not there, will not by itself tomorrow.
                let is_final = matches!(failure, ProbeFailure::Inconclusive(401 | 403 | 404 | 405));
                self.unusable(&failure.to_string(), failure.is_inconclusive() && !is_final);
            }
        }
    }

    /// The server cannot be used. `later`: it may be tried again, which counts for servers with an address.
    fn unusable(&mut self, why: &str, later: bool) {
        self.probe = None;
        self.fault(why);
        match &mut self.child {
            Some(child) if child.is_remote() && (later || self.machine.state() != State::Probing) => {
                child.end();
            }
            Some(_) => self.input(Input::ProbeFailed),
            None => {}
        }
    }

    /// The server has forgotten the session: it is asked anew what it speaks, and calls wait meanwhile.
    pub(super) fn begin_anew(&mut self) {
        if self.probe.is_some() {
            return;
        }
        self.peer = None;
        self.gathering = None;
        if let Some(child) = &self.child {
            child.begin_anew();
        }
        self.times.start = Some(Instant::now() + START);
        self.begin_probe();
    }

    /// Asks for the next list, or makes the lists known.
    pub(super) fn gather(&mut self) {
        let Some(gathering) = &mut self.gathering else { return };
        match gathering.next() {
            Next::Ask(method, params) => {
                let Some(peer) = self.peer.clone() else { return };
                let params = peer.params(params.as_deref(), &self.settings.identity, None).ok().flatten();
                let number = self.request(method.as_str(), params);
                self.waiting.insert(number, Waiting::List);
            }
            Next::Done(lists) => {
                self.gathering = None;
                self.times.start = None;
                let Some(peer) = self.peer.clone() else { return };
                let known = Arc::new(Known::new(&peer, lists));
                (self.settings.note_known)(&known);
                self.view.send_modify(|view| {
                    view.era = Some(peer.version.era());
                    view.version = Some(peer.version.as_str());
                    view.known = Some(known);
                    view.stale = false;
                    view.last_error = None;
                });
                if self.machine.state() == State::Probing {
                    self.input(Input::Probed);
                    self.begin_watching();
                }
                if std::mem::take(&mut self.gather_again) {
                    self.regather();
                }
            }
        }
    }

    pub(super) fn regather(&mut self) {
        if self.gathering.is_some() {
            self.gather_again = true;
        } else if let Some(peer) = &self.peer {
            self.gathering = Some(Gathering::begin(peer));
            self.gather();
        }
    }
}
