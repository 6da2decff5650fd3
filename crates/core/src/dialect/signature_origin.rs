//! Marking signatures with the vendor that issued them.
//!
//! Only the vendor that issued the signature of a thinking block can verify it, and some refuse requests with foreign
//! signatures. In translation, signatures are therefore marked with their origin on the way to the caller, who sends
//! them back unchanged; on the way to a provider its own mark is removed, and foreign signatures are dropped and
//! reported. Signatures without a mark (they were passed through, or come from elsewhere) are recognised by their
//! form, as far as the codecs can.
//!
//! Blocks of a provider's server tools ([`Part::ProviderBlock`]) are treated in the same way: a caller of another
//! dialect gets them as encrypted thinking blocks with a mark of their own (`SignatureOrigin::seal`), and the vendor
//! gets the original blocks back. The codecs of other providers drop and report them.
//!
//! The mark consists of letters and digits, and its length is a multiple of four, so that base64 stays base64:
//! clients of the Gemini API decode it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Json, Limits, Part, SignatureOrigin, StreamDecoder,
    StreamEvent, UpstreamCodec,
};
use crate::dialect::operation::Operation;

impl SignatureOrigin {
    /// The mark in front of a signature of this vendor.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Anthropic => "NexusAnthropic00",
            Self::Google => "NexusGoogle00000",
            Self::OpenAi => "NexusOpenAi00000",
        }
    }

    /// The mark of a block of this vendor.
    const fn block_mark(self) -> &'static str {
        match self {
            Self::Anthropic => "NexusAnthropic01",
            Self::Google => "NexusGoogle00001",
            Self::OpenAi => "NexusOpenAi00001",
        }
    }

    /// A block in the form of an encrypted thinking block, which every dialect supports and no client reads: for
    /// callers whose dialect has no such block.
    pub(super) fn seal(self, block: &Json) -> String {
        format!("{}{}", self.block_mark(), STANDARD.encode(block.text()))
    }

    /// Vendor and block of what [`Self::seal`] returned. A block that a client has changed is `null`.
    fn open(data: &str) -> Option<(Self, Json)> {
        let (origin, sealed) = Self::ALL
            .into_iter()
            .find_map(|origin| Some((origin, data.strip_prefix(origin.block_mark())?)))?;
        let text = STANDARD.decode(sealed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Some((origin, text.and_then(|text| Json::parse(&text)).unwrap_or_else(Json::null)))
    }

    /// Vendor and signature of a marked signature.
    fn read(signature: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|origin| Some((origin, signature.strip_prefix(origin.mark())?)))
    }
}

/// A codec that marks signatures.
pub struct Marked {
    codec: Box<dyn UpstreamCodec>,
    origin: Option<SignatureOrigin>,
}

impl Marked {
    /// Marks the signatures of `codec`, which are issued by this vendor.
    #[must_use]
    pub fn new(codec: Box<dyn UpstreamCodec>, origin: Option<SignatureOrigin>) -> Self {
        Self { codec, origin }
    }
}

impl UpstreamCodec for Marked {
    fn limits(&self) -> &'static Limits {
        self.codec.limits()
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        let mut dropped = Vec::new();
        let request = unmark(request, self.origin, &mut dropped);
        let mut encoded = self.codec.write_request(&request, model);
        encoded.dropped.extend(dropped);
        encoded
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        let mut response = self.codec.decode_response(body)?;
        if let Some(origin) = self.origin {
            let parts = response.choices.iter_mut().flat_map(|choice| &mut choice.parts);
            for signature in parts.filter_map(signature_of) {
                signature.insert_str(0, origin.mark());
            }
        }
        Ok(response)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        let decoder = self.codec.stream_decoder();
        match self.origin {
            Some(origin) => Box::new(MarkedStream { decoder, origin, marked: BTreeSet::new() }),
            None => decoder,
        }
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        self.codec.decode_error(status, body)
    }

    fn operation(&self, request: &ChatRequest, model: &str) -> Operation {
        self.codec.operation(request, model)
    }
}

struct MarkedStream {
    decoder: Box<dyn StreamDecoder>,
    origin: SignatureOrigin,
    /// Parts whose signature has begun.
    marked: BTreeSet<(usize, usize)>,
}

