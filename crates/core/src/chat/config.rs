//! The parameters that all turns of a session share.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::agent_tools::{self, AgentTools};
use super::fault::wrong_type;
use crate::error::ApiError;
use crate::json::error::{self, invalid_value};

/// Tokens of history that go to the model by default.
pub const DEFAULT_CONTEXT_TOKENS: u64 = 32_000;
const MAX_SYSTEM_PROMPT_CHARS: usize = 64_000;
const MAX_TOOLS_BYTES: usize = 128 * 1024;
const MAX_MCP_BYTES: usize = 16 * 1024;
const MCP: &[&str] = &["tools", "max_rounds", "max_calls", "timeout_ms", "call_idle_ms", "call_timeout_ms"];
const MAX_STOPS: usize = 4;
const KNOWN: &[&str] = &[
    "temperature",
    "top_p",
    "max_tokens",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "stop_sequences",
    "system_prompt",
    "tools",
    "mcp",
    "context_tokens",
    "bridge_agent_id",
    "bridge_agent_ids",
    "bridge_tool_selections",
];

/// The parameters of a session. An absent one is the provider's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the well-known parameters of that name")]
pub struct SessionConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// Tools in `OpenAI`'s form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Value>,
    /// Tools of the gateway's servers, and limits of their calls: what stands as `nexus` in a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp: Option<Value>,
    /// Most tokens of history that go to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// Tools of agents, beside those of `mcp`.
    #[serde(flatten)]
    pub agent_tools: AgentTools,
}

impl SessionConfig {
    /// Applies `patch`; null removes a parameter. `prefix` is the path of the object in error messages.
    pub fn apply(&mut self, patch: &Value, prefix: &str) -> Result<(), ApiError> {
        let Value::Object(fields) = patch else {
            return Err(wrong_type(prefix, "an object", patch));
        };
        let mut changed = self.clone();
        for (name, value) in fields {
            let reader = Reader { name: format!("{prefix}.{name}"), value };
            match name.as_str() {
                "temperature" => changed.temperature = reader.number(0.0, 2.0)?,
                "top_p" => changed.top_p = reader.number(0.0, 1.0)?,
                "max_tokens" => changed.max_tokens = reader.integer(1, 10_000_000)?,
                "presence_penalty" => changed.presence_penalty = reader.number(-2.0, 2.0)?,
                "frequency_penalty" => changed.frequency_penalty = reader.number(-2.0, 2.0)?,
                "stop" | "stop_sequences" => changed.stop = reader.stops()?,
                "system_prompt" => changed.system_prompt = reader.text(MAX_SYSTEM_PROMPT_CHARS)?,
                "tools" => changed.tools = reader.tools()?,
                "mcp" => changed.mcp = reader.mcp()?,
                "context_tokens" => changed.context_tokens = reader.integer(256, 10_000_000)?,
                name if agent_tools::FIELDS.contains(&name) => {
                    changed.agent_tools.set(name, value, &reader.name)?;
                }
                _ => {
                    return Err(error::unknown_field(&format!("{prefix}."), name, KNOWN));
                }
            }
        }
        changed.agent_tools.check(&format!("{prefix}."))?;
        *self = changed;
        Ok(())
    }

    /// The parameters of a turn that names agents' tools of its own: they count instead of those of the session.
    #[must_use]
    pub fn of_turn(&self, agent_tools: Option<AgentTools>) -> Self {
        let agent_tools = agent_tools.unwrap_or_else(|| self.agent_tools.clone());
        Self { agent_tools, ..self.clone() }
    }

    /// Adds the parameters to a request body.
    pub fn write_to(&self, body: &mut Map<String, Value>) {
        let numbers = [
            ("temperature", self.temperature),
            ("top_p", self.top_p),
            ("presence_penalty", self.presence_penalty),
            ("frequency_penalty", self.frequency_penalty),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                body.insert(name.into(), value.into());
            }
        }
        if let Some(limit) = self.max_tokens {
            body.insert("max_tokens".into(), limit.into());
        }
        if !self.stop.is_empty() {
            body.insert("stop".into(), self.stop.clone().into());
        }
        if let Some(tools) = &self.tools {
            body.insert("tools".into(), tools.clone());
        }
        if let Some(named) = self.named_tools() {
            body.insert("nexus".into(), named);
        }
    }

    /// What stands as `nexus` in a request; `None` where no tools are named, because limits without tools say nothing.
    fn named_tools(&self) -> Option<Value> {
        let mut named = self.mcp.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        let mut tools = match named.remove("tools") {
            Some(Value::Array(tools)) => tools,
            // What is of another type is refused when it is set.
            _ => Vec::new(),
        };
        tools.extend(self.agent_tools.sources());
        if tools.is_empty() {
            return None;
        }
        named.insert("tools".into(), tools.into());
        Some(named.into())
    }

    /// Most tokens of history that go to the model.
    #[must_use]
    pub fn window_tokens(&self) -> u64 {
        self.context_tokens.unwrap_or(DEFAULT_CONTEXT_TOKENS)
    }
}

