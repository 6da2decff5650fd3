//! From the text of a configuration to a [`Config`], with everything that is wrong with it.
//!
//! All problems are found in one go. A configuration without errors is complete: defaults are filled in, names are unique,
//! and every value is within its bounds. Unknown keys are warnings, so that a file for a newer agent still works.

use std::collections::BTreeMap;

use nexus_edge_mcp::client::Preference;
use nexus_edge_mcp::trust::{Decision, Strictness};

use super::fields::{Fields, text_of, word_of};
use super::problem::Problem;
use super::schema::{Agent, Config, Confirm, Gateway, Policy, RemoteKind, Server, Start, Transport};
use super::secrets;
use super::yaml::{self, Node, Value};
use crate::http::address::Address;

/// The longest name of a server.
const NAME: usize = 64;

const DECISIONS: &[(&str, Decision)] =
    &[("ask", Decision::Ask), ("allow", Decision::Allow), ("deny", Decision::Deny)];

/// Values that the environment sets over the file: `AI_BRIDGE_SERVER_URL` and the others, by their names.
pub type Overrides<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What was read, and what is wrong with it. The configuration may be used if no problem is an error.
#[derive(Debug)]
pub struct Reading {
    /// The configuration.
    pub config: Config,
    /// What is wrong, by line.
    pub problems: Vec<Problem>,
}

