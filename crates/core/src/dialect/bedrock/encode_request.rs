//! Encodes a request (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>).
//!
//! JSON output is requested with the service's own `outputConfig.textFormat`, if model and schema allow it. Otherwise
//! the system prompt asks for it, and `response_format` is reported as dropped, because it is not enforced.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::encode_messages::{Conversation, Turn};
use super::encode_tools::{self, ToolConfig, ToolOut};
use super::family::{self, Family};
use super::wire::Block;
use crate::dialect::anthropic::model_rules::ModelRules;
use crate::dialect::anthropic::thinking::{self, Obstacles, Thinking};
use crate::dialect::anthropic::{encode_request as claude, schema};
use crate::dialect::canonical::{ChatRequest, EncodedRequest, Json, Reasoning, ResponseFormat};
use crate::dialect::upstream::constraints::{self, own_fields};
use crate::dialect::upstream::history;
use crate::dialect::upstream::parameters::set_parameters;

/// Parameters that are handled one by one below; others are dropped if set.
const SUPPORTED: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "max_tokens",
    "metadata",
    "service_tier",
    "reasoning_effort",
    "reasoning",
];

/// The caller's own additional fields, which take precedence over ours.
const ADDITIONAL: &str = "additionalModelRequestFields";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Inference::is_empty")]
    inference_config: Inference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_request_fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<ServiceTier>,
    #[serde(flatten)]
    own: BTreeMap<&'a str, Json>,
}

#[derive(Serialize, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Inference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
}

impl Inference<'_> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text_format: Option<TextFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
}

#[derive(Serialize)]
struct TextFormat<'a> {
    r#type: &'static str,
    structure: Structure<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Structure<'a> {
    json_schema: Schema<'a>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire")]
struct Schema<'a> {
    /// JSON as text.
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct ServiceTier {
    r#type: &'static str,
}

/// The parts of a request in the format of the model's vendor.
#[derive(Default)]
struct Additional {
    fields: Map<String, Value>,
    effort: Option<&'static str>,
    thinks: bool,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<u64>,
}

/// Encodes a request body for the model with this name.
pub fn encode(request: &ChatRequest, model: &str) -> EncodedRequest {
    let family = Family::of(model);
    let mut dropped = Vec::new();
    let history = history::settled(&request.messages, &constraints::BEDROCK.call_id);
    let mut conversation = Conversation::encode(&history, family, &mut dropped);
    history.restore_places(&mut dropped);
    if family::keeps_tools_apart(model) {
        conversation.keep_tools_apart();
    }
    let called = conversation.called_tools();
    let has_tool_blocks = conversation.has_tool_blocks();
    let mut tool_config = encode_tools::encode(request, &called, has_tool_blocks, family, &mut dropped);
    let obstacles = Obstacles {
        forced_tool: tool_config.as_ref().is_some_and(ToolConfig::is_forced),
        thoughtless_tool_calls: conversation.has_thoughtless_tool_calls(),
    };
    let reasoning = claude::reasoning(request);
    let additional = match family {
        Family::Claude(rules) => of_claude(request, reasoning.as_ref(), rules, obstacles, &mut dropped),
        Family::Nova { thinks } => of_nova(request, reasoning.as_ref(), thinks, &mut dropped),
        Family::GptOss | Family::Other => of_others(request, reasoning.as_ref(), family, &mut dropped),
    };
    let known = dropped.len();
    conversation.end(family.takes_prefill() && !additional.thinks, &mut dropped);
    history.restore_places(dropped.get_mut(known..).unwrap_or_default());
    let text_format = text_format(request, family, &mut conversation, &mut dropped);
    limit_cache_points(tool_config.as_mut(), &mut conversation, &mut dropped);
    let mut own = own_fields(request, reasoning != request.reasoning, &mut dropped);
    let stop_sequences = stop_sequences(request, &mut dropped);
    if matches!(family, Family::Claude(_)) && !stop_sequences.is_empty() {
        // The matched stop sequence is reported only on request.
        own.entry("additionalModelResponseFieldPaths").or_insert_with(|| Json::of(&["/stop_sequence"]));
    }
    request_metadata(request, &mut own, &mut dropped);
    let mut fields = additional.fields;
    if let Some(Value::Object(given)) = request.extra.get(ADDITIONAL).map(Json::to_value) {
        fields.extend(given);
    }
    let effort = additional.effort;
    let has_output_config = text_format.is_some() || effort.is_some();
    let body = Body {
        system: conversation.system,
        messages: conversation.turns,
        inference_config: Inference {
            max_tokens: additional.max_tokens,
            temperature: additional.temperature,
            top_p: additional.top_p,
            stop_sequences,
        },
        tool_config,
        output_config: has_output_config.then_some(OutputConfig { text_format, effort }),
        additional_model_request_fields: fields,
        service_tier: service_tier(request, &mut dropped),
        own,
    };
    let unsupported = set_parameters(request).into_iter().filter(|name| !SUPPORTED.contains(name));
    dropped.extend(unsupported.map(str::to_owned));
    EncodedRequest { body: serde_json::to_vec(&body).unwrap_or_default(), dropped }
}

