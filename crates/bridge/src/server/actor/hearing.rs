//! What a child says, and its end.

use std::sync::PoisonError;
use std::time::Duration;

use nexus_edge_mcp::client::Heard;
use nexus_edge_mcp::json::{Members, to_raw};
use nexus_edge_mcp::method::{LOG_MESSAGE, Method};
use nexus_edge_mcp::mrtr;
use nexus_edge_mcp::progress::Progress;
use nexus_edge_mcp::rpc::{Id, Message, Notification, Outcome, Request, Response, RpcError};
use tokio::time::Instant;

use super::clock::Times;
use super::{Actor, Waiting};
use crate::machine::supervision::{Input, State};
use crate::server::call::{Ask, CallError, CallFault, Note};
use crate::server::connection::Connection;
use crate::server::streams::{Event, TOO_LONG, What};
use crate::server::unanswered::Unanswered;

/// After what time a server with an address is tried again that failed.
const AGAIN: Duration = Duration::from_mins(1);
/// What a server says of a resource that has changed.
const RESOURCE_UPDATED: &str = "notifications/resources/updated";
/// How many lines that are no messages are logged of one child.
const GARBAGE: u32 = 5;

impl Actor {
    pub(super) fn event(&mut self, event: Event) {
        if event.generation != self.generation {
            return;
        }
        match event.what {
            What::Message(Message::Response(response)) => self.response(response),
            What::Message(Message::Notification(notification)) => self.notification(&notification),
            What::Message(Message::Request(request)) => self.asked(request),
            What::Garbage(text) => {
                self.garbage += 1;
                if self.garbage <= GARBAGE {
                    let text = self.around.masking.mask(&text);
                    let fields = [("server", self.around.name.as_str()), ("text", text.as_str())];
                    self.around.log.warn("a server wrote something to stdout that is no message", &fields);
                }
            }
            What::Unusable(why) => {
                // A child that ends closes its output first: its status says more.
                if why == TOO_LONG || self.child.as_ref().is_some_and(Connection::is_remote) {
                    self.fault(why);
                }
                if let Some(child) = &mut self.child {
                    child.end();
                }
            }
            What::Unanswered(number, why) => self.unanswered(number, &why),
            What::Exited(status) => self.exited(status),
        }
    }

    /// A request over HTTP has no response.
    fn unanswered(&mut self, number: i64, why: &Unanswered) {
        if let Some(waiting) = self.waiting.remove(&number) {
            if let Unanswered::Unreachable(_) | Unanswered::Lost(_) = why {
                self.fault(&why.to_string());
            }
            return match (waiting, why) {
                (Waiting::Probe, Unanswered::Status(status)) => self.probed(Heard::Status(*status)),
                (Waiting::Probe, _) => self.probed(Heard::Gone),
                // A catalogue without one of its lists would look as if the server had changed.
                (Waiting::List, _) => {
                    self.fault(&why.to_string());
                    if let Some(child) = &mut self.child {
                        child.end();
                    }
                }
            };
        }
        if matches!(why, Unanswered::Forgotten) && self.table.again(number) {
            return self.begin_anew();
        }
        let Some(entry) = self.table.take(number) else { return };
        let kind = match why {
            Unanswered::Lost(_) => CallFault::Crashed,
            _ => CallFault::Unavailable,
        };
        entry.finish(Err(CallError::new(kind, why.to_string())));
    }

    fn probed(&mut self, heard: Heard) {
        if let Some(step) = self.probe.as_mut().map(|probe| probe.hear(heard)) {
            self.step(step);
        }
    }