impl MarkedStream {
    fn mark(&mut self, events: &mut [StreamEvent]) {
        for event in events {
            if let StreamEvent::SignatureDelta { choice, part, signature } = event
                && !signature.is_empty()
                && self.marked.insert((*choice, *part))
            {
                signature.insert_str(0, self.origin.mark());
            }
        }
    }
}

impl StreamDecoder for MarkedStream {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let before = events.len();
        self.decoder.push(chunk, events);
        self.mark(events.get_mut(before..).unwrap_or_default());
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let before = events.len();
        self.decoder.finish(events);
        self.mark(events.get_mut(before..).unwrap_or_default());
    }
}

/// The signature of a part, unless it is empty.
fn signature_of(part: &mut Part) -> Option<&mut String> {
    match part {
        Part::Thinking { signature, .. } | Part::ToolCall { signature, .. } => {
            signature.as_mut().filter(|signature| !signature.is_empty())
        }
        _ => None,
    }
}

/// The request without marks, and without signatures of other vendors than `origin`. If `origin` is `None`, the vendor
/// behind the service is unknown and all of them are kept.
fn unmark<'a>(
    request: &'a ChatRequest,
    origin: Option<SignatureOrigin>,
    dropped: &mut Vec<String>,
) -> Cow<'a, ChatRequest> {
    let is_marked = |part: &Part| match part {
        Part::Thinking { signature, .. } | Part::ToolCall { signature, .. } => {
            signature.as_deref().and_then(SignatureOrigin::read).is_some()
        }
        Part::RedactedThinking { data } => {
            SignatureOrigin::ALL.into_iter().any(|origin| data.starts_with(origin.block_mark()))
        }
        _ => false,
    };
    if !request.messages.iter().any(|message| message.parts.iter().any(is_marked)) {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    for (at, message) in request.messages.iter_mut().enumerate() {
        for (index, part) in message.parts.iter_mut().enumerate() {
            if let Part::RedactedThinking { data } = part {
                if let Some((origin, block)) = SignatureOrigin::open(data) {
                    *part = Part::ProviderBlock { origin, block };
                }
                continue;
            }
            let (Part::Thinking { signature, .. } | Part::ToolCall { signature, .. }) = part else {
                continue;
            };
            let Some((made_by, own)) = signature.as_deref().and_then(SignatureOrigin::read) else { continue };
            if origin.is_none_or(|origin| origin == made_by) {
                *signature = Some(own.to_owned());
            } else {
                dropped.push(format!("messages[{at}].content[{index}].signature"));
                *signature = None;
            }
        }
    }
    Cow::Owned(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::caller::CallerDialect;
    use crate::dialect::canonical::{Message, ReplyContext, Role, assemble};
    use crate::dialect::registry;
    use crate::provider::{ProviderKind, Quirks};

    fn request(signature: &str) -> ChatRequest {
        let thought = Part::Thinking { text: "hm".into(), signature: Some(signature.into()) };
        let call = Part::ToolCall {
            id: "c".into(),
            name: "f".into(),
            arguments: "{}".into(),
            signature: Some(signature.into()),
            cache: None,
        };
        ChatRequest {
            messages: vec![Message::new(Role::Assistant, vec![thought, call])],
            ..ChatRequest::default()
        }
    }

    #[test]
    fn a_signature_is_returned_to_its_vendor_only() {
        for (origin, kind, other) in [
            (SignatureOrigin::Anthropic, ProviderKind::Anthropic, ProviderKind::Vertex),
            (SignatureOrigin::Google, ProviderKind::Vertex, ProviderKind::Anthropic),
        ] {
            let marked = request(&format!("{}c2ln", origin.mark()));
            let mut dropped = Vec::new();
            assert_eq!(*unmark(&marked, kind.provider().signature_origin(), &mut dropped), request("c2ln"));
            assert_eq!(
                *unmark(&marked, ProviderKind::Openai.provider().signature_origin(), &mut dropped),
                request("c2ln")
            );
            assert!(dropped.is_empty());
            let mut foreign = unmark(&marked, other.provider().signature_origin(), &mut dropped).into_owned();
            assert_eq!(dropped, ["messages[0].content[0].signature", "messages[0].content[1].signature"]);
            assert!(foreign.messages[0].parts.iter_mut().all(|part| signature_of(part).is_none()));
        }
    }

    #[test]
    fn what_has_no_mark_is_not_touched_or_copied() {
        let plain = request("c2ln");
        assert!(matches!(unmark(&plain, Some(SignatureOrigin::Google), &mut Vec::new()), Cow::Borrowed(_)));
    }

    #[test]
    fn answers_are_marked_once_streamed_and_not() {
        let whole = br#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"c2ln"}]},"finishReason":"STOP"}]}"#;
        let codec = ProviderKind::Gemini.codec(Quirks::NONE);
        let expected =
            vec![Part::Thinking { text: "hm".into(), signature: Some("NexusGoogle00000c2ln".into()) }];
        assert_eq!(codec.decode_response(whole).unwrap().choices[0].parts, expected);
        let (mut decoder, mut events) = (codec.stream_decoder(), Vec::new());
        decoder.push(b"data: ", &mut events);
        decoder.push(whole, &mut events);
        decoder.push(b"\n\n", &mut events);
        decoder.finish(&mut events);
        assert_eq!(assemble(events).unwrap().choices[0].parts, expected);
    }

    #[test]
    fn server_tool_blocks_survive_every_dialect_and_are_sent_to_their_vendor_only() {
        let search =
            r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"Zürich"}}"#;
        let found = r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}"#;
        let answer = format!(
            r#"{{"type":"message","content":[{search},{found},{{"type":"text","text":"It rains."}}],"stop_reason":"end_turn"}}"#
        );
        let anthropic = ProviderKind::Anthropic.codec(Quirks::NONE);
        let response = anthropic.decode_response(answer.as_bytes()).unwrap();
        let context = ReplyContext { unique: "1".into(), created: 1, model: "m".into() };
        let own = [search, found].map(|text| Json::parse(text).unwrap());
        for (caller_dialect, request) in [
            (
                CallerDialect::OpenaiChat,
                r#"{"model":"m","messages":[{"role":"user","content":"?"},SAID,{"role":"user","content":"!"}]}"#,
            ),
            (
                CallerDialect::OpenaiResponses,
                r#"{"model":"m","input":[{"role":"user","content":"?"},SAID,{"role":"user","content":"!"}]}"#,
            ),
            (
                CallerDialect::Gemini,
                r#"{"contents":[{"role":"user","parts":[{"text":"?"}]},SAID,{"role":"user","parts":[{"text":"!"}]}]}"#,
            ),
        ] {
            // The caller sends back what it received, unchanged.
            let told = registry::caller(caller_dialect).encode_response(&response, &context);
            let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
            let said = match caller_dialect {
                CallerDialect::OpenaiChat => told["choices"][0]["message"].to_string(),
                CallerDialect::OpenaiResponses => {
                    let items = told["output"].to_string();
                    items.trim_start_matches('[').trim_end_matches(']').to_owned()
                }
                _ => told["candidates"][0]["content"].to_string(),
            };
            let request = registry::caller(caller_dialect)
                .decode_request(request.replace("SAID", &said).as_bytes())
                .unwrap();
            let encoded = anthropic.encode_request(&request, "claude-sonnet-4-5");
            let body: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
            let blocks = body["messages"][1]["content"].as_array().unwrap();
            assert_eq!(blocks[..2], own.each_ref().map(Json::to_value), "{caller_dialect:?}");
            assert_eq!(blocks[2]["text"], "It rains.", "{caller_dialect:?}");
            for kind in
                [ProviderKind::Openai, ProviderKind::Gemini, ProviderKind::Dashscope, ProviderKind::Dify]
            {
                let encoded = kind.codec(Quirks::NONE).encode_request(&request, "other");
                let sent = String::from_utf8(encoded.body).unwrap();
                assert!(
                    !sent.contains("NexusAnthropic") && !sent.contains("srvtoolu_1"),
                    "{caller_dialect:?} {kind:?}: {sent}"
                );
                assert!(sent.contains("It rains."), "{caller_dialect:?} {kind:?}: {sent}");
                assert!(encoded.dropped.len() >= 2, "{caller_dialect:?} {kind:?}: {:?}", encoded.dropped);
            }
        }
    }

    #[test]
    fn marks_keep_base64_what_it_is() {
        for origin in SignatureOrigin::ALL {
            assert!(
                [origin.mark(), origin.block_mark()]
                    .iter()
                    .all(|mark| mark.len() % 4 == 0 && mark.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            );
        }
    }
}
