//! Decodes an upstream's unstreamed answer.

use serde_json::value::RawValue;

use super::answer::{self, Piece, Said};
use super::error;
use super::lenient::{integer, items, object, object_at, text};
use crate::dialect::canonical::{ChatResponse, Choice, ErrorInfo, Json, Media, Part};
use crate::dialect::openai::usage::Sources;
use crate::dialect::upstream::usage::Tally;
use crate::dialect::upstream::{is_call, seconds};
use crate::json::lenient::{self, Object, Spare, settled};
use crate::tokens::TokenUsage;

/// Decodes an answer. `odd_replies`: its text may be a top-level field.
pub(super) fn decode(body: &[u8], odd_replies: bool) -> Result<ChatResponse, ErrorInfo> {
    let spare = Spare::default();
    let reply = lenient::object(body, &spare)
        .map_err(|error| ErrorInfo::unreadable(format!("the answer is not a JSON object: {error}")))?;
    if error::is_error(&reply) {
        return Err(error::in_stream(body));
    }
    let mut response = head(&reply);
    if let Some(choices) = reply.get_set("choices") {
        let choices: Vec<Object<'_>> = items(choices).into_iter().filter_map(object).collect();
        if let Some(error) = choices.iter().find_map(error::of_choice) {
            return Err(error);
        }
        response.usage = counted(&reply, choices.iter().find_map(|choice| choice.get_set("usage")));
        response.choices = choices
            .iter()
            .enumerate()
            .map(|(position, choice)| read_choice(choice, position, response.id.as_deref()))
            .collect();
    } else if let Some(said) = odd_replies.then(|| answer::odd(&reply)).flatten() {
        response.choices = vec![choice_of(said, &reply, None, 0)];
    }
    if response.choices.is_empty() {
        return Err(ErrorInfo::unreadable("the answer has no choices"));
    }
    add_bare_citations(&mut response, &reply);
    Ok(response)
}

/// Fields of an answer besides its choices.
fn head(reply: &Object<'_>) -> ChatResponse {
    ChatResponse {
        id: text(reply, "id"),
        created: integer(reply, "created").and_then(seconds),
        model: text(reply, "model"),
        choices: Vec::new(),
        usage: counted(reply, None),
        service_tier: text(reply, "service_tier"),
        system_fingerprint: text(reply, "system_fingerprint"),
    }
}

/// The usage, of which a choice may have the counts.
fn counted(reply: &Object<'_>, choice: Option<&RawValue>) -> Option<TokenUsage> {
    let mut tally = Tally::default();
    let sources = Sources {
        usage: reply.get_set("usage"),
        groq: reply.get_set("x_groq"),
        choice,
        service_tier: reply.get_set("service_tier"),
    };
    sources.add_to(&mut tally);
    tally.usage()
}

fn read_choice(choice: &Object<'_>, position: usize, reply: Option<&str>) -> Choice {
    let said = match object_at(choice, "message").or_else(|| object_at(choice, "delta")) {
        Some(message) => answer::read(&message),
        // Services with only the legacy completions have the text here.
        None => {
            Said { pieces: text(choice, "text").map(Piece::Text).into_iter().collect(), ..Said::default() }
        }
    };
    choice_of(said, choice, reply, position)
}

