//! Encodes a request.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Endpoint;
use super::messages::{self, Message};
use crate::dialect::canonical::{
    AllowedMode, ChatRequest, EncodedRequest, Json, Part, Reasoning, ResponseFormat, Tool,
};
use crate::dialect::upstream::arguments;
use crate::dialect::upstream::parameters::set_parameters;
use crate::dialect::upstream::tool_choice::{self, Chosen};

/// Parameters with a counterpart.
const SUPPORTED: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "logprobs",
    "top_logprobs",
    "n",
    "stop",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "max_tokens",
    "reasoning_effort",
    "reasoning",
];

/// The service's own parameters, under the names of its `OpenAI`-compatible API.
const OWN: &[&str] = &[
    "asr_options",
    "enable_code_interpreter",
    "enable_search",
    "enable_thinking",
    "ocr_options",
    "preserve_thinking",
    "repetition_penalty",
    "search_options",
    "thinking_budget",
    "translation_options",
    "vl_high_resolution_images",
];

/// The service refuses a JSON object as response format unless the messages contain the word JSON.
const JSON_INSTRUCTION: &str = "Answer with a JSON object.";

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: Input,
    parameters: Parameters<'a>,
}

#[derive(Serialize)]
struct Input {
    messages: Vec<Message>,
}

#[derive(Default, Serialize)]
struct Parameters<'a> {
    result_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    incremental_output: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<FunctionTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
    /// The service's own parameters.
    #[serde(flatten)]
    own: BTreeMap<&'a str, Own<'a>>,
}

/// A value of one of the service's own parameters.
#[derive(Serialize)]
#[serde(untagged)]
enum Own<'a> {
    Given(&'a RawValue),
    Flag(bool),
    Number(u64),
    Sources { enable_source: bool },
}

#[derive(Serialize)]
struct FunctionTool<'a> {
    r#type: &'static str,
    function: FunctionText<'a>,
}

#[derive(Serialize)]
struct FunctionText<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Json,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Mode(&'static str),
    Function { r#type: &'static str, function: FunctionName<'a> },
}

#[derive(Serialize)]
struct FunctionName<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<Schema<'a>>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire")]
struct Schema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Encodes a request for the endpoint that [`Endpoint::of`] chooses.
pub fn encode(request: &ChatRequest, model: &str) -> EncodedRequest {
    let mut dropped = Vec::new();
    let endpoint = Endpoint::of(request, model);
    let wants_object = request.response_format == Some(ResponseFormat::JsonObject);
    let instruction = (wants_object && !speaks_of_json(request)).then_some(JSON_INSTRUCTION);
    let conversation = messages::encode(request, endpoint, instruction, &mut dropped);
    let mut own = own_parameters(request, &mut dropped);
    if conversation.high_resolution {
        own.entry("vl_high_resolution_images").or_insert(Own::Flag(true));
    }
    encode_reasoning(request, model, &mut own, &mut dropped);
    let tools = encode_tools(request, &mut own, &mut dropped);
    let tool_choice = encode_choice(request, &tools, &own, &mut dropped);
    let sampling = &request.sampling;
    let parameters = Parameters {
        result_format: "message",
        incremental_output: request.stream.then_some(true),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        seed: sampling.seed,
        presence_penalty: sampling.presence_penalty,
        max_tokens: request.max_tokens,
        n: sampling.n.filter(|n| *n != 1),
        logprobs: sampling.logprobs,
        top_logprobs: sampling.top_logprobs,
        stop: &sampling.stop,
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| !tools.is_empty()),
        tools,
        tool_choice,
        response_format: request.response_format.as_ref().and_then(encode_format),
        own,
    };
    let unsupported = set_parameters(request).into_iter().filter(|name| !SUPPORTED.contains(name));
    dropped.extend(unsupported.map(str::to_owned));
    let body = Request { model, input: Input { messages: conversation.messages }, parameters };
    EncodedRequest { body: serde_json::to_vec(&body).unwrap_or_default(), dropped }
}

fn speaks_of_json(request: &ChatRequest) -> bool {
    let speaks = |part: &Part| part.as_text().is_some_and(|text| text.to_ascii_lowercase().contains("json"));
    request.messages.iter().any(|message| message.parts.iter().any(speaks))
}

fn own_parameters<'a>(request: &'a ChatRequest, dropped: &mut Vec<String>) -> BTreeMap<&'a str, Own<'a>> {
    let mut own = BTreeMap::new();
    for (name, value) in &request.extra {
        if OWN.contains(&name.as_str()) {
            own.insert(name.as_str(), Own::Given(value.raw()));
        } else {
            dropped.push(name.clone());
        }
    }
    own
}

