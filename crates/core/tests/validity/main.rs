//! Histories in any order, from callers of every dialect, are valid for every service, and nothing said in them is lost
//! without being named.
//!
//! The rules of each service are stated here on their own, in the words of its errors, and know nothing of the encoders.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot read its input has failed"
)]

mod anthropic;
mod bedrock;
mod callers;
mod cohere;
mod dashscope;
mod dify;
mod gemini;
mod histories;
mod openai;
mod responses;
mod rules;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ChatRequest, UpstreamCodec};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use proptest::prelude::*;
use serde_json::Value;

use callers::Pen;
use histories::{History, history};

/// Everything that a service would refuse in a request for the model.
type Checker = fn(&Value, &str) -> Vec<String>;

const TARGETS: &[(ProviderKind, &str, Checker)] = &[
    (ProviderKind::Openai, "gpt-4o", |body, _| openai::faults(body, true)),
    (ProviderKind::Openai, "gpt-5.1", |body, _| openai::faults(body, true)),
    (ProviderKind::Openai, "llama-3.3-70b", |body, _| openai::faults(body, false)),
    (ProviderKind::Openai, "mistral-large-latest", |body, _| openai::faults_of_mistral(body)),
    (ProviderKind::Openai, "deepseek-v4-flash", |body, _| openai::faults_of_deepseek(body)),
    (ProviderKind::AzureOpenai, "gpt-4o", |body, _| openai::faults(body, true)),
    (ProviderKind::WorkersAi, "@cf/meta/llama-4", |body, _| openai::faults(body, false)),
    (ProviderKind::Anthropic, "claude-3-5-haiku-latest", |body, _| anthropic::faults(body)),
    (ProviderKind::Anthropic, "claude-sonnet-4-5", |body, _| anthropic::faults(body)),
    (ProviderKind::Anthropic, "claude-opus-4-7", |body, _| anthropic::faults(body)),
    (ProviderKind::Bedrock, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", bedrock::faults),
    (ProviderKind::Bedrock, "amazon.nova-lite-v1:0", bedrock::faults),
    (ProviderKind::Bedrock, "us.meta.llama4-maverick-17b-instruct-v1:0", bedrock::faults),
    (ProviderKind::Cohere, "command-a-03-2025", |body, _| cohere::faults(body)),
    (ProviderKind::Gemini, "gemini-2.5-flash", gemini::faults),
    (ProviderKind::Gemini, "gemini-3-pro-preview", gemini::faults),
    (ProviderKind::Vertex, "gemini-2.5-flash", gemini::faults),
    (ProviderKind::Vertex, "gemini-3-pro-preview", gemini::faults),
    (ProviderKind::Dashscope, "qwen-plus", |body, _| dashscope::faults(body)),
    (ProviderKind::Dashscope, "qwen-vl-plus", |body, _| dashscope::faults(body)),
    (ProviderKind::Dify, "app", |body, _| dify::faults(body)),
];

/// What is wrong with the requests that this one becomes.
fn wrongs(caller: CallerDialect, body: &Value, words: &[String]) -> Vec<String> {
    let request = match registry::caller(caller).decode_request(body.to_string().as_bytes()) {
        Ok(request) => request,
        // A conversation in which nothing is said is the caller's own mistake.
        Err(error) if error.status == 400 && words.is_empty() => return Vec::new(),
        Err(error) => return vec![format!("refused: {error:?}")],
    };
    let of_kinds = TARGETS.iter().filter_map(|(kind, model, check)| {
        let codec = kind.codec(Quirks::NONE);
        // An app gets its question as one text, and a message that has no place in it is named as a whole.
        let names_messages = *kind == ProviderKind::Dify;
        wrong(codec.as_ref(), &request, model, *check, words, names_messages)
    });
    let responses = registry::upstream(CallerDialect::OpenaiResponses);
    let check: Checker = |body, _| responses::faults(body);
    of_kinds.chain(wrong(responses.as_ref(), &request, "gpt-5.1", check, words, false)).collect()
}

/// What is wrong with the request as this upstream gets it.
fn wrong(
    codec: &dyn UpstreamCodec,
    request: &ChatRequest,
    model: &str,
    check: Checker,
    words: &[String],
    names_messages: bool,
) -> Option<String> {
    let encoded = codec.encode_request(request, model);
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let faults = check(&sent, model);
    let text = sent.to_string();
    let lost: Vec<&String> = words.iter().filter(|word| !text.contains(word.as_str())).collect();
    let is_of_message =
        |name: &&String| ["messages[", "input[", "contents["].iter().any(|list| name.starts_with(list));
    let named = encoded.dropped.iter().filter(is_of_message).count();
    let is_lost = if names_messages { named == 0 && !lost.is_empty() } else { lost.len() > named };
    let lost = if is_lost { format!("lost {lost:?}, named {:?}", encoded.dropped) } else { String::new() };
    (is_lost || !faults.is_empty()).then(|| format!("{model}: {faults:?} {lost}\n{sent}"))
}

fn check(
    caller: CallerDialect,
    write: fn(&History, &mut Pen) -> Value,
    history: &History,
) -> Result<(), TestCaseError> {
    let mut pen = Pen::new(history);
    let body = write(history, &mut pen);
    let wrongs = wrongs(caller, &body, &pen.words);
    prop_assert!(wrongs.is_empty(), "{body}\n{}", wrongs.join("\n"));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories_of_chat_completions(history in history()) {
        check(CallerDialect::OpenaiChat, callers::chat, &history)?;
    }

    #[test]
    fn histories_of_messages(history in history()) {
        check(CallerDialect::Anthropic, callers::messages, &history)?;
    }

    #[test]
    fn histories_of_responses(history in history()) {
        check(CallerDialect::OpenaiResponses, callers::responses, &history)?;
    }

    #[test]
    fn histories_of_gemini(history in history()) {
        check(CallerDialect::Gemini, callers::gemini, &history)?;
    }
}