fn choice_of(said: Said, choice: &Object<'_>, reply: Option<&str>, position: usize) -> Choice {
    let mut parts: Vec<Part> = Vec::with_capacity(said.pieces.len() + said.calls.len());
    let mut citations = said.citations;
    for piece in said.pieces {
        parts.push(match piece {
            Piece::Text(text) => {
                Part::Text { text: settled(text), citations: std::mem::take(&mut citations), cache: None }
            }
            Piece::Thinking { text, signature, .. } => Part::Thinking { text: settled(text), signature },
            Piece::Redacted(data) => Part::RedactedThinking { data },
            Piece::Refusal(text) => Part::Refusal { text: settled(text) },
            Piece::Image(media) => Part::Image { media, detail: None, cache: None },
            Piece::Audio(media) => Part::Audio { media },
        });
    }
    if let Some(data) = said.audio {
        let media_type = answer::audio_type(&data).to_owned();
        parts.push(Part::Audio { media: Media::Base64 { media_type, data } });
    }
    let calls = said.calls.into_iter().filter(|call| is_call(call.name.as_deref(), &call.arguments));
    let calls: Vec<_> = calls.collect();
    let has_calls = !calls.is_empty();
    for call in calls {
        let id = call.id.unwrap_or_else(|| answer::call_id(reply, position, parts.len()));
        parts.push(Part::ToolCall {
            id,
            name: call.name.unwrap_or_default(),
            arguments: lenient::clean_text(settled(call.arguments)),
            signature: call.signature,
            cache: None,
        });
    }
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal { .. }));
    Choice {
        finish: answer::settled(answer::finish(choice), has_calls, refused, !parts.is_empty()),
        logprobs: choice.get_set("logprobs").map(Json::answered),
        parts,
    }
}

