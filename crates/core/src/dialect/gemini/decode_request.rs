//! Decodes a request (<https://ai.google.dev/api/generate-content#request-body>).

use super::decode_contents::{Reader, schema_field};
use super::policy::POLICY;
use super::{decode_config, schema_read};
use crate::dialect::canonical::{AllowedMode, ChatRequest, Function, Json, Tool, ToolChoice};
use crate::error::ApiError;
use crate::json::fields::Fields;

/// Fields with a canonical form.
const KNOWN: &[&str] = &[
    "contents",
    "generationConfig",
    "labels",
    "model",
    "serviceTier",
    "systemInstruction",
    "toolConfig",
    "tools",
];

/// Decodes a request body. The error names the invalid field.
pub(super) fn decode(body: &[u8]) -> Result<ChatRequest, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::invalid_json("The request body is empty; a JSON object is expected."));
    }
    let fields = POLICY.of_body(body)?;
    let mut request = ChatRequest::default();
    let mut reader = Reader::default();
    if let Some(system) = fields.get("systemInstruction") {
        reader.system(system)?;
    }
    let contents = fields.array("contents")?;
    if fields.get("contents").is_none() {
        return Err(fields.missing("contents"));
    }
    if contents.is_empty() {
        return Err(fields.invalid("contents", "must not be empty"));
    }
    for (index, (_, content)) in contents.into_iter().enumerate() {
        reader.content(index, content)?;
    }
    (request.messages, request.extra) = reader.into_parts();
    if request.messages.is_empty() {
        return Err(fields.invalid("contents", "must say something"));
    }
    for tool in fields.objects("tools")? {
        read_tool(&tool, &mut request.tools)?;
    }
    if let Some(config) = fields.object("toolConfig")? {
        if let Some(calling) = config.object("functionCallingConfig")? {
            request.tool_choice = tool_choice(&calling)?;
        }
        for (name, value) in config.others(&["functionCallingConfig"]) {
            request.extra.insert(format!("toolConfig.{name}"), Json::carried(value));
        }
    }
    if let Some(config) = fields.object("generationConfig")? {
        decode_config::read(&config, &mut request)?;
    }
    request.metadata = schema_field(&fields, "labels")?;
    request.service_tier = fields.string("serviceTier")?.and_then(|tier| {
        let tier = tier.to_ascii_lowercase();
        match tier.trim_start_matches("service_tier_") {
            "" | "unspecified" => None,
            "standard" => Some("default".to_owned()),
            tier => Some(tier.to_owned()),
        }
    });
    for (name, value) in fields.others(KNOWN) {
        request.extra.insert(name, Json::carried(value));
    }
    Ok(request)
}

/// One entry of `tools` declares functions, or names server tools, or both.
fn read_tool(tool: &Fields<'_>, tools: &mut Vec<Tool>) -> Result<(), ApiError> {
    for declaration in tool.objects("functionDeclarations")? {
        let own = schema_field(&declaration, "parameters")?;
        let parameters = match schema_field(&declaration, "parametersJsonSchema")? {
            Some(schema) => Some(schema),
            None => own.map(|own| schema_read::from_gemini(&own)),
        };
        tools.push(Tool::Function(Function {
            name: declaration.required_string("name")?,
            description: declaration.string("description")?,
            parameters,
            strict: None,
            cache: None,
        }));
    }
    for (name, value) in tool.others(&["functionDeclarations"]) {
        let mut native = std::collections::BTreeMap::new();
        native.insert(name, Json::carried(value));
        tools.push(Tool::Native(Json::of(&native)));
    }
    Ok(())
}

