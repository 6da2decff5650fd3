//! Encodes a request (<https://docs.cohere.com/v2/reference/chat>).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::encode_messages::{self, MessageOut};
use crate::dialect::canonical::{
    AllowedMode, ChatRequest, EncodedRequest, Json, Reasoning, ResponseFormat, Tool, ToolChoice,
};
use crate::dialect::upstream::arguments;
use crate::dialect::upstream::constraints::{self, own_fields};
use crate::dialect::upstream::history;
use crate::dialect::upstream::parameters::set_parameters;
use crate::dialect::upstream::tool_choice::{self, Chosen};

/// Parameters with a counterpart.
const SUPPORTED: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "tool_choice",
    "response_format",
    "max_tokens",
    "reasoning_effort",
    "reasoning",
];

/// The largest `p` that the service accepts.
const MAX_P: f64 = 0.99;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict_tools: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    stream: bool,
    #[serde(flatten)]
    own: BTreeMap<&'a str, &'a RawValue>,
}

#[derive(Serialize)]
struct ToolOut<'a> {
    r#type: &'static str,
    function: FunctionOut<'a>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Json,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'a Json>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Thinking {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_budget: Option<u64>,
}

/// Encodes a request body.
pub fn encode(request: &ChatRequest, model: &str) -> EncodedRequest {
    let mut dropped = Vec::new();
    let history = history::settled(&request.messages, &constraints::COHERE.call_id);
    let messages = encode_messages::encode(&history, &mut dropped);
    history.restore_places(&mut dropped);
    let (tools, strict_tools) = tools(request, &mut dropped);
    let own = own_fields(request, &mut dropped);
    let sampling = &request.sampling;
    let body = Body {
        model,
        messages,
        tool_choice: choice(request, &tools, &mut dropped),
        strict_tools: strict_tools.filter(|_| !own.contains_key("strict_tools")),
        response_format: response_format(request, !tools.is_empty(), &mut dropped),
        tools,
        max_tokens: request.max_tokens,
        stop_sequences: stop_sequences(&sampling.stop, &mut dropped),
        temperature: sampling.temperature,
        seed: sampling.seed,
        frequency_penalty: penalty("frequency_penalty", sampling.frequency_penalty, &mut dropped),
        presence_penalty: penalty("presence_penalty", sampling.presence_penalty, &mut dropped),
        k: sampling.top_k,
        p: sampling.top_p.map(|p| p.min(MAX_P)),
        thinking: thinking(request.reasoning.as_ref(), &mut dropped),
        stream: request.stream,
        own,
    };
    let unsupported = set_parameters(request).into_iter().filter(|name| !SUPPORTED.contains(name));
    dropped.extend(unsupported.map(str::to_owned));
    EncodedRequest { body: serde_json::to_vec(&body).unwrap_or_default(), dropped }
}

fn own_fields<'a>(request: &'a ChatRequest, dropped: &mut Vec<String>) -> BTreeMap<&'a str, &'a RawValue> {
    let mut own = BTreeMap::new();
    for (name, value) in &request.extra {
        if own_fields::has(own_fields::COHERE, name, value) {
            own.insert(name.as_str(), value.raw());
        } else {
            dropped.push(name.clone());
        }
    }
    own
}

fn stop_sequences<'a>(stop: &'a [String], dropped: &mut Vec<String>) -> &'a [String] {
    let most = constraints::COHERE_COUNTS.stops;
    if stop.len() > most {
        dropped.push(format!("stop[{most}]"));
    }
    stop.get(..most).unwrap_or(stop)
}

/// The service does not accept negative penalties.
fn penalty(name: &str, value: Option<f64>, dropped: &mut Vec<String>) -> Option<f64> {
    let value = value?;
    if value < 0.0 {
        dropped.push(name.to_owned());
        return None;
    }
    (value > 0.0).then_some(value)
}

/// The tools, and whether schemas are enforced: the service supports that for all of them or none.
fn tools<'a>(request: &'a ChatRequest, dropped: &mut Vec<String>) -> (Vec<ToolOut<'a>>, Option<bool>) {
    let mut tools = Vec::with_capacity(request.tools.len());
    let mut strict = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        let Tool::Function(function) = tool else {
            dropped.push(format!("tools[{index}]"));
            continue;
        };
        if !is_allowed(request, &function.name) {
            continue;
        }
        if function.cache.is_some() {
            dropped.push(format!("tools[{index}].cache_control"));
        }
        if function.strict == Some(true) {
            strict.push(index);
        }
        let function = FunctionOut {
            name: &function.name,
            description: function.description.as_deref(),
            parameters: arguments::schema_of(function.parameters.as_ref()),
        };
        tools.push(ToolOut { r#type: "function", function });
    }
    if !strict.is_empty() && strict.len() == tools.len() {
        return (tools, Some(true));
    }
    dropped.extend(strict.into_iter().map(|index| format!("tools[{index}].strict")));
    (tools, None)
}

/// The service can neither force a tool nor list allowed ones; the others are left out.
fn is_allowed(request: &ChatRequest, name: &str) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Named(named)) => {
            let is_named = |tool: &Tool| matches!(tool, Tool::Function(function) if function.name == *named);
            named == name || !request.tools.iter().any(is_named)
        }
        _ => tool_choice::allows(request, name),
    }
}

fn choice(request: &ChatRequest, tools: &[ToolOut<'_>], dropped: &mut Vec<String>) -> Option<&'static str> {
    let declared: Vec<&str> = tools.iter().map(|tool| tool.function.name).collect();
    match tool_choice::among(request, &declared, dropped)? {
        Chosen::Auto | Chosen::Allowed(AllowedMode::Auto, _) => None,
        Chosen::Required | Chosen::Named(_) | Chosen::Allowed(AllowedMode::Required, _) => Some("REQUIRED"),
        Chosen::None => Some("NONE"),
    }
}

/// Tools and a response format exclude each other.
fn response_format<'a>(
    request: &'a ChatRequest,
    has_tools: bool,
    dropped: &mut Vec<String>,
) -> Option<Format<'a>> {
    let json_schema = match request.response_format.as_ref()? {
        ResponseFormat::Text => return None,
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema { schema, .. } => Some(schema),
    };
    if has_tools {
        dropped.push("response_format".to_owned());
        return None;
    }
    Some(Format { r#type: "json_object", json_schema })
}

/// Reasoning is a switch and a budget.
fn thinking(reasoning: Option<&Reasoning>, dropped: &mut Vec<String>) -> Option<Thinking> {
    let reasoning = reasoning?;
    if reasoning.include.is_some() {
        dropped.push("reasoning.include".to_owned());
    }
    if reasoning.summary.is_some() {
        dropped.push("reasoning.summary".to_owned());
    }
    let enabled = |token_budget| Some(Thinking { r#type: "enabled", token_budget });
    match (reasoning.budget_tokens, reasoning.effort.as_deref()) {
        (Some(0), _) | (None, Some("none")) => Some(Thinking { r#type: "disabled", token_budget: None }),
        (Some(budget), _) => enabled(Some(budget)),
        (None, Some("minimal")) => enabled(Some(1024)),
        (None, Some("low")) => enabled(Some(2048)),
        (None, Some("medium")) => enabled(Some(8192)),
        (None, Some("high" | "xhigh" | "max")) => enabled(None),
        (None, Some(_)) => {
            dropped.push("reasoning_effort".to_owned());
            None
        }
        (None, None) => reasoning.adaptive.then_some(Thinking { r#type: "enabled", token_budget: None }),
    }
}