/// Reasoning is a switch and a budget.
fn encode_reasoning<'a>(
    request: &'a ChatRequest,
    model: &str,
    own: &mut BTreeMap<&'a str, Own<'a>>,
    dropped: &mut Vec<String>,
) {
    let Some(reasoning) = &request.reasoning else {
        // Open models reason by default, and refuse to do so without a stream.
        if !request.stream && thinks_by_default(model) {
            own.entry("enable_thinking").or_insert(Own::Flag(false));
        }
        return;
    };
    if reasoning.include.is_some() {
        dropped.push("reasoning.include".to_owned());
    }
    if reasoning.summary.is_some() {
        dropped.push("reasoning.summary".to_owned());
    }
    match wanted_thinking(reasoning) {
        Some((thinks, budget)) => {
            own.insert("enable_thinking", Own::Flag(thinks));
            if let Some(budget) = budget {
                own.insert("thinking_budget", Own::Number(budget));
            }
        }
        None if reasoning.effort.is_some() => dropped.push("reasoning_effort".to_owned()),
        None => {}
    }
}

/// Whether to reason, and with which budget.
fn wanted_thinking(reasoning: &Reasoning) -> Option<(bool, Option<u64>)> {
    match (reasoning.budget_tokens, reasoning.effort.as_deref()) {
        (Some(0), _) | (None, Some("none")) => Some((false, None)),
        (Some(budget), _) => Some((true, Some(budget))),
        (None, Some("minimal")) => Some((true, Some(1024))),
        (None, Some("low")) => Some((true, Some(4096))),
        (None, Some("medium")) => Some((true, Some(16_384))),
        (None, Some("high" | "xhigh" | "max")) => Some((true, None)),
        (None, _) if reasoning.adaptive => Some((true, None)),
        (None, _) => None,
    }
}

/// Whether it is an open model of the third generation, which reasons by default: `qwen3-` and its size.
fn thinks_by_default(model: &str) -> bool {
    let is_size = |part: &str| {
        let number = part.strip_suffix('b').map(|number| number.strip_prefix('a').unwrap_or(number));
        number.is_some_and(|number| number.parse::<f32>().is_ok())
    };
    model.to_ascii_lowercase().strip_prefix("qwen3-").is_some_and(|sizes| sizes.split('-').all(is_size))
}

fn encode_tools<'a>(
    request: &'a ChatRequest,
    own: &mut BTreeMap<&'a str, Own<'a>>,
    dropped: &mut Vec<String>,
) -> Vec<FunctionTool<'a>> {
    let mut tools = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function(function) => {
                if function.strict == Some(true) {
                    dropped.push(format!("tools[{index}].function.strict"));
                }
                if function.cache.is_some() {
                    dropped.push(format!("tools[{index}].cache_control"));
                }
                let text = FunctionText {
                    name: &function.name,
                    description: function.description.as_deref(),
                    parameters: arguments::schema_of(function.parameters.as_ref()),
                };
                tools.push(FunctionTool { r#type: "function", function: text });
            }
            // Web search is a switch here, regardless of the name of the tool.
            Tool::Native(tool) if is_web_search(tool) => {
                own.entry("enable_search").or_insert(Own::Flag(true));
                own.entry("search_options").or_insert(Own::Sources { enable_source: true });
            }
            Tool::Native(_) => dropped.push(format!("tools[{index}]")),
        }
    }
    tools.retain(|tool| tool_choice::allows(request, tool.function.name));
    tools
}

fn is_web_search(tool: &Json) -> bool {
    let tool = tool.to_value();
    let kind = tool.get("type").and_then(serde_json::Value::as_str);
    let is_named = kind.is_some_and(|kind| kind.starts_with("web_search"));
    is_named || ["google_search", "googleSearch"].iter().any(|name| tool.get(name).is_some())
}

fn encode_choice<'a>(
    request: &'a ChatRequest,
    tools: &[FunctionTool<'a>],
    own: &BTreeMap<&'a str, Own<'a>>,
    dropped: &mut Vec<String>,
) -> Option<Choice<'a>> {
    let function = |name: &'a str| Choice::Function { r#type: "function", function: FunctionName { name } };
    let declared: Vec<&str> = tools.iter().map(|tool| tool.function.name).collect();
    let forced = match tool_choice::among(request, &declared, dropped)? {
        Chosen::Auto | Chosen::Allowed(AllowedMode::Auto, _) => return Some(Choice::Mode("auto")),
        Chosen::None => return Some(Choice::Mode("none")),
        Chosen::Named(name) => function(name),
        Chosen::Required | Chosen::Allowed(AllowedMode::Required, _) => match tools {
            [only] => function(only.function.name),
            _ => Choice::Mode("required"),
        },
    };
    // A reasoning model does not support a forced tool call.
    let thinks = match own.get("enable_thinking") {
        Some(Own::Flag(thinks)) => *thinks,
        Some(Own::Given(value)) => value.get() == "true",
        _ => false,
    };
    if thinks {
        dropped.push("tool_choice".to_owned());
        return None;
    }
    Some(forced)
}

fn encode_format(format: &ResponseFormat) -> Option<Format<'_>> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => Some(Format { r#type: "json_object", json_schema: None }),
        ResponseFormat::JsonSchema { name, description, schema, strict } => Some(Format {
            r#type: "json_schema",
            json_schema: Some(Schema {
                name: name.as_deref().unwrap_or("answer"),
                description: description.as_deref(),
                schema: schema.raw(),
                strict: *strict,
            }),
        }),
    }
}
