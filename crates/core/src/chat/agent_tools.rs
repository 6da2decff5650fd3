//! Tools of agents as clients of the predecessor name them: `bridge_agent_id`, `bridge_agent_ids` and `bridge_tool_selections`, in a
//! turn and in the parameters of a session.
//!
//! They say what items of `nexus.tools` say, and are written as such: grants, rules and limits are those of every other way to name a
//! tool. An agent with a selection offers the selected tools, and one without all of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fault::wrong_type;
use crate::error::ApiError;
use crate::json::error::{invalid_value, missing, unknown_field};

/// The fields.
pub const FIELDS: [&str; 3] = ["bridge_agent_id", "bridge_agent_ids", "bridge_tool_selections"];
const SELECTION: &[&str] = &["agent_id", "tool_names"];
/// Most agents, and most selections.
const MAX_AGENTS: usize = 5;
/// Most tools of a selection.
const MAX_TOOLS: usize = 30;
const MAX_AGENT_CHARS: usize = 64;
const MAX_TOOL_CHARS: usize = 200;

/// What the fields say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AgentTools {
    /// An agent whose tools may be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge_agent_id: Option<String>,
    /// Agents whose tools may be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bridge_agent_ids: Vec<String>,
    /// Tools of agents that may be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bridge_tool_selections: Vec<ToolSelection>,
}

/// Tools of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ToolSelection {
    /// The agent.
    pub agent_id: String,
    /// The tools, as the agent calls them: `{server}__{tool}`.
    pub tool_names: Vec<String>,
}

impl AgentTools {
    /// What an object says with these fields; `None` if it has none of them.
    ///
    /// # Errors
    /// Those of [`AgentTools::set`] and [`AgentTools::check`].
    pub fn of(fields: &Map<String, Value>) -> Result<Option<Self>, ApiError> {
        let mut tools = None;
        for name in FIELDS {
            if let Some(value) = fields.get(name) {
                tools.get_or_insert_with(Self::default).set(name, value, name)?;
            }
        }
        if let Some(tools) = &tools {
            tools.check("")?;
        }
        Ok(tools)
    }

    /// Sets one of [`FIELDS`]; null empties it. `path` names it in errors.
    ///
    /// # Errors
    /// `invalid_type`, `invalid_value`, `missing_required_parameter`, `unknown_parameter` (400) with the member.
    pub fn set(&mut self, name: &str, value: &Value, path: &str) -> Result<(), ApiError> {
        match name {
            "bridge_agent_id" => {
                self.bridge_agent_id = if value.is_null() { None } else { Some(agent_id(value, path)?) };
            }
            "bridge_agent_ids" => self.bridge_agent_ids = list(value, path, MAX_AGENTS, agent_id)?,
            _ => self.bridge_tool_selections = list(value, path, MAX_AGENTS, selection)?,
        }
        Ok(())
    }

    /// Checks what the fields say together. `prefix` stands before their names in errors.
    ///
    /// # Errors
    /// `invalid_value` (400): more agents than are allowed.
    pub fn check(&self, prefix: &str) -> Result<(), ApiError> {
        if self.agents().len() <= MAX_AGENTS {
            return Ok(());
        }
        let path = format!("{prefix}{}", FIELDS[1]);
        Err(invalid_value(
            &path,
            format_args!("must name at most {MAX_AGENTS} agents, together with the other fields"),
        ))
    }

    /// The items of `nexus.tools` that say the same.
    #[must_use]
    pub fn sources(&self) -> Vec<Value> {
        self.agents().into_iter().filter_map(|agent| self.source(agent)).collect()
    }

    /// The agents, each of them once.
    fn agents(&self) -> Vec<&str> {
        let named = self.bridge_agent_id.iter().chain(&self.bridge_agent_ids);
        let selected = self.bridge_tool_selections.iter().map(|selection| &selection.agent_id);
        let mut agents: Vec<&str> = Vec::new();
        for agent in named.chain(selected) {
            if !agents.contains(&agent.as_str()) {
                agents.push(agent);
            }
        }
        agents
    }

    /// The item for an agent; `None` where nothing of it is selected.
    fn source(&self, agent: &str) -> Option<Value> {
        let of_agent = || self.bridge_tool_selections.iter().filter(|selection| selection.agent_id == agent);
        let names: Vec<&String> = of_agent().flat_map(|selection| &selection.tool_names).collect();
        let url = format!("nexus:agent/{agent}");
        if of_agent().next().is_none() {
            return Some(json!({ "server_url": url }));
        }
        (!names.is_empty()).then(|| json!({ "server_url": url, "allowed_tools": names }))
    }
}

/// A list of at most so many; null is an empty one.
fn list<T>(
    value: &Value,
    path: &str,
    most: usize,
    read: fn(&Value, &str) -> Result<T, ApiError>,
) -> Result<Vec<T>, ApiError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        other => return Err(wrong_type(path, "an array", other)),
    };
    if items.len() > most {
        return Err(invalid_value(path, format_args!("must have at most {most} items")));
    }
    items.iter().enumerate().map(|(index, item)| read(item, &format!("{path}[{index}]"))).collect()
}

