//! What the Worker asks a hub. It has authenticated the caller; only the Worker can reach the object.
//!
//! A request that waits for a call is answered when the call has ended. If the object is lost meanwhile, the request fails, and the
//! Worker asks the next object what became of the call with `/wait`: a call is never made twice.

use std::rc::Rc;

use futures::channel::mpsc;
use nexus_edge_api::agent_calls::{AnsweredCall, CancelledCall, OpenCall, Question};
use nexus_edge_api::agent_refusals::status_of;
use nexus_edge_tunnel::backlog::Cursor;
use nexus_edge_tunnel::frame::{Ask, Server};
use nexus_edge_tunnel::hub::{self, CallRow, Hub, Placed, Refused, Status, Store};
use nexus_edge_tunnel::tools::{Tool, tools};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use worker::web_sys::AbortSignal;
use worker::{Request, Response, ResponseBuilder, Result};

use super::answer;
use super::call::{Approve, Cancel, Invoke, Named, Revoke, Target, Wait, Watch, refusal};
use super::hub::{Heard, Inside, look, pause};
use super::offers::{Known, offers};
use super::sockets;
use super::store::Tables;

/// Answers a request of the Worker.
pub async fn answer(inside: &Rc<Inside>, mut request: Request) -> Result<Response> {
    let path = request.path();
    if path == "/socket" {
        let opening = request.headers().get("x-hub-opening")?.unwrap_or_default();
        return sockets::open(inside, &serde_json::from_str(&opening)?);
    }
    let signal = request.inner().signal();
    let body = request.bytes().await?;
    match path.as_str() {
        "/invoke" => invoke(inside, read(&body)?, &signal).await,
        "/wait" => {
            let wait: Wait = read(&body)?;
            let told = inside.watch(Some(&wait.id));
            follow(inside, wait.id, told, Reading::of(wait.stream, wait.until_asked), &signal).await
        }
        "/result" => result(inside, &read::<Named>(&body)?.id),
        "/cancel" => {
            let cancel: Cancel = read(&body)?;
            let is_cancelled = inside.with(|machine, now| machine.cancel(now, &cancel.id, &cancel.reason))?;
            if is_cancelled {
                json_response(&CancelledCall { canceled: true })
            } else {
                not_open(inside, &cancel.id)
            }
        }
        "/approve" => {
            let approve: Approve = read(&body)?;
            let call = inside.with(|machine, _| Ok(call_that_asks(machine, &approve.ask)))?;
            let Some(call) = call else { return refusal(404, "approval_not_found") };
            let is_passed =
                inside.with(|machine, _| Ok(machine.answer(&call, &approve.ask, approve.body)))?;
            if is_passed {
                json_response(&AnsweredCall { req_id: call })
            } else {
                refusal(404, "approval_not_found")
            }
        }
        "/state" => json_response(&inside.with(|machine, _| state(machine))?),
        "/tools" => inside.with(|machine, _| listed(machine)),
        "/offers" => {
            let known: Known = read(&body)?;
            json_response(&inside.with(|machine, _| offers(machine, &known))?)
        }
        "/events" => {
            let events: Watch = read(&body)?;
            // One that is not understood names an event that is not known any more.
            let after = events.after.map(|after| Cursor::read(&after).unwrap_or_default());
            let missed = after.map(|cursor| inside.missed(cursor));
            answer::events(inside.watch(None), missed, events.agent_id, events.only_tools)
        }
        "/revoke" => {
            let revoke: Revoke = read(&body)?;
            inside.revoke(revoke.not_before_ms, revoke.wipe)?;
            Response::ok("")
        }
        _ => Response::error("unknown request", 404),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(body)?)
}

async fn invoke(inside: &Rc<Inside>, invoke: Invoke, signal: &AbortSignal) -> Result<Response> {
    inside.set_alarm().await?;
    let told = inside.watch(Some(&invoke.id));
    let (id, stream) = (invoke.id.clone(), invoke.stream);
    let reading = Reading::of(stream, invoke.until_asked);
    let placed = inside.with(|machine, now| {
        let about = invoke.target.shown();
        let Some((server, method, params)) = resolved(machine, &invoke.id, invoke.target)? else {
            return Ok(Err(if machine.is_connected() { "tool_not_found" } else { "agent_offline" }));
        };
        let request = hub::Request {
            id: invoke.id,
            server,
            method,
            params,
            timeout_ms: invoke.timeout_ms,
            progress: stream,
            principal: Some(invoke.principal),
            about,
        };
        Ok(machine.call(now, request)?.map_err(|refused| match refused {
            Refused::Offline => "agent_offline",
            Refused::Busy => "agent_busy",
            Refused::IdReused => "req_id_reused",
            Refused::ParamsTooLarge => "arguments_too_large",
        }))
    })?;
    match placed {
        Err(code) => refusal(status_of(code), code),
        Ok(Placed::Sent | Placed::Queued | Placed::Open | Placed::Ended(_)) => {
            follow(inside, id, told, reading, signal).await
        }
    }
}

/// What is read of a call.
#[derive(Clone, Copy)]
enum Reading {
    /// Its end.
    End,
    /// Its events and its end; or its events until it asks for input.
    Events { until_asked: bool },
}

impl Reading {
    fn of(stream: bool, until_asked: bool) -> Self {
        if stream { Self::Events { until_asked } } else { Self::End }
    }
}

