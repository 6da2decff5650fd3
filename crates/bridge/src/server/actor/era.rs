//! What a server speaks and has: the questions for its era, then its lists, and the lists again when it says that they
//! changed.

use std::sync::Arc;

use nexus_edge_mcp::client::{Ask as Question, Probe, Step, Transport};

use super::{Actor, Waiting};
use crate::machine::supervision::{Input, State};
use crate::server::gathering::{Gathering, Next};
use crate::server::view::Known;

impl Actor {
    pub(super) fn begin_probe(&mut self) {
        if let Some(question) = self.question.take() {
            return self.ask(question);
        }
        let remembered = self.view.borrow().era;
        let identity = self.settings.identity.clone();
        let (probe, step) = Probe::begin(identity, self.settings.era, Transport::Stdio, remembered);
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
            Step::Restart(question) | Step::OpenEventStream(question) => self.question = Some(question),
            Step::Ready(peer, notification) => {
                self.probe = None;
                if let (Some(child), Some(notification)) = (&self.child, notification) {
                    child.send(&notification.into());
                }
                let peer = Arc::new(peer);
                self.gathering = Some(Gathering::begin(&peer));
                self.peer = Some(peer);
                self.gather();
            }
            Step::Failed(failure) => {
                self.probe = None;
                self.fault(&failure.to_string());
                if self.child.is_some() {
                    self.input(Input::ProbeFailed);
                }
            }
        }
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
