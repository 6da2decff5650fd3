//! Encodes a request for an upstream.
//!
//! Compatible services differ in what they refuse. What `OpenAI` itself is known to refuse for the model is left out
//! and reported; other services get the simplest form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use super::encode_message::{Lowering, Rules};
use super::maker::Maker;
use super::options::{TokenLimit, UpstreamOptions};
use super::wire::{
    CacheOut, FormatOut, FunctionOut, RequestOut, SchemaOut, StreamOptions, ToolOut, json as write,
};
use crate::dialect::canonical::{
    AllowedMode, AudioOutput, ChatRequest, EncodedRequest, Json, Reasoning, ResponseFormat, Tool, ToolChoice,
};
use crate::dialect::upstream::arguments;
use crate::dialect::upstream::constraints::{self, efforts, own_fields};
use crate::dialect::upstream::history;
use crate::dialect::upstream::openai_models;
use crate::dialect::upstream::tool_choice::{self, Chosen};

/// Encodes a request.
pub(super) fn encode(request: &ChatRequest, model: &str, options: UpstreamOptions) -> EncodedRequest {
    let official = openai_models::is_official(model);
    let current_api = options.current_api.resolve(official);
    let mut dropped = Vec::new();

    let (tools, tool_choice) = tools(request, official, current_api, options, &mut dropped);
    let has_functions = tools.iter().any(|tool| matches!(tool, ToolOut::Function { .. }));
    let effort = effort(request.reasoning.as_ref(), model, official, has_functions, &mut dropped);
    let maker = Maker::of(model);
    let rules = Rules {
        current_api,
        thinking: options.takes_thinking.resolve(!official) && maker.takes_unknown_fields(),
        cache: options.takes_cache_control,
        own_media_types: official,
        maker,
    };
    let mut lowering = Lowering::new(rules, custom_tools(&request.tools));
    let history = history::settled(&request.messages, maker.call_ids());
    let messages = lowering.all(&history);
    history.restore_places(&mut lowering.dropped);
    dropped.append(&mut lowering.dropped);
    let has_tool_marks =
        request.tools.iter().any(|tool| matches!(tool, Tool::Function(function) if function.cache.is_some()));
    if !options.takes_cache_control && (lowering.lost_cache || has_tool_marks) {
        dropped.push("cache_control".to_owned());
    }

    let sampling = &request.sampling;
    let free = !efforts::fixes_sampling(model, effort);
    let by_completion = match options.token_limit {
        TokenLimit::ByModel => openai_models::is_reasoning(model),
        TokenLimit::MaxTokens => false,
        TokenLimit::MaxCompletionTokens => true,
    };
    let stores = request.extra.get("store").is_some_and(|store| store.text() == "true");
    let user = request.user.as_deref();
    let mut keep = Keep { dropped };
    let body = RequestOut {
        model: if options.omits_model { "" } else { model },
        messages,
        parallel_tool_calls: keep.when(!tools.is_empty(), "parallel_tool_calls", request.parallel_tool_calls),
        tools,
        tool_choice,
        response_format: request.response_format.as_ref().map(format),
        temperature: keep.when(
            free || sampling.temperature == Some(1.0),
            "temperature",
            sampling.temperature,
        ),
        top_p: keep.when(free || sampling.top_p == Some(1.0), "top_p", sampling.top_p),
        top_k: keep.when(options.takes_top_k, "top_k", sampling.top_k),
        seed: sampling.seed,
        frequency_penalty: keep.when(free, "frequency_penalty", sampling.frequency_penalty),
        presence_penalty: keep.when(free, "presence_penalty", sampling.presence_penalty),
        logit_bias: keep.when(free, "logit_bias", sampling.logit_bias.as_ref()),
        logprobs: keep.when(free, "logprobs", sampling.logprobs),
        top_logprobs: keep.when(free, "top_logprobs", sampling.top_logprobs),
        n: sampling.n,
        stop: keep.stop(&sampling.stop, free, official),
        reasoning_effort: effort,
        verbosity: request.verbosity.as_deref(),
        max_tokens: request.max_tokens.filter(|_| !by_completion),
        max_completion_tokens: request.max_tokens.filter(|_| by_completion),
        modalities: (request.audio.is_some() && !request.extra.contains_key("modalities"))
            .then_some(["text", "audio"]),
        audio: request.audio.as_ref().map(audio),
        user: user.map(|user| {
            if official { constraints::user_id(user, constraints::OPENAI_COUNTS) } else { user.into() }
        }),
        // `OpenAI` accepts metadata only for stored answers.
        metadata: keep.when(!official || stores, "metadata", request.metadata.as_ref()),
        service_tier: service_tier(request.service_tier.as_deref(), official, &mut keep.dropped),
        prompt_cache_key: request.prompt_cache_key.as_deref(),
        stream: request.stream.then_some(true),
        stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
        extra: keep.extra(&request.extra, options.takes_unknown_fields),
    };
    EncodedRequest { body: write(&body), dropped: keep.dropped }
}

