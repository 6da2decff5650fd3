//! The tools of a request, and who answers them.
//!
//! Grants, pins and the limit of calls per minute hold when tools are offered and again at every call. What a call says and what it
//! returns is not logged.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::{Either, join_all, select};
use futures::pin_mut;
use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::json::{Members, raw, string};
use nexus_edge_mcp::mrtr::InputRequired;
use nexus_edge_mcp::naming::{self, Aliases};
use nexus_edge_mcp::rpc;
use nexus_edge_mcp::toolset::Shown;
use nexus_edge_stats::call_end::CallEnd;
use nexus_edge_toolloop::machine::{Job, Outcome};
use nexus_edge_toolloop::named::{Source, Target};
use nexus_edge_toolloop::offered::{Defined, offered};
use nexus_edge_toolloop::tool::Tool;
use serde_json::value::RawValue;
use worker::web_sys::AbortSignal;

use crate::exchange::Exchange;
use crate::host::Host;
use crate::pipeline::admit;
use crate::pipeline::mcp::{self, Call, Calling, Origin, Reach, Refusal, Selection, Server};
use crate::pipeline::rounds::Rounds;
use crate::platform::promise::Timer;
use crate::platform::{log_warn, now_ms};

/// The tools of a request by their aliases.
pub struct Toolbox {
    host: Host,
    principal: Principal,
    caller: Option<AbortSignal>,
    request_id: String,
    /// They know the conversation.
    rounds: Rc<Rounds>,
    tools: BTreeMap<String, Known>,
}

/// A tool.
struct Known {
    server: Rc<Server>,
    name: String,
}

impl Known {
    fn is(&self, target: &naming::Target) -> bool {
        self.server.target(&self.name) == *target
    }
}

impl Toolbox {
    /// The tools that these sources name, by the rules of servers, key and request.
    ///
    /// # Errors
    /// `mcp_server_not_found`, `toolset_not_found`, `agent_offline` (404), `mcp_server_unreachable` (502).
    pub async fn open(
        exchange: &Exchange,
        principal: &Principal,
        sources: &[Source],
        rounds: Rc<Rounds>,
    ) -> Result<(Self, Vec<Tool>), ApiError> {
        let mut known = BTreeMap::new();
        let mut tools: Vec<Tool> = Vec::new();
        let mut aliases = Aliases::default();
        for source in sources {
            for (server, items) in servers(exchange, principal, source).await? {
                let server = Rc::new(server);
                for Shown { tool: name, name: given, item } in items {
                    let target = server.target(&name);
                    let is_free = |given: &String| known.get(given).is_none_or(|of: &Known| of.is(&target));
                    let alias = given.clone().filter(is_free).unwrap_or_else(|| aliases.name(&target).0);
                    let defined = Defined {
                        alias: &alias,
                        server: server.name(),
                        name: &name,
                        given: given.as_deref(),
                        definition: item.raw.get(),
                        rule: principal.tool_approval.strictest(server.approval_of(&name)),
                    };
                    let Some(tool) = offered(source, &defined) else { continue };
                    if let Some(twin) = tools.iter_mut().find(|twin| twin.alias == alias) {
                        // Named twice: the stricter rule counts.
                        twin.approval = twin.approval.strictest(tool.approval);
                        continue;
                    }
                    known.insert(alias, Known { server: Rc::clone(&server), name });
                    tools.push(tool);
                }
            }
        }
        let toolbox = Self {
            host: (**exchange).clone(),
            principal: principal.clone(),
            caller: exchange.caller_signal(),
            request_id: exchange.request_id.clone(),
            rounds,
            tools: known,
        };
        Ok((toolbox, tools))
    }

    /// Runs a call to its end, which comes within the time that the call has.
    pub async fn run(self: Rc<Self>, job: Job) -> (Job, Outcome) {
        let outcome = self.outcome(&job).await;
        (job, outcome)
    }

