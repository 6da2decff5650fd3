//! Tools in the catalogues of an agent's servers, and the names by which they are called: `{server}__{tool}`.
//!
//! A name is looked up among the tools that there are, never taken apart: servers and tools may contain `__` themselves.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is read of a catalogue; a server without tools has none.
#[derive(Deserialize)]
struct Catalog<'a> {
    #[serde(borrow, default)]
    tools: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// A tool.
#[derive(Debug, Clone, Serialize)]
pub struct Tool<'a> {
    /// The name by which it is called.
    pub name: String,
    /// Its server.
    pub server: &'a str,
    /// Its name there.
    pub tool: String,
    /// What its server says of it, as it is.
    pub definition: &'a RawValue,
}

/// The name by which a tool of a server is called.
#[must_use]
pub fn name_of(server: &str, tool: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' })
            .collect()
    };
    format!("{}__{}", plain(server), plain(tool))
}

/// The tools of a server's catalogue, in its order. A catalogue that cannot be read has none.
#[must_use]
pub fn tools<'a>(server: &'a str, catalog: &'a str) -> Vec<Tool<'a>> {
    let Ok(catalog) = serde_json::from_str::<Catalog<'a>>(catalog) else { return Vec::new() };
    let tool = |definition: &'a RawValue| {
        let tool = serde_json::from_str::<Named>(definition.get()).ok()?.name;
        Some(Tool { name: name_of(server, &tool), server, tool, definition })
    };
    catalog.tools.into_iter().filter_map(tool).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_have_names_that_every_model_accepts() {
        let catalog =
            r#"{"tools":[{"name":"read.file","x": 1.0},{"name":"a__b"},{"broken":1}],"prompts":[]}"#;
        let names: Vec<String> = tools("my files", catalog).into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["my_files__read_file", "my_files__a__b"]);
        assert_eq!(tools("s", catalog)[0].definition.get(), r#"{"name":"read.file","x": 1.0}"#);
        assert!(tools("s", "[]").is_empty() && tools("s", "{}").is_empty());
    }
}
