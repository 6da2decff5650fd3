//! A set of tools of several servers, which clients find at an address of its own and requests name by its name.

use nexus_edge_mcp::glob::Glob;
use nexus_edge_mcp::toolset::{MAX_PICKS, Pick, Toolset};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, objects, text};
use crate::row::json_or_default;
use crate::row::table::{json, table};

/// A set as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolsetRecord {
    /// A ULID.
    pub id: String,
    /// Its name in addresses and requests, unique for an owner. It does not change.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whose keys may use it; `None`: all. It does not change.
    #[serde(default)]
    pub owner: Option<String>,
    /// The tools.
    #[serde(default, deserialize_with = "json_or_default")]
    pub tools: Toolset,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
}

table! {
    ToolsetRecord in "toolsets" unique "name" {
        given id;
        fixed { name, owner, created_at }
        changing {
            description,
            tools = |record| json(&record.tools),
        }
        elsewhere {}
    }
}

impl ToolsetRecord {
    /// A set without tools, created at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(id: String, now_ms: u64) -> Self {
        Self {
            id,
            name: String::new(),
            description: None,
            owner: None,
            tools: Toolset::default(),
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    /// The record as the admin API returns it.
    #[must_use]
    pub fn view(&self) -> ToolsetView<'_> {
        let tool = |pick: &'_ Pick| PickedTool {
            server: pick.server.clone(),
            tool: pick.tool.as_str().to_owned(),
            name: pick.name.clone(),
            description: pick.description.clone(),
        };
        ToolsetView {
            id: &self.id,
            name: &self.name,
            description: self.description.as_deref(),
            owner: self.owner.as_deref(),
            tools: self.tools.picks().iter().map(tool).collect(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A set as the admin API returns it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ToolsetView<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name in `/mcp/toolset/{name}` and `nexus:toolset/{name}`.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Whose keys may use it; `null`: all.
    pub owner: Option<&'a str>,
    /// The tools.
    pub tools: Vec<PickedTool>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

/// A line of a set: a tool, or those that a pattern fits.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PickedTool {
    /// The server: its id, or `agent/{id}/{server}`.
    pub server: String,
    /// The tool's name at the server, or a pattern.
    pub tool: String,
    /// The name under which it is shown instead.
    pub name: Option<String>,
    /// The description with which it is shown instead.
    pub description: Option<String>,
}

input! {
    /// What may be said about a set of tools.
    pub struct ToolsetInput {
        /// Its name, of `a-z`, `0-9`, `-` and `_`, unique for its owner. It cannot be changed.
        pub name: String = text(1..=60).check(check_name).not_null().required(),
        /// What it is for.
        pub description: String = text(1..=500),
        /// Whose keys may use it: you or one of your teams; without one those of all, which needs `manage_tools`. It cannot be changed.
        pub owner: String = text(1..=100),
        /// Its tools. What a key is not granted it does not get by a set.
        pub tools: Toolset = objects::<PickInput>(MAX_PICKS).check(check_tools).not_null().required(),
    }
}

input! {
    /// A tool of a set, or several.
    pub struct PickInput {
        /// The server: its id, or `agent/{id}/{server}` for one of the caller's own agents.
        pub server: String = text(1..=200).check(check_server).not_null().required(),
        /// The tool's name at the server, or a pattern of names such as `get_*`.
        pub tool: String = text(1..=200).not_null().required(),
        /// The name under which one tool is shown instead: at most 47 characters of `A-Z`, `a-z`, `0-9`, `-` and `_`, without `__`.
        pub name: String = text(1..=47),
        /// The description with which one tool is shown instead.
        pub description: String = text(1..=2000),
    }
}

impl ToolsetInput {
    /// Applies everything but the name and the owner.
    pub fn apply(&self, record: &mut ToolsetRecord) {
        self.description.clone().apply_to(&mut record.description);
        self.tools.clone().apply_or(&mut record.tools, Toolset::default());
    }

    /// Checks that a change leaves name and owner of a record as they are.
    ///
    /// # Errors
    /// `invalid_value` (400).
    pub fn check_fixed(&self, record: &ToolsetRecord) -> Result<(), ApiError> {
        let mut owner = record.owner.clone();
        self.owner.clone().apply_to(&mut owner);
        let field = if self.name.as_set().is_some_and(|name| *name != record.name) {
            "name"
        } else if owner != record.owner {
            "owner"
        } else {
            return Ok(());
        };
        let message =
            format!("`{field}` cannot be changed: requests and keys name the set. Make another one.");
        Err(ApiError::invalid("invalid_value", field, message))
    }
}

fn check_name(name: String) -> Result<String, ApiError> {
    if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
        return Ok(name);
    }
    Err(ApiError::invalid("invalid_value", "name", "`name` may only have `a-z`, `0-9`, `-` and `_`."))
}

fn check_server(server: String) -> Result<String, ApiError> {
    let parts: Vec<&str> = server.split('/').collect();
    match *parts.as_slice() {
        [id] | ["agent", id, _] if !id.is_empty() && parts.iter().all(|part| !part.is_empty()) => Ok(server),
        _ => {
            let message = "`server` must be the id of a server, or `agent/{id}/{server}`.";
            Err(ApiError::invalid("invalid_value", "server", message))
        }
    }
}

fn check_tools(lines: Vec<PickInput>) -> Result<Toolset, ApiError> {
    let pick = |line: PickInput| {
        Ok(Pick {
            server: line.server.required("server")?,
            tool: Glob::new(line.tool.required("tool")?),
            name: line.name.into_set(),
            description: line.description.into_set(),
        })
    };
    let picks: Vec<Pick> = lines.into_iter().map(pick).collect::<Result<_, ApiError>>()?;
    Toolset::new(picks).map_err(|fault| {
        let param = format!("tools[{}].{}", fault.at, fault.field);
        let message = format!("`{param}` {}.", fault.reason);
        ApiError::invalid("invalid_value", param, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn a_set_is_what_its_lines_say() {
        let body = br#"{"name":"work","tools":[{"server":"git","tool":"get_*"},
            {"server":"agent/laptop/fs","tool":"read","name":"read","description":"Reads."}]}"#;
        let input = ToolsetInput::parse_new(body).unwrap();
        let mut record = ToolsetRecord::new("id".into(), 1);
        input.apply(&mut record);
        let shown = serde_json::to_value(record.view()).unwrap();
        assert_eq!(
            shown["tools"][0],
            serde_json::json!({"server": "git", "tool": "get_*", "name": null, "description": null})
        );
        assert_eq!(shown["tools"][1]["name"], "read");
        assert_eq!(input.check_fixed(&record).unwrap_err().param.as_deref(), Some("name"));
        record.name = "work".into();
        assert_eq!(input.check_fixed(&record), Ok(()));
        let moved = ToolsetInput::parse(br#"{"owner":"ada"}"#).unwrap();
        assert_eq!(moved.check_fixed(&record).unwrap_err().param.as_deref(), Some("owner"));
    }

    #[test]
    fn faults_name_their_field() {
        for (body, param) in [
            (r#"{"tools":[]}"#, "name"),
            (r#"{"name":"a"}"#, "tools"),
            (r#"{"name":"A","tools":[]}"#, "name"),
            (r#"{"name":"a","tools":[{"server":"a/b","tool":"x"}]}"#, "tools[0].server"),
            (r#"{"name":"a","tools":[{"server":"agent//b","tool":"x"}]}"#, "tools[0].server"),
            (r#"{"name":"a","tools":[{"server":"a"}]}"#, "tools[0].tool"),
            (r#"{"name":"a","tools":[{"server":"a","tool":"x*","name":"y"}]}"#, "tools[0].name"),
            (
                r#"{"name":"a","tools":[{"server":"a","tool":"x"},{"server":"a","tool":"x"}]}"#,
                "tools[1].tool",
            ),
        ] {
            let error = ToolsetInput::parse_new(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }
}
