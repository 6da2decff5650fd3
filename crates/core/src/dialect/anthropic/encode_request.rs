//! Encodes a request for an upstream (<https://platform.claude.com/docs/en/api/messages/create>).
//!
//! JSON output is requested with the API's own `output_config.format`, if model and schema allow it. Otherwise the
//! system prompt asks for it, and `response_format` is reported as dropped, because it is not enforced. The other
//! known method, forcing a tool call whose arguments are the answer, is not used: it excludes thinking and the
//! caller's own tools, and the answer would have to be unwrapped again with knowledge of the request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::encode_messages::{Conversation, Turn};
use super::encode_tools::{self, ChoiceOut, ToolOut};
use super::fields::Path;
use super::model_rules::{ModelRules, SamplingForm};
use super::schema;
use super::thinking::{self, Obstacles, Thinking};
use super::wire::{self, Block};
use crate::dialect::canonical::{ChatRequest, EncodedRequest, Json, Reasoning, ResponseFormat};
use crate::dialect::upstream::constraints::{self, own_fields};
use crate::dialect::upstream::history;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "wire::content_of")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "wire::is_false")]
    stream: bool,
    #[serde(flatten)]
    own: BTreeMap<&'a str, &'a Json>,
}

#[derive(Serialize)]
struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
}

#[derive(Serialize)]
struct Format {
    r#type: &'static str,
    schema: Json,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: Cow<'a, str>,
}

/// Encodes a request body.
pub fn encode(request: &ChatRequest, model: &str) -> EncodedRequest {
    let rules = ModelRules::of(model);
    let mut dropped = Vec::new();
    let history = history::settled(&request.messages, &constraints::ANTHROPIC.call_id);
    let mut conversation = Conversation::encode(&history, &mut dropped);
    history.restore_places(&mut dropped);
    let called = conversation.called_tools();
    let (mut tools, tool_choice) = encode_tools::encode(request, &called, rules, &mut dropped);
    let reasoning = reasoning(request);
    let obstacles = Obstacles {
        forced_tool: tool_choice.as_ref().is_some_and(ChoiceOut::is_forced),
        thoughtless_tool_calls: conversation.has_thoughtless_tool_calls(),
    };
    let plan = thinking::plan(reasoning.as_ref(), request.max_tokens, rules, obstacles, &mut dropped);
    let thinks = plan.thinking.as_ref().is_some_and(Thinking::is_on);
    let known = dropped.len();
    conversation.end(rules.prefill && !thinks, &mut dropped);
    history.restore_places(dropped.get_mut(known..).unwrap_or_default());
    let format = format(request, rules, &mut conversation, &mut dropped);
    limit_cache_marks(&mut tools, &mut conversation, &mut dropped);
    let (temperature, top_p, top_k) = sampling(request, rules, thinks, &mut dropped);
    let effort = plan.effort;
    let has_output_config = effort.is_some() || format.is_some();
    let body = Body {
        model,
        max_tokens: plan.max_tokens,
        system: conversation.system,
        messages: conversation.turns,
        tools,
        tool_choice,
        thinking: plan.thinking,
        output_config: has_output_config.then_some(OutputConfig { effort, format }),
        temperature,
        top_p,
        top_k,
        stop_sequences: stop_sequences(request, &mut dropped),
        service_tier: service_tier(request, &mut dropped),
        metadata: request
            .user
            .as_deref()
            .map(|user| Metadata { user_id: constraints::user_id(user, constraints::ANTHROPIC_COUNTS) }),
        stream: request.stream,
        own: own_fields(request, reasoning.as_ref() != request.reasoning.as_ref(), &mut dropped),
    };
    drop_the_rest(request, &mut dropped);
    EncodedRequest { body: serde_json::to_vec(&body).unwrap_or_default(), dropped }
}

/// The request's thinking parameters. Callers of other dialects often add this dialect's own `thinking` to their
/// fields.
pub fn reasoning(request: &ChatRequest) -> Option<Reasoning> {
    let own = || {
        let value = request.extra.get("thinking")?;
        let mut reasoning = Reasoning::default();
        thinking::read(value.raw(), Path::Root, &mut reasoning).ok()?;
        Some(reasoning)
    };
    request.reasoning.clone().or_else(own)
}

fn own_fields<'a>(
    request: &'a ChatRequest,
    took_thinking: bool,
    dropped: &mut Vec<String>,
) -> BTreeMap<&'a str, &'a Json> {
    let mut own = BTreeMap::new();
    for (name, value) in &request.extra {
        if own_fields::has(own_fields::ANTHROPIC, name, value) {
            own.insert(name.as_str(), value);
        } else if !(took_thinking && name == "thinking") {
            dropped.push(name.clone());
        }
    }
    own
}

