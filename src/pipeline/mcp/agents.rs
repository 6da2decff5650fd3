//! Servers of the caller's own agents, asked through the tunnel.
//!
//! What they offer is in the isolate for three seconds; after that the agent's hub is asked, which sends only the catalogues that are
//! not kept in D1. What was accepted of a catalogue is kept there too: the agent decides what it offers, and the gateway what it lets
//! through, each for itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use nexus_edge_core::access::tool_grants::agent_server;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Catalogue, Collector, Kind, PageFault, implied};
use nexus_edge_mcp::client::{Peer, Transport};
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::version::Version;
use serde_json::value::RawValue;

use super::configured;
use crate::host::Host;
use crate::objects::agent_hub::{HubClient, Known, Offer, Offers};
use crate::platform::{log_warn, now_ms};
use crate::store::mcp::{self, KeptOfAgent};

/// Milliseconds for which an isolate does not ask a hub that was connected: as long as for the rest of the configuration.
const HELD_FOR_MS: u64 = 3_000;
const MAX_HELD: usize = 200;

/// A server of an agent.
pub struct AgentServer {
    /// Whose agent it is.
    pub owner: String,
    /// The agent.
    pub agent: String,
    /// Its name there.
    pub server: String,
    /// How it is called in grants.
    pub name: String,
    /// What is kept of it.
    pub kept: Rc<Kept>,
}

/// What a connected agent offers.
pub struct Offering {
    /// Its servers.
    pub servers: Vec<Rc<AgentServer>>,
    /// How those are called in grants whose tools are not known.
    pub without: Vec<String>,
}

struct Held {
    offering: Rc<Offering>,
    until: u64,
}

thread_local! {
    /// By owner and agent.
    static HELD: RefCell<BoundedMap<(String, String), Held>> = RefCell::new(BoundedMap::new(MAX_HELD));
}

/// What an owner's agent offers; `None` where it is not connected.
///
/// # Errors
/// `bridge_gateway_error` (503).
pub async fn offering(host: &Host, owner: &str, agent: &str) -> Result<Option<Rc<Offering>>, ApiError> {
    let (now, place) = (now_ms(), (owner.to_owned(), agent.to_owned()));
    let held = HELD.with_borrow(|held| {
        held.get(&place).filter(|held| now < held.until).map(|held| Rc::clone(&held.offering))
    });
    if held.is_some() {
        return Ok(held);
    }
    let mut kept: BTreeMap<String, KeptOfAgent> = mcp::kept_of_agent(&host.env, owner, agent)
        .await?
        .into_iter()
        .map(|kept| (kept.server.clone(), kept))
        .collect();
    let whole = kept.values().filter(|kept| kept.kept.is_whole());
    let known = whole.map(|kept| (kept.server.clone(), kept.sha256.clone())).collect();
    let hub = HubClient::new(&host.env, owner, agent);
    let offers: Offers = hub.ask_for("/offers", &Known { known }).await?;
    if !offers.connected {
        return Ok(None);
    }
    let mut offering = Offering { servers: Vec::new(), without: Vec::new() };
    for offer in offers.servers {
        let (server, name) = (offer.name.clone(), agent_server(agent, &offer.name));
        match read(host, owner, agent, kept.remove(&server), offer).await? {
            Some(kept) => offering.servers.push(Rc::new(AgentServer {
                owner: owner.to_owned(),
                agent: agent.to_owned(),
                server,
                name,
                kept: Rc::new(kept),
            })),
            None => offering.without.push(name),
        }
    }
    let offering = Rc::new(offering);
    let held = Held { offering: Rc::clone(&offering), until: now_ms() + HELD_FOR_MS };
    HELD.with_borrow_mut(|all| all.insert(place, held, |held| Worth::until(held.until, now)));
    Ok(Some(offering))
}

/// Keeps this of a server of an agent.
///
/// # Errors
/// Those of the store.
pub async fn replace(host: &Host, server: &AgentServer, kept: Kept) -> Result<(), ApiError> {
    let stored = mcp::kept_of_agent(&host.env, &server.owner, &server.agent).await?;
    let Some(before) = stored.into_iter().find(|stored| stored.server == server.server) else {
        return Ok(());
    };
    mcp::keep_of_agent(&host.env, &server.owner, &server.agent, &KeptOfAgent { kept, ..before }).await?;
    let place = (server.owner.clone(), server.agent.clone());
    HELD.with_borrow_mut(|held| held.remove(&place));
    Ok(())
}

/// Forgets an agent.
///
/// # Errors
/// Those of the store.
pub async fn forget(host: &Host, owner: &str, agent: &str) -> Result<(), ApiError> {
    configured::changed();
    HELD.with_borrow_mut(|held| held.remove(&(owner.to_owned(), agent.to_owned())));
    mcp::forget_agent(&host.env, owner, agent).await?;
    Ok(())
}

/// What is kept of a server after its offer; `None` where its tools are not known.
async fn read(
    host: &Host,
    owner: &str,
    agent: &str,
    before: Option<KeptOfAgent>,
    offer: Offer,
) -> Result<Option<Kept>, ApiError> {
    let Some(sha256) = offer.sha256 else { return Ok(None) };
    let Some(catalog) = offer.catalog else { return Ok(before.map(|before| before.kept)) };
    let catalogue = match lists(&catalog) {
        Ok(catalogue) => catalogue,
        Err(fault) => {
            log_warn("agent catalogue", &fault);
            return Ok(None);
        }
    };
    let version = match offer.era.as_deref() {
        Some("legacy") => Version::NEWEST_LEGACY,
        _ => Version::NEWEST,
    };
    let peer = Peer {
        version,
        transport: Transport::Stdio,
        info: None,
        capabilities: implied(&catalogue),
        instructions: None,
    };
    let before = before.map(|before| before.kept);
    let kept = Kept::after(before.as_ref(), &peer, catalogue, now_ms());
    let Some(kept) = mcp::that_fits(kept) else {
        log_warn("agent catalogue", &"has more tools than can be kept");
        return Ok(None);
    };
    let of = KeptOfAgent { server: offer.name, sha256, kept };
    mcp::keep_of_agent(&host.env, owner, agent, &of).await?;
    Ok(Some(of.kept))
}

/// The lists of a catalogue. Lists that are not of tools may be missing.
fn lists(catalog: &RawValue) -> Result<Catalogue, PageFault> {
    let mut catalogue = Catalogue::default();
    for kind in Kind::ALL {
        let mut collector = Collector::new(kind);
        match collector.take(catalog) {
            Ok(_) => catalogue.set(kind, collector.finish().items),
            Err(PageFault::NoList) if kind != Kind::Tool => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(catalogue)
}

/// The error of an agent that is not connected.
pub fn offline() -> ApiError {
    ApiError::not_found("agent_offline", "The agent is not connected.")
}
