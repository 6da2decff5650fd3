//! The settings of a request that its answer repeats.

use serde::Serialize;
use serde_json::json;

use crate::dialect::canonical::Json;
use crate::error::ApiError;
use crate::json::fields::Fields;

/// Settings of the request, under their names in the answer.
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

    /// Says that the response is not stored.
    pub(super) fn do_not_store(&mut self) {
        self.store = false;
    }

    /// The settings of a validated request.
    pub(super) fn of(top: &Fields<'_>) -> Result<Self, ApiError> {
        let default = Self::default();
        let text = top.object("text")?;
        let reasoning = top.object("reasoning")?;
        Ok(Self {
            access_programs: None,
            instructions: top.string("instructions")?,
            max_output_tokens: top.unsigned("max_output_tokens")?,
            max_tool_calls: top.get("max_tool_calls").map(Json::carried),
            metadata: top.get("metadata").map(Json::carried).unwrap_or(default.metadata),
            parallel_tool_calls: top.boolean("parallel_tool_calls")?.unwrap_or(true),
            previous_response_id: top.string("previous_response_id")?,
            prompt_cache_key: top.string("prompt_cache_key")?,
            prompt_cache_retention: top.get("prompt_cache_retention").map(Json::carried),
            reasoning: reasoning.map_or(default.reasoning, |reasoning| Reasoning {
                effort: reasoning.get("effort").map(Json::carried),
                summary: reasoning
                    .get("summary")
                    .map(Json::carried)
                    .or_else(|| reasoning.get("generate_summary").map(Json::carried)),
            }),
            safety_identifier: top.string("safety_identifier")?,
            store: top.boolean("store")?.unwrap_or(true),
            temperature: top.get("temperature").map(Json::carried),
            text: Text {
                format: text
                    .as_ref()
                    .and_then(|text| text.get("format").map(Json::carried))
                    .unwrap_or(default.text.format),
                verbosity: text.and_then(|text| text.get("verbosity").map(Json::carried)),
            },
            tool_choice: top.get("tool_choice").map(Json::carried).unwrap_or(default.tool_choice),
            tools: top.get("tools").map(Json::carried).unwrap_or(default.tools),
            top_logprobs: top.unsigned("top_logprobs")?.unwrap_or_default(),
            top_p: top.get("top_p").map(Json::carried),
            truncation: top.get("truncation").map(Json::carried).unwrap_or(default.truncation),
            user: top.string("user")?,
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
