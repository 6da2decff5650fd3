//! What the names of fields mean, wherever they stand.

use super::kind::Kind;
use crate::dialect::caller::CallerDialect;

/// What the value of a field may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing particular; the fields within have rules of their own.
    Walk,
    /// Data of the caller, in which no service looks for ids.
    Data,
    /// The same if the object is a call of a tool.
    DataOfCall,
    /// An id, or a list of ids.
    Id(Kind),
    /// An id, or an object whose `id` is one.
    Named(Kind),
    /// An object whose `id` is an id.
    Object(Kind),
    /// Something that is not the caller's if it is set at all.
    Any(Kind),
    /// The address of a file.
    Url,
    /// The address of a file, or its name in the Files API.
    FileUri,
}

/// The rule of a field. `is_top`: it is a field of the request itself.
pub(super) fn of(name: &str, is_top: bool, caller_dialect: CallerDialect) -> Rule {
    match name {
        "parameters"
        | "input_schema"
        | "inputSchema"
        | "json_schema"
        | "schema"
        | "responseSchema"
        | "response_schema"
        | "responseJsonSchema"
        | "response_json_schema"
        | "parametersJsonSchema"
        | "parameters_json_schema"
        | "metadata"
        | "logit_bias" => Rule::Data,
        "args" | "response" if caller_dialect == CallerDialect::Gemini && !is_top => Rule::Data,
        "input" if !is_top => Rule::DataOfCall,
        "file_id" | "file_ids" | "upload_file_id" | "rag_file_ids" | "ragFileIds" => Rule::Id(Kind::File),
        "container" => Rule::Named(Kind::Container),
        "container_id" | "container_ids" => Rule::Id(Kind::Container),
        "vector_store_id"
        | "vector_store_ids"
        | "collection_ids"
        | "library_ids"
        | "knowledge_id"
        | "knowledge_ids"
        | "fileSearchStoreNames"
        | "file_search_store_names"
        | "datastore"
        | "ragCorpus"
        | "rag_corpus" => Rule::Id(Kind::Store),
        "data_sources" if is_top => Rule::Any(Kind::Store),
        "skill_id" | "skill_ids" => Rule::Id(Kind::Skill),
        "connector_id" => Rule::Id(Kind::Connector),
        "approval_request_id" => Rule::Id(Kind::Item),
        "cachedContent" | "cached_content" | "cache_id" => Rule::Id(Kind::Cache),
        "prompt" if is_top => Rule::Object(Kind::Prompt),
        "prompt_id" if is_top => Rule::Id(Kind::Prompt),
        "conversation" if is_top => Rule::Named(Kind::Conversation),
        "conversation_id" | "thread_id" | "assistant_id" | "agent_id" if is_top => {
            Rule::Id(Kind::Conversation)
        }
        // In the Responses API, the gateway knows whose it is.
        "previous_response_id" if is_top && caller_dialect != CallerDialect::OpenaiResponses => {
            Rule::Id(Kind::Response)
        }
        "audio" if !is_top => Rule::Object(Kind::Audio),
        "voice" => Rule::Object(Kind::Voice),
        "url" | "uri" | "image_url" | "file_url" | "video_url" | "audio_url" | "image_uri" | "gcs_uri"
        | "gcsUri" | "s3_uri" | "s3Uri" | "image" | "video" | "file_data" => Rule::Url,
        "fileUri" | "file_uri" => Rule::FileUri,
        _ => Rule::Walk,
    }
}

/// Whether an address is one of the provider's cloud: it has a scheme, and it is none by which anybody reaches it.
pub(super) fn is_storage(address: &str) -> bool {
    let address = address.trim_start();
    let scheme = address.split(':').next().unwrap_or_default();
    let has_scheme = scheme.len() < address.len()
        && scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    has_scheme && !["http", "https", "data"].iter().any(|open| scheme.eq_ignore_ascii_case(open))
}

/// Whether the `fileUri` of a Gemini part names something of the account: a file of the Files API, by its address or its
/// name, or a stored object.
pub(super) fn is_file_of_account(uri: &str) -> bool {
    let uri = uri.trim();
    let lower = uri.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) else {
        // `data:` is no address of a file in any account.
        return !uri.is_empty() && !lower.starts_with("data:");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let is_of_api = host == "googleapis.com" || host.ends_with(".googleapis.com");
    // Public objects of Google's storage have addresses there, too; only what needs credentials is of the account.
    is_of_api && host != "storage.googleapis.com"
}

/// Whether a skill comes with the service and belongs to no account.
pub(super) fn is_public_skill(id: &str, kind: Option<&str>) -> bool {
    kind == Some("anthropic") || id.starts_with("openai-")
}
