//! Encodes an answer for the caller.

use std::borrow::Cow;

use super::wire::{
    AnnotationOut, AudioOut, BlockOut, CallOut, CalledOut, ChoiceOut, CompletionDetailsOut, ExtraContent,
    Field, PictureOut, PromptDetailsOut, ReplyOut, SaidOut, UrlCitation, UsageOut, json,
};
use crate::dialect::canonical::{
    ChatResponse, Choice, Citation, FinishReason, Json, Media, Part, ReplyContext, openai_tier,
};
use crate::tokens::TokenUsage;

/// Encodes an answer. `as_function`: the caller expects the old `function_call`.
pub(super) fn encode(response: &ChatResponse, context: &ReplyContext, as_function: bool) -> Vec<u8> {
    // Clients access the first choice without checking that there is one.
    let silent = [Choice::default()];
    let choices = if response.choices.is_empty() { silent.as_slice() } else { response.choices.as_slice() };
    let created = response.created.unwrap_or(context.created);
    json(&ReplyOut {
        id: match &response.id {
            Some(id) => Cow::Borrowed(id.as_str()),
            None => Cow::Owned(format!("chatcmpl-{}", context.unique)),
        },
        object: "chat.completion",
        created,
        model: response.model.as_deref().unwrap_or(&context.model),
        choices: choices
            .iter()
            .enumerate()
            .map(|(index, choice)| ChoiceOut {
                index,
                message: message(choice, created, context, as_function),
                logprobs: choice.logprobs.as_ref(),
                finish_reason: finish_word(choice.finish.as_ref(), has_refusal(choice), as_function),
            })
            .collect(),
        usage: response.usage.as_ref().map(|usage| Field::Is(usage_out(usage))),
        service_tier: response.service_tier.as_deref().and_then(openai_tier),
        system_fingerprint: response.system_fingerprint.as_deref(),
    })
}

fn has_refusal(choice: &Choice) -> bool {
    choice.parts.iter().any(|part| matches!(part, Part::Refusal { .. }))
}

fn message<'a>(choice: &'a Choice, created: u64, context: &ReplyContext, as_function: bool) -> SaidOut<'a> {
    let mut said = SaidOut { role: Some("assistant"), refusal: Some(Field::Null), ..SaidOut::default() };
    let mut words = String::new();
    let mut refusal: Option<String> = None;
    let mut length = 0;
    for part in &choice.parts {
        match part {
            Part::Text { text, citations, .. } => {
                words.push_str(text);
                let end = length + count_characters(text);
                let span = (length, end);
                said.annotations.extend(citations.iter().filter_map(|citation| annotation(citation, span)));
                length = end;
            }
            Part::Thinking { text, signature } => {
                if !text.is_empty() {
                    said.reasoning_content.get_or_insert_default().to_mut().push_str(text);
                }
                if !text.is_empty() || signature.is_some() {
                    said.thinking_blocks.push(BlockOut::Thinking {
                        index: None,
                        thinking: Some(text),
                        signature: signature.as_deref(),
                    });
                }
            }
            Part::RedactedThinking { data } => {
                said.thinking_blocks.push(BlockOut::RedactedThinking { index: None, data: data.into() });
            }
            Part::ProviderBlock { origin, block } => {
                let data = origin.seal(block).into();
                said.thinking_blocks.push(BlockOut::RedactedThinking { index: None, data });
            }
            Part::Refusal { text } => refusal.get_or_insert_default().push_str(text),
            Part::ToolCall { name, arguments, .. } if as_function => {
                // The old form has one call only.
                let call = CalledOut { name: Some(name), arguments: Some(arguments.into()) };
                said.function_call.get_or_insert(call);
            }
            Part::ToolCall { id, name, arguments, signature, .. } => said.tool_calls.push(CallOut {
                id: Some(id),
                r#type: Some("function"),
                function: Some(CalledOut { name: Some(name), arguments: Some(arguments.into()) }),
                extra_content: signature.as_deref().map(ExtraContent::signature),
                ..CallOut::default()
            }),
            Part::Image { media, detail, .. } => {
                let picture = |url| PictureOut::new(None, url, detail.as_deref());
                said.images.extend(media.to_url().map(picture));
            }
            Part::Audio { media: Media::Base64 { data, .. } } => {
                said.audio = Some(AudioOut {
                    id: Some(format!("audio_{}", context.unique)),
                    data,
                    // The recording is not stored, so its id cannot be referred to.
                    expires_at: Some(created),
                    transcript: None,
                });
            }
            Part::Audio { .. } | Part::File { .. } | Part::ToolResult { .. } => {}
        }
    }
    if let Some(refusal) = refusal {
        said.refusal = Some(Field::Is(refusal.into()));
    }
    said.content = Some(match &mut said.audio {
        Some(audio) if is_speech(&choice.parts) => {
            audio.transcript = Some(words);
            Field::Null
        }
        Some(audio) => {
            audio.transcript = Some(String::new());
            Field::Is(Cow::Owned(words))
        }
        None if words.is_empty() && says_otherwise(&choice.parts) => Field::Null,
        None => Field::Is(Cow::Owned(words)),
    });
    said
}