/// Keeps what is allowed, and reports what is not.
struct Keep {
    dropped: Vec<String>,
}

impl Keep {
    fn when<T>(&mut self, allowed: bool, name: &str, value: Option<T>) -> Option<T> {
        if !allowed && value.is_some() {
            self.dropped.push(name.to_owned());
            return None;
        }
        value
    }

    fn stop<'a>(&mut self, stop: &'a [String], allowed: bool, official: bool) -> Option<&'a [String]> {
        let most = constraints::OPENAI_COUNTS.stops;
        let kept = if official && stop.len() > most {
            self.dropped.push(format!("stop[{most}]"));
            stop.get(..most).unwrap_or_default()
        } else {
            stop
        };
        self.when(allowed, "stop", (!kept.is_empty()).then_some(kept))
    }

    fn extra<'a>(&mut self, extra: &'a BTreeMap<String, Json>, all: bool) -> BTreeMap<&'a str, &'a Json> {
        let mut kept = BTreeMap::new();
        for (name, value) in extra {
            let known = super::decode_request::KNOWN.contains(&name.as_str());
            // A path names content of a message, not a field of the request.
            let is_field = !name.contains(['.', '[']);
            if own_fields::has(own_fields::OPENAI_CHAT, name, value) || (all && !known && is_field) {
                kept.insert(name.as_str(), value);
            } else {
                self.dropped.push(name.clone());
            }
        }
        kept
    }
}

/// The effort: the nearest word that the model accepts.
fn effort<'a>(
    reasoning: Option<&'a Reasoning>,
    model: &str,
    official: bool,
    has_functions: bool,
    dropped: &mut Vec<String>,
) -> Option<&'a str> {
    let forced = |sent| efforts::effort_with_functions(model, sent).filter(|_| has_functions);
    let Some(reasoning) = reasoning else { return forced(None) };
    if reasoning.summary.is_some() {
        dropped.push("reasoning.summary".to_owned());
    }
    // Other services return reasoning by default; `OpenAI` never does.
    if reasoning.include.is_some_and(|include| include == official) {
        dropped.push("include_reasoning".to_owned());
    }
    let wanted = reasoning.wanted_effort();
    let sent = match (wanted, efforts::of_model(model)) {
        (Some(wanted), Some(accepted)) => efforts::nearest(wanted, accepted),
        (wanted, _) => wanted,
    };
    // Disabling reasoning has no effect on models without any; nothing is lost.
    let is_lost = sent.is_none() && wanted.is_some_and(|wanted| wanted != "none");
    let forced = forced(sent);
    if is_lost || (forced.is_some() && sent.is_some() && sent != forced) {
        dropped.push("reasoning_effort".to_owned());
    }
    forced.or(sent)
}

/// The service tier, in this dialect's words. Compatible services have others.
fn service_tier<'a>(tier: Option<&'a str>, official: bool, dropped: &mut Vec<String>) -> Option<&'a str> {
    match tier? {
        "standard_only" | "standard" => Some("default"),
        tier if !official || matches!(tier, "auto" | "default" | "flex" | "scale" | "priority" | "fast") => {
            Some(tier)
        }
        _ => {
            dropped.push("service_tier".to_owned());
            None
        }
    }
}

fn format(format: &ResponseFormat) -> FormatOut<'_> {
    match format {
        ResponseFormat::Text => FormatOut::Text,
        ResponseFormat::JsonObject => FormatOut::JsonObject,
        ResponseFormat::JsonSchema { name, description, schema, strict } => FormatOut::JsonSchema {
            json_schema: SchemaOut {
                // The name is required here and optional elsewhere.
                name: name.as_deref().unwrap_or("response"),
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        },
    }
}

