//! The names under which tools and prompts stand beside each other: which one something has, and what a name stands for.

use futures::future::join_all;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Item, Kind};
use nexus_edge_mcp::naming::{Book, Target, may_be_of};
use nexus_edge_mcp::toolset::Shown;

use super::reach::{Reach, Selection, server_of, servers};
use super::server::Server;
use crate::host::Host;
use crate::platform::log_warn;
use crate::store;

/// Most names that are stored for the agents of one owner.
const MAX_OWN_ALIASES: u64 = 5_000;

/// A tool under the name that it has beside others.
pub struct NamedTool {
    /// That name.
    pub alias: String,
    /// The tool as its server calls it.
    pub tool: Item,
}

/// The tools of a selection.
#[derive(Default)]
pub struct Tools {
    /// The tools, in a fixed order.
    pub tools: Vec<NamedTool>,
    /// The servers and agents that do not answer.
    pub unavailable: Vec<String>,
}

/// The tools of a selection under their names, new ones of which are stored.
///
/// # Errors
/// Those of [`servers`] and of the store.
pub async fn tools(host: &Host, reach: &Reach<'_>, selection: &Selection) -> Result<Tools, ApiError> {
    let reached = servers(host, reach, selection).await?;
    let mut unavailable = reached.unavailable;
    let asked = reached.servers.into_iter().map(async |server| {
        let offered = server.offered(host, reach.grants).await;
        (server, offered)
    });
    let mut offered = Vec::new();
    for (server, answered) in join_all(asked).await {
        match answered {
            Ok(tools) => offered.extend(tools.into_iter().filter_map(|tool| {
                let shown = selection.shown(&server, tool)?;
                Some((server.target(&shown.tool), shown))
            })),
            Err(error) => {
                log_warn("mcp server", &error.message);
                unavailable.push(server.name().to_owned());
            }
        }
    }
    let unnamed = offered.iter().filter(|(_, shown)| shown.name.is_none());
    let book = book_with(host, reach, unnamed.map(|(target, _)| target)).await?;
    let named = |(target, shown): (Target, Shown)| {
        let alias = shown.name.or_else(|| book.alias(&target).map(str::to_owned))?;
        Some(NamedTool { alias, tool: shown.item })
    };
    Ok(Tools { tools: offered.into_iter().filter_map(named).collect(), unavailable })
}

/// The caller's book with a name for each of these, new ones of which are stored.
pub(super) async fn book_with<'t>(
    host: &Host,
    reach: &Reach<'_>,
    targets: impl Iterator<Item = &'t Target>,
) -> Result<Book, ApiError> {
    let mut book = store::mcp::book(&host.env, &reach.owner).await?;
    for target in targets {
        book.name(target);
    }
    let (shared, own) = (book.new_shared(), book.new_own());
    if !shared.is_empty() || !own.is_empty() {
        if !shared.is_empty() {
            store::mcp::add_aliases(&host.env, shared).await?;
        }
        if !own.is_empty() {
            store::mcp::add_own_aliases(&host.env, &reach.owner, own, MAX_OWN_ALIASES).await?;
        }
        // What another request stored in between counts.
        book = store::mcp::book(&host.env, &reach.owner).await?;
    }
    Ok(book)
}

/// The server behind the name of a tool or of a prompt, and what the server calls it; `None` where the caller reaches no such thing. A
/// name that is not stored yet is looked for at the servers that it may be of: its client can know it from elsewhere.
///
/// # Errors
/// `agent_offline` (404), `mcp_server_unreachable` (502), and those of the store.
pub async fn resolve(
    host: &Host,
    reach: &Reach<'_>,
    selection: &Selection,
    alias: &str,
    kind: Kind,
) -> Result<Option<(Server, String)>, ApiError> {
    let target = if let Some(target) = selection.own_target(alias) {
        Some(target)
    } else {
        let stored: Book = store::mcp::book(&host.env, &reach.owner).await?;
        let book = if stored.target(alias).is_some() {
            Some(stored)
        } else {
            book_for(host, reach, selection, alias, kind).await?
        };
        book.and_then(|book| book.target(alias).filter(|target| selection.has(target)).cloned())
    };
    let Some(target) = target else { return Ok(None) };
    let server = server_of(host, reach, &target).await?;
    Ok(server.map(|server| (server, target.tool)))
}

/// The book with the names of all that the servers have which may have given this one; `None` where there is no such server.
async fn book_for(
    host: &Host,
    reach: &Reach<'_>,
    selection: &Selection,
    alias: &str,
    kind: Kind,
) -> Result<Option<Book>, ApiError> {
    let mut servers = servers(host, reach, selection).await?.servers;
    servers.retain(|server| {
        let Target { agent, server, .. } = server.target("");
        may_be_of(alias, agent.as_deref(), &server)
    });
    if servers.is_empty() {
        return Ok(None);
    }
    let asked = servers.iter().map(async |server| match kind {
        Kind::Tool => server.offered(host, reach.grants).await,
        _ => server.listed(host, reach.grants, kind).await,
    });
    let (mut targets, mut failure) = (Vec::new(), None);
    for (server, answered) in servers.iter().zip(join_all(asked).await) {
        match answered {
            Ok(items) => targets.extend(items.iter().map(|item| server.target(&item.name))),
            Err(error) => failure = Some(error),
        }
    }
    targets.retain(|target| selection.has(target));
    let book = book_with(host, reach, targets.iter()).await?;
    match failure {
        Some(error) if book.target(alias).is_none() => Err(error),
        _ => Ok(Some(book)),
    }
}
