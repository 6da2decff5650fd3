//! What an answer repeats of its request.

use serde::Serialize;
use serde_json::json;

use super::fields::Fields;
use crate::dialect::canonical::Json;
use crate::error::ApiError;

/// Settings of the request, under the names that they have in the answer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Settings {
    access_programs: Option<Json>,
    instructions: Option<String>,
    max_output_tokens: Option<u64>,
    max_tool_calls: Option<Json>,
    metadata: Json,
    parallel_tool_calls: bool,
    previous_response_id: Option<String>,
    prompt_cache_key: Option<String>,
    prompt_cache_retention: Option<Json>,
    reasoning: Reasoning,
    safety_identifier: Option<String>,
    store: bool,
    temperature: Option<Json>,
    text: Text,
    tool_choice: Json,
    tools: Json,
    top_logprobs: u64,
    top_p: Option<Json>,
    truncation: Json,
    user: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Reasoning {
    effort: Option<Json>,
    summary: Option<Json>,
}

#[derive(Debug, Clone, Serialize)]
struct Text {
    format: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<Json>,
}

impl Settings {
    /// The instructions of the request.
    pub(super) fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// The settings of a request whose fields have been checked.
    pub(super) fn of(top: &Fields<'_>) -> Result<Self, ApiError> {
        let default = Self::default();
        let text = top.object("text")?;
        let reasoning = top.object("reasoning")?;
        Ok(Self {
            access_programs: None,
            instructions: top.text("instructions")?,
            max_output_tokens: top.unsigned("max_output_tokens")?,
            max_tool_calls: top.json("max_tool_calls"),
            metadata: top.json("metadata").unwrap_or(default.metadata),
            parallel_tool_calls: top.boolean("parallel_tool_calls")?.unwrap_or(true),
            previous_response_id: top.text("previous_response_id")?,
            prompt_cache_key: top.text("prompt_cache_key")?,
            prompt_cache_retention: top.json("prompt_cache_retention"),
            reasoning: reasoning.map_or(default.reasoning, |reasoning| Reasoning {
                effort: reasoning.json("effort"),
                summary: reasoning.json("summary").or_else(|| reasoning.json("generate_summary")),
            }),
            safety_identifier: top.text("safety_identifier")?,
            store: top.boolean("store")?.unwrap_or(true),
            temperature: top.json("temperature"),
            text: Text {
                format: text.as_ref().and_then(|text| text.json("format")).unwrap_or(default.text.format),
                verbosity: text.and_then(|text| text.json("verbosity")),
            },
            tool_choice: top.json("tool_choice").unwrap_or(default.tool_choice),
            tools: top.json("tools").unwrap_or(default.tools),
            top_logprobs: top.unsigned("top_logprobs")?.unwrap_or_default(),
            top_p: top.json("top_p"),
            truncation: top.json("truncation").unwrap_or(default.truncation),
            user: top.text("user")?,
        })
    }
}

/// The settings of a request that set nothing.
impl Default for Settings {
    fn default() -> Self {
        Self {
            access_programs: None,
            instructions: None,
            max_output_tokens: None,
            max_tool_calls: None,
            metadata: Json::empty_object(),
            parallel_tool_calls: true,
            previous_response_id: None,
            prompt_cache_key: None,
            prompt_cache_retention: None,
            reasoning: Reasoning::default(),
            safety_identifier: None,
            store: true,
            temperature: None,
            text: Text { format: Json::of(&json!({ "type": "text" })), verbosity: None },
            tool_choice: Json::of(&"auto"),
            tools: Json::of(&json!([])),
            top_logprobs: 0,
            top_p: None,
            truncation: Json::of(&"disabled"),
            user: None,
        }
    }
}
