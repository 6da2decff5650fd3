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
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_mcp::elicitation;
use nexus_edge_mcp::json::{Members, raw, string};
use nexus_edge_mcp::mrtr::InputRequired;
use nexus_edge_mcp::naming::{self, Aliases};
use nexus_edge_mcp::notes::Wanted;
use nexus_edge_mcp::progress::{Patience, Progress};
use nexus_edge_mcp::rpc::{self, Id};
use nexus_edge_mcp::toolset::Shown;
use nexus_edge_stats::call_end::CallEnd;
use nexus_edge_toolloop::machine::{Job, Outcome};
use nexus_edge_toolloop::named::{Source, Target};
use nexus_edge_toolloop::offered::{Defined, offered};
use nexus_edge_toolloop::tool::{Consent, Tool};
use serde_json::value::RawValue;
use worker::web_sys::AbortSignal;

use super::person::{Attended, Waits};
use crate::exchange::{Asker, Attendant, Exchange};
use crate::host::Host;
use crate::pipeline::admit;
use crate::pipeline::mcp::{self, Call, Calling, Notes, Origin, Person, Reach, Refusal, Selection, Server};
use crate::pipeline::rounds::Rounds;
use crate::platform::promise::Timer;
use crate::platform::{log_warn, new_ulid, now_ms};

/// How often it is looked whether a call has said something or its caller has left, in milliseconds.
const LISTEN_MS: u64 = 250;
/// What is said of a call whose caller has left; no model reads it.
const LEFT: &str = "The caller has left.";

/// The tools of a request by their aliases.
pub struct Toolbox {
    host: Host,
    principal: Principal,
    caller: Option<AbortSignal>,
    attendant: Option<Rc<dyn Attendant>>,
    request_id: String,
    /// They know the conversation.
    rounds: Rc<Rounds>,
    tools: BTreeMap<String, Known>,
}

