//! Prompts, resources and templates of several servers beside each other.
//!
//! A prompt has a name of the same table as tools. A resource has an address that says whose it is; the address that its server gave is
//! understood as well where only one server has it.

use futures::future::join_all;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::address;
use nexus_edge_mcp::catalogue::{Item, Kind};

use super::names::{book_with, resolve};
use super::reach::{Reach, Selection, server_of, servers};
use super::server::Server;
use crate::host::Host;
use crate::platform::log_warn;

/// The items of a kind of a selection, under names and addresses that stand beside each other.
pub struct Listed {
    /// The items, in a fixed order.
    pub items: Vec<Item>,
    /// The servers and agents that do not answer.
    pub unavailable: Vec<String>,
}

/// Who has a resource.
pub enum Holder {
    /// A server, and the address that it gave.
    One(Server, String),
    /// Several have it, so that the address does not say which is meant.
    Several,
    /// The caller reaches none that has it.
    None,
}

/// The prompts, resources or templates of a selection. New names of prompts are stored.
///
/// # Errors
/// Those of [`servers`] and of the store.
pub async fn listed(
    host: &Host,
    reach: &Reach<'_>,
    selection: &Selection,
    kind: Kind,
) -> Result<Listed, ApiError> {
    if selection.is_of_tools() {
        return Ok(Listed { items: Vec::new(), unavailable: Vec::new() });
    }
    let reached = servers(host, reach, selection).await?;
    let mut unavailable = reached.unavailable;
    let asked = reached.servers.into_iter().map(async |server| {
        let listed = server.listed(host, reach.grants, kind).await;
        (server, listed)
    });
    let mut all = Vec::new();
    for (server, listed) in join_all(asked).await {
        match listed {
            Ok(items) => all.extend(items.into_iter().map(|item| (server.target(&item.name), item))),
            Err(error) => {
                log_warn("mcp server", &error.message);
                unavailable.push(server.name().to_owned());
            }
        }
    }
    let items = if kind == Kind::Prompt && !all.is_empty() {
        let book = book_with(host, reach, all.iter().map(|(target, _)| target)).await?;
        let named = |(target, item): &(_, Item)| Some(item.renamed(kind, book.alias(target)?));
        all.iter().filter_map(named).collect()
    } else {
        all.iter().map(|(target, item)| item.renamed(kind, &address::address(target))).collect()
    };
    Ok(Listed { items, unavailable })
}

/// The server of a prompt, and what the server calls it; `None` where the caller reaches no such prompt.
///
/// # Errors
/// Those of [`resolve`].
pub async fn prompt(
    host: &Host,
    reach: &Reach<'_>,
    selection: &Selection,
    alias: &str,
) -> Result<Option<(Server, String)>, ApiError> {
    if selection.is_of_tools() {
        return Ok(None);
    }
    resolve(host, reach, selection, alias, Kind::Prompt).await
}

/// Who has the resource, or the template, of an address.
///
/// # Errors
/// `agent_offline` (404), and those of [`servers`] and of the store.
pub async fn holder(
    host: &Host,
    reach: &Reach<'_>,
    selection: &Selection,
    uri: &str,
) -> Result<Holder, ApiError> {
    if selection.is_of_tools() {
        return Ok(Holder::None);
    }
    if let Some(target) = address::target(uri) {
        if !selection.has(&target) {
            return Ok(Holder::None);
        }
        let server = server_of(host, reach, &target).await?;
        return Ok(server.map_or(Holder::None, |server| Holder::One(server, target.tool)));
    }
    let reached = servers(host, reach, selection).await?;
    let asked = reached.servers.into_iter().map(async |server| {
        let holds = server.holds(host, reach.grants, uri).await;
        (server, holds)
    });
    let answered = join_all(asked).await.into_iter();
    let mut found: Vec<_> =
        answered.filter_map(|(server, holds)| Some((server, holds.ok().flatten()?))).collect();
    // One that lists the address has it; one with a template may have it.
    let best = found.iter().map(|(_, holds)| *holds).max();
    found.retain(|(_, holds)| Some(*holds) == best);
    let mut found = found.into_iter();
    Ok(match (found.next(), found.next()) {
        (Some((server, _)), None) => Holder::One(server, uri.to_owned()),
        (Some(_), Some(_)) => Holder::Several,
        (None, _) => Holder::None,
    })
}