fn agent_id(value: &Value, path: &str) -> Result<String, ApiError> {
    let id = value.as_str().ok_or_else(|| wrong_type(path, "a string", value))?;
    let fits = (1..=MAX_AGENT_CHARS).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if fits {
        return Ok(id.to_owned());
    }
    Err(invalid_value(path, format_args!("must have 1 to {MAX_AGENT_CHARS} letters, digits, `_` and `-`")))
}

fn tool_name(value: &Value, path: &str) -> Result<String, ApiError> {
    let name = value.as_str().ok_or_else(|| wrong_type(path, "a string", value))?;
    if !name.trim().is_empty() && name.chars().count() <= MAX_TOOL_CHARS {
        return Ok(name.to_owned());
    }
    Err(invalid_value(path, format_args!("must have 1 to {MAX_TOOL_CHARS} characters")))
}

fn selection(value: &Value, path: &str) -> Result<ToolSelection, ApiError> {
    let fields = value.as_object().ok_or_else(|| wrong_type(path, "an object", value))?;
    if let Some(name) = fields.keys().find(|name| !SELECTION.contains(&name.as_str())) {
        return Err(unknown_field(&format!("{path}."), name, SELECTION));
    }
    let member = |name: &str| {
        let path = format!("{path}.{name}");
        fields.get(name).map(|value| (value, path.clone())).ok_or_else(|| missing(path))
    };
    let (agent, agent_path) = member("agent_id")?;
    let (names, names_path) = member("tool_names")?;
    if names.is_null() {
        return Err(wrong_type(&names_path, "an array", names));
    }
    Ok(ToolSelection {
        agent_id: agent_id(agent, &agent_path)?,
        tool_names: list(names, &names_path, MAX_TOOLS, tool_name)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &Value) -> Result<Option<AgentTools>, (&'static str, String)> {
        let error = |error: ApiError| (error.code, error.param.unwrap_or_default());
        AgentTools::of(value.as_object().unwrap()).map_err(error)
    }

    #[test]
    fn fields_become_items_that_name_tools() {
        let sources = |value: &Value| of(value).unwrap().unwrap().sources();
        assert_eq!(of(&json!({ "content": "x" })), Ok(None));
        assert_eq!(sources(&json!({ "bridge_agent_id": null })), Vec::<Value>::new());
        assert_eq!(
            sources(&json!({
                "bridge_agent_id": "laptop", "bridge_agent_ids": ["desk", "laptop"],
                "bridge_tool_selections": [{ "agent_id": "desk", "tool_names": ["fs__read"] },
                    { "agent_id": "desk", "tool_names": ["git__log"] }, { "agent_id": "old", "tool_names": [] }],
            })),
            [
                json!({ "server_url": "nexus:agent/laptop" }),
                json!({ "server_url": "nexus:agent/desk", "allowed_tools": ["fs__read", "git__log"] }),
            ]
        );
    }

    #[test]
    fn a_member_at_fault_is_named() {
        let many = |count: usize| (0..count).map(|number| format!("a{number}")).collect::<Vec<_>>();
        let selected = |selection: Value| json!({ "bridge_tool_selections": [selection] });
        for (value, code, param) in [
            (json!({ "bridge_agent_id": 1 }), "invalid_type", "bridge_agent_id"),
            (json!({ "bridge_agent_id": "a/b" }), "invalid_value", "bridge_agent_id"),
            (json!({ "bridge_agent_ids": "a" }), "invalid_type", "bridge_agent_ids"),
            (json!({ "bridge_agent_ids": ["a", ""] }), "invalid_value", "bridge_agent_ids[1]"),
            (json!({ "bridge_agent_ids": many(6) }), "invalid_value", "bridge_agent_ids"),
            (
                json!({ "bridge_agent_ids": many(5), "bridge_agent_id": "x" }),
                "invalid_value",
                "bridge_agent_ids",
            ),
            (selected(json!("a")), "invalid_type", "bridge_tool_selections[0]"),
            (
                selected(json!({ "agent_id": "a" })),
                "missing_required_parameter",
                "bridge_tool_selections[0].tool_names",
            ),
            (
                selected(json!({ "agent_id": "a", "tool_names": [], "x": 1 })),
                "unknown_parameter",
                "bridge_tool_selections[0].x",
            ),
            (
                selected(json!({ "agent_id": "a", "tool_names": many(31) })),
                "invalid_value",
                "bridge_tool_selections[0].tool_names",
            ),
            (
                selected(json!({ "agent_id": "a", "tool_names": [" "] })),
                "invalid_value",
                "bridge_tool_selections[0].tool_names[0]",
            ),
        ] {
            assert_eq!(of(&value), Err((code, param.to_owned())), "{value}");
        }
    }
}
