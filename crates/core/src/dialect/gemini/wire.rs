//! The JSON of the dialect, except for decoding requests (see [`super::fields`], which reports the path of an invalid
//! field). Decoding is lenient: only what is needed, everything optional.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::canonical::Json;
use crate::dialect::upstream::node::Node;
use crate::json::lenient::{self, Piece, Spare};

/// An answer, or one chunk of a streamed one.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResponseIn {
    pub candidates: Option<Vec<CandidateIn>>,
    pub prompt_feedback: Option<PromptFeedbackIn>,
    pub usage_metadata: Option<Json>,
    pub model_version: Option<String>,
    pub response_id: Option<String>,
    pub create_time: Option<String>,
    pub error: Option<Json>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PromptFeedbackIn {
    pub block_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CandidateIn {
    pub index: Option<u64>,
    pub content: Option<ContentIn>,
    pub finish_reason: Option<String>,
    pub finish_message: Option<String>,
    pub grounding_metadata: Option<Json>,
    pub citation_metadata: Option<Json>,
    pub logprobs_result: Option<Json>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ContentIn {
    pub parts: Option<Vec<PartIn>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PartIn {
    pub text: Option<Piece>,
    pub thought: Option<bool>,
    pub thought_signature: Option<String>,
    pub inline_data: Option<BlobIn>,
    pub file_data: Option<FileDataIn>,
    pub function_call: Option<FunctionCallIn>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BlobIn {
    pub mime_type: String,
    pub data: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FileDataIn {
    pub mime_type: Option<String>,
    pub file_uri: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FunctionCallIn {
    pub id: Option<String>,
    pub name: String,
    pub args: Option<Json>,
    /// Pieces of arguments, see [`super::partial_args`].
    pub partial_args: Option<Vec<Json>>,
    /// Whether more pieces follow.
    pub will_continue: Option<bool>,
}

/// A turn.
#[derive(Serialize)]
pub(super) struct ContentOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    pub parts: Vec<PartOut<'a>>,
}

/// A part to be encoded.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_false")]
    pub thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_data: Option<BlobOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_data: Option<FileDataOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_response: Option<FunctionResponseOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thought_signature: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlobOut<'a> {
    pub mime_type: Cow<'a, str>,
    pub data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileDataOut<'a> {
    pub mime_type: Cow<'a, str>,
    pub file_uri: Cow<'a, str>,
}

#[derive(Serialize)]
pub(super) struct FunctionCallOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    pub name: &'a str,
    pub args: Json,
}

#[derive(Serialize)]
pub(super) struct FunctionResponseOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    pub name: Cow<'a, str>,
    pub response: Json,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartOut<'a>>,
}

/// An answer to be encoded, or a chunk of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseOut<'a> {
    pub candidates: Vec<CandidateOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_metadata: Option<UsageOut>,
    pub model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
    pub response_id: &'a str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct CandidateOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<&'a str>,
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation_metadata: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grounding_metadata: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs_result: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageOut {
    pub prompt_token_count: u64,
    pub candidates_token_count: u64,
    pub total_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_content_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub thoughts_token_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_tokens_details: Vec<ModalityCount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates_tokens_details: Vec<ModalityCount>,
}

/// Tokens of one modality.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModalityCount {
    #[serde(default)]
    pub modality: Cow<'static, str>,
    #[serde(default)]
    pub token_count: u64,
}

/// A request to be encoded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestOut<'a> {
    pub contents: Vec<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_instruction: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_config: Option<ToolConfigOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation_config: Option<GenerationConfigOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_settings: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'a str>,
}

/// One entry of `tools`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ToolOut<'a> {
    Functions {
        #[serde(rename = "functionDeclarations")]
        declarations: Vec<FunctionOut<'a>>,
    },
    Native(Json),
}

#[derive(Serialize)]
pub(super) struct FunctionOut<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Node>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfigOut<'a> {
    pub function_calling_config: FunctionCallingOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionCallingOut<'a> {
    pub mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_function_names: Vec<&'a str>,
}

/// `generationConfig`, in the order of its documentation.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfigOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_sequences: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_mime_type: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_schema: Option<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_modalities: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_config: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_config: Option<ThinkingOut<'a>>,
    #[serde(flatten)]
    pub own: std::collections::BTreeMap<&'a str, serde_json::Value>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_thoughts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_budget: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Decodes an answer or a chunk of one.
pub(super) fn read_response(data: &[u8]) -> Result<ResponseIn, serde_json::Error> {
    if data.trim_ascii_start().first() == Some(&b'[') {
        // An array would be accepted as an object with its fields in order.
        return Err(serde::de::Error::custom("an array is no answer"));
    }
    lenient::read(data, &Spare::default())
}

/// JSON text without white space between its tokens. The service indents unstreamed answers; the layout of a call's
/// arguments is not part of what the model wrote.
pub(super) fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            if in_string {
                in_string = escaped || *character != '"';
                escaped = !escaped && *character == '\\';
                return true;
            }
            in_string = *character == '"';
            !character.is_ascii_whitespace()
        })
        .collect()
}

/// A value as JSON on one line. Carried JSON keeps its line breaks, which are only between tokens (a string cannot
/// contain one), and a line break would split an event of a stream.
pub(super) fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    for byte in &mut bytes {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_space_between_tokens_goes() {
        for (json, compacted) in [
            ("{\n  \"a b\" : [ 1.50 ,\t\"x \\\" y\" ]\r\n}", r#"{"a b":[1.50,"x \" y"]}"#),
            (r#"{"a":"\\" , "b" : "" }"#, r#"{"a":"\\","b":""}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(compact(json), compacted);
        }
    }
}
