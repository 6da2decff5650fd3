//! Prompts, resources and completion: what clients get and read besides tools.
//!
//! What the gateway was not granted to tell of is refused as such, and never an empty success.

use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::Kind;
use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::reference::{Reference, reference, renamed};
use nexus_edge_mcp::rpc::{RpcError, code};
use nexus_edge_mcp::version::Era;

use super::asked::{Answered, Asked, failure, refused};
use super::endpoint::Face;
use super::job::Job;
use super::underway::Reply;
use crate::pipeline::admit;
use crate::pipeline::mcp::{self, Holder, Reach, Server};

/// Why a request is not passed on.
enum Refusal {
    /// There is no such thing.
    Unknown,
    /// The key is not granted it, or the server does not offer it.
    NotAllowed,
    /// Several servers have it.
    Ambiguous,
    /// The server or the agent cannot be asked.
    Failed(ApiError),
}

/// Gets a prompt, reads a resource or completes an argument.
pub(super) async fn ask(asked: Asked<'_>, method: Method) -> Result<Reply, ApiError> {
    let era = asked.caller.version.era();
    let params = Members::of(asked.request.params.as_deref()).unwrap_or_default();
    let Some(wanted) = reference(method, &params) else {
        let message = "the parameters name no prompt, resource or template";
        return Ok(refused(era, &asked.request.id, RpcError::invalid_params(message)).into());
    };
    let (server, name) = match find(asked, &wanted).await {
        Ok(found) => found,
        Err(why) => return Ok(refusal(asked, &wanted, &why).into()),
    };
    admit::tool_call(asked.exchange, asked.principal).await?;
    let params = renamed(method, params, &name).write();
    Ok(match Job::new(asked, server, method, None, &params) {
        Ok(job) => job.start().into(),
        Err(error) => refused(era, &asked.request.id, error).into(),
    })
}

/// The server that has what is wanted, and how it is called there.
async fn find(asked: Asked<'_>, wanted: &Reference) -> Result<(Server, String), Refusal> {
    let (exchange, grants) = (asked.exchange, &asked.principal.tools);
    let (server, name) = match asked.face {
        Face::One(server) => (server.clone(), wanted.name.clone()),
        Face::Unavailable(error) => return Err(Refusal::Failed(error.clone())),
        Face::Several(selection) => {
            let reach = Reach::of(asked.principal);
            if wanted.kind == Kind::Prompt {
                let found = mcp::prompt(exchange, &reach, selection, &wanted.name).await;
                found.map_err(Refusal::Failed)?.ok_or(Refusal::Unknown)?
            } else {
                match mcp::holder(exchange, &reach, selection, &wanted.name).await {
                    Ok(Holder::One(server, name)) => (server, name),
                    Ok(Holder::Several) => return Err(Refusal::Ambiguous),
                    Ok(Holder::None) => return Err(Refusal::Unknown),
                    Err(error) => return Err(Refusal::Failed(error)),
                }
            }
        }
    };
    if !server.may_use(grants, wanted.kind, &name) {
        return Err(Refusal::NotAllowed);
    }
    if wanted.kind == Kind::Prompt {
        // One that hides something is not listed, and so is not got either.
        let listed = server.listed(exchange, grants, wanted.kind).await.map_err(Refusal::Failed)?;
        if !listed.iter().any(|prompt| prompt.name == name) {
            return Err(Refusal::Unknown);
        }
    }
    Ok((server, name))
}

fn refusal(asked: Asked<'_>, wanted: &Reference, why: &Refusal) -> Answered {
    let (era, id) = (asked.caller.version.era(), &asked.request.id);
    let is_prompt = wanted.kind == Kind::Prompt;
    let (number, word, message) = match why {
        Refusal::Failed(error) => return refused(era, id, failure(error)),
        Refusal::Unknown if is_prompt => (code::INVALID_PARAMS, "prompt_not_found", "Unknown prompt"),
        Refusal::Unknown => {
            let number = if era == Era::Modern { code::INVALID_PARAMS } else { code::RESOURCE_NOT_FOUND };
            (number, "resource_not_found", "Resource not found")
        }
        Refusal::NotAllowed if is_prompt => {
            (code::INVALID_PARAMS, "prompt_not_allowed", "This key may not use the prompt")
        }
        Refusal::NotAllowed => {
            (code::INVALID_PARAMS, "resource_not_allowed", "This key may not use the resource")
        }
        Refusal::Ambiguous => {
            let message =
                "Several servers have this resource: use the address that `resources/list` gives it";
            (code::INVALID_PARAMS, "resource_ambiguous", message)
        }
    };
    let name = &wanted.name;
    let data = if is_prompt {
        serde_json::json!({ "code": word })
    } else {
        serde_json::json!({ "code": word, "uri": name })
    };
    refused(era, id, RpcError::new(number, format!("{message}: {name}")).with_data(&data))
}