/// Anthropic's models: the rules are those of its own API.
fn of_claude(
    request: &ChatRequest,
    reasoning: Option<&Reasoning>,
    rules: ModelRules,
    obstacles: Obstacles,
    dropped: &mut Vec<String>,
) -> Additional {
    let plan = thinking::plan(reasoning, request.max_tokens, rules, obstacles, dropped);
    let thinks = plan.thinking.as_ref().is_some_and(Thinking::is_on);
    let (temperature, top_p, top_k) = claude::sampling(request, rules, thinks, dropped);
    let mut fields = Map::new();
    if let Some(top_k) = top_k {
        fields.insert("top_k".to_owned(), top_k.into());
    }
    let has_budget = matches!(plan.thinking, Some(Thinking::Enabled { .. }));
    if let Some(thinking) = plan.thinking {
        fields.insert("thinking".to_owned(), json!(thinking));
    }
    // A budget must fit under a limit; without either the model's default applies.
    let max_tokens = (has_budget || request.max_tokens.is_some()).then_some(plan.max_tokens);
    Additional { fields, effort: plan.effort, thinks, temperature, top_p, max_tokens }
}

/// Amazon's models. The highest effort allows neither a limit nor sampling parameters; those take precedence.
fn of_nova(
    request: &ChatRequest,
    reasoning: Option<&Reasoning>,
    can_think: bool,
    dropped: &mut Vec<String>,
) -> Additional {
    let mut additional = plain(request);
    if let Some(top_k) = request.sampling.top_k {
        additional.fields.insert("inferenceConfig".to_owned(), json!({ "topK": top_k }));
    }
    let Some(mut effort) = effort_of(reasoning).filter(|effort| *effort != "none") else { return additional };
    if !can_think {
        dropped.push("reasoning_effort".to_owned());
        return additional;
    }
    let is_bounded =
        request.max_tokens.is_some() || additional.temperature.is_some() || additional.top_p.is_some();
    if effort == "high" && is_bounded {
        effort = "medium";
        dropped.push("reasoning_effort".to_owned());
    }
    additional.thinks = true;
    additional
        .fields
        .insert("reasoningConfig".to_owned(), json!({ "type": "enabled", "maxReasoningEffort": effort }));
    additional
}

fn of_others(
    request: &ChatRequest,
    reasoning: Option<&Reasoning>,
    family: Family,
    dropped: &mut Vec<String>,
) -> Additional {
    let mut additional = plain(request);
    if request.sampling.top_k.is_some() {
        dropped.push("top_k".to_owned());
    }
    match effort_of(reasoning) {
        None => {}
        Some(effort) if family == Family::GptOss && effort != "none" => {
            additional.fields.insert("reasoning_effort".to_owned(), effort.into());
        }
        Some(_) => dropped.push("reasoning_effort".to_owned()),
    }
    additional
}

fn plain(request: &ChatRequest) -> Additional {
    Additional {
        temperature: request.sampling.temperature,
        top_p: request.sampling.top_p,
        max_tokens: request.max_tokens,
        ..Additional::default()
    }
}

/// The effort, in one of three levels or none; `None` if the request does not set it.
fn effort_of(reasoning: Option<&Reasoning>) -> Option<&'static str> {
    let reasoning = reasoning?;
    match (reasoning.budget_tokens, reasoning.effort.as_deref()) {
        (Some(0), _) | (None, Some("none")) => Some("none"),
        (_, Some("minimal" | "low")) | (Some(1..=2048), None) => Some("low"),
        (_, Some("medium")) | (Some(2049..=8192), None) => Some("medium"),
        (_, Some(_)) | (Some(_), None) => Some("high"),
        (None, None) => reasoning.adaptive.then_some("medium"),
    }
}

