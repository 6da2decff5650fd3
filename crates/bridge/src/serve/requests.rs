//! The requests of a client, each answered from what the servers have.

use std::sync::Arc;
use std::time::Duration;

use nexus_edge_mcp::catalogue::{Kind, page};
use nexus_edge_mcp::envelope::result_for;
use nexus_edge_mcp::json::{Members, string, to_raw};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::InputRequired;
use nexus_edge_mcp::naming::Target;
use nexus_edge_mcp::rpc::{Request, RpcError, code};
use nexus_edge_mcp::server::Caller;
use nexus_edge_mcp::version::Era;
use serde_json::value::RawValue;

use super::making::make;
use super::offer::holders;
use super::session::{Session, lock};
use super::watched::subscribe;
use crate::agent::new_instance;
use crate::server::call::{Call, Origin};

/// How many items a page of a list has.
const PAGE: usize = 200;
/// Servers have limits of their own; this one is never reached before them.
const DEADLINE: Duration = Duration::from_hours(24);
/// How often a client of the older era is asked for one call.
const ROUNDS: usize = 10;

type Answer = Result<Box<RawValue>, RpcError>;

/// Serves a request, and says the result as the client's era expects it.
///
/// # Errors
/// What is wrong with the request, or what its server answered.
pub async fn serve(session: &Arc<Session>, caller: &Caller, request: Request) -> Answer {
    let Some(method) = Method::parse(&request.method) else {
        return Err(RpcError::method_not_found(&request.method));
    };
    let params = Members::of(request.params.as_deref())
        .map_err(|fault| RpcError::invalid_params(format!("`params` {fault}")))?;
    let result = match method {
        Method::ListTools | Method::ListPrompts | Method::ListResources | Method::ListTemplates => {
            list(session, method, &params).await?
        }
        Method::CallTool => tool(session, caller, params).await?,
        Method::GetPrompt => prompt(session, caller, params).await?,
        Method::ReadResource => resource(session, caller, params).await?,
        Method::Complete => complete(session, caller, params).await?,
        Method::Subscribe | Method::Unsubscribe => {
            let uri = params.text("uri").ok_or_else(|| RpcError::invalid_params("`uri` is missing"))?;
            subscribe(session, uri, method == Method::Subscribe).await?
        }
        Method::SetLevel => {
            *lock(&session.logging) = true;
            Members::default().write()
        }
        _ => return Err(RpcError::method_not_found(&request.method)),
    };
    let identity = &session.identity;
    Ok(result_for(caller.version, method, &result, Some(&identity.info), identity.freshness))
}

async fn list(session: &Session, method: Method, params: &Members) -> Answer {
    let Some(kind) = Kind::listed_by(method) else { return Err(RpcError::method_not_found(method.as_str())) };
    session.settle().await;
    let cursor = params.text("cursor");
    let page = page(kind, session.offer().list(kind), cursor.as_deref(), PAGE);
    page.map(|page| page.result).map_err(|error| RpcError::invalid_params(error.to_string()))
}

async fn tool(session: &Arc<Session>, caller: &Caller, params: Members) -> Answer {
    let alias = params.text("name").unwrap_or_default();
    let target = named(session, |names| names.tool(&alias).cloned());
    let target = target.await.ok_or_else(|| RpcError::invalid_params(format!("Unknown tool: {alias}")))?;
    call(session, caller, Method::CallTool, &target.server, renamed(params, &target)).await
}

async fn prompt(session: &Arc<Session>, caller: &Caller, params: Members) -> Answer {
    let alias = params.text("name").unwrap_or_default();
    let target = named(session, |names| names.prompt(&alias).cloned());
    let target = target.await.ok_or_else(|| RpcError::invalid_params(format!("Unknown prompt: {alias}")))?;
    call(session, caller, Method::GetPrompt, &target.server, renamed(params, &target)).await
}

async fn resource(session: &Arc<Session>, caller: &Caller, params: Members) -> Answer {
    let uri = params.text("uri").unwrap_or_default();
    session.settle().await;
    let sources = session.sources();
    let mut last = RpcError::new(code::INVALID_PARAMS, format!("Resource not found: {uri}"));
    for server in holders(&sources, &uri) {
        match call(session, caller, Method::ReadResource, server, params.clone()).await {
            Ok(result) => return Ok(result),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn complete(session: &Arc<Session>, caller: &Caller, mut params: Members) -> Answer {
    let mut reference =
        Members::of(params.get("ref")).map_err(|fault| RpcError::invalid_params(format!("`ref` {fault}")))?;
    let server = match reference.text("type").as_deref() {
        Some("ref/prompt") => {
            let alias = reference.text("name").unwrap_or_default();
            let target = named(session, |names| names.prompt(&alias).cloned()).await;
            target.map(|target| {
                reference.set("name", string(&target.tool));
                target.server
            })
        }
        Some("ref/resource") => {
            let uri = reference.text("uri").unwrap_or_default();
            let sources = session.sources();
            let holds = |source: &&super::offer::Source| {
                source.known.catalogue.templates.iter().any(|template| template.name == uri)
            };
            sources.iter().find(holds).map(|source| source.server.clone())
        }
        _ => None,
    };
    let server = server.ok_or_else(|| RpcError::invalid_params("`ref` names no prompt and no template"))?;
    params.set("ref", reference.write());
    call(session, caller, Method::Complete, &server, params).await
}

/// What a name stands for. A client may know it from an earlier run, before anything was listed.
async fn named(session: &Session, find: impl Fn(&super::offer::Names) -> Option<Target>) -> Option<Target> {
    if let Some(target) = find(&lock(&session.names)) {
        return Some(target);
    }
    session.settle().await;
    let _ = session.offer();
    find(&lock(&session.names))
}

fn renamed(mut params: Members, target: &Target) -> Members {
    params.set("name", string(&target.tool));
    params
}

/// Calls a server. A client of the older era is asked for what a server of the newer era needs.
async fn call(
    session: &Arc<Session>,
    caller: &Caller,
    method: Method,
    server: &str,
    mut params: Members,
) -> Answer {
    for _ in 0..ROUNDS {
        let result = make(session, caller, new_call(method, server, &params)).await?;
        if caller.version.era() == Era::Modern || !method.may_need_input() {
            return Ok(result);
        }
        let needed = InputRequired::read(&result)
            .map_err(|fault| RpcError::new(code::INTERNAL, format!("the server's result {fault}")))?;
        let Some(needed) = needed else { return Ok(result) };
        if let Some(error) = needed.refused_by(&caller.capabilities) {
            return Err(error);
        }
        let mut answers = Members::default();
        for request in needed.requests {
            answers.set(&request.key, session.ask(&request.method, request.params).await?);
        }
        params.set("inputResponses", answers.write());
        match needed.state {
            Some(state) => params.set("requestState", to_raw(&state)),
            None => drop(params.remove("requestState")),
        }
    }
    Err(RpcError::new(code::INTERNAL, "the server asks for input again and again"))
}

fn new_call(method: Method, server: &str, params: &Members) -> Call {
    Call {
        id: new_instance(),
        server: server.to_owned(),
        method: method.as_str().to_owned(),
        params: Some(params.write()),
        deadline: DEADLINE,
        origin: Origin::Local,
        notes: None,
        asks: None,
    }
}
