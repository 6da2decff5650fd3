//! What a new configuration changes: only servers that differ are restarted.

use super::schema::{Config, Server};

/// What a reload does, by name of server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Servers that were not there.
    pub added: Vec<String>,
    /// Servers that are stopped and not started again.
    pub removed: Vec<String>,
    /// Servers whose process is another one: stopped, and started as before.
    pub restarted: Vec<String>,
    /// Servers whose rules changed and whose process stays.
    pub changed: Vec<String>,
    /// Servers that are as they were.
    pub kept: Vec<String>,
}

/// Compares two configurations.
#[must_use]
pub fn between(old: &Config, new: &Config) -> Difference {
    let mut difference = Difference::default();
    for server in &new.servers {
        let name = server.name.clone();
        match old.servers.iter().find(|other| other.name == name) {
            None => difference.added.push(name),
            Some(before) if is_same(before, server) => difference.kept.push(name),
            Some(before) if needs_restart(before, server) => difference.restarted.push(name),
            Some(_) => difference.changed.push(name),
        }
    }
    let gone = old.servers.iter().filter(|server| !new.servers.iter().any(|other| other.name == server.name));
    difference.removed = gone.map(|server| server.name.clone()).collect();
    difference
}

/// The line in the file says nothing about a server.
fn is_same(before: &Server, after: &Server) -> bool {
    let mut moved = before.clone();
    moved.line = after.line;
    moved == *after
}

fn needs_restart(before: &Server, after: &Server) -> bool {
    before.transport != after.transport || before.era != after.era
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    fn config(text: &str) -> Config {
        let reading = read(text, &|_| None);
        assert!(reading.is_usable(), "{:?}", reading.problems);
        reading.config
    }

    #[test]
    fn only_what_differs_is_touched() {
        let old = config(
            "mcp_servers:\n  - {name: same, command: a}\n  - {name: gone, command: b}\n  - {name: rules, command: c}\n  - {name: process, command: d}\n",
        );
        let new = config(
            "# a line more\nmcp_servers:\n  - {name: process, command: d, args: [x]}\n  - {name: rules, command: c, deny: ['*']}\n  - {name: same, command: a}\n  - {name: fresh, command: e}\n",
        );
        let difference = between(&old, &new);
        assert_eq!(difference.added, ["fresh"]);
        assert_eq!(difference.removed, ["gone"]);
        assert_eq!(difference.restarted, ["process"]);
        assert_eq!(difference.changed, ["rules"]);
        assert_eq!(difference.kept, ["same"]);
    }
}
