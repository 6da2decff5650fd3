//! The endpoints at which clients of the Model Context Protocol find the tools, prompts and resources that their key is granted.
//!
//! Stateless in both eras: a request stands for itself, no session is given, and there is nothing to `GET` or to `DELETE`. Grants
//! are checked when something is listed and when it is asked for. No credential of a caller is passed on.

mod asked;
mod content;
mod endpoint;
mod held;
mod holding;
mod job;
mod listening;
mod underway;

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Item, Kind};
use nexus_edge_mcp::headers;
use nexus_edge_mcp::json::{Members, string, to_raw};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::rpc::{Batches, Frame, Id, Limits, Message, Outcome, Request, RpcError, parse};
use nexus_edge_mcp::server::{self, Admitted, Channel, ServerIdentity, http_status};
use nexus_edge_mcp::version::{Era, Version};
use nexus_edge_stats::call_end::CallEnd;

use self::asked::{Answered, Asked, FRESHNESS, failure, page_of, refused, written};
use self::endpoint::{Endpoint, Face};
use self::job::Job;
use self::underway::Reply;
use crate::exchange::Exchange;
use crate::pipeline::admit;
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::mcp::{self, Calling, Origin, Reach, Refusal};
use crate::platform::http::{Headers, Response};

/// What callers accept who read events.
const EVENTS: &str = "text/event-stream";

/// `POST /mcp`
pub async fn endpoint(exchange: &Exchange) -> Result<Response, ApiError> {
    serve(exchange, Endpoint::All).await
}

/// `POST /mcp/server/{id}`
pub async fn server_endpoint(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    serve(exchange, Endpoint::Server(id.to_owned())).await
}

/// `POST /mcp/agent/{id}/{server}`
pub async fn agent_endpoint(exchange: &Exchange, id: &str, server: &str) -> Result<Response, ApiError> {
    serve(exchange, Endpoint::Agent(id.to_owned(), server.to_owned())).await
}

/// `POST /mcp/toolset/{name}`
pub async fn toolset_endpoint(exchange: &Exchange, name: &str) -> Result<Response, ApiError> {
    serve(exchange, Endpoint::Toolset(name.to_owned())).await
}

/// A page of another origin must not use what a browser has: it names the allowed ones.
fn check_origin(exchange: &Exchange) -> Result<(), ApiError> {
    match exchange.header("origin") {
        Some(origin) if !exchange.settings.allows_origin(&origin) && origin != exchange.own_origin() => {
            Err(ApiError::forbidden("origin_not_allowed", "Pages of this origin may not call this endpoint."))
        }
        _ => Ok(()),
    }
}

async fn serve(exchange: &Exchange, endpoint: Endpoint) -> Result<Response, ApiError> {
    check_origin(exchange)?;
    let principal = authenticate(exchange).await?;
    let face = match endpoint.face(exchange, &principal).await {
        // It may be there again for the next request.
        Err(error) if error.status >= 500 => Face::Unavailable(error),
        found => found?,
    };
    let place = |reads_events| Place {
        exchange,
        principal: &principal,
        endpoint: &endpoint,
        face: &face,
        reads_events,
    };
    let body = exchange.body().await?;
    let said = exchange.header(headers::PROTOCOL_VERSION);
    let version = said.as_deref().map_or(Some(Version::WITHOUT_HEADER), Version::parse);
    let batches = version.map_or(Batches::Refuse, Version::batches);
    match parse(&body.bytes, Limits::default(), batches) {
        Err(malformed) => {
            let (era, response) = (version.map_or(Era::Modern, Version::era), malformed.into());
            Ok(written(&[Answered { status: http_status(era, &response), response }], false))
        }
        Ok(Frame::One(Message::Request(request))) => {
            let accept = exchange.header("accept").unwrap_or_default();
            let place = place(accept.contains(EVENTS));
            let reply = answer(place, &request, said.as_deref()).await;
            Ok(if place.reads_events {
                reply.told(exchange).await
            } else {
                written(&[reply.whole().await], false)
            })
        }
        // Notifications and responses change nothing here: there is no session.
        Ok(Frame::One(_)) => Ok(Response::empty(202, Headers::new())),
        Ok(Frame::Batch(messages)) => {
            let mut answers = Vec::new();
            let place = place(false);
            for message in messages {
                match message {
                    Err(malformed) => answers.push(Answered { status: 200, response: malformed.into() }),
                    Ok(Message::Request(request)) => {
                        answers.push(answer(place, &request, said.as_deref()).await.whole().await);
                    }
                    Ok(_) => {}
                }
            }
            if answers.is_empty() {
                return Ok(Response::empty(202, Headers::new()));
            }
            Ok(written(&answers, true))
        }
    }
}