/// Whether the answer is speech: a recording, and at most one text, which is its transcript.
fn is_speech(parts: &[Part]) -> bool {
    let mut said = parts.iter().filter(|part| !matches!(part, Part::Thinking { .. }));
    matches!(
        (said.next(), said.next(), said.next()),
        (Some(Part::Audio { .. }), None, None) | (Some(Part::Text { .. }), Some(Part::Audio { .. }), None)
    )
}

/// Whether the answer contains anything other than text.
fn says_otherwise(parts: &[Part]) -> bool {
    parts.iter().any(|part| !matches!(part, Part::Text { .. }))
}

pub(super) fn count_characters(text: &str) -> u64 {
    text.chars().count() as u64
}

/// A citation in this dialect, which knows only addresses: a document gets one that leads nowhere. `text` is the range of its text part in the answer,
/// for citations without a range.
pub(super) fn annotation(citation: &Citation, text: (u64, u64)) -> Option<AnnotationOut<'_>> {
    let original = citation.original.as_ref().filter(|original| is_annotation(original));
    if let (None, Some(original)) = (&citation.url, original) {
        return Some(AnnotationOut::Original(Cow::Borrowed(original)));
    }
    let url = citation.address()?;
    let name = || citation.name().filter(|_| citation.url.is_none());
    let title = citation.title.clone().or_else(name).unwrap_or_else(|| url.clone());
    let (start_index, end_index) = citation.span.unwrap_or(text);
    let content = citation.cited_text.as_deref();
    let url_citation = UrlCitation { url, title, start_index, end_index, content };
    Some(AnnotationOut::Url { index: None, r#type: "url_citation", url_citation })
}

/// Annotations of this dialect have their content in a field named after their type.
fn is_annotation(original: &Json) -> bool {
    let value = original.to_value();
    value.get("type").and_then(|kind| value.get(kind.as_str()?)).is_some_and(serde_json::Value::is_object)
}

/// Encodes a finish reason. Clients know only these values.
pub(in crate::dialect::openai) fn finish_word(
    reason: Option<&FinishReason>,
    has_refusal: bool,
    as_function: bool,
) -> &'static str {
    match reason {
        Some(FinishReason::Length) => "length",
        Some(FinishReason::ToolCalls) if as_function => "function_call",
        Some(FinishReason::ToolCalls) => "tool_calls",
        Some(FinishReason::ContentFilter) => "content_filter",
        // A refusal in the model's own text is a normal stop; a truncated one was filtered.
        Some(FinishReason::Refusal) if !has_refusal => "content_filter",
        _ => "stop",
    }
}

