//! A request to a server of an agent, through the agent's hub.
//!
//! Where the caller wants what is said before the end, the hub's events are read: notes are told on, and the last event is the end. If the
//! events break off, the hub is asked for the end. A request that is dropped while events are read is cancelled at the agent.
//!
//! Where a person attends the call, approvals and questions for input are asked there while the events are read; what is answered
//! elsewhere first is withdrawn when the call ends, and an approval also when the call asks for input.
//!
//! A caller of the modern era that can be asked for input is told of the questions of the server with the result `input_required`; the
//! call waits at the agent meanwhile. Its state is the id of the call, which the endpoint seals for the key and the request.

use futures::FutureExt;
use nexus_edge_api::agent_refusals::refused;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::sse::{EventReader, Segment};
use nexus_edge_mcp::elicitation;
use nexus_edge_mcp::json::{Members, string, to_raw};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::{InputRequest, InputRequired, InputResponses};
use nexus_edge_mcp::rpc::{Outcome, RpcError, code};
use nexus_edge_tunnel::frame::{AskKind, NoteKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::agents::AgentServer;
use super::call::{Audience, Call, Notes};
use super::person::{About, Questions};
use crate::host::Host;
use crate::objects::agent_hub::{Approve, Cancel, HubClient, Invoke, Target, read_answer};
use crate::platform::bytes::Chunks;
use crate::platform::http::{Response, ResponseBody};
use crate::platform::{log_error, new_ulid, now_ms};

/// Milliseconds that a call may take.
const CALL_MS: u64 = 120_000;
/// The same of a call that may wait for its caller's input.
const ASKING_CALL_MS: u64 = 600_000;
/// How the state begins of a call that waits for input; its id follows, and after a colon the question.
const WAITING: &str = "nexus-call:";
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

/// A question of a call.
#[derive(Deserialize)]
struct Asked {
    id: String,
    kind: AskKind,
    body: Box<RawValue>,
}

/// The body of a question for input.
#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    method: String,
    #[serde(default)]
    params: Option<Box<RawValue>>,
}

/// What was read of the events of a call.
enum Read {
    /// Its end.
    Ended(Ended),
    /// It asks for input, and goes on.
    Asked(InputRequest),
    /// Neither: they broke off.
    Nothing,
}

/// Asks a server of an agent. A caller that can be asked for input gets the questions of the server as `input_required`, and asks again with
/// the answers, while the call goes on at the agent.
///
/// # Errors
/// Those of a call that has no end with a result: `agent_offline` (404), `agent_lost` (502), `tool_timeout` (504) and others.
pub async fn request(
    host: &Host,
    server: &AgentServer,
    method: Method,
    call: &Call<'_>,
) -> Result<Outcome, ApiError> {
    let hub = HubClient::new(&host.env, &server.owner, &server.agent);
    let notes = call.notes.filter(|notes| notes.wanted().is_asked_for());
    let can_be_asked =
        method.may_need_input() && Members::parse(call.capabilities.get()).is_ok_and(|can| !can.is_empty());
    let until_asked = can_be_asked && call.person.is_none();
    let target = Target::Method {
        server: server.server.clone(),
        method: method.as_str().to_owned(),
        params: call.params.to_owned(),
    };
    let mut invoke = Invoke {
        id: new_ulid(now_ms()),
        target,
        timeout_ms: if can_be_asked { ASKING_CALL_MS } else { CALL_MS },
        stream: notes.is_some() || can_be_asked,
        until_asked,
        principal: to_raw(&serde_json::json!({ "key": call.key_id })),
    };
    let retried = Some(call.params).filter(|_| method.may_need_input());
    let retried = InputResponses::read(retried).unwrap_or_default();
    let waiting = retried.state.as_deref().and_then(|state| state.strip_prefix(WAITING)?.split_once(':'));
    let answer = if let Some((id, ask)) = waiting {
        invoke.id = id.to_owned();
        // Only the question that this caller was told of: others are not its own to answer.
        if let Some(response) = retried.answers.get(ask) {
            give(&hub, ask, "response", response.to_owned()).await?;
        }
        hub.wait(&invoke).await?
    } else {
        hub.invoke(&invoke).await?
    };
    if !invoke.stream {
        return outcome(read_answer(answer).await?);
    }
    match followed(&hub, answer, Audience { notes, ..call.audience() }).await {
        Read::Ended(ended) => outcome(ended),
        Read::Asked(asked) => {
            let state = Some(format!("{WAITING}{}:{}", invoke.id, asked.key));
            let needed = InputRequired { requests: vec![asked], state };
            let can = Members::parse(call.capabilities.get()).unwrap_or_default();
            if let Some(error) = needed.refused_by(&can) {
                let reason = "the caller cannot be asked".to_owned();
                hub.ask("/cancel", &Cancel { id: invoke.id, reason }).await?;
                return Ok(Outcome::Error(error));
            }
            Ok(Outcome::Result(needed.write()))
        }
        Read::Nothing => {
            invoke.stream = false;
            outcome(read_answer(hub.wait(&invoke).await?).await?)
        }
    }
}

