//! Decodes a caller's request.
//!
//! The outer shape is validated by the same rules as for pass-through; here every field is decoded completely. Fields
//! without a canonical form go to `extra` under their names.

use serde_json::value::RawValue;

use super::decode_message::{self, cache_of};
use super::lenient;
use super::policy::POLICY;
use crate::dialect::canonical::{
    AllowedMode, AudioOutput, ChatRequest, Function, Json, Reasoning, ResponseFormat, Sampling, Tool,
    ToolChoice,
};
use crate::dialect::openai::request;
use crate::error::ApiError;
use crate::json::error::invalid_value;
use crate::json::fields::Fields;
use crate::json::object::{Kind, as_str};

/// Fields that are decoded here; all others are extra.
pub(super) const KNOWN: &[&str] = &[
    "audio",
    "enable_thinking",
    "frequency_penalty",
    "function_call",
    "functions",
    "include_reasoning",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "thinking_budget",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// Decodes a request body.
pub(super) fn decode(body: &[u8]) -> Result<ChatRequest, ApiError> {
    decode_checked(&request::ChatRequest::parse(body)?)
}

/// Decodes a request whose outer shape is already validated.
pub(in crate::dialect) fn decode_checked(
    checked: &request::ChatRequest<'_>,
) -> Result<ChatRequest, ApiError> {
    let fields = POLICY.of(checked.fields().clone(), String::new());
    let mut extra: decode_message::Extra =
        fields.others(KNOWN).map(|(name, value)| (name, Json::carried(value))).collect();
    let mut decoded = ChatRequest {
        model: checked.model.clone().into_owned(),
        messages: decode_message::all(checked.messages(), &mut extra)?,
        tools: tools(&fields)?,
        tool_choice: tool_choice(&fields)?,
        parallel_tool_calls: fields.boolean("parallel_tool_calls")?,
        response_format: response_format(&fields)?,
        sampling: sampling(&fields)?,
        reasoning: reasoning(&fields)?,
        max_tokens: match fields.unsigned("max_completion_tokens")? {
            None => fields.unsigned("max_tokens")?,
            limit => limit,
        },
        stream: checked.stream,
        include_usage: checked.wants_usage,
        user: fields.string("user")?,
        metadata: fields.get("metadata").map(Json::carried),
        service_tier: fields.string("service_tier")?,
        prompt_cache_key: fields.string("prompt_cache_key")?,
        verbosity: fields.string("verbosity")?,
        audio: audio(&fields)?,
        extra,
    };
    if let Some(identifier) = fields.string("safety_identifier")? {
        // It is the newer name of `user`; if both are present, both are kept.
        match decoded.user {
            None => decoded.user = Some(identifier),
            Some(_) => _ = decoded.extra.insert("safety_identifier".into(), Json::of(&identifier)),
        }
    }
    if let Some(modalities) = fields.get("modalities")
        && !is_covered(modalities, decoded.audio.is_some())
    {
        decoded.extra.insert("modalities".into(), Json::carried(modalities));
    }
    Ok(decoded)
}

/// Whether the modalities add nothing: text, and speech if its format is given.
fn is_covered(modalities: &RawValue, has_audio: bool) -> bool {
    lenient::items(modalities).into_iter().map(as_str).all(|modality| match modality.as_deref() {
        Some("text") => true,
        Some("audio") => has_audio,
        _ => false,
    })
}

fn sampling(fields: &Fields<'_>) -> Result<Sampling, ApiError> {
    Ok(Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.unsigned("top_k")?,
        seed: fields.signed("seed")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        logit_bias: fields.get("logit_bias").map(Json::carried),
        logprobs: fields.boolean("logprobs")?,
        top_logprobs: fields.unsigned("top_logprobs")?,
        n: fields.unsigned("n")?,
        stop: stop(fields)?,
    })
}

/// The stop sequences: one string or a list.
pub(in crate::dialect::openai) fn stop(fields: &Fields<'_>) -> Result<Vec<String>, ApiError> {
    match fields.get("stop") {
        Some(value) if Kind::of(value) == Kind::String => Ok(vec![POLICY.string(value, "stop")?]),
        _ => fields.array("stop")?.into_iter().map(|(path, item)| POLICY.string(item, &path)).collect(),
    }
}