fn audio(audio: &AudioOutput) -> serde_json::Value {
    let voice = match audio.voice.as_deref() {
        Some(id) if id.starts_with("voice_") => json!({ "id": id }),
        Some(name) => json!(name),
        None => json!("alloy"),
    };
    json!({ "voice": voice, "format": audio.format.as_deref().unwrap_or("wav") })
}

/// The tools, and the tool choice.
fn tools<'a>(
    request: &'a ChatRequest,
    official: bool,
    current_api: bool,
    options: UpstreamOptions,
    dropped: &mut Vec<String>,
) -> (Vec<ToolOut<'a>>, Option<serde_json::Value>) {
    // A service without `allowed_tools` gets the allowed tools only.
    let only = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) if !current_api => Some(names),
        _ => None,
    };
    let (mut tools, mut names) = (Vec::new(), Vec::new());
    for (index, tool) in request.tools.iter().enumerate() {
        let written = match tool {
            Tool::Function(function) => Some(ToolOut::Function {
                r#type: "function",
                function: FunctionOut {
                    name: &function.name,
                    description: function.description.as_deref(),
                    parameters: arguments::schema_of(function.parameters.as_ref()),
                    strict: function.strict,
                },
                cache_control: function
                    .cache
                    .as_ref()
                    .filter(|_| options.takes_cache_control)
                    .map(CacheOut::of),
            }),
            Tool::Native(native) => native_tool(native).map(ToolOut::Native),
        };
        let is_full = official && tools.len() >= constraints::OPENAI_COUNTS.tools;
        match written.filter(|_| !is_full) {
            None => dropped.push(format!("tools[{index}]")),
            Some(written) => {
                let name = tool_name(tool);
                if only.is_none_or(|only| name.as_ref().is_some_and(|name| only.contains(name))) {
                    tools.push(written);
                    names.extend(name);
                }
            }
        }
    }
    let declared: Vec<&str> = names.iter().map(String::as_str).collect();
    let chosen = tool_choice::among(request, &declared, dropped).filter(|_| !tools.is_empty());
    let custom = custom_tools(&request.tools);
    (tools, chosen.map(|chosen| choice_out(chosen, &custom, current_api)))
}

fn choice_out(chosen: Chosen<'_>, custom: &[String], current_api: bool) -> serde_json::Value {
    let tool = |name: &str| {
        let kind = if custom.iter().any(|custom| custom == name) { "custom" } else { "function" };
        json!({ "type": kind, kind: { "name": name } })
    };
    match chosen {
        Chosen::Auto => json!("auto"),
        Chosen::None => json!("none"),
        Chosen::Required => json!("required"),
        Chosen::Named(name) => tool(name),
        Chosen::Allowed(mode, names) => {
            let mode = match mode {
                AllowedMode::Auto => "auto",
                AllowedMode::Required => "required",
            };
            if !current_api {
                return json!(mode);
            }
            let tools: Vec<serde_json::Value> = names.into_iter().map(tool).collect();
            json!({ "type": "allowed_tools", "allowed_tools": { "mode": mode, "tools": tools } })
        }
    }
}

/// A tool of another dialect in this one; `None` if there is no counterpart. Tools of this dialect have their
/// definition under their own type or under `function`; those of the Responses API are flat.
fn native_tool(native: &Json) -> Option<Cow<'_, Json>> {
    let tool = native.to_value();
    let kind = tool.get("type")?.as_str()?;
    if tool.get(kind).or_else(|| tool.get("function")).is_some_and(serde_json::Value::is_object) {
        return Some(Cow::Borrowed(native));
    }
    if kind != "custom" {
        return None;
    }
    let mut custom = serde_json::Map::new();
    custom.insert("name".into(), tool.get("name")?.clone());
    custom.extend(tool.get("description").map(|description| ("description".into(), description.clone())));
    custom.extend(tool.get("format").map(|format| {
        let is_grammar = format.get("type").is_some_and(|kind| kind == "grammar");
        let grammar = json!({ "definition": format.get("definition"), "syntax": format.get("syntax") });
        let format =
            if is_grammar { json!({ "type": "grammar", "grammar": grammar }) } else { format.clone() };
        ("format".into(), format)
    }));
    Some(Cow::Owned(Json::of(&json!({ "type": "custom", "custom": custom }))))
}

