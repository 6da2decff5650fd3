//! Encodes a request for a service with the Responses API.
//!
//! The gateway keeps nothing at the provider: requests say `store: false` unless the caller wants otherwise, and reasoning
//! is asked for in its encrypted form, so that the caller can send it back. What `OpenAI` is known to refuse for the model
//! is left out and named.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::encode_input::{self, InputItem, Written};
use super::encode_tools;
use crate::dialect::canonical::{ChatRequest, EncodedRequest, Json, Reasoning, ResponseFormat};
use crate::dialect::upstream::constraints::efforts;
use crate::dialect::upstream::history::{self, History};
use crate::dialect::upstream::{constraints, openai_models};

/// The smallest limit on tokens that the API accepts.
const MIN_OUTPUT_TOKENS: u64 = 16;

/// Fields of the caller's without a canonical form that mean the same here.
const OWN_EXTRA: &[&str] =
    &["max_tool_calls", "prompt_cache_retention", "safety_identifier", "store", "truncation"];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
    input: Vec<InputItem<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<ReasoningOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(flatten)]
    extra: BTreeMap<&'a str, &'a Json>,
}

#[derive(Serialize)]
struct ReasoningOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

/// Encodes a request. `model` tells the rules, `body_model` is its name in the body; `host` is the service.
pub(super) fn encode(request: &ChatRequest, model: &str, body_model: &str, host: &str) -> EncodedRequest {
    let history = history::settled(&request.messages, &constraints::OPENAI_RESPONSES.call_id);
    let (mut body, dropped) = outline(request, &history, model, host);
    body.model = body_model;
    // Serialising plain structures to memory cannot fail.
    EncodedRequest { body: serde_json::to_vec(&body).unwrap_or_default(), dropped }
}

/// Whether something of the request cannot be said.
pub(super) fn loses(request: &ChatRequest, model: &str, host: &str) -> bool {
    let history = history::settled(&request.messages, &constraints::OPENAI_RESPONSES.call_id);
    !outline(request, &history, model, host).1.is_empty()
}

fn outline<'a>(
    request: &'a ChatRequest,
    history: &'a History<'a>,
    model: &str,
    host: &str,
) -> (Body<'a>, Vec<String>) {
    let mut dropped = unsayable(request);
    let custom = encode_tools::custom_names(&request.tools);
    let Written { instructions, items, dropped: mut lost, lost_cache } =
        encode_input::write(&history.messages, host, &custom);
    history.restore_places(&mut lost);
    dropped.extend(lost);
    if lost_cache || encode_tools::has_cache_marks(&request.tools) {
        dropped.push("cache_control".to_owned());
    }
    let tools = encode_tools::tools(&request.tools, &mut dropped);
    let tool_choice = encode_tools::tool_choice(request, &custom, !tools.is_empty(), &mut dropped);
    let reasoning = reasoning(request.reasoning.as_ref(), model, &mut dropped);
    let effort = reasoning.as_ref().and_then(|reasoning| reasoning.effort);
    let sampling = &request.sampling;
    let free = !efforts::fixes_sampling(model, effort);
    let mut keep = |allowed: bool, name: &str, is_set: bool| {
        if !allowed && is_set {
            dropped.push(name.to_owned());
        }
        allowed && is_set
    };
    // One is the only value that is never refused.
    let temperature =
        sampling.temperature.filter(|_| keep(free || sampling.temperature == Some(1.0), "temperature", true));
    let top_p = sampling.top_p.filter(|_| keep(free || sampling.top_p == Some(1.0), "top_p", true));
    let wants_logprobs = keep(free, "logprobs", sampling.logprobs == Some(true));
    let top_logprobs = sampling.top_logprobs.filter(|_| keep(free, "top_logprobs", true));
    let parallel_tool_calls = request
        .parallel_tool_calls
        .filter(|parallel| !tools.is_empty() || (!parallel && keep(false, "parallel_tool_calls", true)));
    let stores = request.extra.contains_key("store");
    let mut extra = BTreeMap::new();
    for (name, value) in &request.extra {
        if OWN_EXTRA.contains(&name.as_str()) {
            extra.insert(name.as_str(), value);
        } else {
            dropped.push(name.clone());
        }
    }
    let mut include = Vec::new();
    // Models that do not reason refuse to encrypt what they do not have.
    if openai_models::is_reasoning(openai_models::bare(model)) || reasoning.is_some() {
        include.push("reasoning.encrypted_content");
    }
    if wants_logprobs {
        include.push("message.output_text.logprobs");
    }
    let body = Body {
        model: "",
        instructions,
        input: items,
        tools,
        tool_choice,
        parallel_tool_calls,
        max_output_tokens: request.max_tokens.map(|limit| limit.max(MIN_OUTPUT_TOKENS)),
        text: text(request),
        reasoning,
        include,
        store: (!stores).then_some(false),
        temperature,
        top_p,
        top_logprobs,
        metadata: request.metadata.as_ref(),
        user: request.user.as_deref().map(|user| constraints::user_id(user, constraints::OPENAI_COUNTS)),
        service_tier: request.service_tier.as_deref().map(|tier| match tier {
            "standard_only" => "default",
            tier => tier,
        }),
        prompt_cache_key: request.prompt_cache_key.as_deref(),
        stream: request.stream.then_some(true),
        extra,
    };
    (body, dropped)
}