/// A tool.
struct Known {
    server: Rc<Server>,
    name: String,
    /// Hash of its definition, where a person may be asked to agree to it.
    hash: String,
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
                    let synonyms: Vec<&str> = match source.target {
                        Target::Agent { .. } => {
                            source.written().filter(|written| server.calls(&name, written)).collect()
                        }
                        _ => Vec::new(),
                    };
                    let is_free = |given: &String| known.get(given).is_none_or(|of: &Known| of.is(&target));
                    let alias = given.clone().filter(is_free).unwrap_or_else(|| aliases.name(&target).0);
                    let defined = Defined {
                        alias: &alias,
                        server: server.name(),
                        name: &name,
                        given: given.as_deref(),
                        synonyms: &synonyms,
                        definition: item.raw.get(),
                        rule: principal.tool_approval.strictest(server.approval_of(&name)),
                    };
                    let Some(tool) = offered(source, &defined) else { continue };
                    if let Some(twin) = tools.iter_mut().find(|twin| twin.alias == alias) {
                        // Named twice: the stricter rule counts.
                        twin.approval = twin.approval.strictest(tool.approval);
                        continue;
                    }
                    let is_attended = exchange.attendant.is_some();
                    let hash = is_attended.then(|| hash_of(server.name(), &name, item.raw.get()));
                    let hash = hash.unwrap_or_default();
                    known.insert(alias, Known { server: Rc::clone(&server), name, hash });
                    tools.push(tool);
                }
            }
        }
        let toolbox = Self {
            host: (**exchange).clone(),
            principal: principal.clone(),
            caller: exchange.caller_signal(),
            attendant: exchange.attendant.clone(),
            request_id: exchange.request_id.clone(),
            rounds,
            tools: known,
        };
        Ok((toolbox, tools))
    }

    /// The key that calls.
    pub fn key_id(&self) -> &str {
        &self.principal.key_id
    }

    /// Who attends the calls.
    pub fn attendant(&self) -> Option<&dyn Attendant> {
        self.attendant.as_deref()
    }

    /// Runs a call to its end, which comes within the time that the call has; before it, waits for agreement where the call needs it.
    pub async fn run(self: Rc<Self>, mut job: Job) -> (Job, Outcome) {
        if let Err(why) = self.agreed(&mut job).await {
            return (job, failed(why));
        }
        let waits = Rc::default();
        let outcome = self.outcome(&job, &waits).await;
        for (from_ms, to_ms) in waits.take() {
            job.waited(from_ms, to_ms);
        }
        (job, outcome)
    }

    async fn agreed(&self, job: &mut Job) -> Result<(), &'static str> {
        let (Some(attendant), Some(tool)) = (&self.attendant, self.tools.get(&job.alias)) else {
            return Ok(());
        };
        if job.consent == Consent::None {
            return Ok(());
        }
        let asked_ms = now_ms();
        let answer = attendant.asked(job, &tool.hash, Asker::Gateway).await;
        job.waited(asked_ms, now_ms());
        if answer.is_err() {
            self.record(tool, job).end(CallEnd::refused("not_agreed"));
        }
        answer
    }

    fn is_caller_gone(&self) -> bool {
        self.caller.as_ref().is_some_and(AbortSignal::aborted)
    }

    fn record(&self, tool: &Known, job: &Job) -> Calling {
        let origin = Origin {
            caller: "chat",
            principal: &self.principal,
            request_id: &self.request_id,
            conversation_id: self.rounds.before().conversation_id,
        };
        Calling::begin(&self.host, origin, tool.server.name(), &tool.name, job.arguments.len())
    }

    async fn outcome(&self, job: &Job, waits: &Rc<Waits>) -> Outcome {
        let Some(tool) = self.tools.get(&job.alias) else {
            return failed("This tool is not available any more.");
        };
        if self.is_caller_gone() {
            return failed(LEFT);
        }
        let recorded = self.record(tool, job);
        if let Some(attendant) = &self.attendant {
            attendant.begins(job);
        }
        let Some((outcome, end)) = self.within_time(tool, job, waits).await else {
            // Dropping the record says so.
            return failed(LEFT);
        };
        recorded.end(end);
        outcome
    }

    /// A call, until it has been silent for too long or its time is over, waits for a person apart; `None` if the caller has left, which
    /// ends it.
    async fn within_time(&self, tool: &Known, job: &Job, waits: &Rc<Waits>) -> Option<(Outcome, CallEnd)> {
        let notes = Notes::new(Wanted::of_progress(Id::Text(new_ulid(now_ms()))));
        let began_ms = now_ms();
        let most_ms = job.call_ms.min(job.until_ms.saturating_sub(began_ms));
        let mut heard_ms = began_ms;
        let calling = self.call(tool, job, &notes, waits);
        pin_mut!(calling);
        loop {
            let began_ms = began_ms.saturating_add(waits.total_ms());
            let mut patience = Patience::new(began_ms, job.idle_ms, most_ms);
            patience.heard(heard_ms.max(waits.last_ms()));
            let now = now_ms();
            let left_ms = if waits.are_open() { LISTEN_MS } else { patience.ends_at().saturating_sub(now) };
            if left_ms == 0 {
                let message = format!("The tool did not answer within {} ms.", now.saturating_sub(began_ms));
                return Some((Outcome::Failed(message), CallEnd::failed("tool_timeout")));
            }
            if let Either::Left((ended, _)) =
                select(&mut calling, Timer::after_ms(left_ms.min(LISTEN_MS))).await
            {
                return Some(ended);
            }
            if self.is_caller_gone() {
                return None;
            }
            while let Some(note) = notes.next() {
                heard_ms = now_ms();
                if let (Some(attendant), Some(said)) = (&self.attendant, Progress::read(&note)) {
                    attendant.progresses(job, &said);
                }
            }
        }
    }

    /// Who can be asked while a call runs.
    fn person(&self, tool: &Known, job: &Job, waits: &Rc<Waits>) -> Option<Rc<dyn Person>> {
        let attendant = self.attendant.as_ref().filter(|attendant| attendant.can_ask())?;
        let (attendant, waits) = (Rc::clone(attendant), Rc::clone(waits));
        Some(Rc::new(Attended { attendant, job: job.clone(), tool: tool.hash.clone(), waits }))
    }

    async fn call(&self, tool: &Known, job: &Job, notes: &Notes, waits: &Rc<Waits>) -> (Outcome, CallEnd) {
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
        let params = params.write();
        let person = self.person(tool, job, waits);
        let capabilities = person
            .as_ref()
            .map_or_else(|| Members::default().write(), |_| elicitation::Modes::ALL.capabilities());
        let (tenant, key_id) = (principal.tenant(), &principal.key_id);
        let params = notes.wanted().params(&params).unwrap_or(params);
        let call = Call {
            params: &params,
            capabilities: &capabilities,
            tenant,
            key_id,
            notes: Some(notes),
            person: person.as_ref(),
        };
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

/// What an agreement to a tool holds for: the server, the tool, and all that its definition says.
fn hash_of(server: &str, tool: &str, definition: &str) -> String {
    sha256_hex(&format!("{server}\n{tool}\n{definition}"))
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
