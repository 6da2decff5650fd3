//! The JSON of the dialect for encoding: requests, answers and chunks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::dialect::canonical::{CacheControl, Json};

/// A request.
#[derive(Serialize, Default)]
pub(super) struct RequestOut<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub model: &'a str,
    pub messages: Vec<MessageOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<FormatOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit_bias: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modalities: Option<[&'static str; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    pub extra: BTreeMap<&'a str, &'a Json>,
}

#[derive(Serialize)]
pub(super) struct StreamOptions {
    pub include_usage: bool,
}

/// A message of a request.
#[derive(Serialize, Default)]
pub(super) struct MessageOut<'a> {
    pub role: &'static str,
    pub content: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thinking_blocks: Vec<BlockOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<IdOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<&'a str>,
    /// Mistral's mark of an answer that is to be continued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct IdOut<'a> {
    pub id: &'a str,
}

/// The content of a message.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ContentOut<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<PartOut<'a>>),
}

/// A part of the content of a message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum PartOut<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheOut<'a>>,
    },
    ImageUrl {
        image_url: ImageOut<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheOut<'a>>,
    },
    InputAudio {
        input_audio: AudioIn<'a>,
    },
    File {
        file: FileOut<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheOut<'a>>,
    },
}

#[derive(Serialize)]
pub(super) struct ImageOut<'a> {
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct AudioIn<'a> {
    pub data: &'a str,
    pub format: &'a str,
}

#[derive(Serialize, Default)]
pub(super) struct FileOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<&'a str>,
}

/// A cache mark.
#[derive(Serialize)]
pub(super) struct CacheOut<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'a str>,
}

impl<'a> CacheOut<'a> {
    pub fn of(cache: &'a CacheControl) -> Self {
        Self { r#type: "ephemeral", ttl: cache.ttl.as_deref() }
    }
}

/// A tool.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ToolOut<'a> {
    Function {
        r#type: &'static str,
        function: FunctionOut<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheOut<'a>>,
    },
    Native(Cow<'a, Json>),
}

#[derive(Serialize)]
pub(super) struct FunctionOut<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub parameters: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// The response format.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FormatOut<'a> {
    Text,
    JsonObject,
    JsonSchema { json_schema: SchemaOut<'a> },
}

#[derive(Serialize)]
pub(super) struct SchemaOut<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub schema: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// A tool call of a request, an answer or a delta; a delta has some of the fields only.
#[derive(Serialize, Default)]
pub(super) struct CallOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<CalledOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomCallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_content: Option<ExtraContent<'a>>,
}

/// The function that is called.
#[derive(Serialize, Default)]
pub(super) struct CalledOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct CustomCallOut<'a> {
    pub name: &'a str,
    pub input: &'a str,
}

/// The signature of a call in Gemini's compatible API.
#[derive(Serialize)]
pub(super) struct ExtraContent<'a> {
    google: GoogleContent<'a>,
}

#[derive(Serialize)]
struct GoogleContent<'a> {
    thought_signature: &'a str,
}

impl<'a> ExtraContent<'a> {
    pub fn signature(signature: &'a str) -> Self {
        Self { google: GoogleContent { thought_signature: signature } }
    }
}

/// A thinking block. Deltas have `index`, by which clients assemble them.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockOut<'a> {
    Thinking {
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thinking: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    RedactedThinking {
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<usize>,
        data: Cow<'a, str>,
    },
}

/// A field that is always present; `None` of an `Option` around it leaves it out.
#[derive(Serialize, Clone, Copy)]
#[serde(untagged)]
pub(in crate::dialect::openai) enum Field<T> {
    Null,
    Is(T),
}

/// An answer or a chunk of one.
#[derive(Serialize)]
pub(in crate::dialect::openai) struct ReplyOut<'a, C> {
    pub id: Cow<'a, str>,
    pub object: &'static str,
    pub created: u64,
    pub model: &'a str,
    pub choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Field<UsageOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<&'a str>,
}

/// A choice of an answer.
#[derive(Serialize)]
pub(super) struct ChoiceOut<'a> {
    pub index: usize,
    pub message: SaidOut<'a>,
    pub logprobs: Option<&'a Json>,
    pub finish_reason: &'static str,
}

/// A choice of a chunk.
#[derive(Serialize)]
pub(super) struct DeltaChoiceOut<'a> {
    pub index: usize,
    pub delta: SaidOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<&'a Json>,
    pub finish_reason: Option<&'static str>,
}

/// A message or a delta.
#[derive(Serialize, Default)]
pub(super) struct SaidOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Field<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Field<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thinking_blocks: Vec<BlockOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<AnnotationOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PictureOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<CalledOut<'a>>,
}

/// An image in an answer. Deltas have `index`, by which clients assemble them.
#[derive(Serialize)]
pub(super) struct PictureOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    pub r#type: &'static str,
    pub image_url: ImageOut<'a>,
}

impl<'a> PictureOut<'a> {
    pub fn new(index: Option<usize>, url: String, detail: Option<&'a str>) -> Self {
        Self { index, r#type: "image_url", image_url: ImageOut { url, detail } }
    }
}

/// Speech in an answer. Of several deltas only the first has the id and the time, because clients add them up.
#[derive(Serialize, Default)]
pub(super) struct AudioOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
}

/// A citation. Deltas have `index`, by which clients assemble them.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AnnotationOut<'a> {
    Url {
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<usize>,
        r#type: &'static str,
        url_citation: UrlCitation<'a>,
    },
    Original(Cow<'a, Json>),
}

impl AnnotationOut<'_> {
    /// The same in a delta.
    pub fn at(self, place: usize) -> Self {
        match self {
            Self::Url { r#type, url_citation, .. } => Self::Url { index: Some(place), r#type, url_citation },
            Self::Original(original) => {
                let mut value = original.to_value();
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("index".to_owned(), place.into());
                }
                Self::Original(Cow::Owned(Json::of(&value)))
            }
        }
    }
}

#[derive(Serialize)]
pub(super) struct UrlCitation<'a> {
    pub url: String,
    pub title: String,
    pub start_index: u64,
    pub end_index: u64,
    /// The cited text; `OpenRouter` has this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
}

/// Tokens used.
#[derive(Serialize, Clone, Copy)]
pub(in crate::dialect::openai) struct UsageOut {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    pub prompt_tokens_details: PromptDetailsOut,
    pub completion_tokens_details: CompletionDetailsOut,
}

#[derive(Serialize, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire format")]
pub(in crate::dialect::openai) struct PromptDetailsOut {
    pub cached_tokens: u64,
    pub cache_write_tokens: u64,
    pub audio_tokens: u64,
}

#[derive(Serialize, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the wire format")]
pub(in crate::dialect::openai) struct CompletionDetailsOut {
    pub reasoning_tokens: u64,
    pub audio_tokens: u64,
    pub accepted_prediction_tokens: u64,
    pub rejected_prediction_tokens: u64,
}

/// Serialises a value. This cannot fail: no map has keys that are not strings.
pub(in crate::dialect::openai) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