/// Adds citations that are listed at the top level to the first text, unless it has its own.
fn add_bare_citations(response: &mut ChatResponse, reply: &Object<'_>) {
    let found = response.choices.first_mut().and_then(|choice| {
        choice.parts.iter_mut().find_map(|part| match part {
            Part::Text { citations, .. } => Some(citations),
            _ => None,
        })
    });
    if let Some(citations) = found
        && citations.is_empty()
    {
        *citations = answer::bare_citations(reply);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::FinishReason;

    fn read(json: &str) -> ChatResponse {
        decode(json.as_bytes(), false).unwrap()
    }

    fn message(json: &str) -> Vec<Part> {
        read(&format!(r#"{{"choices":[{{"message":{json},"finish_reason":"stop"}}]}}"#))
            .choices
            .remove(0)
            .parts
    }

    fn call(id: &str, name: &str, arguments: &str) -> Part {
        Part::ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            signature: None,
            cache: None,
        }
    }

    #[test]
    fn a_plain_answer() {
        let response = read(
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o","system_fingerprint":"fp_1","service_tier":"default",
            "choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],
            "usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
        );
        assert_eq!(response.choices[0].parts, [Part::text("hi")]);
        assert_eq!(response.choices[0].finish, Some(FinishReason::Stop));
        assert_eq!((response.created, response.usage.unwrap().total()), (Some(1_700_000_000), 4));
        assert_eq!(response.system_fingerprint.as_deref(), Some("fp_1"));
    }

    #[test]
    fn tool_calls_however_they_are_written() {
        let read = read(
            r#"{"id":"chatcmpl-9","choices":[{"message":{"content":null,"tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},
            {"type":"function","function":{"name":"g","arguments":{"y":2}}},
            {"id":"c","type":"custom","custom":{"name":"sh","input":"ls"}}],
            "function_call":{"name":"old","arguments":"{}"}},"finish_reason":"stop"}]}"#,
        );
        assert_eq!(
            read.choices[0].parts,
            [
                call("a", "f", "{\"x\": 1}"),
                call("call_chatcmpl9_0_1", "g", "{\"y\":2}"),
                call("c", "sh", "ls"),
                call("call_chatcmpl9_0_3", "old", "{}"),
            ]
        );
        assert_eq!(read.choices[0].finish, Some(FinishReason::ToolCalls));
    }

    #[test]
    fn thoughts_from_every_field() {
        let signed = |text: &str, signature: Option<&str>| Part::Thinking {
            text: text.into(),
            signature: signature.map(Into::into),
        };
        for (json, thoughts) in [
            (r#"{"content":"x","reasoning_content":"hm"}"#, vec![signed("hm", None)]),
            (
                r#"{"content":"x","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s"}]}"#,
                vec![signed("hm", Some("s"))],
            ),
            (
                r#"{"content":"x","reasoning_content":"hm","thinking_blocks":[{"type":"thinking","thinking":"","signature":"s"},{"type":"redacted_thinking","data":"d"}]}"#,
                vec![signed("hm", Some("s")), Part::RedactedThinking { data: "d".into() }],
            ),
            (
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}]},{"type":"text","text":"x"}]}"#,
                vec![signed("hm", None)],
            ),
        ] {
            let mut expected = thoughts;
            expected.push(Part::text("x"));
            assert_eq!(message(json), expected, "{json}");
        }
    }

    #[test]
    fn refusals_citations_speech_and_pictures() {
        let refused =
            read(r#"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}"#);
        assert_eq!(refused.choices[0].finish, Some(FinishReason::Refusal));
        let cited = message(
            r#"{"content":"x","annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":0,"end_index":1}}]}"#,
        );
        assert!(matches!(&cited[0], Part::Text { citations, .. } if citations[0].span == Some((0, 1))));
        let bare = read(r#"{"choices":[{"message":{"content":"x"}}],"citations":["https://a.example"]}"#);
        assert!(matches!(&bare.choices[0].parts[0], Part::Text { citations, .. } if citations.len() == 1));
        let spoken = message(
            r#"{"content":null,"audio":{"id":"a","data":"UklGRg==","expires_at":1,"transcript":"hi"}}"#,
        );
        assert_eq!(spoken[0], Part::text("hi"));
        assert!(
            matches!(&spoken[1], Part::Audio { media: Media::Base64 { media_type, .. } } if media_type == "audio/wav")
        );
        let drawn = message(
            r#"{"content":"","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}"#,
        );
        assert!(matches!(&drawn[0], Part::Image { .. }));
    }

    #[test]
    fn every_finish_reason() {
        for (word, reason) in [
            ("\"stop\"", FinishReason::Stop),
            ("\"\"", FinishReason::Stop),
            ("\"null\"", FinishReason::Stop),
            ("null", FinishReason::Stop),
            ("\"length\"", FinishReason::Length),
            ("\"tool_calls\"", FinishReason::ToolCalls),
            ("\"function_call\"", FinishReason::ToolCalls),
            ("\"content_filter\"", FinishReason::ContentFilter),
            ("\"odd\"", FinishReason::Other("odd".into())),
            ("null,\"finish_details\":{\"type\":\"max_tokens\"}", FinishReason::Length),
            ("\"stop\",\"stop_reason\":\"###\"", FinishReason::StopSequence(Some("###".into()))),
        ] {
            let response =
                read(&format!(r#"{{"choices":[{{"message":{{"content":"x"}},"finish_reason":{word}}}]}}"#));
            assert_eq!(response.choices[0].finish, Some(reason), "{word}");
        }
    }

    #[test]
    fn odd_replies_are_put_in_order_where_they_are_expected() {
        for json in [
            r#"{"message":"hi"}"#,
            r#"{"text":"hi"}"#,
            r#"{"content":"hi"}"#,
            r#"{"response":"hi"}"#,
            r#"{"message":{"role":"assistant","content":"hi"}}"#,
            r#"{"content":{"content":[{"type":"text","text":"hi"}]}}"#,
            r#"{"response":{"text":"hi"},"choices":null}"#,
        ] {
            let response = decode(json.as_bytes(), true).unwrap();
            assert_eq!(response.choices[0].parts, [Part::text("hi")], "{json}");
            assert!(decode(json.as_bytes(), false).is_err());
        }
        assert!(decode(br#"{"message":7}"#, true).is_err());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for json in ["", "<html>", "[]", "{}", r#"{"choices":[]}"#, r#"{"choices":"x"}"#] {
            assert!(decode(json.as_bytes(), false).is_err(), "{json}");
        }
        let error = decode(br#"{"error":{"message":"overloaded","code":503}}"#, false).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (503, "overloaded"));
        assert_eq!(decode(br#"{"code":"E1","message":"no"}"#, true).unwrap_err().message, "no");
        assert!(decode(br#"{"code":0,"message":"hi"}"#, true).is_ok());
    }

    #[test]
    fn usage_beside_the_usual_place() {
        for json in [
            r#"{"choices":[{"message":{"content":"x"},"usage":{"prompt_tokens":1,"completion_tokens":2}}]}"#,
            r#"{"choices":[{"message":{"content":"x"}}],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}"#,
        ] {
            assert_eq!(read(json).usage.unwrap().total(), 3);
        }
    }
}
