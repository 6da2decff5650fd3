//! Codex's file: `[mcp_servers.name]` tables.

use super::found::Imported;

/// The servers of the file.
///
/// # Errors
/// The text is no TOML.
pub fn read(text: &str) -> Result<Imported, String> {
    let value: serde_json::Value =
        toml::from_str(text).map_err(|error| format!("not TOML: {}", error.message()))?;
    let mut imported = Imported::default();
    for (name, entry) in value.get("mcp_servers").and_then(serde_json::Value::as_object).into_iter().flatten()
    {
        imported.add(name, entry);
    }
    Ok(imported)
}

#[cfg(test)]
mod tests {
    use super::super::found::Reached;
    use super::*;

    #[test]
    fn tables_are_servers() {
        let text = "model = \"x\"\n[mcp_servers.fs]\ncommand = \"npx\"\nargs = [\"-y\", \"fs\"]\n[mcp_servers.fs.env]\nA = \"b\"\n[mcp_servers.web]\nurl = \"https://x\"\n";
        let imported = read(text).unwrap();
        assert_eq!((imported.servers.len(), imported.left_out.len()), (2, 0));
        let Reached::Command { env, .. } = &imported.servers[0].reached else { panic!("a command") };
        assert_eq!(env.get("A").map(String::as_str), Some("b"));
        assert!(read("= 1").is_err());
    }
}
