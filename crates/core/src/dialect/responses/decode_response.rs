//! Decodes a complete answer of a service with the Responses API.
//!
//! <https://platform.openai.com/docs/api-reference/responses/object>

use super::answer_item;
use super::decode_answer::Answer;
use crate::dialect::canonical::{ChatResponse, Choice, ErrorInfo, Part};
use crate::dialect::upstream::{alphanumeric, told, verdict};
use crate::json::lenient::{self, Object, Spare};

/// The error in the body of an error, or of an `error` event: in an object, as the service sends it, or beside the type,
/// as it is documented.
pub(super) fn error_in(body: &[u8]) -> ErrorInfo {
    let mut error = told::error_in(body)
        .unwrap_or_else(|| ErrorInfo::in_stream(UNNAMED, "The provider reported an error."));
    error.code.get_or_insert_with(|| UNNAMED.to_owned());
    error
}

/// The code of an error without one.
const UNNAMED: &str = "upstream_error";

/// Why there is no answer in this response; `None` if there is one, or may be.
pub(super) fn failure(response: &Object<'_>, status: Option<&str>) -> Option<ErrorInfo> {
    if let Some(error) = response.get_set("error") {
        return Some(error_in(format!(r#"{{"error":{}}}"#, error.get()).as_bytes()));
    }
    match status {
        Some("failed") => Some(error_in(b"")),
        Some("cancelled") => verdict::abnormal_word("cancelled", None),
        _ => None,
    }
}

/// Decodes an answer. `host` is the service that answers.
pub(super) fn decode(body: &[u8], host: &str) -> Result<ChatResponse, ErrorInfo> {
    let spare = Spare::default();
    let response = lenient::object(body, &spare)
        .map_err(|error| ErrorInfo::unreadable(format!("the answer is not a JSON object: {error}")))?;
    let answer = Answer::of(&response);
    if let Some(error) = failure(&response, answer.status.as_deref()) {
        return Err(error);
    }
    if response.get_set("output").is_none() {
        return Err(ErrorInfo::unreadable("the answer has no output"));
    }
    let unique = alphanumeric(answer.id.as_deref().unwrap_or_default());
    let (mut parts, mut tokens) = (Vec::new(), Vec::new());
    for item in response.objects("output") {
        answer_item::append_parts(answer_item::read(&item, host), &unique, &mut parts, &mut tokens);
    }
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    Ok(ChatResponse {
        choices: vec![Choice {
            finish: answer.finish(has_calls),
            logprobs: answer_item::all_logprobs(&tokens),
            parts,
        }],
        created: answer.created,
        usage: answer.usage,
        id: answer.id,
        model: answer.model,
        service_tier: answer.service_tier,
        system_fingerprint: None,
    })
}
