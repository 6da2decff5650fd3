//! What another program's file says.

use std::collections::BTreeMap;

/// A server that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, with `-` for each character that names here do not have.
    pub name: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory.
    pub cwd: Option<String>,
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
    pub fn add(&mut self, name: &str, entry: &serde_json::Value) {
        let text = |key: &str| entry.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        if entry.get("disabled").and_then(serde_json::Value::as_bool) == Some(true)
            || entry.get("enabled").and_then(serde_json::Value::as_bool) == Some(false)
        {
            self.left_out.push(format!("{name}: it is switched off there"));
            return;
        }
        let Some(command) = text("command").filter(|command| !command.is_empty()) else {
            let why = if entry.get("url").is_some() {
                "it has an address, not a command"
            } else {
                "it has no command"
            };
            self.left_out.push(format!("{name}: {why}"));
            return;
        };
        let args = entry.get("args").and_then(serde_json::Value::as_array);
        let args = args.into_iter().flatten().filter_map(|arg| arg.as_str().map(escaped)).collect();
        let env = entry.get("env").and_then(serde_json::Value::as_object);
        let env = env.into_iter().flatten().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), escaped(&value))
        });
        self.servers.push(Found { name: named(name), command, args, env: env.collect(), cwd: text("cwd") });
    }
}

/// What another program means word by word must not be read as a reference here; `${env:X}` means the same in both.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        escaped.push_str(before);
        let is_reference = after.starts_with("env:") && after.contains('}');
        escaped.push_str(if is_reference { "${" } else { "$${" });
        rest = after;
    }
    escaped.push_str(rest);
    escaped
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
    }
}
