//! Servers as lines of a configuration.

use std::collections::BTreeMap;
use std::fmt::Write;

use nexus_edge_mcp::json::to_raw;

use super::found::{Found, Reached};

/// The servers as entries of `mcp_servers`. Texts are written as JSON, which YAML reads as it stands.
#[must_use]
pub fn yaml(servers: &[Found]) -> String {
    let mut text = String::new();
    for server in servers {
        let _ = writeln!(text, "  - name: {}", server.name);
        match &server.reached {
            Reached::Command { command, args, env, cwd } => {
                let _ = writeln!(text, "    command: {}", to_raw(command));
                if !args.is_empty() {
                    let _ = writeln!(text, "    args: {}", to_raw(args));
                }
                members(&mut text, "env", env);
                if let Some(cwd) = cwd {
                    let _ = writeln!(text, "    cwd: {}", to_raw(cwd));
                }
            }
            Reached::Address { kind, url, headers } => {
                if let Some(kind) = kind {
                    let _ = writeln!(text, "    type: {kind}");
                }
                let _ = writeln!(text, "    url: {}", to_raw(url));
                members(&mut text, "headers", headers);
            }
        }
    }
    text
}

fn members(text: &mut String, key: &str, members: &BTreeMap<String, String>) {
    if members.is_empty() {
        return;
    }
    let _ = writeln!(text, "    {key}:");
    for (name, value) in members {
        let _ = writeln!(text, "      {}: {}", to_raw(name), to_raw(value));
    }
}

/// A configuration with more servers, added below `mcp_servers:`. `None`: the file writes its servers in another form.
#[must_use]
pub fn added(configuration: &str, servers: &[Found]) -> Option<String> {
    let more = yaml(servers);
    let is_key = |line: &str| line.starts_with("mcp_servers:");
    let Some(key) = configuration.lines().find(|line| is_key(line)) else {
        let end = if configuration.is_empty() || configuration.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{configuration}{end}mcp_servers:\n{more}"));
    };
    let value = key.trim_start_matches("mcp_servers:").split('#').next().unwrap_or_default().trim();
    if !value.is_empty() && value != "[]" {
        return None;
    }
    let mut text = String::new();
    for line in configuration.lines() {
        if is_key(line) {
            let _ = write!(text, "mcp_servers:\n{more}");
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::read;
    use crate::config::schema::{RemoteKind, Transport};

    fn found() -> Vec<Found> {
        let texts = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let command = Reached::Command {
            command: "C:\\Program Files\\x.exe".into(),
            args: vec!["a: b".into(), "\"q\" # no comment".into()],
            env: texts("KEY", "yes"),
            cwd: Some("/tmp".into()),
        };
        let address = Reached::Address {
            kind: Some("sse"),
            url: "https://x.example/sse?a=b#c".into(),
            headers: texts("Authorization", "Bearer ${env:KEY}: #1"),
        };
        vec![Found { name: "new".into(), reached: command }, Found { name: "far".into(), reached: address }]
    }

    fn reached(transport: &Transport) -> Reached {
        match transport.clone() {
            Transport::Command { command, args, env, cwd } => Reached::Command { command, args, env, cwd },
            Transport::Remote { kind, url, headers } => {
                let kind = (kind == RemoteKind::EventStream).then_some("sse");
                Reached::Address { kind, url, headers }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for before in [
            "",
            "version: \"1\"",
            "mcp_servers: []\n",
            "mcp_servers:\n  - {name: old, command: x}\nversion: \"1\"\n",
        ] {
            let text = added(before, &found()).unwrap();
            let reading = read(&text, &|_| None);
            assert_eq!(reading.problems, [], "{text}");
            for one in found() {
                let server = reading.config.servers.iter().find(|server| server.name == one.name).unwrap();
                assert_eq!(reached(&server.transport), one.reached);
            }
        }
        assert_eq!(added("mcp_servers: [{name: a, command: b}]\n", &found()), None);
    }
}