/// Answers with the events of a call, or with its end.
async fn follow(
    inside: &Rc<Inside>,
    id: String,
    mut told: mpsc::Receiver<Heard>,
    reading: Reading,
    signal: &AbortSignal,
) -> Result<Response> {
    if let Reading::Events { until_asked } = reading {
        return answer::stream(inside, id, told, until_asked);
    }
    loop {
        let (status, due) = look(inside, &id)?;
        match status {
            Status::Ended(ended) => return answer::whole(inside, &ended),
            Status::Unknown => return refusal(404, "call_not_found"),
            Status::Open | Status::Queued => {}
        }
        if signal.aborted() {
            inside.with(|machine, now| machine.cancel(now, &id, "the caller left"))?;
            continue;
        }
        pause(&mut told, due).await;
    }
}

fn result(inside: &Rc<Inside>, id: &str) -> Result<Response> {
    match look(inside, id)?.0 {
        Status::Ended(ended) => answer::view(inside, &ended),
        Status::Unknown => refusal(404, "call_not_found"),
        Status::Queued => json_response(&OpenCall { req_id: id, status: "queued", approvals: None }),
        Status::Open => {
            let asks = inside.with(|machine, _| Ok(machine.asks(id).iter().map(Question::from).collect()))?;
            json_response(&OpenCall { req_id: id, status: "running", approvals: Some(asks) })
        }
    }
}

fn not_open(inside: &Inside, id: &str) -> Result<Response> {
    match look(inside, id)?.0 {
        Status::Ended(_) => json_response(&CancelledCall { canceled: false }),
        _ => refusal(404, "call_not_found"),
    }
}

/// Parameters of `tools/call`. The arguments stay the text that they are.
#[derive(Serialize)]
struct ToolCall<'a> {
    name: &'a str,
    arguments: &'a RawValue,
}

/// The server, the method and the parameters of a call; `None` for a tool that there is not. A call that is known is answered also
/// when its tool is gone.
fn resolved(
    machine: &Hub<Tables>,
    id: &str,
    target: Target,
) -> Result<Option<(String, String, Box<RawValue>)>> {
    let (name, arguments) = match target {
        Target::Method { server, method, params } => return Ok(Some((server, method, params))),
        Target::Tool { name, arguments } => (name, arguments),
    };
    let found = match find(machine, &name)? {
        None if machine.status(id)? != Status::Unknown => Some((String::new(), name)),
        found => found,
    };
    let Some((server, tool)) = found else { return Ok(None) };
    let params = to_raw_value(&ToolCall { name: &tool, arguments: &arguments })?;
    Ok(Some((server, "tools/call".to_owned(), params)))
}

/// The server and the tool behind a name.
fn find(machine: &Hub<Tables>, name: &str) -> Result<Option<(String, String)>> {
    for server in machine.store().servers()? {
        let Some(catalog) = machine.store().catalog(&server.name)? else { continue };
        let found = tools(&server.name, &catalog).into_iter().find(|tool| tool.name == name);
        if let Some(tool) = found.map(|found| found.tool) {
            return Ok(Some((server.name, tool)));
        }
    }
    Ok(None)
}

fn call_that_asks(machine: &Hub<Tables>, ask: &str) -> Option<String> {
    machine.questions().find(|(_, one)| one.ask == ask).map(|(row, _)| row.id.clone())
}

/// What a hub says of its agent.
#[derive(Serialize)]
struct State {
    connected: bool,
    connected_at: u64,
    lost_at: Option<u64>,
    version: String,
    os: String,
    running: usize,
    queued: usize,
    servers: Vec<Server>,
    questions: Vec<Waiting>,
}

/// A question that a call waits for, with the tool that is called.
#[derive(Serialize)]
struct Waiting {
    tool_name: String,
    #[serde(flatten)]
    question: Question,
}

fn state(machine: &Hub<Tables>) -> Result<State> {
    let (link, (running, queued)) = (machine.link(), machine.load());
    Ok(State {
        connected: machine.is_connected(),
        connected_at: link.since_ms,
        lost_at: link.lost_ms,
        version: link.version.clone(),
        os: link.os.clone(),
        running,
        queued,
        servers: machine.store().servers()?,
        questions: machine.questions().map(waiting).collect(),
    })
}

fn waiting((row, ask): (&CallRow, &Ask)) -> Waiting {
    Waiting { tool_name: row.about.clone(), question: Question::from(ask) }
}

/// The tools of an agent. What its servers say of them stays the text that it is.
#[derive(Serialize)]
struct Listed<'a> {
    connected: bool,
    tools: Vec<Tool<'a>>,
}

/// JSON as it is written here: the platform crate would make a JavaScript object of it first.
fn json_response(value: &impl Serialize) -> Result<Response> {
    let response = ResponseBuilder::new().with_header("content-type", "application/json")?;
    Ok(response.fixed(serde_json::to_vec(value)?))
}

fn listed(machine: &Hub<Tables>) -> Result<Response> {
    if machine.link().epoch == 0 {
        return refusal(404, "agent_offline");
    }
    let servers = machine.store().servers()?;
    let catalogs: Vec<Option<String>> =
        servers.iter().map(|server| machine.store().catalog(&server.name)).collect::<Result<_>>()?;
    let all: Vec<Tool<'_>> = servers
        .iter()
        .zip(&catalogs)
        .flat_map(|(server, catalog)| tools(&server.name, catalog.as_deref().unwrap_or_default()))
        .collect();
    json_response(&Listed { connected: machine.is_connected(), tools: all })
}