/// The usage object.
pub(in crate::dialect::openai) fn usage_out(usage: &TokenUsage) -> UsageOut {
    UsageOut {
        prompt_tokens: usage.prompt,
        completion_tokens: usage.completion,
        total_tokens: usage.total(),
        prompt_tokens_details: PromptDetailsOut {
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_written,
            audio_tokens: usage.audio_prompt,
        },
        completion_tokens_details: CompletionDetailsOut {
            reasoning_tokens: usage.reasoning,
            audio_tokens: usage.audio_completion,
            accepted_prediction_tokens: 0,
            rejected_prediction_tokens: 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn context() -> ReplyContext {
        ReplyContext { unique: "u1".into(), created: 7, model: "m".into() }
    }

    fn written(response: &ChatResponse) -> Value {
        serde_json::from_slice(&encode(response, &context(), false)).unwrap()
    }

    fn of(parts: Vec<Part>, finish: FinishReason) -> ChatResponse {
        let choices = vec![Choice { parts, finish: Some(finish), logprobs: None }];
        ChatResponse { choices, ..ChatResponse::default() }
    }

    #[test]
    fn what_the_upstream_did_not_say_is_supplied() {
        assert_eq!(
            written(&of(vec![Part::text("a"), Part::text("b")], FinishReason::StopSequence(None))),
            json!({"id":"chatcmpl-u1","object":"chat.completion","created":7,"model":"m","choices":[{
                "index":0,"message":{"role":"assistant","content":"ab","refusal":null},
                "logprobs":null,"finish_reason":"stop"}]})
        );
        let empty = written(&ChatResponse::default());
        assert_eq!(empty["choices"][0]["message"]["content"], "");
    }

    #[test]
    fn thoughts_calls_refusals_and_pictures() {
        let response = of(
            vec![
                Part::Thinking { text: "hm".into(), signature: Some("s".into()) },
                Part::RedactedThinking { data: "d".into() },
                Part::ToolCall {
                    id: "c".into(),
                    name: "f".into(),
                    arguments: "{}".into(),
                    signature: Some("g".into()),
                    cache: None,
                },
                Part::Image {
                    media: Media::from_url("data:image/png;base64,AAAA"),
                    detail: None,
                    cache: None,
                },
            ],
            FinishReason::ToolCalls,
        );
        let body = written(&response);
        assert_eq!(
            body["choices"][0]["message"],
            json!({"role":"assistant","content":null,"refusal":null,"reasoning_content":"hm",
                "thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"d"}],
                "images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}],
                "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},
                    "extra_content":{"google":{"thought_signature":"g"}}}]})
        );
        let old: Value = serde_json::from_slice(&encode(&response, &context(), true)).unwrap();
        assert_eq!(old["choices"][0]["message"]["function_call"], json!({"name":"f","arguments":"{}"}));
        assert_eq!(old["choices"][0]["finish_reason"], "function_call");
        let refused = written(&of(vec![Part::Refusal { text: "no".into() }], FinishReason::Refusal));
        assert_eq!(refused["choices"][0]["message"]["refusal"], "no");
        assert_eq!(refused["choices"][0]["finish_reason"], "stop");
        let cut = written(&of(vec![], FinishReason::Refusal));
        assert_eq!(cut["choices"][0]["finish_reason"], "content_filter");
    }

    #[test]
    fn sources_stand_where_their_text_stands() {
        let source = |url: Option<&str>, original: Option<Json>| Citation {
            url: url.map(Into::into),
            title: None,
            cited_text: Some("words".into()),
            span: None,
            original,
            ..Citation::default()
        };
        let foreign = Json::of(&json!({"type":"page_location","document_index":0}));
        let own = Json::of(&json!({"type":"file","file":{"hash":"x"}}));
        let citations = vec![source(Some("u"), None), source(None, Some(foreign)), source(None, Some(own))];
        let parts = vec![Part::text("né"), Part::Text { text: "x".into(), citations, cache: None }];
        assert_eq!(
            written(&of(parts, FinishReason::Stop))["choices"][0]["message"]["annotations"],
            json!([
                {"type":"url_citation","url_citation":{"url":"u","title":"u","start_index":2,"end_index":3,"content":"words"}},
                {"type":"url_citation","url_citation":
                    {"url":"document:Document","title":"Document","start_index":2,"end_index":3,"content":"words"}},
                {"type":"file","file":{"hash":"x"}},
            ])
        );
    }

    #[test]
    fn speech_and_usage() {
        let mut response = of(
            vec![
                Part::text("hi"),
                Part::Audio { media: Media::Base64 { media_type: "audio/wav".into(), data: "AA".into() } },
            ],
            FinishReason::Stop,
        );
        let usage =
            TokenUsage { prompt: 9, completion: 4, cached: 2, cache_written: 3, ..TokenUsage::default() };
        response.usage = Some(usage);
        let body = written(&response);
        let message = &body["choices"][0]["message"];
        assert_eq!((&message["content"], &message["audio"]["transcript"]), (&Value::Null, &json!("hi")));
        assert_eq!(
            (&body["usage"]["total_tokens"], &body["usage"]["prompt_tokens_details"]["cache_write_tokens"]),
            (&json!(13), &json!(3))
        );
    }
}