    async fn outcome(&self, job: &Job) -> Outcome {
        let Some(tool) = self.tools.get(&job.alias) else {
            return failed("This tool is not available any more.");
        };
        if self.caller.as_ref().is_some_and(AbortSignal::aborted) {
            return failed("The caller has left.");
        }
        let origin = Origin {
            caller: "chat",
            principal: &self.principal,
            request_id: &self.request_id,
            conversation_id: self.rounds.before().conversation_id,
        };
        let (server, bytes_in) = (tool.server.name(), job.arguments.len());
        let recorded = Calling::begin(&self.host, origin, server, &tool.name, bytes_in);
        let limit_ms = job.idle_ms.min(job.call_ms).min(job.until_ms.saturating_sub(now_ms()));
        let (outcome, end) = {
            let calling = self.call(tool, job);
            pin_mut!(calling);
            match select(calling, Timer::after_ms(limit_ms)).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => {
                    let message = format!("The tool did not answer within {limit_ms} ms.");
                    (Outcome::Failed(message), CallEnd::failed("tool_timeout"))
                }
            }
        };
        recorded.end(end);
        outcome
    }

    async fn call(&self, tool: &Known, job: &Job) -> (Outcome, CallEnd) {
        let Self { host, principal, .. } = self;
        if let Err(error) = admit::tool_call(host, principal).await {
            return (Outcome::Failed(error.message), CallEnd::refused(error.code));
        }
        let item = match tool.server.tool(host, &principal.tools, &tool.name).await {
            Ok(Ok(item)) => item,
            Ok(Err(why)) => {
                let message = match why {
                    Refusal::Unknown => "The server has no such tool any more.",
                    Refusal::NotAllowed => "This tool may not be used.",
                    Refusal::Changed => {
                        "This tool is not as it was accepted, and may not be used until it is."
                    }
                };
                return (failed(message), CallEnd::refused(why.code()));
            }
            Err(error) => return failure(error),
        };
        let mut params = Members::default();
        params.set("name", string(&tool.name));
        if let Some(arguments) = raw(job.arguments.clone()) {
            params.set("arguments", arguments);
        }
        let (params, capabilities) = (params.write(), Members::default().write());
        let (tenant, key_id) = (principal.tenant(), &principal.key_id);
        let call = Call { params: &params, capabilities: &capabilities, tenant, key_id, notes: None };
        let outcome = match tool.server.call(host, &item, &call).await {
            Ok(outcome) => outcome,
            Err(error) => return failure(error),
        };
        let end = CallEnd::of(&outcome);
        let outcome = match outcome {
            rpc::Outcome::Result(result) => outcome_of(&result),
            rpc::Outcome::Error(error) => Outcome::Failed(error.message),
        };
        (outcome, end)
    }
}

/// The servers that a source names, with the tools that the key may use.
async fn servers(
    exchange: &Exchange,
    principal: &Principal,
    source: &Source,
) -> Result<Vec<(Server, Vec<Shown>)>, ApiError> {
    let selection = match &source.target {
        Target::All => Selection::All,
        Target::Server(name) => Selection::Server(name.clone()),
        Target::Agent { id, server } => Selection::Agent { id: id.clone(), server: server.clone() },
        Target::Toolset(name) => mcp::toolset(exchange, principal, name)
            .await
            .map_err(|error| ApiError { param: Some(source.param.clone()), ..error })?,
    };
    let reached =
        mcp::servers(exchange, &Reach::of(principal), &selection).await.map_err(|error| {
            match error.status {
                404 => unknown(source),
                _ => error,
            }
        })?;
    let is_several = selection.is_several();
    if reached.servers.is_empty() && !reached.unavailable.is_empty() && !is_several {
        return Err(mcp::agent_offline().with_param(source.param.clone()));
    }
    let selection = &selection;
    let asked = reached.servers.into_iter().map(async |server| {
        match server.offered(exchange, &principal.tools).await {
            Ok(tools) => {
                let shown = tools.into_iter().filter_map(|tool| selection.shown(&server, tool)).collect();
                Ok(Some((server, shown)))
            }
            Err(error) if is_several => {
                // One server that is down does not take the others' tools away.
                log_warn("mcp server", &error.message);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    });
    let answered: Result<Vec<_>, ApiError> = join_all(asked).await.into_iter().collect();
    Ok(answered?.into_iter().flatten().collect())
}

fn unknown(source: &Source) -> ApiError {
    let message = "There are no tools of this name that the API key may use.";
    ApiError::not_found("mcp_server_not_found", message).with_param(source.param.clone())
}

fn failure(error: ApiError) -> (Outcome, CallEnd) {
    let end = CallEnd::failed(error.code);
    (Outcome::Failed(error.message), end)
}

fn failed(text: &str) -> Outcome {
    Outcome::Failed(text.to_owned())
}

fn outcome_of(result: &RawValue) -> Outcome {
    match InputRequired::read(result) {
        Ok(None) => Outcome::Result(result.get().as_bytes().to_vec()),
        Ok(Some(needed)) => {
            let methods: Vec<&str> = needed.requests.iter().map(|request| request.method.as_str()).collect();
            Outcome::NeedsInput(methods.join(", "))
        }
        Err(_) => failed("The server asks for input in a way that is not of the protocol."),
    }
}