/// Where a request is asked, and by whom.
#[derive(Clone, Copy)]
struct Place<'a> {
    exchange: &'a Exchange,
    principal: &'a Principal,
    endpoint: &'a Endpoint,
    face: &'a Face,
    reads_events: bool,
}

/// The answer to a request. What the gateway refuses is an error in it and no status of HTTP: the key is good, and clients of the
/// legacy era would end their session.
async fn answer(place: Place<'_>, request: &Request, said: Option<&str>) -> Reply {
    served(place, request, said).await.unwrap_or_else(|error| Answered::failed(&request.id, &error).into())
}

async fn served(place: Place<'_>, request: &Request, said: Option<&str>) -> Result<Reply, ApiError> {
    let Place { exchange, principal, endpoint, face, reads_events } = place;
    let method = Method::parse(&request.method);
    let identity = identity(exchange, face, method).await;
    let caller = match server::admit(request, &identity, Channel::Http(said)) {
        Admitted::Answer(era, response) => {
            return Ok(Answered { status: http_status(era, &response), response }.into());
        }
        Admitted::Serve(caller) => caller,
    };
    let era = caller.version.era();
    if era == Era::Modern
        && let Err(error) = headers::check(request, |name| exchange.headers().get(name))
    {
        return Ok(refused(era, &request.id, error).into());
    }
    let (caller, identity) = (&caller, &identity);
    let asked = Asked { exchange, principal, face, request, caller, identity, reads_events };
    let outcome = match method {
        Some(Method::CallTool) => return call(asked).await,
        Some(method @ (Method::GetPrompt | Method::ReadResource | Method::Complete)) => {
            return content::ask(asked, method).await;
        }
        Some(Method::Listen) => return listening::listen(asked, endpoint).await,
        // Nothing is kept of a connection. Log lines come as their server writes them.
        Some(Method::SetLevel) => Outcome::Result(Members::default().write()),
        Some(method) => match Kind::listed_by(method) {
            Some(kind) => list(&asked, kind).await,
            None => Outcome::Error(RpcError::method_not_found(&request.method)),
        },
        None => Outcome::Error(RpcError::method_not_found(&request.method)),
    };
    Ok(Answered::of(era, request.id.clone(), outcome).into())
}

/// What the endpoint says of itself. Its capabilities are asked for where they are told: those of the server where it shows one, and all
/// where it shows several, which come and go.
async fn identity(exchange: &Exchange, face: &Face, method: Option<Method>) -> ServerIdentity {
    let known = match (face, method) {
        (Face::One(server), Some(Method::Initialize | Method::Discover)) => {
            server.capabilities(exchange).await.unwrap_or_else(|_| vec!["tools".to_owned()])
        }
        (Face::Several(selection), _) if selection.is_of_tools() => {
            ["logging", "tools"].map(str::to_owned).to_vec()
        }
        _ => ["completions", "logging", "prompts", "resources", "tools"].map(str::to_owned).to_vec(),
    };
    let mut capabilities = Members::default();
    for name in known {
        let mut capability = Members::default();
        // Clients of the legacy era have no stream over which they could be told.
        if method == Some(Method::Discover) && Kind::ALL.iter().any(|kind| kind.capability() == name) {
            capability.set("listChanged", to_raw(&true));
        }
        capabilities.set(&name, capability.write());
    }
    ServerIdentity {
        info: to_raw(&serde_json::json!({ "name": "nexus-edge", "version": env!("CARGO_PKG_VERSION") })),
        capabilities: capabilities.write(),
        instructions: None,
        freshness: FRESHNESS,
    }
}