/// The reasoning parameters, in `OpenAI`'s form or in those of compatible services: `OpenRouter`'s `reasoning`,
/// `LiteLLM`'s and `GLM`'s `thinking`, Qwen's `enable_thinking`.
fn reasoning(fields: &Fields<'_>) -> Result<Option<Reasoning>, ApiError> {
    let mut reasoning = Reasoning {
        effort: fields.string("reasoning_effort")?,
        budget_tokens: fields.unsigned("thinking_budget")?,
        include: fields.boolean("include_reasoning")?,
        ..Reasoning::default()
    };
    if let Some(options) = fields.object("reasoning")? {
        reasoning.effort = reasoning.effort.or(options.string("effort")?);
        reasoning.budget_tokens = reasoning.budget_tokens.or(options.unsigned("max_tokens")?);
        reasoning.include = reasoning.include.or(options.boolean("exclude")?.map(|exclude| !exclude));
        reasoning.summary = options.string("summary")?;
        switch(&mut reasoning, options.boolean("enabled")?);
    }
    if let Some(options) = fields.object("thinking")? {
        reasoning.budget_tokens = reasoning.budget_tokens.or(options.unsigned("budget_tokens")?);
        let enabled = match options.string("type")?.as_deref() {
            Some("disabled") => Some(false),
            Some("enabled" | "adaptive" | "auto") => Some(true),
            _ => None,
        };
        switch(&mut reasoning, enabled);
    }
    switch(&mut reasoning, fields.boolean("enable_thinking")?);
    Ok((reasoning != Reasoning::default()).then_some(reasoning))
}

/// Applies a plain switch.
fn switch(reasoning: &mut Reasoning, enabled: Option<bool>) {
    match enabled {
        Some(false) => reasoning.budget_tokens = Some(0),
        Some(true) => reasoning.adaptive = reasoning.effort.is_none() && reasoning.budget_tokens.is_none(),
        None => {}
    }
}

fn audio(fields: &Fields<'_>) -> Result<Option<AudioOutput>, ApiError> {
    let Some(audio) = fields.object("audio")? else { return Ok(None) };
    let voice = match audio.get("voice") {
        // A custom voice is identified by its id.
        Some(voice) if Kind::of(voice) == Kind::Object => {
            Some(POLICY.read(voice, audio.path("voice"))?.required_string("id")?)
        }
        _ => audio.string("voice")?,
    };
    Ok(Some(AudioOutput { voice, format: audio.string("format")? }))
}

fn response_format(fields: &Fields<'_>) -> Result<Option<ResponseFormat>, ApiError> {
    let Some(format) = fields.object("response_format")? else { return Ok(None) };
    Ok(Some(match format.required_string("type")?.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let schema = format.required_object("json_schema")?;
            ResponseFormat::JsonSchema {
                name: schema.string("name")?,
                description: schema.string("description")?,
                schema: schema.get("schema").map_or_else(Json::empty_object, Json::carried),
                strict: schema.boolean("strict")?,
            }
        }
        _ => return Err(format.invalid("type", "must be `text`, `json_object` or `json_schema`")),
    }))
}

fn tools(fields: &Fields<'_>) -> Result<Vec<Tool>, ApiError> {
    let mut tools = Vec::new();
    for (path, item) in fields.array("tools")? {
        let tool = POLICY.read(item, path)?;
        let kind = tool.string("type")?;
        let is_function = kind.as_deref().is_none_or(|kind| kind == "function");
        tools.push(if is_function {
            let cache = cache_of(&tool)?;
            let mut function = function(&tool.required_object("function")?)?;
            function.cache = cache.or(function.cache);
            Tool::Function(function)
        } else {
            Tool::Native(Json::carried(item))
        });
    }
    for old in fields.objects("functions")? {
        tools.push(Tool::Function(function(&old)?));
    }
    Ok(tools)
}

fn function(fields: &Fields<'_>) -> Result<Function, ApiError> {
    Ok(Function {
        name: fields.required_string("name")?,
        description: fields.string("description")?,
        parameters: fields.object("parameters")?.and_then(|_| fields.get("parameters")).map(Json::carried),
        strict: fields.boolean("strict")?,
        cache: cache_of(fields)?,
    })
}