/// Parameters that the dialect does not have.
fn unsayable(request: &ChatRequest) -> Vec<String> {
    let sampling = &request.sampling;
    [
        ("top_k", sampling.top_k.is_some()),
        ("seed", sampling.seed.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("n", sampling.n.is_some_and(|n| n != 1)),
        ("stop", !sampling.stop.is_empty()),
        ("audio", request.audio.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_set)| *is_set)
    .map(|(name, _)| name.to_owned())
    .collect()
}

/// Whether the request sets what only Chat Completions can say, and the model accepts there.
pub(super) fn is_for_chat(request: &ChatRequest, model: &str) -> bool {
    let sampling = &request.sampling;
    let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_deref());
    let penalties = [sampling.frequency_penalty, sampling.presence_penalty];
    let is_tuned = !sampling.stop.is_empty()
        || sampling.logit_bias.is_some()
        || penalties.into_iter().flatten().any(|penalty| penalty != 0.0);
    sampling.n.is_some_and(|n| n != 1)
        || sampling.seed.is_some()
        || request.audio.is_some()
        || encode_input::has_audio(&request.messages)
        || (is_tuned && !efforts::fixes_sampling(model, effort))
}

/// The effort, and whether a summary is wanted.
fn reasoning<'a>(
    reasoning: Option<&'a Reasoning>,
    model: &str,
    dropped: &mut Vec<String>,
) -> Option<ReasoningOut<'a>> {
    let reasoning = reasoning?;
    let bare = openai_models::bare(model);
    let official = openai_models::is_official(bare);
    let effort = match (reasoning.wanted_effort(), efforts::of_model(bare)) {
        (Some(wanted), Some(accepted)) if !accepted.is_empty() => efforts::nearest(wanted, accepted),
        (wanted, _) => wanted,
    };
    let is_off = effort == Some("none") || reasoning.budget_tokens == Some(0);
    let thinks = reasoning.adaptive || reasoning.budget_tokens.is_some();
    let is_shown = !is_off && reasoning.include.unwrap_or(thinks);
    let summary = reasoning.summary.as_deref().filter(|_| !is_off).or(is_shown.then_some("auto"));
    if official && !openai_models::is_reasoning(bare) {
        // Disabling reasoning has no effect on other models; nothing is lost.
        if effort.is_some_and(|effort| effort != "none") {
            dropped.push("reasoning_effort".to_owned());
        }
        if summary.is_some() {
            dropped.push("reasoning.summary".to_owned());
        }
        return None;
    }
    (effort.is_some() || summary.is_some()).then_some(ReasoningOut { effort, summary })
}

/// `text`: format and verbosity.
fn text(request: &ChatRequest) -> Option<Value> {
    let format = request.response_format.as_ref().map(|format| match format {
        ResponseFormat::Text => json!({ "type": "text" }),
        ResponseFormat::JsonObject => json!({ "type": "json_object" }),
        ResponseFormat::JsonSchema { name, description, schema, strict } => {
            let mut format = json!({
                "type": "json_schema",
                // The name is required here and optional elsewhere.
                "name": name.as_deref().unwrap_or("response"),
                "schema": schema,
            });
            if let Some(fields) = format.as_object_mut() {
                fields.extend(description.as_ref().map(|text| ("description".to_owned(), json!(text))));
                fields.extend(strict.map(|strict| ("strict".to_owned(), json!(strict))));
            }
            format
        }
    });
    let verbosity = request.verbosity.as_ref();
    (format.is_some() || verbosity.is_some()).then(|| {
        let mut text = serde_json::Map::new();
        text.extend(format.map(|format| ("format".to_owned(), format)));
        text.extend(verbosity.map(|word| ("verbosity".to_owned(), json!(word))));
        Value::Object(text)
    })
}
