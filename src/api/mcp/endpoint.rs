//! Which endpoint a client asks, and what it shows to a key.

use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Item, Kind};

use crate::host::Host;
use crate::pipeline::mcp::{self, Reach, Selection, Server, Sought};

/// An endpoint.
#[derive(Clone)]
pub(super) enum Endpoint {
    /// That of all servers.
    All,
    /// That of a server.
    Server(String),
    /// That of a server of an agent: the agent, and the server.
    Agent(String, String),
    /// That of a set of tools.
    Toolset(String),
}

/// What an endpoint shows.
pub(super) enum Face {
    /// Those of several servers, under aliases.
    Several(Selection),
    /// Those of one server, under their own names.
    One(Server),
    /// Those of a server that cannot be asked now, and why.
    Unavailable(ApiError),
}

/// The items of a kind, and the servers and agents that do not answer.
pub(super) type Listing = (Vec<Item>, Vec<String>);

impl Endpoint {
    /// What it shows to a caller now. What the key is not granted is as if it did not exist.
    ///
    /// # Errors
    /// `mcp_server_not_found`, `agent_not_found`, `toolset_not_found` (404), and those of the store.
    pub(super) async fn face(&self, host: &Host, principal: &Principal) -> Result<Face, ApiError> {
        Ok(match self {
            Self::All => Face::Several(Selection::All),
            Self::Server(id) => {
                let selection = Selection::Server(id.clone());
                let reached = mcp::servers(host, &Reach::of(principal), &selection).await?;
                Face::One(reached.servers.into_iter().next().ok_or_else(mcp::server_not_found)?)
            }
            Self::Agent(id, server) => match mcp::agent(host, &Reach::of(principal), id, server).await? {
                Sought::Offline => Face::Unavailable(mcp::agent_offline()),
                sought => Face::One(Server::Agent(sought.found()?)),
            },
            Self::Toolset(name) => Face::Several(mcp::toolset(host, principal, name).await?),
        })
    }
}

impl Face {
    /// The items of a kind that the caller is granted.
    ///
    /// # Errors
    /// `mcp_server_unreachable` (502) and `agent_offline` (404) where one server is shown; those of the store.
    pub(super) async fn items(
        &self,
        host: &Host,
        principal: &Principal,
        kind: Kind,
    ) -> Result<Listing, ApiError> {
        match (self, kind) {
            (Self::One(server), Kind::Tool) => {
                Ok((server.offered(host, &principal.tools).await?, Vec::new()))
            }
            (Self::One(server), _) => Ok((server.listed(host, &principal.tools, kind).await?, Vec::new())),
            (Self::Several(selection), Kind::Tool) => {
                let found = mcp::tools(host, &Reach::of(principal), selection).await?;
                let renamed = found.tools.iter().map(|named| named.tool.renamed(kind, &named.alias));
                Ok((renamed.collect(), found.unavailable))
            }
            (Self::Several(selection), _) => {
                let found = mcp::listed(host, &Reach::of(principal), selection, kind).await?;
                Ok((found.items, found.unavailable))
            }
            (Self::Unavailable(error), _) => Err(error.clone()),
        }
    }
}