/// Gives an answer: a `response` or a `decision`. A question that was answered elsewhere needs none.
async fn give(hub: &HubClient<'_>, ask: &str, member: &str, answer: Box<RawValue>) -> Result<(), ApiError> {
    let mut body = Members::default();
    body.set(member, answer);
    match hub.ask("/approve", &Approve { ask: ask.to_owned(), body: body.write() }).await {
        Ok(_) => Ok(()),
        Err(error) if error.code == "approval_not_found" => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads the events of a call.
async fn followed(hub: &HubClient<'_>, answer: Response, audience: Audience<'_>) -> Read {
    let ResponseBody::Stream(stream) = answer.into_body() else { return Read::Nothing };
    let mut chunks = Chunks::new(stream, None);
    let mut reader = EventReader::new(MAX_EVENT_BYTES);
    let mut read = Read::Nothing;
    let questions = Questions::default();
    // What breaks off has said nothing of the end.
    while let Ok(Some(chunk)) = questions.beside(chunks.next()).await {
        reader.push(&chunk.to_vec(), |segment| {
            let Segment::Event(event) = segment else { return };
            let (Some(name), Some(data)) = (event.name(), event.data()) else { return };
            match name {
                b"tool_log" => {
                    if let Some(notes) = audience.notes {
                        notes.add(noted(notes, &data));
                    }
                }
                b"tool_approval" => {
                    let Ok(asked) = serde_json::from_slice::<Asked>(&data) else { return };
                    if audience.person.is_some() {
                        ask_person(hub, asked, audience, &questions);
                    } else {
                        read = for_input(&asked).map_or(Read::Nothing, Read::Asked);
                    }
                }
                b"tool_result" => {
                    read = serde_json::from_slice(&data).map_or(Read::Nothing, Read::Ended);
                }
                _ => {}
            }
        });
        if matches!(read, Read::Ended(_)) {
            break;
        }
    }
    read
}

/// Asks the person who attends the call. What no person can be asked is answered elsewhere.
fn ask_person<'a>(hub: &'a HubClient<'_>, asked: Asked, audience: Audience<'a>, questions: &Questions<'a>) {
    let Some(person) = audience.person else { return };
    let input = for_input(&asked);
    let Asked { id, kind, .. } = asked;
    let about = match kind {
        AskKind::Approval => About::Agreement,
        AskKind::InputRequired => {
            // The call is made by now: it was agreed to at the agent, which does not say so.
            questions.withdraw(About::Agreement);
            About::Input
        }
    };
    let question = async move {
        let (member, answer) = match (kind, input) {
            (AskKind::Approval, _) => {
                // The agent would hold `session` for all of its callers: that of the chat is remembered with the chat.
                ("decision", string(if person.agrees().await { "once" } else { "deny" }))
            }
            (AskKind::InputRequired, Some(request)) if request.method == elicitation::METHOD => {
                ("response", person.answers(request).await)
            }
            (AskKind::InputRequired, _) => return,
        };
        if let Err(error) = give(hub, &id, member, answer).await {
            log_error("an answer to an agent", &error.message);
        }
    };
    questions.add(about, question.boxed_local());
}

/// A question for input that a person can be asked; approvals are none.
fn for_input(Asked { id, kind, body }: &Asked) -> Option<InputRequest> {
    let Question { method, params } = serde_json::from_str(body.get()).ok()?;
    (*kind == AskKind::InputRequired).then_some(InputRequest { key: id.clone(), method, params })
}

fn noted(notes: &Notes, data: &[u8]) -> Option<nexus_edge_mcp::rpc::Notification> {
    let said: Noted = serde_json::from_slice(data).ok()?;
    match said.kind {
        NoteKind::Progress => notes.wanted().progress(&said.data),
        NoteKind::Log => notes.wanted().line(&said.data),
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
