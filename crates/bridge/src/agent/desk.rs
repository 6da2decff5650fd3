//! Calls that wait for a person at this machine, and tools that were allowed until the agent ends.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::trust::pin;
use tokio::sync::oneshot;

use crate::server::call::{Answer, Approval};

/// The desk.
#[derive(Debug, Default)]
pub struct Desk {
    waiting: Mutex<Vec<(Approval, oneshot::Sender<Answer>)>>,
    session: Mutex<BTreeSet<(String, String)>>,
}

impl Desk {
    /// Lays a call on the desk. It is taken off when the receiver is dropped.
    pub fn lay(&self, approval: Approval) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).push((approval, answer));
        answered
    }

    /// The calls that wait.
    #[must_use]
    pub fn waiting(&self) -> Vec<Approval> {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|(_, answer)| !answer.is_closed());
        waiting.iter().map(|(approval, _)| approval.clone()).collect()
    }

    /// Answers a call. False if it does not wait.
    pub fn answer(&self, id: &str, answer: Answer) -> bool {
        let mut waiting = lock(&self.waiting);
        let Some(at) = waiting.iter().position(|(approval, _)| approval.id == id) else { return false };
        let (_, sender) = waiting.remove(at);
        sender.send(answer).is_ok()
    }

    /// Lets a tool run until the agent ends, as it is now.
    pub fn allow(&self, server: &str, tool: &Item) {
        if let Ok(pin) = pin(tool) {
            lock(&self.session).insert((server.to_owned(), pin.as_str().to_owned()));
        }
    }

    /// Whether a tool was allowed until the agent ends.
    #[must_use]
    pub fn is_allowed(&self, server: &str, tool: &Item) -> bool {
        pin(tool).is_ok_and(|pin| lock(&self.session).contains(&(server.to_owned(), pin.as_str().to_owned())))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::catalogue::Kind;

    use super::*;

    fn approval(id: &str) -> Approval {
        Approval { id: id.into(), server: "s".into(), tool: "t".into(), arguments: None, why: String::new() }
    }

    #[test]
    fn a_call_is_answered_once_and_leaves_when_nobody_waits() {
        let desk = Desk::default();
        let mut first = desk.lay(approval("1"));
        let second = desk.lay(approval("2"));
        assert_eq!(desk.waiting().len(), 2);
        assert!(desk.answer("1", Answer::Once));
        assert!(!desk.answer("1", Answer::Once));
        assert_eq!(first.try_recv(), Ok(Answer::Once));
        drop(second);
        assert_eq!(desk.waiting().len(), 0);
    }

    #[test]
    fn what_is_allowed_is_this_tool_and_no_other() {
        let desk = Desk::default();
        let tool = |json: &str| Item::parse(Kind::Tool, json).unwrap();
        desk.allow("s", &tool(r#"{"name":"a"}"#));
        assert!(desk.is_allowed("s", &tool(r#"{ "name": "a" }"#)));
        assert!(!desk.is_allowed("t", &tool(r#"{"name":"a"}"#)));
        assert!(!desk.is_allowed("s", &tool(r#"{"name":"a","x":1}"#)));
    }
}
