//! Encodes a request for the service.

use serde_json::value::RawValue;

use super::service::Service;
use super::wire::{ContentOut, RequestOut, ToolOut, to_line};
use super::{encode_config, encode_contents, encode_tools};
use crate::dialect::canonical::{ChatRequest, EncodedRequest, Json};
use crate::dialect::upstream::constraints;
use crate::dialect::upstream::history;

/// Extra fields of a caller of the same dialect that are passed on unchanged.
const OWN_FIELDS: &[&str] = &["cachedContent", "safetySettings"];
/// Limits of Vertex AI: number of labels, length of names and values.
const MAX_LABELS: usize = 64;
const MAX_LABEL_LENGTH: usize = 63;

/// Encodes a request for a model of one of the two services.
pub(super) fn encode(request: &ChatRequest, model: &str, service: Service) -> EncodedRequest {
    let history = history::settled(&request.messages, &constraints::GEMINI.call_id);
    let conversation = encode_contents::write(&history, model, service);
    let mut dropped = conversation.dropped;
    history.restore_places(&mut dropped);
    let tools = encode_tools::write(request, &mut dropped);
    let tool_config = encode_tools::write_choice(request, &tools, &mut dropped);
    let has_functions = tools.iter().any(|tool| matches!(tool, ToolOut::Functions { .. }));
    let config = encode_config::write(request, model, has_functions, &mut dropped);
    let system = conversation.system;
    let body = RequestOut {
        contents: conversation.contents,
        system_instruction: (!system.is_empty()).then_some(ContentOut { role: None, parts: system }),
        tools,
        tool_config,
        generation_config: Some(config),
        safety_settings: own(request, "safetySettings"),
        cached_content: own(request, "cachedContent"),
        labels: labels(request, service, &mut dropped),
        service_tier: service_tier(request, service, &mut dropped),
    };
    name_the_rest(request, &mut dropped);
    EncodedRequest { body: to_line(&body), dropped }
}

fn own<'a>(request: &'a ChatRequest, name: &str) -> Option<&'a RawValue> {
    request.extra.get(name).map(Json::raw)
}

/// Labels are for the billing of Vertex AI, which refuses invalid ones.
fn labels<'a>(request: &'a ChatRequest, service: Service, dropped: &mut Vec<String>) -> Option<&'a RawValue> {
    let metadata = request.metadata.as_ref()?;
    let fits = |text: &str| {
        text.len() <= MAX_LABEL_LENGTH
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    let labels: Option<std::collections::BTreeMap<String, String>> =
        serde_json::from_str(metadata.text()).ok();
    let usable = labels.is_some_and(|labels| {
        labels.len() <= MAX_LABELS
            && labels.iter().all(|(name, value)| {
                fits(name) && fits(value) && name.starts_with(|first: char| first.is_ascii_lowercase())
            })
    });
    if usable && service == Service::Vertex {
        return Some(metadata.raw());
    }
    dropped.push("metadata".to_owned());
    None
}

/// The Gemini API has the tier in the body; Vertex AI in a header.
fn service_tier<'a>(
    request: &'a ChatRequest,
    service: Service,
    dropped: &mut Vec<String>,
) -> Option<&'a str> {
    match (request.service_tier.as_deref()?, service) {
        ("auto" | "default" | "standard", _) => None,
        (tier @ ("flex" | "priority"), Service::Gemini) => Some(tier),
        ("fast" | "ultrafast", Service::Gemini) => Some("priority"),
        _ => {
            dropped.push("service_tier".to_owned());
            None
        }
    }
}