impl Reading {
    /// Whether the configuration may be used.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

/// Reads a configuration.
#[must_use]
pub fn read(text: &str, overrides: Overrides<'_>) -> Reading {
    let (root, mut problems) = match yaml::parse(text) {
        Ok(found) => found,
        Err(problem) => return Reading { config: Config::default(), problems: vec![problem] },
    };
    let mut fields = Fields::of(&root, "a configuration", &mut problems);
    if let Some(version) = fields.take("version") {
        let text = text_of(version, "version", &mut problems);
        if text.is_some_and(|text| text != "1" && text != "1.0") {
            problems.push(Problem::warning(version.line, "`version` should be \"1\""));
        }
    }
    let empty = Node { value: Value::Null, line: 1 };
    let server = gateway(fields.take("server").unwrap_or(&empty), overrides, &mut problems);
    let agent = agent(fields.take("agent").unwrap_or(&empty), overrides, &mut problems);
    let policy = fields.take("policy").map(|node| policy(node, &mut problems)).unwrap_or_default();
    let servers = fields.take("mcp_servers").map(|node| servers(node, &mut problems)).unwrap_or_default();
    fields.finish(&mut problems);
    if server.is_some() && agent.id.is_empty() {
        problems.push(Problem::error(root.line, "`agent.id` is needed to connect to a gateway"));
    }
    problems.sort_by_key(|problem| problem.line);
    Reading { config: Config { server, agent, policy, servers }, problems }
}

fn gateway(node: &Node, overrides: Overrides<'_>, problems: &mut Vec<Problem>) -> Option<Gateway> {
    let mut fields = Fields::of(node, "`server`", problems);
    let url =
        overrides("AI_BRIDGE_SERVER_URL").or(fields.text("url", problems)).filter(|url| !url.is_empty());
    let token = overrides("AI_BRIDGE_SERVER_TOKEN").or(fields.text("token", problems)).unwrap_or_default();
    let reconnect_initial = fields.duration("reconnect_initial", problems);
    let reconnect_max = fields.duration("reconnect_max", problems);
    fields.finish(problems);
    references(&token, node.line, problems);
    let url = url?;
    if !is_tunnel_address(&url) {
        let said = "`server.url` must begin with wss:// (ws:// is for loopback addresses)";
        problems.push(Problem::error(node.line, said));
    }
    let reconnect_initial = reconnect_initial.unwrap_or(std::time::Duration::from_secs(1));
    let reconnect_max = reconnect_max.unwrap_or(std::time::Duration::from_mins(1));
    if reconnect_initial > reconnect_max || reconnect_initial.is_zero() {
        let said = "`reconnect_initial` must be more than 0 and not more than `reconnect_max`";
        problems.push(Problem::error(node.line, said));
    }
    Some(Gateway { url, token, reconnect_initial, reconnect_max })
}

/// Without encryption the agent's key would be readable on the way, except on this machine.
#[must_use]
pub fn is_tunnel_address(url: &str) -> bool {
    if let Some(rest) = url.strip_prefix("wss://") {
        return !rest.is_empty() && !rest.starts_with('/');
    }
    let Some(rest) = url.strip_prefix("ws://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.strip_prefix('[').map_or_else(
        || authority.split(':').next().unwrap_or_default(),
        |rest| rest.split(']').next().unwrap_or_default(),
    );
    matches!(host, "127.0.0.1" | "localhost" | "::1")
}

fn agent(node: &Node, overrides: Overrides<'_>, problems: &mut Vec<Problem>) -> Agent {
    let mut fields = Fields::of(node, "`agent`", problems);
    let default = Agent::default();
    let id = overrides("AI_BRIDGE_AGENT_ID").or(fields.text("id", problems)).unwrap_or_default();
    if !id.is_empty() && !is_agent_id(&id) {
        let said =
            "`agent.id` must be 3 to 64 of the characters A-Z a-z 0-9 _ - and begin with a letter or digit";
        problems.push(Problem::error(node.line, said));
    }
    let label = overrides("AI_BRIDGE_AGENT_LABEL").or(fields.text("label", problems)).unwrap_or_default();
    let agent = Agent {
        id,
        label,
        chunk_buffer_bytes: fields
            .number("chunk_buffer_bytes", 64 * 1024, 256 * 1024 * 1024, problems)
            .unwrap_or(default.chunk_buffer_bytes),
        chunk_max_frame_bytes: fields
            .number("chunk_max_frame_bytes", 1024, 256 * 1024, problems)
            .unwrap_or(default.chunk_max_frame_bytes),
        max_calls: small(fields.number("max_calls", 1, 1024, problems), default.max_calls),
    };
    fields.finish(problems);
    agent
}

/// Whether the gateway takes it as an agent's name.
fn is_agent_id(id: &str) -> bool {
    (3..=64).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn policy(node: &Node, problems: &mut Vec<Problem>) -> Policy {
    let mut fields = Fields::of(node, "`policy`", problems);
    let default = fields.word("default", DECISIONS, problems);
    let confirm = [("local", Confirm::Local), ("remote", Confirm::Remote), ("either", Confirm::Either)];
    let confirm = fields.word("confirm", &confirm, problems).unwrap_or_default();
    fields.finish(problems);
    Policy { default, confirm }
}

fn servers(node: &Node, problems: &mut Vec<Problem>) -> Vec<Server> {
    let Value::List(nodes) = &node.value else {
        problems.push(Problem::error(node.line, "`mcp_servers` must be a list"));
        return Vec::new();
    };
    let mut servers: Vec<Server> = Vec::new();
    for node in nodes {
        let Some(server) = one_server(node, problems) else { continue };
        if let Some(first) = servers.iter().find(|other| other.name == server.name) {
            let said =
                format!("two servers are called `{}`: the first is on line {}", server.name, first.line);
            problems.push(Problem::error(node.line, said));
            continue;
        }
        servers.push(server);
    }
    servers
}

fn one_server(node: &Node, problems: &mut Vec<Problem>) -> Option<Server> {
    let mut fields = Fields::of(node, "a server", problems);
    let name = fields.text("name", problems).unwrap_or_default();
    if !is_server_name(&name) {
        let said =
            "`name` must be 1 to 64 of the characters A-Z a-z 0-9 . _ - and begin with a letter or digit";
        problems.push(Problem::error(node.line, said));
    }
    let transport = transport(node, &mut fields, problems);
    let mut server = Server::new(name, transport.clone().unwrap_or_else(no_command), node.line);
    if let Some(start) = fields.word("start", &[("lazy", Start::Lazy), ("eager", Start::Eager)], problems) {
        server.start = start;
    }
    let eras = [("auto", Preference::Auto), ("legacy", Preference::Legacy), ("modern", Preference::Modern)];
    server.era = fields.word("era", &eras, problems).unwrap_or_default();
    let pins = [("strict", Strictness::Strict), ("warn", Strictness::Warn), ("off", Strictness::Off)];
    server.pins = fields.word("pins", &pins, problems).unwrap_or_default();
    server.idle_stop = fields.duration("idle_stop", problems).unwrap_or(server.idle_stop);
    server.timeout = fields.duration("timeout", problems).unwrap_or(server.timeout);
    server.max_timeout =
        fields.duration("max_timeout", problems).unwrap_or(server.max_timeout.max(server.timeout));
    server.concurrency = small(fields.number("concurrency", 1, 256, problems), server.concurrency);
    server.allow = fields.texts("allow", problems).unwrap_or_default();
    server.deny = fields.texts("deny", problems).unwrap_or_default();
    server.trust_hints = fields.flag("trust_hints", problems).unwrap_or(false);
    server.tools = fields.take("tools").map(|node| tools(node, problems)).unwrap_or_default();
    fields.finish(problems);
    if server.timeout.is_zero() || server.max_timeout < server.timeout {
        problems
            .push(Problem::error(node.line, "`timeout` must be more than 0 and not more than `max_timeout`"));
    }
    transport.map(|_| server)
}

fn is_server_name(name: &str) -> bool {
    (1..=NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn tools(node: &Node, problems: &mut Vec<Problem>) -> BTreeMap<String, Decision> {
    let Value::Map(entries) = &node.value else {
        problems.push(Problem::error(node.line, "`tools` must be a mapping of tools to ask, allow or deny"));
        return BTreeMap::new();
    };
    let decided = entries.iter().filter_map(|entry| {
        Some((entry.key.clone(), word_of(&entry.node, &entry.key, DECISIONS, problems)?))
    });
    decided.collect()
}

fn transport(node: &Node, fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Transport> {
    let kind = fields.text("type", problems);
    let command = fields.text("command", problems).filter(|command| !command.is_empty());
    let args = fields.texts("args", problems).unwrap_or_default();
    let env = fields.text_map("env", problems).unwrap_or_default();
    let cwd = fields.text("cwd", problems).filter(|cwd| !cwd.is_empty());
    let url = fields.text("url", problems).filter(|url| !url.is_empty());
    let headers = fields.text_map("headers", problems).unwrap_or_default();
    let remote = match kind.as_deref() {
        None => url.is_some().then_some(RemoteKind::Auto),
        Some("command" | "stdio") => None,
        Some("auto") => Some(RemoteKind::Auto),
        Some("streamable" | "streamable_http" | "http") => Some(RemoteKind::Streamable),
        Some("sse" | "legacy_sse") => Some(RemoteKind::EventStream),
        Some(other) => {
            let said = format!(
                "`type: {other}` is not known: auto, streamable_http or sse for an address, nothing for a command"
            );
            problems.push(Problem::error(node.line, said));
            return None;
        }
    };
    if let Some(kind) = remote {
        if command.is_some() {
            problems.push(Problem::error(node.line, "a server has either a `command` or a `url`"));
        }
        return self::remote(node.line, kind, url, headers, problems);
    }
    let Some(command) = command else {
        problems.push(Problem::error(node.line, "a server needs a `command`"));
        return None;
    };
    for (name, value) in &env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            problems.push(Problem::error(node.line, format!("`env`: `{name}` cannot be a variable")));
        }
        references(value, node.line, problems);
    }
    Some(Transport::Command { command, args, env, cwd })
}

fn remote(
    line: usize,
    kind: RemoteKind,
    url: Option<String>,
    headers: BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Option<Transport> {
    let Some(url) = url else {
        problems.push(Problem::error(line, "a server of this type needs a `url`"));
        return None;
    };
    references(&url, line, problems);
    // What a reference stands for is known when the agent starts.
    if !url.contains("${") {
        match Address::parse(&url) {
            Err(said) => problems.push(Problem::error(line, format!("`url`: {said}"))),
            Ok(address) if !address.is_secure && !address.is_loopback() => {
                let said = "`url`: what is sent to http:// can be read on the way: use https://";
                problems.push(Problem::warning(line, said));
            }
            Ok(_) => {}
        }
    }
    for (name, value) in &headers {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(is_token) || value.contains(['\r', '\n', '\0']) {
            problems.push(Problem::error(line, format!("`headers`: `{name}` cannot be a header")));
        }
        references(value, line, problems);
    }
    Some(Transport::Remote { kind, url, headers })
}

fn references(text: &str, line: usize, problems: &mut Vec<Problem>) {
    if let Err(said) = secrets::check(text) {
        problems.push(Problem::error(line, said));
    }
}

fn no_command() -> Transport {
    Transport::Command { command: String::new(), args: Vec::new(), env: BTreeMap::new(), cwd: None }
}

fn small(found: Option<u64>, default: u32) -> u32 {
    found.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const WHOLE: &str = r#"
version: "1"
server: {url: wss://gw.example.com/bridge/tunnel, token: "${file:~/.ai-bridge/agent.key}", reconnect_initial: 2s, reconnect_max: 30s}
agent: {id: my-laptop, label: My laptop, chunk_max_frame_bytes: 16384, max_calls: 4}
policy: {default: ask, confirm: local}
mcp_servers:
  - name: fs
    command: npx
    args: [-y, server, 8080, true]
    env: {TOKEN: "${env:X}", N: 1}
    cwd: .
    start: eager
    idle_stop: 1m
    timeout: 5s
    era: legacy
    concurrency: 2
    allow: ["read_*"]
    deny: ["*delete*"]
    tools: {write_file: ask, read_file: allow}
    pins: warn
    trust_hints: true
  - {name: web, command: web-server}
"#;

    fn plain(text: &str) -> Reading {
        read(text, &|_| None)
    }

    fn complaints(text: &str) -> Vec<String> {
        plain(text).problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read_without_a_complaint() {
        let Reading { config, problems } = plain(WHOLE);
        assert_eq!(problems, []);
        let gateway = config.server.unwrap();
        assert_eq!(
            (gateway.reconnect_initial, gateway.reconnect_max),
            (Duration::from_secs(2), Duration::from_secs(30))
        );
        assert_eq!((config.agent.id.as_str(), config.agent.max_calls), ("my-laptop", 4));
        assert_eq!(config.policy, Policy { default: Some(Decision::Ask), confirm: Confirm::Local });
        let [fs, web] = config.servers.as_slice() else { panic!("two servers") };
        let Transport::Command { command, args, env, cwd } = &fs.transport else { panic!("a command") };
        assert_eq!((command.as_str(), cwd.as_deref()), ("npx", Some(".")));
        assert_eq!(args, &["-y", "server", "8080", "true"]);
        assert_eq!(env.get("N").map(String::as_str), Some("1"));
        assert_eq!(
            (fs.start, fs.era, fs.pins, fs.trust_hints),
            (Start::Eager, Preference::Legacy, Strictness::Warn, true)
        );
        assert_eq!(fs.tools.get("read_file"), Some(&Decision::Allow));
        assert_eq!((web.line, web.concurrency, web.idle_stop), (22, 8, Duration::from_mins(15)));
    }

    #[test]
    fn the_seeds_keys_and_an_empty_file_are_configurations() {
        assert!(plain("").is_usable());
        assert_eq!(
            complaints("version: \"1\"\nagent: {id: my-laptop, chunk_buffer_bytes: 4194304}\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let found = complaints(
            "agent:\n  id: x\npolicy:\n  default: maybe\nmcp_servers:\n  - name: a\n    command: x\n    timeout: 5\n  - name: a\n    command: y\n  - name: 'b c'\n",
        );
        assert_eq!(found.len(), 6, "{found:?}");
        for (part, line) in found.iter().zip([2, 4, 8, 9, 11, 11]) {
            assert!(part.starts_with(&format!("line {line}:")), "{part}");
        }
    }

    #[test]
    fn unknown_keys_are_warnings() {
        let reading = plain("colour: red\nmcp_servers:\n  - {name: a, command: x, shiny: true}\n");
        assert!(reading.is_usable());
        assert_eq!(reading.problems.len(), 2);
    }

    #[test]
    fn a_server_may_have_an_address() {
        let reading = plain(
            "mcp_servers:\n  - {name: a, type: sse, url: 'https://x.example/sse', headers: {Authorization: 'Bearer ${env:K}'}}\n  - {name: b, url: 'http://127.0.0.1:3000/mcp'}\n",
        );
        assert_eq!(reading.problems, []);
        let kinds: Vec<RemoteKind> = reading
            .config
            .servers
            .iter()
            .filter_map(|server| match &server.transport {
                Transport::Remote { kind, .. } => Some(*kind),
                Transport::Command { .. } => None,
            })
            .collect();
        assert_eq!(kinds, [RemoteKind::EventStream, RemoteKind::Auto]);
        for (wrong, part) in [
            ("url: 'ftp://x'", "https://"),
            ("type: http", "needs a `url`"),
            ("type: carrier, url: 'https://x'", "not known"),
            ("url: 'https://x', command: y", "either"),
            ("url: 'https://x', headers: {'a b': c}", "cannot be a header"),
            ("url: 'http://x.example/'", "can be read on the way"),
        ] {
            let found = complaints(&format!("mcp_servers:\n  - {{name: w, {wrong}}}\n"));
            assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
        }
    }

    #[test]
    fn the_tunnel_is_encrypted_except_on_this_machine() {
        for (url, usable) in [
            ("wss://gw.example.com/bridge/tunnel", true),
            ("ws://127.0.0.1:8787/bridge/tunnel", true),
            ("ws://[::1]:8787/", true),
            ("ws://gw.example.com/", false),
            ("ws://localhost.example.com/", false),
            ("https://gw.example.com/", false),
            ("wss://", false),
        ] {
            let text = format!("server: {{url: '{url}', token: t}}\nagent: {{id: abc}}\n");
            assert_eq!(plain(&text).is_usable(), usable, "{url}");
        }
    }

    #[test]
    fn the_environment_counts_more_than_the_file() {
        let reading = read("agent: {id: from-file}\n", &|name| {
            (name == "AI_BRIDGE_AGENT_ID").then(|| "from-env".to_owned())
        });
        assert_eq!(reading.config.agent.id, "from-env");
    }

    #[test]
    fn references_to_secrets_are_checked_without_being_resolved() {
        let found = complaints("mcp_servers:\n  - {name: a, command: x, env: {K: '${vault:x}'}}\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("vault"), "{found:?}");
    }
}