struct Reader<'a> {
    name: String,
    value: &'a Value,
}

impl Reader<'_> {
    fn number(&self, least: f64, most: f64) -> Result<Option<f64>, ApiError> {
        if self.value.is_null() {
            return Ok(None);
        }
        let number = self.value.as_f64().ok_or_else(|| wrong_type(&self.name, "a number", self.value))?;
        if (least..=most).contains(&number) {
            return Ok(Some(number));
        }
        Err(self.wrong_value(&format!("from {least} to {most}")))
    }

    fn integer(&self, least: u64, most: u64) -> Result<Option<u64>, ApiError> {
        if self.value.is_null() {
            return Ok(None);
        }
        if !self.value.is_number() {
            return Err(wrong_type(&self.name, "a number", self.value));
        }
        let range = least..=most;
        let number = self.value.as_u64().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| self.wrong_value(&format!("a whole number from {least} to {most}")))
    }

    fn text(&self, longest: usize) -> Result<Option<String>, ApiError> {
        if self.value.is_null() {
            return Ok(None);
        }
        let text = self.value.as_str().ok_or_else(|| wrong_type(&self.name, "a string", self.value))?;
        if text.chars().count() > longest {
            return Err(self.wrong_value(&format!("at most {longest} characters long")));
        }
        Ok(Some(text.to_owned()).filter(|text| !text.trim().is_empty()))
    }

    fn stops(&self) -> Result<Vec<String>, ApiError> {
        let given = match self.value {
            Value::Null => return Ok(Vec::new()),
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => several
                .iter()
                .map(|stop| stop.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| wrong_type(&self.name, "an array of strings", self.value))?,
            _ => return Err(wrong_type(&self.name, "a string or an array of strings", self.value)),
        };
        if given.len() > MAX_STOPS || given.iter().any(|stop| stop.is_empty() || stop.len() > 1000) {
            return Err(self.wrong_value(&format!("at most {MAX_STOPS} texts of 1 to 1000 bytes")));
        }
        Ok(given)
    }

    fn tools(&self) -> Result<Option<Value>, ApiError> {
        match self.value {
            Value::Null => Ok(None),
            Value::Array(tools) if tools.is_empty() => Ok(None),
            Value::Array(tools) if tools.iter().all(Value::is_object) => {
                if self.value.to_string().len() > MAX_TOOLS_BYTES {
                    return Err(self.wrong_value(&format!("at most {MAX_TOOLS_BYTES} bytes")));
                }
                Ok(Some(self.value.clone()))
            }
            _ => Err(wrong_type(&self.name, "an array of objects", self.value)),
        }
    }

    /// The shape of it; what it names is looked up when it is used.
    fn mcp(&self) -> Result<Option<Value>, ApiError> {
        let fields = match self.value {
            Value::Null => return Ok(None),
            Value::Object(fields) => fields,
            _ => return Err(wrong_type(&self.name, "an object", self.value)),
        };
        if let Some(name) = fields.keys().find(|name| !MCP.contains(&name.as_str())) {
            return Err(error::unknown_field(&format!("{}.", self.name), name, MCP));
        }
        if self.value.to_string().len() > MAX_MCP_BYTES {
            return Err(self.wrong_value(&format!("at most {MAX_MCP_BYTES} bytes")));
        }
        let names_none = fields.get("tools").and_then(Value::as_array).is_some_and(Vec::is_empty);
        Ok((!names_none).then(|| self.value.clone()))
    }

    fn wrong_value(&self, what: &str) -> ApiError {
        invalid_value(&self.name, format_args!("must be {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_what_it_names() {
        let mut config = SessionConfig::default();
        config
            .apply(
                &json!({ "temperature": 0.5, "max_tokens": 9, "stop": "x", "system_prompt": "s" }),
                "config",
            )
            .unwrap();
        config.apply(&json!({ "temperature": null, "top_p": 1 }), "config").unwrap();
        assert_eq!((config.temperature, config.top_p, config.max_tokens), (None, Some(1.0), Some(9)));
        let mut body = Map::new();
        config.write_to(&mut body);
        assert_eq!(Value::Object(body.clone()), json!({ "top_p": 1.0, "max_tokens": 9, "stop": ["x"] }));
        config.apply(&json!({ "mcp": { "tools": ["fs"], "max_calls": 3 } }), "config").unwrap();
        config.write_to(&mut body);
        assert_eq!(body["nexus"], json!({ "tools": ["fs"], "max_calls": 3 }));
        let stored = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SessionConfig>(&stored).unwrap(), config);
        config.apply(&json!({ "mcp": { "tools": [], "max_calls": 3 } }), "config").unwrap();
        assert_eq!(config.mcp, None);
    }

    #[test]
    fn tools_of_agents_stand_beside_those_of_servers() {
        let written = |config: &SessionConfig| {
            let mut body = Map::new();
            config.write_to(&mut body);
            body.remove("nexus")
        };
        let mut config = SessionConfig::default();
        config.apply(&json!({ "mcp": { "max_calls": 3 } }), "config").unwrap();
        assert_eq!(written(&config), None, "limits without tools");
        config.apply(&json!({ "bridge_agent_id": "laptop" }), "config").unwrap();
        let laptop = json!({ "server_url": "nexus:agent/laptop" });
        assert_eq!(written(&config), Some(json!({ "tools": [laptop], "max_calls": 3 })));
        config.apply(&json!({ "mcp": { "tools": ["fs"] } }), "config").unwrap();
        assert_eq!(written(&config), Some(json!({ "tools": ["fs", laptop] })));
        let stored = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SessionConfig>(&stored).unwrap(), config);

        let desk = json!({ "bridge_agent_ids": ["desk"] });
        let of_turn = config.of_turn(AgentTools::of(desk.as_object().unwrap()).unwrap());
        let desk = json!({ "server_url": "nexus:agent/desk" });
        assert_eq!(written(&of_turn), Some(json!({ "tools": ["fs", desk] })));
        assert_eq!(written(&config.of_turn(Some(AgentTools::default()))), Some(json!({ "tools": ["fs"] })));
        assert_eq!(config.of_turn(None), config);

        let error = config.apply(&json!({ "bridge_agent_ids": ["a", 1] }), "config").unwrap_err();
        assert_eq!(error.param.as_deref(), Some("config.bridge_agent_ids[1]"));
        config.apply(&json!({ "bridge_agent_id": null }), "config").unwrap();
        assert_eq!(written(&config), Some(json!({ "tools": ["fs"] })));
    }

    #[test]
    fn a_patch_with_a_fault_changes_nothing_and_names_the_fault() {
        let cases = [
            (json!([]), "invalid_type", "config"),
            (json!({ "temperature": 2.1 }), "invalid_value", "config.temperature"),
            (json!({ "temperature": "1" }), "invalid_type", "config.temperature"),
            (json!({ "top_p": -1 }), "invalid_value", "config.top_p"),
            (json!({ "max_tokens": 0 }), "invalid_value", "config.max_tokens"),
            (json!({ "max_tokens": 1.5 }), "invalid_value", "config.max_tokens"),
            (json!({ "stop": [1] }), "invalid_type", "config.stop"),
            (json!({ "stop": ["", "a"] }), "invalid_value", "config.stop"),
            (json!({ "system_prompt": 1 }), "invalid_type", "config.system_prompt"),
            (json!({ "tools": {} }), "invalid_type", "config.tools"),
            (json!({ "mcp": ["fs"] }), "invalid_type", "config.mcp"),
            (json!({ "mcp": { "servers": ["fs"] } }), "unknown_parameter", "config.mcp.servers"),
            (json!({ "mcp": { "tools": ["x".repeat(20_000)] } }), "invalid_value", "config.mcp"),
            (json!({ "max_tokens": 5, "nonsense": 1 }), "unknown_parameter", "config.nonsense"),
        ];
        for (patch, code, param) in cases {
            let mut config = SessionConfig::default();
            let error = config.apply(&patch, "config").unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{patch}");
            assert_eq!(config, SessionConfig::default(), "{patch}");
        }
    }
}