/// A page of a list.
async fn list(asked: &Asked<'_>, kind: Kind) -> Outcome {
    match asked.face.items(asked.exchange, asked.principal, kind).await {
        Ok((items, unavailable)) => page_of(asked, kind, &items, &unavailable),
        Err(error) => Outcome::Error(failure(&error)),
    }
}

async fn call(asked: Asked<'_>) -> Result<Reply, ApiError> {
    let Asked { exchange, principal, face, request, caller, .. } = asked;
    let era = caller.version.era();
    let mut params = Members::of(request.params.as_deref()).unwrap_or_default();
    let Some(name) = params.text("name") else {
        return Ok(refused(era, &request.id, RpcError::invalid_params("`name` is missing")).into());
    };
    let found = match face {
        Face::One(server) => Ok(Some((server.clone(), name.clone()))),
        Face::Several(selection) => {
            mcp::resolve(exchange, &Reach::of(principal), selection, &name, Kind::Tool).await
        }
        Face::Unavailable(error) => Err(error.clone()),
    };
    let (server, tool_name) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(refusal(era, &request.id, &name, Refusal::Unknown).into()),
        Err(error) => return Ok(refused(era, &request.id, failure(&error)).into()),
    };
    // First, so that refused calls cannot be recorded without end.
    admit::tool_call(exchange, principal).await?;
    let bytes_in = params.get("arguments").map_or(0, |arguments| arguments.get().len());
    let calling = Calling::begin(exchange, origin(exchange, principal), server.name(), &tool_name, bytes_in);
    let tool = match server.tool(exchange, &principal.tools, &tool_name).await {
        Ok(Ok(tool)) => tool,
        Ok(Err(why)) => {
            calling.end(CallEnd::refused(why.code()));
            return Ok(refusal(era, &request.id, &name, why).into());
        }
        Err(error) => {
            calling.end(CallEnd::failed(error.code));
            return Ok(refused(era, &request.id, failure(&error)).into());
        }
    };
    if era == Era::Modern
        && let Err(error) = check_param_headers(exchange, &tool, &params)
    {
        calling.end(CallEnd::refused("header_mismatch"));
        return Ok(refused(era, &request.id, error).into());
    }
    params.set("name", string(&tool_name));
    let tool = Some((tool, calling));
    Ok(match Job::new(asked, server, Method::CallTool, tool, &params.write()) {
        Ok(job) => job.start().into(),
        Err(error) => refused(era, &request.id, error).into(),
    })
}

fn origin<'a>(exchange: &'a Exchange, principal: &'a Principal) -> Origin<'a> {
    Origin { caller: "mcp", principal, request_id: &exchange.request_id, conversation_id: None }
}

/// Compares the headers that the schema of a tool asks for with the arguments.
fn check_param_headers(exchange: &Exchange, tool: &Item, params: &Members) -> Result<(), RpcError> {
    // A schema that breaks a rule asks for no headers.
    let asked = tool.members().get("inputSchema").map(headers::param_headers).and_then(Result::ok);
    let asked = asked.unwrap_or_default();
    let given = asked
        .iter()
        .filter_map(|header| exchange.header(&header.name).map(|value| (header.name.clone(), value)));
    headers::check_params(&asked, params.get("arguments"), &given.collect())
}

fn refusal(era: Era, id: &Id, name: &str, why: Refusal) -> Answered {
    let message = match why {
        Refusal::Unknown => "Unknown tool",
        Refusal::NotAllowed => "This key may not use the tool",
        Refusal::Changed => "The tool is not as it was accepted",
    };
    let error = RpcError::invalid_params(format!("{message}: {name}"));
    refused(era, id, error.with_data(&serde_json::json!({ "code": why.code() })))
}