/// Requests JSON output, if the caller does.
fn text_format<'a>(
    request: &'a ChatRequest,
    family: Family,
    conversation: &mut Conversation<'a>,
    dropped: &mut Vec<String>,
) -> Option<TextFormat<'a>> {
    let instruction = match request.response_format.as_ref()? {
        ResponseFormat::Text => return None,
        ResponseFormat::JsonSchema { name, description, schema, .. } => {
            if let Some(enforceable) = schema::enforceable(schema).filter(|_| family.enforces_schemas()) {
                let json_schema = Schema {
                    schema: enforceable.text().to_owned(),
                    name: name.as_deref(),
                    description: description.as_deref(),
                };
                return Some(TextFormat { r#type: "json_schema", structure: Structure { json_schema } });
            }
            format!(
                "Answer with one JSON value that follows this JSON schema, and with nothing else: no prose, no code \
                 fence.\n{}",
                schema.text()
            )
        }
        ResponseFormat::JsonObject => {
            "Answer with one JSON object and nothing else: no prose, no code fence.".to_owned()
        }
    };
    conversation.system.push(Block::Text(instruction.into()));
    dropped.push("response_format".to_owned());
    None
}

/// Keeps the last cache marks, which cover the longest prefixes, if there are more than the service accepts.
fn limit_cache_points(
    tool_config: Option<&mut ToolConfig<'_>>,
    conversation: &mut Conversation<'_>,
    dropped: &mut Vec<String>,
) {
    let is_point = |block: &Block<'_>| matches!(block, Block::CachePoint(_));
    let is_tool_point = |tool: &ToolOut<'_>| matches!(tool, ToolOut::CachePoint(_));
    let in_tools = tool_config
        .as_ref()
        .map_or(0, |config| config.tools.iter().filter(|tool| is_tool_point(tool)).count());
    let in_text = conversation.system.iter().chain(conversation.turns.iter().flat_map(|turn| &turn.content));
    let points = in_tools + in_text.filter(|block| is_point(block)).count();
    let mut excess = points.saturating_sub(constraints::BEDROCK_COUNTS.cache_marks);
    if excess == 0 {
        return;
    }
    dropped.push("cache_control".to_owned());
    let mut stays = |is_point: bool| {
        let goes = is_point && excess > 0;
        excess -= usize::from(goes);
        !goes
    };
    if let Some(config) = tool_config {
        config.tools.retain(|tool| stays(is_tool_point(tool)));
    }
    conversation.system.retain(|block| stays(is_point(block)));
    for turn in &mut conversation.turns {
        turn.content.retain(|block| stays(is_point(block)));
    }
}

fn own_fields<'a>(
    request: &'a ChatRequest,
    took_thinking: bool,
    dropped: &mut Vec<String>,
) -> BTreeMap<&'a str, Json> {
    let mut own = BTreeMap::new();
    for (name, value) in &request.extra {
        let is_object = value.text().starts_with('{');
        if own_fields::has(own_fields::BEDROCK, name, value) {
            own.insert(name.as_str(), value.clone());
        } else if !(took_thinking && name == "thinking" || name == ADDITIONAL && is_object) {
            dropped.push(name.clone());
        }
    }
    own
}

/// Metadata values are texts here.
fn request_metadata(request: &ChatRequest, own: &mut BTreeMap<&str, Json>, dropped: &mut Vec<String>) {
    let Some(metadata) = &request.metadata else { return };
    let labels: Result<BTreeMap<String, String>, _> = serde_json::from_str(metadata.text());
    match labels {
        Ok(labels) if !fits(&labels) => dropped.push("metadata".to_owned()),
        Ok(labels) if !own.contains_key("requestMetadata") => {
            if !labels.is_empty() {
                own.insert("requestMetadata", Json::of(&labels));
            }
        }
        _ => dropped.push("metadata".to_owned()),
    }
}

/// `RequestMetadata`, `RequestMetadataKeyString` and `RequestMetadataValueString` of the service model.
fn fits(labels: &BTreeMap<String, String>) -> bool {
    let is_accepted = |letter: char| {
        letter.is_ascii_alphanumeric() || letter.is_ascii_whitespace() || ":_@$#=/+,-.".contains(letter)
    };
    let fits = |text: &str| text.len() <= 256 && text.chars().all(is_accepted);
    labels.len() <= 16 && labels.iter().all(|(key, value)| !key.is_empty() && fits(key) && fits(value))
}

/// Stop sequences; the service refuses empty ones.
fn stop_sequences<'a>(request: &'a ChatRequest, dropped: &mut Vec<String>) -> Vec<&'a str> {
    let all = &request.sampling.stop;
    let said = all.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty());
    let kept: Vec<&str> = said.take(constraints::BEDROCK_COUNTS.stops).collect();
    if kept.len() < all.len() {
        dropped.push("stop".to_owned());
    }
    kept
}

fn service_tier(request: &ChatRequest, dropped: &mut Vec<String>) -> Option<ServiceTier> {
    let r#type = match request.service_tier.as_deref()? {
        "auto" => return None,
        "default" | "standard_only" => "default",
        "flex" => "flex",
        "priority" | "fast" | "ultrafast" => "priority",
        "reserved" => "reserved",
        _ => {
            dropped.push("service_tier".to_owned());
            return None;
        }
    };
    Some(ServiceTier { r#type })
}
