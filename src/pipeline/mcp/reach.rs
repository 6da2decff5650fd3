//! Which servers and tools a caller reaches: those of the gateway that the key is granted, and those of the owner's agents.

use std::rc::Rc;

use futures::future::{join, join_all};
use nexus_edge_core::access::Principal;
use nexus_edge_core::access::tool_grants::{ToolGrants, agent_server, server_parts};
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::naming::Target;
use nexus_edge_mcp::toolset::{Pick, Shown, Toolset};
use nexus_edge_tunnel::tools::name_of;

use super::agents::{self, AgentServer, Offering};
use super::configured;
use super::server::{Server, remote_server};
use crate::host::Host;
use crate::platform::log_warn;
use crate::store::credits;

/// A caller, as far as tools are concerned.
pub struct Reach<'a> {
    /// What the key is granted.
    pub grants: &'a ToolGrants,
    /// Whose agents it reaches.
    pub owner: String,
}

impl<'a> Reach<'a> {
    /// That of a caller.
    pub fn of(principal: &'a Principal) -> Self {
        Self { grants: &principal.tools, owner: credits::account_of(principal) }
    }
}

/// Which servers are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All that the caller reaches.
    All,
    /// One of the gateway.
    Server(String),
    /// Those of an agent, or one of them.
    Agent {
        /// The agent.
        id: String,
        /// The server.
        server: Option<String>,
    },
    /// The tools of a set.
    Toolset(Rc<Toolset>),
}

impl Selection {
    /// Whether a target is selected, under the name that all selections have for it.
    pub(super) fn has(&self, target: &Target) -> bool {
        match self {
            Self::All => true,
            Self::Toolset(set) => {
                let agent = target.agent.as_ref();
                let server = agent.map_or(target.server.clone(), |id| agent_server(id, &target.server));
                set.pick(&server, &target.tool).is_some_and(|pick| pick.name.is_none())
            }
            Self::Server(id) => target.agent.is_none() && target.server == *id,
            Self::Agent { id, server } => {
                target.agent.as_ref() == Some(id) && server.as_ref().is_none_or(|one| *one == target.server)
            }
        }
    }
}

impl Selection {
    /// A tool of a selected server as this selection shows it; `None` if it is not selected.
    pub fn shown(&self, server: &Server, tool: Item) -> Option<Shown> {
        match self {
            Self::Toolset(set) => set.shown(server.name(), &tool),
            _ => Some(Shown::plain(tool)),
        }
    }

    /// The target of a name that only this selection has.
    pub(super) fn own_target(&self, name: &str) -> Option<Target> {
        let Self::Toolset(set) = self else { return None };
        let Pick { server, tool, .. } = set.named(name)?;
        let (agent, server) = server_parts(server);
        let agent = agent.map(str::to_owned);
        Some(Target { agent, server: server.to_owned(), tool: tool.as_str().to_owned() })
    }

    /// Whether only tools are selected, and neither prompts nor resources.
    pub const fn is_of_tools(&self) -> bool {
        matches!(self, Self::Toolset(_))
    }

    /// Whether several servers are selected, of which one that cannot be asked is left out.
    pub fn is_several(&self) -> bool {
        matches!(self, Self::All | Self::Toolset(_))
    }
}

/// The servers of a selection.
#[derive(Default)]
pub struct Reached {
    /// Those that can be asked, the gateway's first.
    pub servers: Vec<Server>,
    /// How the agents and the servers of agents are called in grants that cannot.
    pub unavailable: Vec<String>,
}

/// The servers of a selection. An agent that is not connected is unavailable.
///
/// # Errors
/// `mcp_server_not_found` and `agent_not_found` (404) for one that the caller does not reach.
pub async fn servers(host: &Host, reach: &Reach<'_>, selection: &Selection) -> Result<Reached, ApiError> {
    match selection {
        Selection::All => all(host, reach, None).await,
        Selection::Toolset(set) => all(host, reach, Some(set)).await,
        Selection::Server(id) => {
            let server = remote_server(host, reach.grants, id).await?.ok_or_else(server_not_found)?;
            Ok(Reached { servers: vec![server], unavailable: Vec::new() })
        }
        Selection::Agent { id, server } => {
            if !has_agent(host, reach, id).await? {
                return Err(agent_not_found());
            }
            let mut reached = of_agent(host, reach, id).await;
            if let Some(server) = server {
                let name = agent_server(id, server);
                reached.servers.retain(|one| one.name() == name);
                reached.unavailable.retain(|one| *one == name || *one == format!("agent/{id}"));
                if reached.servers.is_empty() && reached.unavailable.is_empty() {
                    return Err(server_not_found());
                }
            }
            Ok(reached)
        }
    }
}

/// What became of looking for a server of an agent.
pub enum Sought {
    /// It is there.
    Found(Rc<AgentServer>),
    /// Its agent is not connected, so what it offers is not known.
    Offline,
    /// The caller reaches no such agent.
    NoAgent,
    /// The caller reaches no such server of the agent.
    NoServer,
}

impl Sought {
    /// The server.
    ///
    /// # Errors
    /// `agent_offline`, `agent_not_found`, `mcp_server_not_found` (404).
    pub fn found(self) -> Result<Rc<AgentServer>, ApiError> {
        match self {
            Self::Found(server) => Ok(server),
            Self::Offline => Err(agents::offline()),
            Self::NoAgent => Err(agent_not_found()),
            Self::NoServer => Err(server_not_found()),
        }
    }
}