fn tool_name(tool: &Tool) -> Option<String> {
    match tool {
        Tool::Function(function) => Some(function.name.clone()),
        Tool::Native(native) => custom_name(native),
    }
}

/// The name of a tool with free-text input.
fn custom_name(native: &Json) -> Option<String> {
    let tool = native.to_value();
    if tool.get("type")?.as_str()? != "custom" {
        return None;
    }
    let name = tool.get("custom").unwrap_or(&tool).get("name")?;
    name.as_str().map(str::to_owned)
}

/// Names of the tools with free-text input, whose calls have another form.
fn custom_tools(tools: &[Tool]) -> Vec<String> {
    tools
        .iter()
        .filter_map(|tool| match tool {
            Tool::Native(native) => custom_name(native),
            Tool::Function(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::*;
    use crate::dialect::canonical::{Function, Message, Part, Role, Sampling};

    fn request() -> ChatRequest {
        ChatRequest {
            messages: vec![Message::new(Role::User, vec![Part::text("hi")])],
            ..ChatRequest::default()
        }
    }

    fn written(
        request: &ChatRequest,
        model: &str,
        options: UpstreamOptions,
    ) -> (serde_json::Value, Vec<String>) {
        let encoded = encode(request, model, options);
        (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
    }

    fn function(name: &str) -> Tool {
        Tool::Function(Function { name: name.into(), ..Function::default() })
    }

    #[test]
    fn the_limit_goes_into_the_field_that_the_model_takes() {
        let request = ChatRequest { max_tokens: Some(9), ..request() };
        for (model, field) in [
            ("o3-mini", "max_completion_tokens"),
            ("gpt-5.2", "max_completion_tokens"),
            ("gpt-4o", "max_tokens"),
            ("deepseek-chat", "max_tokens"),
        ] {
            assert_eq!(written(&request, model, UpstreamOptions::default()).0[field], 9, "{model}");
        }
        let forced =
            UpstreamOptions { token_limit: TokenLimit::MaxCompletionTokens, ..UpstreamOptions::default() };
        assert_eq!(written(&request, "llama", forced).0["max_completion_tokens"], 9);
    }

    #[test]
    fn what_a_thinking_model_refuses_is_left_out_and_named() {
        let sampling = Sampling {
            temperature: Some(0.2),
            top_p: Some(1.0),
            top_k: Some(5),
            logprobs: Some(true),
            stop: vec!["x".into()],
            seed: Some(1),
            ..Sampling::default()
        };
        let request = ChatRequest { sampling, ..request() };
        let (body, dropped) = written(&request, "o3", UpstreamOptions::default());
        assert_eq!(dropped, ["temperature", "top_k", "logprobs", "stop"]);
        assert_eq!((body["top_p"].as_f64(), body["seed"].as_i64()), (Some(1.0), Some(1)));
        assert_eq!(written(&request, "gpt-5.1", UpstreamOptions::default()).1, ["top_k"]);
        let takes = UpstreamOptions { takes_top_k: true, ..UpstreamOptions::default() };
        let (body, dropped) = written(&request, "llama", takes);
        assert!(dropped.is_empty() && body["top_k"] == 5 && body["stop"] == json!(["x"]));
    }

    #[test]
    fn effort_from_budgets() {
        let with = |reasoning: Reasoning, model: &str| {
            let request = ChatRequest { reasoning: Some(reasoning), ..request() };
            let (body, dropped) = written(&request, model, UpstreamOptions::default());
            (body["reasoning_effort"].as_str().map(str::to_owned), dropped)
        };
        let budget = |tokens| Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() };
        for (tokens, model, effort) in [
            (0, "o3", "low"),
            (0, "gpt-5", "minimal"),
            (0, "gpt-5.1", "none"),
            (0, "glm-5", "none"),
            (1024, "o3", "low"),
            (4096, "o3", "medium"),
            (32_000, "o3", "high"),
        ] {
            assert_eq!(with(budget(tokens), model), (Some(effort.into()), vec![]), "{model} {tokens}");
        }
        assert_eq!(with(budget(4096), "gpt-4o"), (None, vec!["reasoning_effort".into()]));
        assert_eq!(with(Reasoning { adaptive: true, ..Reasoning::default() }, "o3"), (None, vec![]));
        let summary = Reasoning { summary: Some("auto".into()), include: Some(true), ..Reasoning::default() };
        assert_eq!(with(summary, "o3").1, ["reasoning.summary", "include_reasoning"]);
    }

    #[test]
    fn allowed_tools_are_said_or_done() {
        let request = ChatRequest {
            tools: vec![function("a"), function("b")],
            tool_choice: Some(ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["b".into()] }),
            ..request()
        };
        let (body, _) = written(&request, "gpt-4o", UpstreamOptions::default());
        assert_eq!(body["tool_choice"]["allowed_tools"]["tools"][0]["function"]["name"], "b");
        assert_eq!(body["tools"].as_array().unwrap().len(), 2);
        let (body, _) = written(&request, "llama", UpstreamOptions::default());
        assert_eq!((&body["tool_choice"], body["tools"].as_array().unwrap().len()), (&json!("required"), 1));
        let forced = UpstreamOptions { current_api: Setting::Yes, ..UpstreamOptions::default() };
        assert!(written(&request, "llama", forced).0["tool_choice"].is_object());
    }

    #[test]
    fn tools_of_other_dialects() {
        let native = |value: serde_json::Value| Tool::Native(Json::of(&value));
        let request = ChatRequest {
            tools: vec![
                native(json!({"type":"custom","custom":{"name":"c"}})),
                native(
                    json!({"type":"custom","name":"flat","format":{"type":"grammar","syntax":"lark","definition":"x"}}),
                ),
                native(json!({"type":"web_search_20250305","name":"web_search"})),
                native(json!({"type":"builtin_function","function":{"name":"$web_search"}})),
            ],
            tool_choice: Some(ToolChoice::Named("flat".into())),
            ..request()
        };
        let (body, dropped) = written(&request, "gpt-5", UpstreamOptions::default());
        assert_eq!(dropped, ["tools[2]"]);
        assert_eq!(body["tools"][1]["custom"]["format"]["grammar"]["syntax"], "lark");
        assert_eq!(body["tool_choice"], json!({"type":"custom","custom":{"name":"flat"}}));
        let bare = ChatRequest {
            tools: vec![],
            tool_choice: Some(ToolChoice::Required),
            parallel_tool_calls: Some(false),
            ..request
        };
        let (body, dropped) = written(&bare, "gpt-5", UpstreamOptions::default());
        assert_eq!(dropped, ["tool_choice", "parallel_tool_calls"]);
        assert!(body.get("tool_choice").is_none() && body.get("tools").is_none());
    }

    #[test]
    fn extra_fields_go_only_where_they_are_known() {
        let extra = [("store", "true"), ("prediction", "{}"), ("top_secret", "1.0e5"), ("model", "\"x\"")];
        let extra: BTreeMap<String, Json> =
            extra.into_iter().map(|(name, json)| (name.to_owned(), Json::parse(json).unwrap())).collect();
        let request = ChatRequest { extra, metadata: Json::parse(r#"{"a":"b"}"#), ..request() };
        let (body, dropped) = written(&request, "gpt-4o", UpstreamOptions::default());
        assert_eq!(dropped, ["model", "top_secret"]);
        assert_eq!((&body["store"], &body["metadata"]["a"]), (&json!(true), &json!("b")));
        let all = UpstreamOptions { takes_unknown_fields: true, ..UpstreamOptions::default() };
        let (body, dropped) = written(&request, "gpt-4o", all);
        assert_eq!((&body["top_secret"], dropped), (&json!(1.0e5), vec!["model".to_owned()]));
        assert!(String::from_utf8(encode(&request, "gpt-4o", all).body).unwrap().contains(":1.0e5"));
        let unstored = ChatRequest { extra: BTreeMap::new(), ..request };
        assert_eq!(written(&unstored, "gpt-4o", UpstreamOptions::default()).1, ["metadata"]);
    }

    #[test]
    fn streams_always_report_usage_and_speech_has_its_modality() {
        let audio = Some(AudioOutput { voice: Some("voice_1".into()), format: None });
        let request = ChatRequest { stream: true, audio, ..request() };
        let (body, _) = written(&request, "gpt-audio", UpstreamOptions::default());
        assert_eq!(body["stream_options"], json!({"include_usage":true}));
        assert_eq!(
            (&body["modalities"], &body["audio"]["voice"]["id"]),
            (&json!(["text", "audio"]), &json!("voice_1"))
        );
    }
}
