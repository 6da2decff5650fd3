//! A request to a server of an agent, through the agent's hub.
//!
//! Where the caller wants what is said before the end, the hub's events are read: notes are told on, and the last event is the end. If the
//! events break off, the hub is asked for the end. A request that is dropped while events are read is cancelled at the agent.

use nexus_edge_api::agent_refusals::refused;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::sse::{EventReader, Segment};
use nexus_edge_mcp::json::to_raw;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::rpc::{Outcome, RpcError, code};
use nexus_edge_tunnel::frame::NoteKind;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::agents::AgentServer;
use super::call::{Call, Notes};
use crate::host::Host;
use crate::objects::agent_hub::{HubClient, Invoke, Target, read_answer};
use crate::platform::bytes::Chunks;
use crate::platform::http::{Response, ResponseBody};
use crate::platform::{log_error, new_ulid, now_ms};

/// Milliseconds that a call may take.
const CALL_MS: u64 = 120_000;
/// Bytes of an event: a result may have 16 MiB, and the event says a little more.
const MAX_EVENT_BYTES: usize = (16 << 20) + (64 << 10);

/// How a call ended, as the hub says it.
#[derive(Deserialize)]
struct Ended {
    /// `done`, or the code of an end without a result.
    #[serde(default)]
    status: String,
    #[serde(default)]
    executed: Option<String>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<Failed>,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    /// The error of the server itself.
    #[serde(default)]
    rpc: Option<RpcError>,
}

/// What is said of a call before its end.
#[derive(Deserialize)]
struct Noted {
    kind: NoteKind,
    data: Box<RawValue>,
}

/// Asks a server of an agent.
///
/// # Errors
/// Those of a call that has no end with a result: `agent_offline` (404), `agent_lost` (502), `tool_timeout` (504) and others.
pub async fn request(
    host: &Host,
    server: &AgentServer,
    method: Method,
    call: &Call<'_>,
) -> Result<Outcome, ApiError> {
    let notes = call.notes.filter(|notes| notes.wanted().is_asked_for());
    let mut invoke = Invoke {
        id: new_ulid(now_ms()),
        target: Target::Method {
            server: server.server.clone(),
            method: method.as_str().to_owned(),
            params: call.params.to_owned(),
        },
        timeout_ms: CALL_MS,
        stream: notes.is_some(),
        principal: to_raw(&serde_json::json!({ "key": call.key_id })),
    };
    let hub = HubClient::new(&host.env, &server.owner, &server.agent);
    let answer = hub.invoke(&invoke).await?;
    let ended = match notes {
        Some(notes) => followed(answer, notes).await,
        None => Some(read_answer(answer).await?),
    };
    if let Some(ended) = ended {
        return outcome(ended);
    }
    invoke.stream = false;
    outcome(read_answer(hub.wait(&invoke).await?).await?)
}

/// Reads the events of a call to its end; `None` if they break off.
async fn followed(answer: Response, notes: &Notes) -> Option<Ended> {
    let ResponseBody::Stream(stream) = answer.into_body() else { return None };
    let mut chunks = Chunks::new(stream, None);
    let mut reader = EventReader::new(MAX_EVENT_BYTES);
    let mut ended = None;
    while let Some(chunk) = chunks.next().await.ok()? {
        reader.push(&chunk.to_vec(), |segment| {
            let Segment::Event(event) = segment else { return };
            let Some(data) = event.data() else { return };
            match event.name() {
                Some(b"tool_log") => notes.add(noted(notes, &data)),
                Some(b"tool_result") => ended = serde_json::from_slice(&data).ok(),
                _ => {}
            }
        });
        if ended.is_some() {
            break;
        }
    }
    ended
}

fn noted(notes: &Notes, data: &[u8]) -> Option<nexus_edge_mcp::rpc::Notification> {
    let noted: Noted = serde_json::from_slice(data).ok()?;
    match noted.kind {
        NoteKind::Progress => notes.wanted().progress(&noted.data),
        NoteKind::Log => notes.wanted().line(&noted.data),
        // What a server writes beside the protocol is for those who run it.
        NoteKind::Stderr => None,
    }
}

fn outcome(ended: Ended) -> Result<Outcome, ApiError> {
    if !matches!(ended.status.as_str(), "" | "done") {
        return Err(refused(&ended.status, ended.executed.as_deref()));
    }
    Ok(match (ended.result, ended.error) {
        (Some(result), _) => Outcome::Result(result),
        (None, Some(Failed { rpc: Some(error), .. })) => Outcome::Error(error),
        (None, Some(Failed { code, message, .. })) => {
            let error = RpcError::new(code::INTERNAL, message);
            Outcome::Error(error.with_data(&serde_json::json!({ "code": code })))
        }
        (None, None) => {
            log_error("agent hub", &"a call ended with neither a result nor an error");
            return Err(ApiError::internal());
        }
    })
}