fn tool_choice(calling: &Fields<'_>) -> Result<Option<ToolChoice>, ApiError> {
    let mut names = calling.strings("allowedFunctionNames")?;
    let Some(mode) = calling.string("mode")? else { return Ok(None) };
    Ok(match mode.to_ascii_uppercase().as_str() {
        "AUTO" => Some(ToolChoice::Auto),
        "NONE" => Some(ToolChoice::None),
        "ANY" => Some(match names.len() {
            0 => ToolChoice::Required,
            1 => ToolChoice::Named(names.remove(0)),
            _ => ToolChoice::Allowed { mode: AllowedMode::Required, names },
        }),
        "VALIDATED" if names.is_empty() => Some(ToolChoice::Auto),
        "VALIDATED" => Some(ToolChoice::Allowed { mode: AllowedMode::Auto, names }),
        "MODE_UNSPECIFIED" => None,
        _ => {
            return Err(calling.invalid("mode", "must be `AUTO`, `ANY`, `NONE` or `VALIDATED`"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{Media, Part, ResponseFormat, Role};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> ChatRequest {
        decode(body.to_string().as_bytes()).unwrap()
    }

    fn error(body: &str) -> (String, Option<String>) {
        let error = decode(body.as_bytes()).unwrap_err();
        assert_eq!(error.status, 400);
        (error.code.to_owned(), error.param)
    }

    #[test]
    fn both_spellings_are_one_language() {
        let camel = json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]}],
            "systemInstruction": {"parts": [{"text": "s"}]},
            "generationConfig": {"maxOutputTokens": 5, "topK": 4, "stopSequences": ["x"],
                "thinkingConfig": {"thinkingBudget": -1, "includeThoughts": true}},
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "safetySettings": []});
        let snake = json!({"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "iVBO"}}]}],
            "system_instruction": {"parts": [{"text": "s"}]},
            "generation_config": {"max_output_tokens": 5, "top_k": 4, "stop_sequences": ["x"],
                "thinking_config": {"thinking_budget": -1, "include_thoughts": true}},
            "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
            "safety_settings": []});
        let request = read(&camel);
        assert_eq!(request, read(&snake));
        assert!(request.reasoning.as_ref().unwrap().adaptive);
        assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
        assert!(request.extra.contains_key("safetySettings"));
        assert_eq!(request.messages[1].role, Role::User);
        let Part::Image { media: Media::Base64 { media_type, .. }, .. } = &request.messages[1].parts[0]
        else {
            panic!()
        };
        assert_eq!(media_type, "image/png");
    }

    #[test]
    fn calls_without_ids_find_their_responses() {
        let request = read(&json!({"contents": [
            {"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}},
                {"functionResponse": {"name": "f", "response": {"error": "no"}}}, {"text": "so?"}]}]}));
        let [_, assistant, tool, user] = request.messages.as_slice() else { panic!() };
        let Part::ToolCall { id, arguments, signature, .. } = &assistant.parts[0] else { panic!() };
        assert_eq!(
            (id.as_str(), arguments.as_str(), signature.as_deref()),
            ("call_1_0", r#"{"a":1}"#, Some("c2ln"))
        );
        let ids: Vec<_> = tool
            .parts
            .iter()
            .map(|part| match part {
                Part::ToolResult { call_id, is_error, .. } => (call_id.as_str(), *is_error),
                _ => panic!(),
            })
            .collect();
        assert_eq!(ids, [("call_1_0", false), ("call_1_1", true)]);
        assert_eq!((tool.role, user.role, user.text()), (Role::Tool, Role::User, "so?".to_owned()));
    }

    #[test]
    fn proofs_of_texts_become_silent_thoughts() {
        let request = read(&json!({"contents": [{"role": "model", "parts": [
            {"text": "hm", "thought": true}, {"text": "a", "thoughtSignature": "c2ln"},
            {"text": "", "thoughtSignature": "YQ=="}, {"text": "", "thought": true}]}]}));
        let silent =
            |signature: &str| Part::Thinking { text: String::new(), signature: Some(signature.into()) };
        assert_eq!(
            request.messages[0].parts,
            [
                Part::Thinking { text: "hm".into(), signature: None },
                Part::text("a"),
                silent("c2ln"),
                silent("YQ==")
            ]
        );
    }

    #[test]
    fn tools_and_schemas_are_read() {
        let request = read(&json!({"contents": [{"parts": [{"text": "q"}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties":
                {"a": {"type": "STRING"}}}}, {"name": "g", "parametersJsonSchema": {"type": "object"}}]},
                {"google_search": {}}],
            "generationConfig": {"responseMimeType": "application/json", "mediaResolution": "MEDIA_RESOLUTION_LOW",
                "responseSchema": {"type": "ARRAY", "items": {"type": "INTEGER"}}},
            "labels": {"team": "a"}, "serviceTier": "flex"}));
        let Tool::Function(function) = &request.tools[0] else { panic!() };
        let parameters = function.parameters.as_ref().unwrap().to_value();
        assert_eq!(parameters, json!({"type": "object", "properties": {"a": {"type": "string"}}}));
        assert_eq!(request.tools[2], Tool::Native(Json::of(&json!({"googleSearch": {}}))));
        let Some(ResponseFormat::JsonSchema { schema, .. }) = &request.response_format else { panic!() };
        assert_eq!(schema.to_value()["items"]["type"], "integer");
        assert!(request.extra.contains_key("generationConfig.mediaResolution"));
        assert_eq!(request.service_tier.as_deref(), Some("flex"));
        assert!(request.metadata.is_some());
    }

    #[test]
    fn errors_name_the_field() {
        let at = |code: &str, param: &str| (code.to_owned(), Some(param.to_owned()));
        assert_eq!(error("{}"), at("missing_required_parameter", "contents"));
        assert_eq!(error(r#"{"contents":[]}"#), at("invalid_value", "contents"));
        assert_eq!(error(r#"{"contents":7}"#), at("invalid_type", "contents"));
        assert_eq!(error(r#"{"contents":["x"]}"#), at("invalid_type", "contents[0]"));
        assert_eq!(
            error(r#"{"contents":[{"role":"system","parts":[]}]}"#),
            at("invalid_value", "contents[0].role")
        );
        assert_eq!(
            error(r#"{"contents":[{"parts":[{"text":1}]}]}"#),
            at("invalid_type", "contents[0].parts[0].text")
        );
        assert_eq!(
            error(r#"{"contents":[{"parts":[{"inlineData":{"data":"x"}}]}]}"#),
            at("missing_required_parameter", "contents[0].parts[0].inlineData.mimeType")
        );
        assert_eq!(
            error(r#"{"contents":[{"parts":[{"hologram":{}}]}]}"#),
            at("invalid_value", "contents[0].parts[0]")
        );
        assert_eq!(
            error(r#"{"contents":[{"parts":[{"text":"q"}]}],"generationConfig":{"topP":"x"}}"#),
            at("invalid_type", "generationConfig.topP")
        );
        assert_eq!(
            error(r#"{"contents":[{"parts":[{"text":"q"}]}],"tools":[{"functionDeclarations":[{}]}]}"#),
            at("missing_required_parameter", "tools[0].functionDeclarations[0].name")
        );
        for body in ["", "[", "[]", "{\"a\":1,\"a\":2}"] {
            assert_eq!(error(body).0, "invalid_json", "{body}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