/// Requests JSON output, if the caller does.
fn format(
    request: &ChatRequest,
    rules: ModelRules,
    conversation: &mut Conversation<'_>,
    dropped: &mut Vec<String>,
) -> Option<Format> {
    let instruction = match request.response_format.as_ref()? {
        ResponseFormat::Text => return None,
        ResponseFormat::JsonSchema { schema, .. } => {
            if let Some(schema) = schema::enforceable(schema).filter(|_| rules.structured_output) {
                return Some(Format { r#type: "json_schema", schema });
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
    conversation.system.push(Block::text(instruction));
    dropped.push("response_format".to_owned());
    None
}

/// `temperature`, `top_p` and `top_k` as far as the model accepts them. A default value that the model would refuse
/// is left out without being reported.
pub fn sampling(
    request: &ChatRequest,
    rules: ModelRules,
    thinks: bool,
    dropped: &mut Vec<String>,
) -> (Option<f64>, Option<f64>, Option<u64>) {
    /// The smallest `top_p` that is allowed with thinking.
    const MIN_TOP_P_WITH_THINKING: f64 = 0.95;
    let is_default = |value: f64| (value - 1.0).abs() < f64::EPSILON;
    let mut refuse = |name: &str, is_said: bool| {
        if is_said {
            dropped.push(name.to_owned());
        }
    };
    let sampling = &request.sampling;
    let mut temperature = sampling.temperature;
    let mut top_p = sampling.top_p;
    let mut top_k = sampling.top_k;
    if let Some(value) = temperature.filter(|value| *value > 1.0) {
        refuse("temperature", true);
        temperature = Some(value.min(1.0));
    }
    let takes_none = rules.sampling == SamplingForm::None;
    if thinks || takes_none {
        refuse("temperature", temperature.take().is_some_and(|value| !is_default(value)));
        refuse("top_k", top_k.take().is_some());
    }
    let is_refused = |value: f64| takes_none || (thinks && value < MIN_TOP_P_WITH_THINKING);
    if top_p.is_some_and(is_refused) {
        refuse("top_p", top_p.take().is_some_and(|value| !is_default(value)));
    }
    if rules.sampling == SamplingForm::One && temperature.is_some() && top_p.is_some() {
        refuse("top_p", top_p.take().is_some_and(|value| !is_default(value)));
    }
    (temperature, top_p, top_k)
}

/// Stop sequences; the API refuses blank ones.
fn stop_sequences<'a>(request: &'a ChatRequest, dropped: &mut Vec<String>) -> Vec<&'a str> {
    let all = &request.sampling.stop;
    let kept: Vec<&str> = all.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect();
    if kept.len() < all.len() {
        dropped.push("stop".to_owned());
    }
    kept
}

fn service_tier(request: &ChatRequest, dropped: &mut Vec<String>) -> Option<&'static str> {
    match request.service_tier.as_deref()? {
        "auto" => Some("auto"),
        "default" | "standard" | "standard_only" => Some("standard_only"),
        _ => {
            dropped.push("service_tier".to_owned());
            None
        }
    }
}

/// Keeps the last cache marks, which cover the longest prefixes, if there are more than the API accepts.
fn limit_cache_marks<'a>(
    tools: &mut [ToolOut<'a>],
    conversation: &mut Conversation<'a>,
    dropped: &mut Vec<String>,
) {
    let in_tools = tools.iter_mut().filter_map(ToolOut::cache_control_mut);
    let in_system = conversation.system.iter_mut().filter_map(Block::cache_control_mut);
    let in_turns = conversation.turns.iter_mut().flat_map(|turn| &mut turn.content);
    let in_turns = in_turns.filter_map(Block::cache_control_mut);
    let mut marks: Vec<_> = in_tools.chain(in_system).chain(in_turns).filter(|mark| mark.is_some()).collect();
    let excess = marks.len().saturating_sub(constraints::ANTHROPIC_COUNTS.cache_marks);
    if excess > 0 {
        marks.iter_mut().take(excess).for_each(|mark| **mark = None);
        dropped.push("cache_control".to_owned());
    }
}

/// Reports the parameters that the API does not have, except those that request the default.
fn drop_the_rest(request: &ChatRequest, dropped: &mut Vec<String>) {
    let sampling = &request.sampling;
    let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    for (name, is_said) in [
        ("audio", request.audio.is_some()),
        ("frequency_penalty", is_set(sampling.frequency_penalty)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("logprobs", sampling.logprobs == Some(true)),
        ("metadata", request.metadata.is_some()),
        ("n", sampling.n.is_some_and(|n| n > 1)),
        ("presence_penalty", is_set(sampling.presence_penalty)),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("seed", sampling.seed.is_some()),
        ("top_logprobs", sampling.top_logprobs.is_some_and(|count| count > 0)),
        ("verbosity", request.verbosity.is_some()),
    ] {
        if is_said {
            dropped.push(name.to_owned());
        }
    }
}
