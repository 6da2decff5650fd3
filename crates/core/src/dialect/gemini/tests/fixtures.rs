//! The fixtures are decoded without errors, and streams give the same as unstreamed answers.

use crate::dialect::canonical::{
    CallerCodec, ChatResponse, ErrorInfo, ErrorKind, FinishReason, Part, StreamDecoder, UpstreamCodec,
    assemble,
};
use crate::dialect::gemini::{Gemini, Vertex, error, usage_tap};
use crate::dialect::upstream::testing::fixtures;

fn streamed(stream: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let mut decoder: Box<dyn StreamDecoder> = Gemini.stream_decoder();
    let mut events = Vec::new();
    for chunk in stream.chunks(7) {
        decoder.push(chunk, &mut events);
    }
    decoder.finish(&mut events);
    assemble(events)
}

#[test]
fn requests_cross_and_come_back() {
    let requests = fixtures("requests/gemini");
    assert!(requests.len() >= 12);
    for (name, body) in requests {
        let request = Gemini.decode_request(&body).unwrap();
        // Once encoded, a request has the form of the service and does not change again.
        for model in ["gemini-2.5-flash", "gemini-3-flash-preview"] {
            let encoded = Gemini.encode_request(&request, model);
            let again = Gemini.decode_request(&encoded.body).unwrap();
            assert_eq!(Gemini.encode_request(&again, model).body, encoded.body, "{name}");
            let dropped: &[&str] = match name.as_str() {
                "extras" => &["metadata"],
                "server_tools_given_back" => &["contents[1].parts[0]", "contents[1].parts[1]"],
                _ => &[],
            };
            assert_eq!(encoded.dropped, dropped, "{name}");
        }
        if name == "server_tools_given_back" {
            continue;
        }
        assert!(Vertex.encode_request(&request, "gemini-2.5-pro").dropped.is_empty(), "{name}");
    }
}

#[test]
fn streams_and_whole_answers_agree() {
    let (responses, streams) = (fixtures("responses/gemini"), fixtures("streams/gemini"));
    assert!(responses.len() >= 8 && responses.len() == streams.len());
    for ((name, body), (other, stream)) in responses.into_iter().zip(streams) {
        assert_eq!(name, other);
        let whole = Gemini.decode_response(&body);
        assert_eq!(streamed(&stream), whole, "{name}");
        if name == "malformed_call" {
            let error = whole.unwrap_err();
            assert_eq!(error.code.as_deref(), Some("MALFORMED_FUNCTION_CALL"));
            assert_eq!(error.message, "The call could not be read.");
            continue;
        }
        let whole = whole.unwrap();
        let tap = usage_tap::inspect(&body).unwrap();
        assert!(tap.complete && tap.usage == whole.usage, "{name}");
        let choice = &whole.choices[0];
        let calls = choice.parts.iter().filter(|part| matches!(part, Part::ToolCall { .. })).count();
        match name.as_str() {
            "tools" => assert_eq!((calls, &choice.finish), (1, &Some(FinishReason::ToolCalls))),
            "parallel_tools" => assert_eq!((calls, &choice.finish), (2, &Some(FinishReason::ToolCalls))),
            "filter" | "prompt_blocked" => assert_eq!(choice.finish, Some(FinishReason::ContentFilter)),
            "usage_details" => {
                let usage = whole.usage.unwrap();
                assert_eq!((usage.prompt, usage.completion, usage.cached), (1_240, 320, 1_024));
            }
            "citations" => {
                let Part::Text { text, citations, .. } = &choice.parts[0] else { panic!() };
                let (start, end) = citations[1].span.unwrap();
                let within = |(index, _): &(u64, char)| (start..end).contains(index);
                let cited: String =
                    (0..).zip(text.chars()).filter(within).map(|(_, character)| character).collect();
                assert_eq!((citations.len(), cited.as_str()), (3, "The match was in Lyon."));
            }
            _ => {}
        }
    }
}

#[test]
fn errors_are_told_apart() {
    for (name, body) in fixtures("errors/gemini") {
        let status: u16 = name.split('_').next().unwrap().parse().unwrap();
        let error = Gemini.decode_error(status, &body);
        assert_eq!(error.status, status, "{name}");
        let kind = match name.as_str() {
            "400_api_key" => ErrorKind::Authentication,
            _ => ErrorKind::of_status(status),
        };
        assert_eq!(error.kind, kind, "{name}");
        assert_eq!(error::retry_after_s(&body), (name == "429_quota").then_some(12));
    }
}