/// One server of an agent.
///
/// # Errors
/// Those of the store, `bridge_gateway_error` (503).
pub async fn agent(host: &Host, reach: &Reach<'_>, id: &str, server: &str) -> Result<Sought, ApiError> {
    if !has_agent(host, reach, id).await? {
        return Ok(Sought::NoAgent);
    }
    let name = agent_server(id, server);
    if !reach.grants.may_know(&name) {
        return Ok(Sought::NoServer);
    }
    let Some(offering) = agents::offering(host, &reach.owner, id).await? else { return Ok(Sought::Offline) };
    let found = offering.servers.iter().find(|one| one.name == name);
    Ok(found.map_or(Sought::NoServer, |found| Sought::Found(Rc::clone(found))))
}

/// Checks that a tool of an agent may be called with the agent's own API, by the name that it has there: a key with a list of what it
/// may use may use that only.
///
/// # Errors
/// `tool_not_allowed` (403); `agent_offline` (404) where what the agent offers cannot be asked for.
pub async fn check_invoke(host: &Host, reach: &Reach<'_>, id: &str, name: &str) -> Result<(), ApiError> {
    if reach.grants.are_silent() {
        return Ok(());
    }
    let offering = agents::offering(host, &reach.owner, id).await?.ok_or_else(agents::offline)?;
    let may = offering.servers.iter().any(|server| {
        let mut tools = server.kept.tools.iter().filter(|tool| name_of(&server.server, &tool.name) == name);
        tools.any(|tool| reach.grants.may_invoke(&server.name, &tool.name))
    });
    if may {
        return Ok(());
    }
    Err(ApiError::forbidden("tool_not_allowed", "This key may not use the tool.").with_param("tool_name"))
}

/// The server of a target; `None` where the caller reaches no such server.
pub(super) async fn server_of(
    host: &Host,
    reach: &Reach<'_>,
    target: &Target,
) -> Result<Option<Server>, ApiError> {
    match &target.agent {
        None => remote_server(host, reach.grants, &target.server).await,
        Some(id) => match agent(host, reach, id, &target.server).await? {
            Sought::Found(server) => Ok(Some(Server::Agent(server))),
            Sought::Offline => Err(agents::offline()),
            Sought::NoAgent | Sought::NoServer => Ok(None),
        },
    }
}

/// All servers, or those that a set names.
async fn all(host: &Host, reach: &Reach<'_>, set: Option<&Toolset>) -> Result<Reached, ApiError> {
    let names = |server: &str| set.is_none_or(|set| set.has_server(server));
    let names_below = |prefix: &str| set.is_none_or(|set| set.has_server_below(prefix));
    let remote = async {
        let records = configured::servers(host).await?;
        let meant = records.iter().filter(|record| names(&record.id) && reach.grants.may_know(&record.id));
        Ok::<_, ApiError>(meant.map(|record| Server::Remote(Rc::clone(record))).collect::<Vec<_>>())
    };
    let own = async {
        if !reach.grants.may_know_agents() || !names_below("agent/") {
            return Ok(Vec::new());
        }
        let agents = configured::agents(host, &reach.owner).await?;
        let meant = agents.iter().filter(|id| {
            let name = format!("agent/{id}");
            reach.grants.may_know(&name) && names_below(&format!("{name}/"))
        });
        Ok::<_, ApiError>(join_all(meant.map(|id| of_agent(host, reach, id))).await)
    };
    let (remote, own) = join(remote, own).await;
    let mut reached = Reached::default();
    reached.servers.extend(remote?);
    for of_agent in own? {
        reached.servers.extend(of_agent.servers.into_iter().filter(|server| names(server.name())));
        // Of an agent that is not connected only its own name is known, and one of its servers is named.
        let is_named = |name: &String| names(name) || names_below(&format!("{name}/"));
        reached.unavailable.extend(of_agent.unavailable.into_iter().filter(is_named));
    }
    Ok(reached)
}

async fn of_agent(host: &Host, reach: &Reach<'_>, id: &str) -> Reached {
    let offering = agents::offering(host, &reach.owner, id).await.unwrap_or_else(|error| {
        log_warn("agent", &error.message);
        None
    });
    match offering {
        Some(offering) => granted(reach, &offering),
        None => Reached { servers: Vec::new(), unavailable: vec![format!("agent/{id}")] },
    }
}

fn granted(reach: &Reach<'_>, offering: &Offering) -> Reached {
    let servers = offering.servers.iter().filter(|server| reach.grants.may_know(&server.name));
    let without = offering.without.iter().filter(|name| reach.grants.may_know(name));
    Reached {
        servers: servers.map(|server| Server::Agent(Rc::clone(server))).collect(),
        unavailable: without.cloned().collect(),
    }
}

/// Whether the caller reaches the agent: one of another owner is as if it did not exist, and so is one that the key is not granted.
async fn has_agent(host: &Host, reach: &Reach<'_>, id: &str) -> Result<bool, ApiError> {
    Ok(reach.grants.may_know(&format!("agent/{id}"))
        && configured::agents(host, &reach.owner).await?.iter().any(|one| one == id))
}

fn agent_not_found() -> ApiError {
    ApiError::not_found("agent_not_found", "There is no agent with this id.")
}

/// The error for a server that there is not.
pub fn server_not_found() -> ApiError {
    ApiError::not_found("mcp_server_not_found", "There is no server of tools with this name.")
}
