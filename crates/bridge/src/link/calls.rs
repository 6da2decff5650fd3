//! One call of the gateway: it runs at its server, and tells the session what happens.

use std::time::Duration;

use nexus_edge_mcp::json::to_raw;
use nexus_edge_mcp::progress::Progress;
use nexus_edge_tunnel::agent::{Outcome, Run};
use nexus_edge_tunnel::frame::{self, NoteKind};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::agent::Agent;
use crate::server::call::{Ask, Call, CallError, CallFault, CallResult, Note, Origin};

/// Notes and questions of one call that may wait.
const WAITING: usize = 64;
/// The longest note that is passed on, in bytes.
const LONGEST_NOTE: usize = 64 * 1024;

/// What a call tells the session.
#[derive(Debug)]
pub enum Event {
    /// Something happens.
    Noted(frame::Note),
    /// A question.
    Asked(String, Ask),
    /// It has ended.
    Ended(String, Outcome),
}

/// Runs a call and tells `events`. `stop` ends it, with the reason.
pub async fn run(
    agent: Agent,
    run: Run,
    within: Duration,
    stop: oneshot::Receiver<String>,
    events: mpsc::Sender<Event>,
) {
    let (notes, mut heard) = mpsc::channel(WAITING);
    let (asks, mut questions) = mpsc::channel(WAITING);
    let id = run.id.clone();
    let call = Call {
        id: run.id,
        server: run.server,
        method: run.method,
        params: run.params,
        deadline: within,
        origin: Origin::Gateway,
        notes: run.progress.then_some(notes),
        asks: Some(asks),
    };
    let result = {
        let calling = agent.call(call);
        tokio::pin!(calling, stop);
        loop {
            tokio::select! {
                result = &mut calling => break result,
                reason = &mut stop => {
                    let reason = reason.unwrap_or_else(|_| "the agent ends".to_owned());
                    agent.cancel(&id, &reason);
                    break Err(stopped(&reason));
                }
                Some(ask) = questions.recv() => {
                    let _ = events.send(Event::Asked(id.clone(), ask)).await;
                }
                Some(note) = heard.recv() => {
                    if let Some(note) = frame_of(&id, &note) {
                        let _ = events.try_send(Event::Noted(note));
                    }
                }
            }
        }
    };
    let _ = events.send(Event::Ended(id, outcome(result))).await;
}

fn stopped(reason: &str) -> CallError {
    if reason == "deadline" {
        CallError::new(CallFault::Timeout, "the call did not end by its deadline")
    } else {
        CallError::new(CallFault::Canceled, "the call was canceled")
    }
}

/// How a call ended, as the tunnel says it. The error of the server itself stands in `rpc`, as it is.
fn outcome(result: CallResult) -> Outcome {
    match result {
        Ok(body) => Outcome { ok: true, body },
        Err(CallError { kind, message, rpc }) => {
            let mut said = serde_json::json!({ "code": kind.as_str(), "message": message });
            if let (Some(rpc), Some(members)) = (rpc, said.as_object_mut()) {
                members.insert("rpc".to_owned(), serde_json::json!(rpc));
            }
            Outcome { ok: false, body: to_raw(&said) }
        }
    }
}

/// A note as a frame; `None` if it is too long. Its number is set when it is sent.
fn frame_of(id: &str, note: &Note) -> Option<frame::Note> {
    let (kind, data) = match note {
        Note::Progress(progress) => (NoteKind::Progress, progress_of(progress)),
        Note::Log(params) => (NoteKind::Log, params.clone()),
    };
    let is_short = data.get().len() <= LONGEST_NOTE;
    is_short.then(|| frame::Note {
        id: id.to_owned(),
        seq: 0,
        kind,
        data,
        dropped_bytes: 0,
        dropped_lines: 0,
    })
}

fn progress_of(progress: &Progress) -> Box<RawValue> {
    to_raw(&serde_json::json!({
        "progress": progress.progress,
        "total": progress.total,
        "message": progress.message,
    }))
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::rpc::RpcError;

    use super::*;

    #[test]
    fn an_error_says_what_happened_and_what_the_server_said() {
        let of = |error| serde_json::from_str::<serde_json::Value>(outcome(Err(error)).body.get()).unwrap();
        let own = of(stopped("deadline"));
        assert_eq!(own["code"], "timeout");
        assert_eq!(of(stopped("enough"))["code"], "canceled");
        let servers = of(CallError::answered(RpcError::new(-32000, "no")));
        assert_eq!(
            (&servers["code"], &servers["rpc"]["code"]),
            (&"tool_call_failed".into(), &(-32000).into())
        );
    }

    #[test]
    fn a_long_note_is_left_out() {
        let log = |length: usize| Note::Log(to_raw(&"x".repeat(length)));
        assert!(frame_of("c", &log(100)).is_some());
        assert!(frame_of("c", &log(LONGEST_NOTE)).is_none());
    }
}
