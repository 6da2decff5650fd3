//! What is decided about a tool before it is shown or called. Pure.

use nexus_edge_mcp::glob::Glob;
use nexus_edge_mcp::trust::{Decision, Policy};

use crate::config::schema::{self, Server};
use crate::server::call::Origin;

/// The policy of a server towards calls of one origin.
///
/// Where the file names no default, a client on this machine is not asked about, since it asks its user itself; the gateway
/// is. A default in the file holds for both.
#[must_use]
pub fn policy(server: &Server, of_file: &schema::Policy, origin: Origin) -> Policy {
    let unsaid = match origin {
        Origin::Local => Decision::Allow,
        Origin::Gateway => Decision::Ask,
    };
    let globs = |patterns: &[String]| patterns.iter().map(Glob::new).collect();
    Policy {
        allow: globs(&server.allow),
        deny: globs(&server.deny),
        tools: server.tools.iter().map(|(pattern, decision)| (Glob::new(pattern), *decision)).collect(),
        default: of_file.default.unwrap_or(unsaid),
        trust_hints: server.trust_hints,
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::catalogue::{Item, Kind};

    use super::*;
    use crate::config::read::read;

    fn decided(text: &str, tool: &str, origin: Origin) -> Decision {
        let config = read(text, &|_| None).config;
        let tool = Item::parse(Kind::Tool, tool).unwrap();
        policy(&config.servers[0], &config.policy, origin).decide(&tool)
    }

    #[test]
    fn the_file_has_the_last_word_and_its_silence_asks_the_gateway() {
        let silent = "mcp_servers: [{name: s, command: c}]\n";
        let tool = r#"{"name":"write"}"#;
        assert_eq!(decided(silent, tool, Origin::Local), Decision::Allow);
        assert_eq!(decided(silent, tool, Origin::Gateway), Decision::Ask);
        let strict = "policy: {default: ask}\nmcp_servers: [{name: s, command: c, trust_hints: true}]\n";
        assert_eq!(decided(strict, tool, Origin::Local), Decision::Ask);
        let reading = r#"{"name":"read","annotations":{"readOnlyHint":true}}"#;
        assert_eq!(decided(strict, reading, Origin::Gateway), Decision::Allow);
        let named =
            "mcp_servers: [{name: s, command: c, deny: ['*x*'], tools: {write: deny, 'read*': allow}}]\n";
        assert_eq!(decided(named, tool, Origin::Local), Decision::Deny);
        assert_eq!(decided(named, r#"{"name":"xr"}"#, Origin::Local), Decision::Deny);
        assert_eq!(decided(named, r#"{"name":"read_all"}"#, Origin::Gateway), Decision::Allow);
    }
}
