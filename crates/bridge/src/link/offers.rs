//! What the gateway is told of the servers: those of the configuration, with the tools that it may see.

use nexus_edge_mcp::catalogue::{Catalogue, Item};
use nexus_edge_mcp::json::to_raw;
use nexus_edge_mcp::version::Era;
use nexus_edge_tunnel::agent::Offer;
use nexus_edge_tunnel::limits::{MAX_CATALOG_BYTES, MAX_SERVERS};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::agent::Agent;
use crate::log::Log;
use crate::server::call::Origin;
use crate::server::view::View;

/// The servers as they are now. A catalogue that is longer than the tunnel takes is left out, with a warning.
#[must_use]
pub fn offers(agent: &Agent, log: Log) -> Vec<Offer> {
    let servers = agent.servers();
    if servers.len() > MAX_SERVERS {
        log.warn("the gateway is told of the first 64 servers only", &[]);
    }
    servers.into_iter().take(MAX_SERVERS).map(|(name, view)| offer(agent, name, &view, log)).collect()
}

fn offer(agent: &Agent, name: String, view: &View, log: Log) -> Offer {
    let catalog = view.known.as_ref().and_then(|known| {
        let tools = agent.tools(&name, Origin::Gateway);
        let lists = lists(&tools, &known.catalogue);
        let length = lists.get().len();
        if length > MAX_CATALOG_BYTES {
            let bytes = length.to_string();
            let said =
                "the gateway takes no catalogue of this length: the server's tools are not shown there";
            log.warn(said, &[("server", &name), ("bytes", &bytes)]);
            return None;
        }
        Some(lists)
    });
    let era = view.era.map(|era| match era {
        Era::Legacy => "legacy".to_owned(),
        Era::Modern => "modern".to_owned(),
    });
    Offer { name, state: view.state.as_str().to_owned(), era, catalog }
}

/// A server's lists under the names of MCP, each item as its server wrote it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lists<'a> {
    tools: Vec<&'a RawValue>,
    prompts: Vec<&'a RawValue>,
    resources: Vec<&'a RawValue>,
    resource_templates: Vec<&'a RawValue>,
}

fn lists(tools: &[Item], catalogue: &Catalogue) -> Box<RawValue> {
    to_raw(&Lists {
        tools: written(tools),
        prompts: written(&catalogue.prompts),
        resources: written(&catalogue.resources),
        resource_templates: written(&catalogue.templates),
    })
}

fn written(items: &[Item]) -> Vec<&RawValue> {
    items.iter().map(|item| &*item.raw).collect()
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::catalogue::Kind;
    use nexus_edge_tunnel::tools::tools;

    use super::*;

    #[test]
    fn the_gateway_reads_the_tools_as_their_server_wrote_them() {
        let tool = Item::parse(Kind::Tool, r#"{ "name":"read", "x": 1.0 }"#).unwrap();
        let text = lists(&[tool], &Catalogue::default());
        let read = tools("fs", text.get());
        assert_eq!((read.len(), read[0].name.as_str()), (1, "fs__read"));
        assert_eq!(read[0].definition.get(), r#"{ "name":"read", "x": 1.0 }"#);
    }
}