/// Parameters without a counterpart.
fn name_the_rest(request: &ChatRequest, dropped: &mut Vec<String>) {
    for (name, is_set) in [
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("user", request.user.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("verbosity", request.verbosity.is_some()),
    ] {
        if is_set {
            dropped.push(name.to_owned());
        }
    }
    let unknown = request
        .extra
        .keys()
        .filter(|name| !OWN_FIELDS.contains(&name.as_str()) && !encode_config::is_own(name));
    dropped.extend(unknown.cloned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{
        AllowedMode, Function, Media, Message, Part, Reasoning, ResponseFormat, Role, Tool, ToolChoice,
    };
    use serde_json::{Value, json};

    fn encode_for(request: &ChatRequest, model: &str, service: Service) -> (Value, Vec<String>) {
        let encoded = encode(request, model, service);
        (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
    }

    fn body(messages: Vec<Message>, model: &str) -> Value {
        encode_for(&ChatRequest { messages, ..ChatRequest::default() }, model, Service::Gemini).0
    }

    fn user(text: &str) -> Message {
        Message::new(Role::User, vec![Part::text(text)])
    }

    fn call(id: &str, signature: Option<&str>) -> Part {
        Part::ToolCall {
            id: id.into(),
            name: format!("f_{id}"),
            arguments: r#"{"a":1}"#.into(),
            signature: signature.map(str::to_owned),
            cache: None,
        }
    }

    fn result(id: &str, parts: Vec<Part>) -> Part {
        Part::ToolResult { call_id: id.into(), name: None, parts, is_error: false, cache: None }
    }

    fn function(name: &str) -> Tool {
        Tool::Function(Function {
            name: name.into(),
            parameters: Some(Json::of(&json!({"type": "object", "properties": {}}))),
            ..Function::default()
        })
    }

    #[test]
    fn roles_alternate_and_instructions_move() {
        let messages = vec![
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            user("a"),
            user("b"),
            Message::new(Role::Assistant, vec![Part::text("c"), Part::text("")]),
            Message::new(Role::Developer, vec![Part::text("In French.")]),
            user("d"),
        ];
        let body = body(messages, "gemini-2.5-flash");
        assert_eq!(
            body["systemInstruction"],
            json!({"parts": [{"text": "Be brief."}, {"text": "In French."}]})
        );
        assert_eq!(
            body["contents"],
            json!([{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
                {"role": "model", "parts": [{"text": "c"}]}, {"role": "user", "parts": [{"text": "d"}]}])
        );
    }

    #[test]
    fn instructions_alone_are_the_question() {
        let body = body(vec![Message::new(Role::System, vec![Part::text("Hi")])], "m");
        assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "Hi"}]}]));
        assert!(body.get("systemInstruction").is_none());
    }

    #[test]
    fn results_stand_in_the_order_of_their_calls_and_none_is_missing() {
        let messages = vec![
            user("go"),
            Message::new(Role::Assistant, vec![call("1", None), call("2", None), call("3", None)]),
            Message::new(Role::Tool, vec![result("3", vec![Part::text("x")])]),
            Message::new(
                Role::Tool,
                vec![
                    result("1", vec![Part::text(r#"{"k":2}"#)]),
                    result("9", vec![Part::text(r#"{"output":""}"#)]),
                ],
            ),
            user("and?"),
        ];
        let body = body(messages, "gemini-2.5-flash");
        let turn = &body["contents"][2]["parts"];
        assert_eq!(turn[0], json!({"functionResponse": {"id": "1", "name": "f_1", "response": {"k": 2}}}));
        assert_eq!(turn[1]["functionResponse"]["response"], json!({"output": history::NO_RESULT}));
        assert_eq!(turn[2]["functionResponse"]["name"], "f_3");
        assert_eq!(turn[3]["text"], "Result of the tool call 9:");
        assert_eq!(turn[4]["text"], r#"{"output":""}"#);
        assert_eq!(turn[5]["text"], "and?");
    }

    #[test]
    fn calls_at_the_ends_are_framed() {
        let body = body(vec![Message::new(Role::Assistant, vec![call("1", None)])], "gemini-2.5-flash");
        let roles: Vec<_> = body["contents"].as_array().unwrap().iter().map(|turn| &turn["role"]).collect();
        assert_eq!(roles, ["user", "model", "user"]);
    }

    #[test]
    fn proofs_go_back_where_they_belong() {
        let thinking = |text: &str, signature: &str| Part::Thinking {
            text: text.into(),
            signature: Some(signature.into()),
        };
        let parts = vec![
            thinking("hm", "YWJj"),
            Part::text("so"),
            thinking("", "ZGVm"),
            thinking("", "Z2hp"),
            call("1", None),
            call("2", None),
        ];
        let body = body(vec![user("q"), Message::new(Role::Assistant, parts)], "gemini-3-pro-preview");
        let turn = &body["contents"][1]["parts"];
        assert_eq!(turn[0], json!({"text": "hm", "thought": true, "thoughtSignature": "YWJj"}));
        assert_eq!(turn[1], json!({"text": "so", "thoughtSignature": "ZGVm"}));
        assert_eq!(turn[2]["thoughtSignature"], "Z2hp");
        assert!(turn[2].get("functionCall").is_some() && turn[3].get("thoughtSignature").is_none());
    }

    #[test]
    fn other_providers_proofs_stay_away() {
        let foreign = "ErUBCkYIBRgCIkA=";
        let parts = vec![
            Part::Thinking { text: "hm".into(), signature: Some(foreign.into()) },
            Part::RedactedThinking { data: "x".into() },
            call("1", Some("not base64!")),
        ];
        let request = ChatRequest {
            messages: vec![user("q"), Message::new(Role::Assistant, parts)],
            ..ChatRequest::default()
        };
        let (body, dropped) = encode_for(&request, "gemini-3-flash-preview", Service::Gemini);
        let turn = &body["contents"][1]["parts"];
        assert_eq!(turn[0], json!({"text": "hm", "thought": true}));
        assert_eq!(turn[1]["thoughtSignature"], super::super::signature::STAND_IN);
        assert_eq!(
            dropped,
            [
                "messages[1].content[0].signature",
                "messages[1].content[1]",
                "messages[1].content[2].signature"
            ]
        );
        let (body, _) = encode_for(&request, "gemini-2.5-flash", Service::Gemini);
        assert!(body["contents"][1]["parts"][1].get("thoughtSignature").is_none());
    }

    #[test]
    fn media_take_the_form_that_the_service_has() {
        let url = |url: &str| Media::Url { url: url.into(), media_type: None };
        let image = |media| Part::Image { media, detail: None, cache: None };
        let parts = vec![
            image(url("https://a.example/x.PNG?q=1.gif")),
            image(url("https://a.example/")),
            Part::File {
                media: Media::FileId { id: "files/abc".into() },
                name: Some("n".into()),
                cache: None,
            },
            image(Media::FileId { id: "file-123".into() }),
        ];
        let request =
            ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() };
        let (body, dropped) = encode_for(&request, "m", Service::Gemini);
        let parts = &body["contents"][0]["parts"];
        assert_eq!(parts[0]["fileData"]["mimeType"], "image/png");
        assert_eq!(parts[1]["fileData"]["mimeType"], "image/jpeg");
        assert_eq!(
            parts[2]["fileData"]["fileUri"],
            "https://generativelanguage.googleapis.com/v1beta/files/abc"
        );
        assert_eq!(dropped, ["messages[0].content[2].file.filename", "messages[0].content[3]"]);
    }

    #[test]
    fn pictures_of_results_stand_in_or_beside_them() {
        let media = Media::Base64 { media_type: "image/png".into(), data: "iVBO".into() };
        let picture = Part::Image { media, detail: None, cache: None };
        let messages = vec![
            user("q"),
            Message::new(Role::Assistant, vec![call("1", None)]),
            Message::new(Role::Tool, vec![result("1", vec![picture])]),
        ];
        let old = body(messages.clone(), "gemini-2.5-flash");
        assert_eq!(old["contents"][2]["parts"][1]["inlineData"]["data"], "iVBO");
        let new = body(messages, "gemini-3-pro-preview");
        let response = &new["contents"][2]["parts"][0]["functionResponse"];
        assert_eq!(response["parts"][0]["inlineData"]["mimeType"], "image/png");
    }

    #[test]
    fn tools_and_choices() {
        let mut request = ChatRequest {
            messages: vec![user("q")],
            tools: vec![
                function("f"),
                Tool::Native(Json::of(&json!({"type": "bash_20250124"}))),
                Tool::Native(Json::of(&json!({"type": "web_search_20250305", "name": "web_search"}))),
            ],
            tool_choice: Some(ToolChoice::Allowed { mode: AllowedMode::Auto, names: vec!["f".into()] }),
            ..ChatRequest::default()
        };
        let (body, dropped) = encode_for(&request, "m", Service::Gemini);
        assert_eq!(body["tools"], json!([{"functionDeclarations": [{"name": "f"}]}]));
        assert_eq!(
            body["toolConfig"],
            json!({"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}})
        );
        assert_eq!(dropped, ["tools[1]", "tools[2]"]);
        request.tools.remove(0);
        request.tools.push(Tool::Native(Json::of(&json!({"type": "bash_20250124"}))));
        let (body, dropped) = encode_for(&request, "m", Service::Gemini);
        assert_eq!(body["tools"], json!([{"googleSearch": {}}]));
        assert!(body.get("toolConfig").is_none());
        assert_eq!(dropped, ["tools[0]", "tools[2]", "tool_choice"]);
    }

    #[test]
    fn thinking_is_said_as_the_model_wants_it() {
        let config = |reasoning: Reasoning, model: &str| {
            let request = ChatRequest {
                messages: vec![user("q")],
                reasoning: Some(reasoning),
                ..ChatRequest::default()
            };
            encode_for(&request, model, Service::Gemini).0["generationConfig"]["thinkingConfig"].clone()
        };
        let effort = |effort: &str| Reasoning { effort: Some(effort.into()), ..Reasoning::default() };
        let budget = |tokens| Reasoning { budget_tokens: Some(tokens), ..Reasoning::default() };
        let level = |level: &str| json!({"thinkingLevel": level, "includeThoughts": true});
        assert_eq!(config(effort("medium"), "gemini-3-pro-preview"), level("high"));
        assert_eq!(config(effort("medium"), "gemini-3-flash-preview"), level("medium"));
        assert_eq!(config(effort("none"), "gemini-3-flash-preview"), json!({"thinkingLevel": "minimal"}));
        let tokens = |tokens: i64| json!({"thinkingBudget": tokens, "includeThoughts": true});
        assert_eq!(config(effort("medium"), "gemini-2.5-flash"), tokens(8_192));
        assert_eq!(config(effort("none"), "gemini-2.5-flash"), json!({"thinkingBudget": 0}));
        assert_eq!(config(budget(60_000), "gemini-2.5-pro"), tokens(32_768));
        assert_eq!(
            config(Reasoning { adaptive: true, ..Reasoning::default() }, "gemini-2.5-pro"),
            tokens(-1)
        );
        let both = Reasoning { budget_tokens: Some(1), ..effort("low") };
        assert_eq!(config(both, "gemini-3-pro-preview"), level("low"));
    }

    #[test]
    fn what_does_not_cross_is_named() {
        let mut request = ChatRequest {
            messages: vec![user("q")],
            response_format: Some(ResponseFormat::JsonObject),
            parallel_tool_calls: Some(false),
            user: Some("u".into()),
            metadata: Some(Json::of(&json!({"team": "a"}))),
            service_tier: Some("flex".into()),
            tools: vec![function("f")],
            ..ChatRequest::default()
        };
        request.sampling.logit_bias = Some(Json::empty_object());
        request.sampling.stop = (0..7).map(|index| index.to_string()).collect();
        request.extra.insert("store".into(), Json::of(&true));
        request.extra.insert("safetySettings".into(), Json::of(&json!([])));
        let (body, dropped) = encode_for(&request, "gemini-2.5-flash", Service::Gemini);
        assert_eq!(
            dropped,
            ["logit_bias", "stop[5]", "response_format", "metadata", "parallel_tool_calls", "user", "store"]
        );
        assert_eq!((&body["serviceTier"], &body["safetySettings"]), (&json!("flex"), &json!([])));
        let (body, dropped) = encode_for(&request, "gemini-2.5-flash", Service::Vertex);
        assert_eq!(body["labels"], json!({"team": "a"}));
        assert!(dropped.contains(&"service_tier".to_owned()) && body.get("serviceTier").is_none());
    }

    #[test]
    fn vertex_gets_no_ids() {
        let request = ChatRequest {
            messages: vec![
                user("q"),
                Message::new(Role::Assistant, vec![call("1", None)]),
                Message::new(Role::Tool, vec![result("1", vec![])]),
            ],
            ..ChatRequest::default()
        };
        let (body, _) = encode_for(&request, "gemini-2.5-flash", Service::Vertex);
        assert_eq!(
            body["contents"][1]["parts"][0],
            json!({"functionCall": {"name": "f_1", "args": {"a": 1}}})
        );
        assert!(body["contents"][2]["parts"][0]["functionResponse"].get("id").is_none());
    }
}
