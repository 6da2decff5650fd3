//! What a request needs of a model, from its bytes.
//!
//! Most requests need nothing in particular, which is determined without parsing: each need is expressed by certain
//! JSON strings, and if the body contains none of them, there is no such need. Only otherwise the request is parsed.

use memchr::memmem;

use super::candidate_facts::Needs;
use crate::dialect::canonical::{ChatRequest, Media, Part, ResponseFormat, Role};
use crate::dialect::inbound::Inbound;

/// JSON strings of which every request with a particular need contains at least one, in any dialect.
const TELLING: &[&str] = &[
    "\"image_url\"",
    "\"input_image\"",
    "\"image\"",
    "\"inlineData\"",
    "\"inline_data\"",
    "\"fileData\"",
    "\"file_data\"",
    "\"input_audio\"",
    "\"tools\"",
    "\"functions\"",
    "\"json_schema\"",
    "\"responseSchema\"",
    "\"responseJsonSchema\"",
    "\"output_config\"",
    "\"output_format\"",
];

/// The needs of a request.
#[must_use]
pub fn needs_of(inbound: &Inbound<'_>) -> Needs<'static> {
    let tokens = inbound.estimate_prompt_tokens();
    let mut needs = Needs { prompt_tokens: u32::try_from(tokens).unwrap_or(u32::MAX), ..Needs::default() };
    if !TELLING.iter().any(|word| has_string(inbound.body, word)) {
        return needs;
    }
    // Invalid requests are refused later, with the path of the field.
    if let Ok(request) = inbound.canonical() {
        read(&request, &mut needs);
    }
    needs
}

/// Whether the JSON text contains this string, quotes included, and not as part of another string.
fn has_string(json: &[u8], quoted: &str) -> bool {
    memmem::find_iter(json, quoted.as_bytes()).any(|at| at == 0 || json.get(at - 1) != Some(&b'\\'))
}

fn read(request: &ChatRequest, needs: &mut Needs<'_>) {
    needs.tools = !request.tools.is_empty();
    needs.json_schema = matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. }));
    for part in request
        .messages
        .iter()
        .filter(|message| message.role != Role::Assistant)
        .flat_map(|message| &message.parts)
    {
        look_at(part, needs);
    }
}

fn look_at(part: &Part, needs: &mut Needs<'_>) {
    match part {
        Part::Image { .. } => needs.vision = true,
        Part::Audio { .. } => needs.audio_input = true,
        Part::File { media: Media::Base64 { media_type, .. }, .. } if media_type.starts_with("image/") => {
            needs.vision = true;
        }
        Part::ToolResult { parts, .. } => parts.iter().for_each(|part| look_at(part, needs)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::caller::CallerDialect;

    fn needs(caller_dialect: CallerDialect, body: &str) -> Needs<'static> {
        needs_of(&Inbound::parse(caller_dialect, body.as_bytes(), None).unwrap())
    }

    #[test]
    fn plain_text_needs_nothing() {
        let talk =
            r#"{"model":"m","messages":[{"role":"user","content":"what is \"image_url\" and \"tools\"?"}]}"#;
        let found = needs(CallerDialect::OpenaiChat, talk);
        assert!(!found.vision && !found.tools && found.prompt_tokens > 5);
    }

    #[test]
    fn pictures_tools_and_schemas_are_seen_in_each_dialect() {
        let openai = r#"{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{}}}],
            "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}},
            "messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/a.png"}}]}]}"#;
        let found = needs(CallerDialect::OpenaiChat, openai);
        assert!(found.vision && found.tools && found.json_schema);
        let anthropic = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}"#;
        let found = needs(CallerDialect::Anthropic, anthropic);
        assert!(found.vision && !found.tools);
    }

    #[test]
    fn an_empty_list_of_tools_needs_none() {
        let body = r#"{"model":"m","tools":[],"messages":[{"role":"user","content":"hi"}]}"#;
        assert!(!needs(CallerDialect::OpenaiChat, body).tools);
    }
}
