//! Whose signature is it?
//!
//! A signature of thoughts means something to the provider that made it only, and some refuse a request that carries
//! another's. What has to be translated anyway is therefore marked with its maker on the way to the caller, who gives it
//! back unread; on the way to a provider the mark of its own is taken off again, and another's signature is left out and
//! named. Signatures without a mark (they passed untouched, or come from elsewhere) are told by their form, as far as the
//! codecs can.
//!
//! The mark is made of letters and digits and its length is a multiple of four, so that what was base64 stays base64:
//! clients of the Gemini API decode it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::catalog::ProviderKind;
use crate::dialect::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, Part, StreamDecoder, StreamEvent, UpstreamDialect,
};

/// Who makes signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Anthropic.
    Anthropic,
    /// Google, in either of its services.
    Google,
}

impl Maker {
    const ALL: [Self; 2] = [Self::Anthropic, Self::Google];

    /// Who signs the thoughts of a provider of this kind. Nobody knows who answers behind a service that is merely
    /// compatible with `OpenAI`.
    #[must_use]
    pub fn of(kind: ProviderKind) -> Option<Self> {
        match kind {
            ProviderKind::Anthropic => Some(Self::Anthropic),
            ProviderKind::Gemini | ProviderKind::Vertex => Some(Self::Google),
            _ => None,
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::Anthropic => "NexusAnthropic00",
            Self::Google => "NexusGoogle00000",
        }
    }

    /// Maker and signature of a marked one.
    fn read(signature: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|maker| Some((maker, signature.strip_prefix(maker.mark())?)))
    }
}

/// A codec whose signatures are marked.
pub struct Marked {
    codec: Box<dyn UpstreamDialect>,
    maker: Option<Maker>,
}

impl Marked {
    /// Marks the signatures of `codec`, which speaks to a provider of this kind.
    #[must_use]
    pub fn new(codec: Box<dyn UpstreamDialect>, kind: ProviderKind) -> Self {
        Self { codec, maker: Maker::of(kind) }
    }
}

impl UpstreamDialect for Marked {
    fn encode_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        let mut dropped = Vec::new();
        let request = unmark(request, self.maker, &mut dropped);
        let mut encoded = self.codec.encode_request(&request, model);
        encoded.dropped.extend(dropped);
        encoded
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, String> {
        let mut response = self.codec.decode_response(body)?;
        if let Some(maker) = self.maker {
            let parts = response.choices.iter_mut().flat_map(|choice| &mut choice.parts);
            for signature in parts.filter_map(signature_of) {
                signature.insert_str(0, maker.mark());
            }
        }
        Ok(response)
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        let decoder = self.codec.stream_decoder();
        match self.maker {
            Some(maker) => Box::new(MarkedStream { decoder, maker, marked: BTreeSet::new() }),
            None => decoder,
        }
    }

    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        self.codec.decode_error(status, body)
    }
}

struct MarkedStream {
    decoder: Box<dyn StreamDecoder>,
    maker: Maker,
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
                signature.insert_str(0, self.maker.mark());
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

/// The signature of a part, if it has one that says something.
fn signature_of(part: &mut Part) -> Option<&mut String> {
    match part {
        Part::Thinking { signature, .. } | Part::ToolCall { signature, .. } => {
            signature.as_mut().filter(|signature| !signature.is_empty())
        }
        _ => None,
    }
}

/// The request without marks, and without the signatures that `maker` did not make. Where nobody in particular is asked,
/// the service behind may know them all.
fn unmark<'a>(
    request: &'a ChatRequest,
    maker: Option<Maker>,
    dropped: &mut Vec<String>,
) -> Cow<'a, ChatRequest> {
    let is_marked = |part: &Part| match part {
        Part::Thinking { signature, .. } | Part::ToolCall { signature, .. } => {
            signature.as_deref().and_then(Maker::read).is_some()
        }
        _ => false,
    };
    if !request.messages.iter().any(|message| message.parts.iter().any(is_marked)) {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    for (at, message) in request.messages.iter_mut().enumerate() {
        for (index, part) in message.parts.iter_mut().enumerate() {
            let (Part::Thinking { signature, .. } | Part::ToolCall { signature, .. }) = part else {
                continue;
            };
            let Some((made_by, own)) = signature.as_deref().and_then(Maker::read) else { continue };
            if maker.is_none_or(|maker| maker == made_by) {
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
    use crate::dialect::canonical::{Message, Role, assemble};
    use crate::dialect::registry;

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
    fn a_signature_finds_its_maker_and_nobody_else() {
        for (maker, kind, other) in [
            (Maker::Anthropic, ProviderKind::Anthropic, ProviderKind::Vertex),
            (Maker::Google, ProviderKind::Vertex, ProviderKind::Anthropic),
        ] {
            let marked = request(&format!("{}c2ln", maker.mark()));
            let mut dropped = Vec::new();
            assert_eq!(*unmark(&marked, Maker::of(kind), &mut dropped), request("c2ln"));
            assert_eq!(*unmark(&marked, Maker::of(ProviderKind::Openai), &mut dropped), request("c2ln"));
            assert!(dropped.is_empty());
            let mut foreign = unmark(&marked, Maker::of(other), &mut dropped).into_owned();
            assert_eq!(dropped, ["messages[0].content[0].signature", "messages[0].content[1].signature"]);
            assert!(foreign.messages[0].parts.iter_mut().all(|part| signature_of(part).is_none()));
        }
    }

    #[test]
    fn what_has_no_mark_is_not_touched_or_copied() {
        let plain = request("c2ln");
        assert!(matches!(unmark(&plain, Some(Maker::Google), &mut Vec::new()), Cow::Borrowed(_)));
    }

    #[test]
    fn answers_are_marked_once_streamed_and_not() {
        let whole = br#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"c2ln"}]},"finishReason":"STOP"}]}"#;
        let codec = Marked::new(registry::upstream(ProviderKind::Gemini), ProviderKind::Gemini);
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
    fn marks_keep_base64_what_it_is() {
        for maker in Maker::ALL {
            assert!(
                maker.mark().len() % 4 == 0 && maker.mark().bytes().all(|byte| byte.is_ascii_alphanumeric())
            );
        }
    }
}