fn tool_choice(fields: &Fields<'_>) -> Result<Option<ToolChoice>, ApiError> {
    let Some(choice) = fields.get("tool_choice") else { return function_choice(fields) };
    if Kind::of(choice) == Kind::String {
        return choice_word(POLICY.string(choice, "tool_choice")?.as_str(), "tool_choice").map(Some);
    }
    let choice = POLICY.read(choice, "tool_choice")?;
    Ok(Some(match choice.string("type")?.as_deref() {
        None | Some("function") => {
            ToolChoice::Named(choice.required_object("function")?.required_string("name")?)
        }
        Some("custom") => ToolChoice::Named(choice.required_object("custom")?.required_string("name")?),
        // Anthropic's forms, which services with this dialect (xAI, Groq) accept.
        Some("tool") => ToolChoice::Named(choice.required_string("name")?),
        Some(word @ ("auto" | "any" | "none" | "required")) => choice_word(word, "tool_choice.type")?,
        Some("allowed_tools") => allowed_tools(&choice.required_object("allowed_tools")?)?,
        Some(_) => return Err(choice.invalid("type", "must be `function`, `custom` or `allowed_tools`")),
    }))
}

fn choice_word(word: &str, path: &str) -> Result<ToolChoice, ApiError> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        // `any` is Mistral's name.
        "required" | "any" => Ok(ToolChoice::Required),
        _ => Err(invalid_value(path, "must be `auto`, `none`, `required` or an object")),
    }
}

fn allowed_tools(fields: &Fields<'_>) -> Result<ToolChoice, ApiError> {
    let mode = match fields.string("mode")?.as_deref() {
        None | Some("auto") => AllowedMode::Auto,
        Some("required") => AllowedMode::Required,
        Some(_) => return Err(fields.invalid("mode", "must be `auto` or `required`")),
    };
    let mut names = Vec::new();
    for tool in fields.objects("tools")? {
        let definition = match tool.object("function")? {
            None => tool.object("custom")?,
            function => function,
        };
        names.push(definition.ok_or_else(|| tool.missing("function"))?.required_string("name")?);
    }
    Ok(ToolChoice::Allowed { mode, names })
}

