//! The catalogues of an agent's servers, for readers that keep copies of them: those whose copy is missing or out of date.

use std::collections::BTreeMap;

use nexus_edge_tunnel::hub::{Hub, Store};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use worker::Result;

use super::store::Tables;

/// The catalogues that the asker has: their SHA-256 by server.
#[derive(Serialize, Deserialize)]
pub struct Known {
    /// By the server's name.
    pub known: BTreeMap<String, String>,
}

/// What an agent offers.
#[derive(Serialize, Deserialize)]
pub struct Offers {
    /// Whether the agent is connected.
    pub connected: bool,
    /// Its servers.
    pub servers: Vec<Offer>,
}

/// What a server offers.
#[derive(Serialize, Deserialize)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// The era of MCP that it speaks.
    pub era: Option<String>,
    /// SHA-256 of the catalogue that the hub has of it.
    pub sha256: Option<String>,
    /// That catalogue, where the asker has another one.
    pub catalog: Option<Box<RawValue>>,
}

/// What the agent offers now.
pub fn offers(machine: &Hub<Tables>, known: &Known) -> Result<Offers> {
    let tables = machine.store();
    let offer = |server: nexus_edge_tunnel::frame::Server| {
        let stored = tables.sum_and_catalog(&server.name)?;
        let (sha256, catalog) = match stored {
            Some((sha256, body)) if known.known.get(&server.name) != Some(&sha256) => {
                (Some(sha256), RawValue::from_string(body).ok())
            }
            Some((sha256, _)) => (Some(sha256), None),
            None => (None, None),
        };
        Ok(Offer { name: server.name, era: server.era, sha256, catalog })
    };
    let servers = tables.servers()?.into_iter().map(offer).collect::<Result<_>>()?;
    Ok(Offers { connected: machine.is_connected(), servers })
}
