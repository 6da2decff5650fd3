//! What another program's file says.

use std::collections::BTreeMap;

use serde_json::Value;

/// A server that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, with `-` for each character that names here do not have.
    pub name: String,
    /// How it is reached.
    pub reached: Reached,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// By a child process.
    Command {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment.
        env: BTreeMap<String, String>,
        /// Its working directory.
        cwd: Option<String>,
    },
    /// At an address.
    Address {
        /// Its transport as `type` names it here; `None` where the other program finds that out as well.
        kind: Option<&'static str>,
        /// The address.
        url: String,
        /// Sent with every request.
        headers: BTreeMap<String, String>,
    },
}

/// The servers of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Those that can be taken, by name.
    pub servers: Vec<Found>,
    /// Those that cannot, and why.
    pub left_out: Vec<String>,
}

impl Imported {
    /// Adds a server as other programs describe it.
    pub fn add(&mut self, name: &str, entry: &Value) {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        if entry.get("disabled").and_then(Value::as_bool) == Some(true)
            || entry.get("enabled").and_then(Value::as_bool) == Some(false)
        {
            self.left_out.push(format!("{name}: it is switched off there"));
            return;
        }
        let reached = match text("command").filter(|command| !command.is_empty()) {
            Some(command) => {
                let args = entry.get("args").and_then(Value::as_array);
                let args = args.into_iter().flatten().filter_map(|arg| arg.as_str().map(escaped)).collect();
                Ok(Reached::Command { command, args, env: texts(entry, "env"), cwd: text("cwd") })
            }
            None => address(entry),
        };
        match reached {
            Ok(reached) => self.servers.push(Found { name: named(name), reached }),
            Err(why) => self.left_out.push(format!("{name}: {why}")),
        }
    }
}

/// A server with an address, as Claude, Cursor, Visual Studio Code and Codex write them.
fn address(entry: &Value) -> Result<Reached, &'static str> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let Some(url) = text("url").or_else(|| text("serverUrl")) else {
        return Err("it has neither a command nor an address");
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err("its address is not one of HTTP");
    }
    let kind = match text("type").or_else(|| text("transport")) {
        None => None,
        Some("http" | "streamable-http" | "streamableHttp" | "streamable_http") => Some("streamable_http"),
        Some("sse") => Some("sse"),
        Some(_) => return Err("its transport does not exist here"),
    };
    let mut headers = texts(entry, "headers");
    headers.extend(texts(entry, "http_headers"));
    // Codex names variables, not references to them.
    for (name, variable) in texts(entry, "env_http_headers") {
        headers.insert(name, format!("${{env:{variable}}}"));
    }
    if let Some(variable) = text("bearer_token_env_var") {
        headers.insert("Authorization".to_owned(), format!("Bearer ${{env:{variable}}}"));
    }
    Ok(Reached::Address { kind, url: escaped(url), headers })
}

/// An object of texts; other values as JSON writes them.
fn texts(entry: &Value, key: &str) -> BTreeMap<String, String> {
    let members = entry.get(key).and_then(Value::as_object);
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    members.into_iter().flatten().map(|(name, value)| (name.clone(), escaped(&written(value)))).collect()
}

/// What another program means word by word must not be read as a reference here; `${env:X}` means the same in both, and
/// `${X}` in capital letters is how Claude Code writes it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        escaped.push_str(before);
        let inner = after.split_once('}').map(|(inner, _)| inner);
        escaped.push_str(match inner {
            Some(inner) if inner.starts_with("env:") => "${",
            Some(inner) if is_variable(inner) => "${env:",
            _ => "$${",
        });
        rest = after;
    }
    escaped.push_str(rest);
    escaped
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn named(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' };
    let name: String = name.chars().map(allowed).take(64).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "server".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_references_are_made_to_fit() {
        assert_eq!(named("@scope/my server"), "scope-my-server");
        assert_eq!(named("…"), "server");
        assert_eq!(escaped("${workspaceFolder}/a ${env:HOME}"), "$${workspaceFolder}/a ${env:HOME}");
        assert_eq!(escaped("Bearer ${API_KEY} ${A:-b} ${"), "Bearer ${env:API_KEY} $${A:-b} $${");
    }

    #[test]
    fn servers_with_an_address_are_taken_as_each_program_writes_them() {
        let entries = [
            (
                r#"{"type": "http", "url": "https://x/mcp", "headers": {"Authorization": "Bearer ${KEY}"}}"#,
                Some("streamable_http"),
                [("Authorization", "Bearer ${env:KEY}")].as_slice(),
            ),
            (r#"{"url": "https://x/mcp"}"#, None, &[]),
            (r#"{"type": "sse", "url": "https://x/mcp"}"#, Some("sse"), &[]),
            (
                r#"{"url": "https://x/mcp", "bearer_token_env_var": "T", "http_headers": {"X-A": "1"},
                    "env_http_headers": {"X-B": "B"}}"#,
                None,
                &[("Authorization", "Bearer ${env:T}"), ("X-A", "1"), ("X-B", "${env:B}")],
            ),
        ];
        for (text, kind, expected) in entries {
            let mut imported = Imported::default();
            imported.add("s", &serde_json::from_str(text).unwrap());
            let headers = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let reached = Reached::Address { kind, url: "https://x/mcp".into(), headers: headers.collect() };
            assert_eq!(imported.servers, [Found { name: "s".into(), reached }], "{text}");
        }
        let mut imported = Imported::default();
        for text in [r#"{"url": "ws://x"}"#, r#"{"type": "ws", "url": "https://x"}"#, "{}"] {
            imported.add("s", &serde_json::from_str(text).unwrap());
        }
        assert_eq!((imported.servers.len(), imported.left_out.len()), (0, 3));
    }
}