/// The tool choice under its old name.
fn function_choice(fields: &Fields<'_>) -> Result<Option<ToolChoice>, ApiError> {
    match fields.get("function_call") {
        None => Ok(None),
        Some(word) if Kind::of(word) == Kind::String => {
            choice_word(POLICY.string(word, "function_call")?.as_str(), "function_call").map(Some)
        }
        Some(named) => {
            let named = POLICY.read(named, "function_call")?.required_string("name")?;
            Ok(Some(ToolChoice::Named(named)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &str) -> Result<ChatRequest, ApiError> {
        decode(
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#).as_bytes(),
        )
    }

    #[test]
    fn every_parameter_finds_its_place() {
        let request = with(
            r#""temperature":0.5,"top_p":1,"top_k":40,"seed":-7,"frequency_penalty":0.1,"presence_penalty":-0.1,
            "logit_bias":{"50256":-100},"logprobs":true,"top_logprobs":3,"n":2,"stop":["a","b"],
            "max_tokens":10,"max_completion_tokens":20.0,"stream":true,"stream_options":{"include_usage":true},
            "user":"u","metadata":{"k":"v"},"service_tier":"flex","prompt_cache_key":"key","verbosity":"low",
            "reasoning_effort":"high","parallel_tool_calls":false,"modalities":["text","audio"],
            "audio":{"voice":"alloy","format":"wav"},"store":true,"prediction":{"type":"content","content":"x"},
            "web_search_options":{},"safety_identifier":"s","nothing":null"#,
        )
        .unwrap();
        let sampling = &request.sampling;
        assert_eq!((sampling.temperature, sampling.top_p, sampling.top_k), (Some(0.5), Some(1.0), Some(40)));
        assert_eq!((sampling.seed, sampling.n, sampling.top_logprobs), (Some(-7), Some(2), Some(3)));
        assert_eq!(sampling.stop, ["a", "b"]);
        assert_eq!((request.max_tokens, request.stream, request.include_usage), (Some(20), true, true));
        assert_eq!((request.user.as_deref(), request.verbosity.as_deref()), (Some("u"), Some("low")));
        assert_eq!(request.reasoning.unwrap().effort.as_deref(), Some("high"));
        assert_eq!(request.audio.unwrap().voice.as_deref(), Some("alloy"));
        let extra: Vec<&str> = request.extra.keys().map(String::as_str).collect();
        assert_eq!(extra, ["prediction", "safety_identifier", "store", "web_search_options"]);
    }

    #[test]
    fn other_spellings() {
        assert_eq!(with(r#""stop":"x""#).unwrap().sampling.stop, ["x"]);
        assert_eq!(with(r#""safety_identifier":"s""#).unwrap().user.as_deref(), Some("s"));
        assert_eq!(with(r#""modalities":["text"]"#).unwrap().extra.len(), 0);
        assert_eq!(with(r#""modalities":["text","image"]"#).unwrap().extra.len(), 1);
        let voice = with(r#""audio":{"voice":{"id":"voice_1"}}"#).unwrap().audio.unwrap().voice;
        assert_eq!(voice.as_deref(), Some("voice_1"));
    }

    #[test]
    fn thinking_in_every_words() {
        let reasoning = |fields: &str| with(fields).unwrap().reasoning;
        let budget = |tokens| Some(Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() });
        assert_eq!(reasoning(r#""thinking":{"type":"enabled","budget_tokens":2048}"#), budget(2048));
        assert_eq!(reasoning(r#""thinking":{"type":"disabled"}"#), budget(0));
        assert_eq!(reasoning(r#""enable_thinking":true,"thinking_budget":50"#), budget(50));
        assert!(reasoning(r#""thinking":{"type":"adaptive"}"#).unwrap().adaptive);
        let routed = reasoning(r#""reasoning":{"effort":"low","exclude":true}"#).unwrap();
        assert_eq!((routed.effort.as_deref(), routed.include), (Some("low"), Some(false)));
        assert_eq!(reasoning(r#""n":1"#), None);
    }

    #[test]
    fn tools_and_choices() {
        let request = with(
            r#""tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true},"cache_control":{"type":"ephemeral"}},
            {"type":"custom","custom":{"name":"c"}}],"functions":[{"name":"old"}],
            "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"c"}}]}}"#,
        )
        .unwrap();
        let [Tool::Function(function), Tool::Native(custom), Tool::Function(old)] = request.tools.as_slice()
        else {
            panic!("{:?}", request.tools)
        };
        assert!(function.cache.is_some() && function.strict == Some(true) && old.name == "old");
        assert_eq!(custom.to_value()["custom"]["name"], "c");
        assert_eq!(
            request.tool_choice,
            Some(ToolChoice::Allowed { mode: AllowedMode::Required, names: vec!["f".into(), "c".into()] })
        );
        for (fields, choice) in [
            (r#""tool_choice":"none""#, ToolChoice::None),
            (r#""tool_choice":"any""#, ToolChoice::Required),
            (r#""tool_choice":{"type":"function","function":{"name":"f"}}"#, ToolChoice::Named("f".into())),
            (r#""tool_choice":{"type":"custom","custom":{"name":"c"}}"#, ToolChoice::Named("c".into())),
            (r#""tool_choice":{"type":"tool","name":"f"}"#, ToolChoice::Named("f".into())),
            (r#""tool_choice":{"type":"any"}"#, ToolChoice::Required),
            (r#""function_call":"auto""#, ToolChoice::Auto),
            (r#""function_call":{"name":"f"}"#, ToolChoice::Named("f".into())),
        ] {
            assert_eq!(with(fields).unwrap().tool_choice, Some(choice), "{fields}");
        }
    }

    #[test]
    fn the_form_of_the_answer() {
        let request = with(
            r#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}"#,
        );
        let Some(ResponseFormat::JsonSchema { name, strict, .. }) = request.unwrap().response_format else {
            panic!()
        };
        assert_eq!((name.as_deref(), strict), (Some("n"), Some(true)));
    }

    #[test]
    fn errors_name_the_path() {
        for (fields, code, param) in [
            (r#""temperature":1e400"#, "invalid_value", "temperature"),
            (r#""n":-1"#, "invalid_value", "n"),
            (r#""stop":["a",1]"#, "invalid_type", "stop[1]"),
            (r#""tools":[7]"#, "invalid_type", "tools[0]"),
            (r#""tools":[{"type":"function"}]"#, "missing_required_parameter", "tools[0].function"),
            (
                r#""tools":[{"type":"function","function":{}}]"#,
                "missing_required_parameter",
                "tools[0].function.name",
            ),
            (
                r#""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#,
                "invalid_type",
                "tools[0].function.parameters",
            ),
            (r#""tool_choice":"maybe""#, "invalid_value", "tool_choice"),
            (r#""tool_choice":{"type":"x"}"#, "invalid_value", "tool_choice.type"),
            (r#""response_format":{"type":"xml"}"#, "invalid_value", "response_format.type"),
            (
                r#""response_format":{"type":"json_schema"}"#,
                "missing_required_parameter",
                "response_format.json_schema",
            ),
            (r#""reasoning":{"max_tokens":"x"}"#, "invalid_type", "reasoning.max_tokens"),
            (r#""verbosity":1"#, "invalid_type", "verbosity"),
        ] {
            let error = with(fields).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{fields}");
        }
    }
}
