//! Servers as lines of a configuration.

use std::fmt::Write;

use nexus_edge_mcp::json::to_raw;

use super::found::Found;

/// The servers as entries of `mcp_servers`. Texts are written as JSON, which YAML reads as it stands.
#[must_use]
pub fn yaml(servers: &[Found]) -> String {
    let mut text = String::new();
    for server in servers {
        let _ = writeln!(text, "  - name: {}", server.name);
        let _ = writeln!(text, "    command: {}", to_raw(&server.command));
        if !server.args.is_empty() {
            let _ = writeln!(text, "    args: {}", to_raw(&server.args));
        }
        if !server.env.is_empty() {
            let _ = writeln!(text, "    env:");
            for (name, value) in &server.env {
                let _ = writeln!(text, "      {}: {}", to_raw(name), to_raw(value));
            }
        }
        if let Some(cwd) = &server.cwd {
            let _ = writeln!(text, "    cwd: {}", to_raw(cwd));
        }
    }
    text
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::read::read;
    use crate::config::schema::Transport;

    fn found(name: &str) -> Found {
        Found {
            name: name.into(),
            command: "C:\\Program Files\\x.exe".into(),
            args: vec!["a: b".into(), "\"q\" # no comment".into()],
            env: BTreeMap::from([("KEY".into(), "yes".into())]),
            cwd: Some("/tmp".into()),
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
            let text = added(before, &[found("new")]).unwrap();
            let reading = read(&text, &|_| None);
            assert_eq!(reading.problems, [], "{text}");
            let server = reading.config.servers.iter().find(|server| server.name == "new").unwrap();
            let Transport::Command { command, args, env, cwd } = &server.transport else {
                panic!("a command")
            };
            let expected = found("new");
            assert_eq!(
                (command, args, env, cwd),
                (&expected.command, &expected.args, &expected.env, &expected.cwd)
            );
        }
        assert_eq!(added("mcp_servers: [{name: a, command: b}]\n", &[found("new")]), None);
    }
}