    fn exited(&mut self, status: Option<std::process::ExitStatus>) {
        let was_remote = self.child.take().is_some_and(|child| child.is_remote());
        self.peer = None;
        self.listening = None;
        self.gathering = None;
        self.view.send_modify(|view| view.stale = view.known.is_some());
        self.waiting.clear();
        self.times = Times::default();
        let state = self.machine.state();
        if matches!(state, State::Probing | State::Ready) {
            let how = status.map_or_else(|| "without a status".to_owned(), |status| status.to_string());
            let last = self.around.ring.lock().unwrap_or_else(PoisonError::into_inner).last(1).pop();
            let last = last.map(|line| format!("; its last line on stderr: {line}")).unwrap_or_default();
            self.fault(&format!("ended by itself ({how}){last}"));
        }
        if let Some(probe) = self.probe.as_mut().filter(|_| state == State::Probing) {
            let step = probe.hear(Heard::Gone);
            self.step(step);
        }
        let again = self.question.is_some();
        if !again {
            self.probe = None;
        }
        let unknown = self.view.borrow().known.is_none();
        let wanted = !self.removed
            && (self.settings.eager || unknown || self.is_watched() || self.table.waiting() > 0);
        self.input(Input::Exited {
            ran_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            wanted,
            again: again && !self.removed,
            chance: (self.settings.chance)(),
        });
        if was_remote && wanted && self.machine.state() == State::Failed && self.times.wake.is_none() {
            // What is out of reach may be in reach later; a program that does not run stays so.
            self.times.wake = Some(Instant::now() + AGAIN);
        }
    }

    fn response(&mut self, response: Response) {
        let Some(Id::Number(number)) = response.id else { return };
        if let Some(entry) = self.table.take(number) {
            return entry.finish(match response.outcome {
                Outcome::Result(result) => Ok(result),
                Outcome::Error(mut error) => {
                    error.message = self.around.masking.mask(&error.message);
                    Err(CallError::answered(error))
                }
            });
        }
        match self.waiting.remove(&number) {
            Some(Waiting::Probe) => {
                let heard = match response.outcome {
                    Outcome::Result(result) => Heard::Result(result),
                    Outcome::Error(error) => Heard::Error(error),
                };
                self.probed(heard);
            }
            Some(Waiting::List) => {
                if let Some(gathering) = &mut self.gathering {
                    match &response.outcome {
                        Outcome::Result(result) => gathering.hear(Some(result)),
                        Outcome::Error(_) => gathering.hear(None),
                    }
                    self.gather();
                }
            }
            None => {}
        }
    }

    fn notification(&mut self, notification: &Notification) {
        if notification.method.ends_with("/list_changed") {
            return self.regather();
        }
        if notification.method == RESOURCE_UPDATED {
            let params = Members::of(notification.params.as_deref()).unwrap_or_default();
            if let Some(uri) = params.text("uri").filter(|uri| self.watched.contains(uri)) {
                (self.settings.note_updated)(&uri);
            }
            return;
        }
        if let Some(progress) = Progress::read(notification) {
            let Id::Number(number) = progress.token else { return };
            let notes =
                self.table.heard(number, self.settings.timeout).and_then(|entry| entry.call.notes.clone());
            if let Some(notes) = notes {
                let _ = notes.try_send(Note::Progress(progress));
            }
        } else if notification.method == LOG_MESSAGE
            && let Some(params) = &notification.params
            && let Some(notes) = self.table.newest().and_then(|entry| entry.call.notes.as_ref())
        {
            let _ = notes.try_send(Note::Log(params.clone()));
        }
    }

    /// A server of the older era asks its client something.
    fn asked(&mut self, request: Request) {
        if Method::parse(&request.method) == Some(Method::Ping) {
            return self
                .answer(self.generation, Response::result(request.id, to_raw(&serde_json::json!({}))));
        }
        let asks = self.table.newest().and_then(|entry| entry.call.asks.clone());
        let Some(asks) = asks.filter(|_| mrtr::asks_for_input(&request.method)) else {
            let error = RpcError::method_not_found(&request.method);
            return self.answer(self.generation, Response::error(Some(request.id), error));
        };
        let (answers, generation) = (self.answers.clone(), self.generation);
        tokio::spawn(async move {
            let (answer, answered) = tokio::sync::oneshot::channel();
            let ask = Ask::Input { method: request.method, params: request.params, answer };
            let result = if asks.send(ask).await.is_ok() { answered.await.ok() } else { None };
            let response = match result {
                Some(Ok(result)) => Response::result(request.id, result),
                Some(Err(error)) => Response::error(Some(request.id), error),
                None => {
                    let error = RpcError::new(nexus_edge_mcp::rpc::code::INTERNAL, "no answer came");
                    Response::error(Some(request.id), error)
                }
            };
            let _ = answers.send((generation, response));
        });
    }

    pub(super) fn answer(&mut self, generation: u64, response: Response) {
        if let Some(child) = self.child.as_ref().filter(|child| child.generation() == generation) {
            child.send(&response.into());
        }
    }
}
