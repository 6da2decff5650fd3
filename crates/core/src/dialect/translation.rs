//! The translation of one request from its caller's dialect to its upstream's, and of the answer back.
//!
//! Where both are the same, the bytes pass through and are only inspected; otherwise everything goes through the
//! canonical model. The pipeline uses a [`Translation`] and need not know which.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{
    CallerCodec, ChatRequest, ChatResponse, ErrorInfo, ReplyContext, StreamDecoder, StreamEvent,
    UpstreamCodec, assemble, explode, limits,
};
use crate::dialect::dify::{Dify, DifyOptions};
use crate::dialect::inbound::Inbound;
use crate::dialect::operation::Operation;
use crate::dialect::pipe::{StreamFacts, StreamPipe};
use crate::dialect::stream_translation::{StreamTranslation, facts_of};
use crate::dialect::upstream::verdict::Judged;
use crate::dialect::{gemini, native, registry};
use crate::error::ApiError;
use crate::json::lenient::Object;
use crate::json::splice::{Edit, apply, quote};
use crate::secrets::redactor::Redactor;
use crate::sse;

/// The translation of one request, which may be the identity.
pub struct Translation {
    caller_dialect: CallerDialect,
    /// The model that the caller named.
    model: String,
    stream: bool,
    wants_usage: bool,
    /// Whether usage may be requested in a stream from an upstream with the caller's dialect.
    asks_usage: bool,
    /// The name of the model in the body, if it differs from the one in the URL.
    body_model: Option<String>,
    /// The response to continue, if the upstream knows it by another id than the caller.
    previous: Option<String>,
    codecs: Option<Codecs>,
}

/// The parts of a real translation.
struct Codecs {
    request: Rc<ChatRequest>,
    caller: Box<dyn CallerCodec>,
    upstream: Box<dyn UpstreamCodec>,
    context: ReplyContext,
}

/// The request for the upstream.
#[derive(Debug)]
pub struct Outbound<'a> {
    /// The body; borrowed if it is the caller's own.
    pub body: Cow<'a, [u8]>,
    /// Parameters of the caller's without a counterpart.
    pub dropped: Vec<String>,
}

/// A complete answer for the caller.
#[derive(Debug)]
pub struct WholeAnswer {
    /// The body; `None` if it is the upstream's, unchanged.
    pub body: Option<Vec<u8>>,
    /// The body to be stored, if it differs: that of an answer written as a stream.
    pub kept: Option<Vec<u8>>,
    /// Whether the body is a stream, whatever the upstream's `content-type` says; `None` if that is right.
    pub is_stream: Option<bool>,
    /// What is recorded of it.
    pub facts: StreamFacts,
    /// The answer in the canonical model, if it was decoded.
    pub answer: Option<ChatResponse>,
}

impl Translation {
    /// For an upstream with the caller's dialect. `asks_usage`: usage is requested in a stream whose caller does not, and taken
    /// out of it again. Without, nothing is taken out of it.
    #[must_use]
    pub fn native(inbound: &Inbound<'_>, asks_usage: bool) -> Self {
        let wants_usage = inbound.wants_usage() || !inbound.stream || !asks_usage;
        Self {
            caller_dialect: inbound.caller_dialect,
            model: inbound.model.to_string(),
            stream: inbound.stream,
            wants_usage,
            asks_usage,
            body_model: None,
            previous: None,
            codecs: None,
        }
    }

    /// Continues the response that the upstream knows by this id.
    #[must_use]
    pub fn continuing(mut self, previous: impl Into<String>) -> Self {
        self.previous = Some(previous.into());
        self
    }

    /// The same, but of an upstream with the caller's dialect nothing is asked that the caller does not ask.
    #[must_use]
    pub fn asking_as_caller(self) -> Self {
        if self.codecs.is_some() { self } else { Self { wants_usage: true, asks_usage: false, ..self } }
    }

    /// For an upstream with another dialect. The error names the invalid field.
    pub fn translated(
        inbound: &Inbound<'_>,
        upstream: Box<dyn UpstreamCodec>,
        context: ReplyContext,
    ) -> Result<Self, ApiError> {
        let caller = if inbound.as_array {
            Box::new(gemini::GeminiArray)
        } else {
            registry::caller(inbound.caller_dialect)
        };
        Ok(Self::between(inbound, inbound.canonical()?, caller, upstream, context))
    }

    /// For a Dify app, in the conversation given by the options. The request is already decoded, because its files
    /// were uploaded.
    #[must_use]
    pub fn to_dify(
        inbound: &Inbound<'_>,
        request: ChatRequest,
        options: DifyOptions,
        context: ReplyContext,
    ) -> Self {
        let (caller, dify) = (registry::caller(inbound.caller_dialect), Self::dify_codec(options));
        Self::between(inbound, Rc::new(request), caller, dify, context)
    }

    /// The codec of a request to a Dify app.
    #[must_use]
    pub fn dify_codec(options: DifyOptions) -> Box<dyn UpstreamCodec> {
        Box::new(Judged::new(Box::new(Dify::new(options))))
    }

    /// For a request that is already decoded, and a caller dialect whose answers depend on it.
    #[must_use]
    pub fn of_read(
        inbound: &Inbound<'_>,
        mut request: ChatRequest,
        caller: Box<dyn CallerCodec>,
        upstream: Box<dyn UpstreamCodec>,
        context: ReplyContext,
    ) -> Self {
        request.model = inbound.model.to_string();
        request.stream = inbound.stream;
        Self::between(inbound, Rc::new(request), caller, upstream, context)
    }

    fn between(
        inbound: &Inbound<'_>,
        request: Rc<ChatRequest>,
        caller: Box<dyn CallerCodec>,
        upstream: Box<dyn UpstreamCodec>,
        context: ReplyContext,
    ) -> Self {
        let wants_usage = request.include_usage || !inbound.stream;
        let codecs = Some(Codecs { request, caller, upstream, context });
        Self {
            caller_dialect: inbound.caller_dialect,
            model: inbound.model.to_string(),
            stream: inbound.stream,
            wants_usage,
            asks_usage: true,
            body_model: None,
            previous: None,
            codecs,
        }
    }

    /// The same with another name of the model in the body than that of the candidate.
    #[must_use]
    pub fn naming(mut self, model: impl Into<String>) -> Self {
        self.body_model = Some(model.into());
        self
    }

    /// Whether the caller requests a stream.
    #[must_use]
    pub fn wants_stream(&self) -> bool {
        self.stream
    }

    /// The `content-type` of a translated stream.
    #[must_use]
    pub fn stream_content_type(&self) -> Option<&'static str> {
        self.codecs.as_ref().map(|codecs| codecs.caller.stream_content_type())
    }

    /// Whether bytes pass through unchanged.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.codecs.is_none()
    }

    /// The request for an upstream whose name of the model is `upstream_model`.
    #[must_use]
    pub fn outbound<'a>(&self, inbound: &Inbound<'a>, upstream_model: &str) -> Outbound<'a> {
        match &self.codecs {
            None => {
                let model = self.body_model.as_deref().unwrap_or(upstream_model);
                let body = inbound.native_body(model, self.asks_usage);
                let body = match &self.previous {
                    None => body,
                    Some(id) => Cow::Owned(with_previous(body.into_owned(), id)),
                };
                Outbound { body, dropped: Vec::new() }
            }
            Some(codecs) => {
                let encoded = codecs.upstream.encode_request(&codecs.request, upstream_model);
                Outbound { body: Cow::Owned(encoded.body), dropped: encoded.dropped }
            }
        }
    }

    /// The operation for the upstream.
    #[must_use]
    pub fn operation(&self, upstream_model: &str) -> Operation {
        if self.codecs.is_none() && self.caller_dialect == CallerDialect::OpenaiResponses {
            return Operation::Responses { stream: self.stream };
        }
        match &self.codecs {
            Some(codecs) => codecs.upstream.operation(&codecs.request, upstream_model),
            None => Operation::Chat { stream: self.stream, multimodal: false },
        }
    }

    /// The pipe of a streamed answer. What is decoded has the redactor's secrets masked; bytes of the caller's own dialect are
    /// to be searched before they are pushed.
    #[must_use]
    pub fn pipe(&self, redactor: &Arc<Redactor>) -> Box<dyn StreamPipe> {
        match &self.codecs {
            None => native::tap(self.caller_dialect, !self.wants_usage),
            Some(codecs) => {
                let encoder = codecs.caller.stream_encoder(&codecs.context, self.wants_usage);
                let translation = StreamTranslation::new(codecs.stream_decoder(), encoder);
                Box::new(translation.hiding(Arc::clone(redactor)))
            }
        }
    }

    /// An answer with a success status that was read to its end. `is_stream`: the upstream says that it is a stream;
    /// one that is labelled as something else is recognised. The error is the answer's failure: see
    /// `upstream::verdict`.
    pub fn read(&self, is_stream: bool, body: &[u8]) -> Result<WholeAnswer, ErrorInfo> {
        if !is_stream && !sse::is_stream(body) {
            return self.whole(body);
        }
        match &self.codecs {
            Some(codecs) => codecs.collected(body, self.stream),
            None => self.collected(body),
        }
    }

    fn whole(&self, body: &[u8]) -> Result<WholeAnswer, ErrorInfo> {
        let Some(codecs) = &self.codecs else {
            return native::inspect(self.caller_dialect, body).map(|facts| WholeAnswer {
                body: None,
                kept: None,
                is_stream: None,
                facts,
                answer: None,
            });
        };
        let response = codecs.upstream.decode_response(body)?;
        let response = limits::restored_response(response, &codecs.tool_names());
        let facts = facts_of(&response);
        let (body, kept) = codecs.write(&response, self.stream);
        Ok(WholeAnswer { body: Some(body), kept, is_stream: None, facts, answer: Some(response) })
    }

    /// A stream in the caller's dialect that cannot be relayed as one: it is labelled as something else, or the caller
    /// did not request a stream.
    fn collected(&self, body: &[u8]) -> Result<WholeAnswer, ErrorInfo> {
        let response = native::collect(self.caller_dialect, body)?;
        let context = ReplyContext { unique: "collected".to_owned(), created: 0, model: self.model.clone() };
        let body = match self.caller_dialect {
            _ if self.stream => None,
            CallerDialect::OpenaiResponses => native::final_response(body),
            dialect => Some(registry::caller(dialect).encode_response(&response, &context)),
        };
        let is_stream = Some(self.stream || body.is_none());
        let facts = facts_of(&response);
        Ok(WholeAnswer { body, kept: None, is_stream, facts, answer: Some(response) })
    }

    /// The request in the canonical model, if it was decoded.
    #[must_use]
    pub fn into_request(self) -> Option<Rc<ChatRequest>> {
        self.codecs.map(|codecs| codecs.request)
    }

    /// The content of an error of the upstream.
    #[must_use]
    pub fn read_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        match &self.codecs {
            Some(codecs) => codecs.upstream.decode_error(status, body),
            None => registry::upstream(self.caller_dialect).decode_error(status, body),
        }
    }

    /// The upstream's error in the caller's dialect; `None` if its body is passed on unchanged.
    #[must_use]
    pub fn error(&self, status: u16, body: &[u8], request_id: &str) -> Option<Vec<u8>> {
        let error = self.read_error(status, body);
        match &self.codecs {
            Some(codecs) => Some(codecs.caller.encode_error(&error, request_id)),
            None => registry::replace_unreadable_error(self.caller_dialect, body, &error, request_id),
        }
    }
}

impl Codecs {
    /// A stream that was read to its end, as the caller requested the answer.
    fn collected(&self, body: &[u8], as_stream: bool) -> Result<WholeAnswer, ErrorInfo> {
        let mut decoder = self.stream_decoder();
        let mut events: Vec<StreamEvent> = Vec::new();
        decoder.push(body, &mut events);
        decoder.finish(&mut events);
        let response = assemble(events)?;
        let facts = facts_of(&response);
        let (body, kept) = self.write(&response, as_stream);
        Ok(WholeAnswer { body: Some(body), kept, is_stream: None, facts, answer: Some(response) })
    }

    /// The names of tools that the upstream does not accept, with those that stand for them.
    fn tool_names(&self) -> limits::Renaming {
        limits::tool_names(&self.request, self.upstream.limits())
    }

    /// A decoder of a streamed answer whose calls have the caller's own names.
    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        limits::restored(self.upstream.stream_decoder(), self.tool_names())
    }

    /// Encodes an answer, complete or as a stream that the caller requested and the upstream did not send.
    fn write(&self, response: &ChatResponse, as_stream: bool) -> (Vec<u8>, Option<Vec<u8>>) {
        if !as_stream {
            return (self.caller.encode_response(response, &self.context), None);
        }
        let mut encoder = self.caller.stream_encoder(&self.context, self.request.include_usage);
        let mut out = Vec::new();
        for event in explode(response.clone()) {
            encoder.encode(&event, &mut out);
        }
        (out, encoder.final_body())
    }
}

/// The body with another response to continue.
fn with_previous(body: Vec<u8>, id: &str) -> Vec<u8> {
    let edit = serde_json::from_slice::<&RawValue>(&body).ok().and_then(|root| {
        let previous = Object::of(root)?.get("previous_response_id")?;
        Some(Edit::replace(&body, previous, quote(id)))
    });
    match edit {
        Some(edit) => apply(&body, vec![edit]),
        None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::codec::OpenAi;
    use crate::dialect::pipe::Forward;
    use crate::dialect::upstream::verdict::Judged;
    use crate::secrets::redactor::Place;

    const STREAM: &[u8] = b"data: {\"id\":\"c\",\"created\":7,\"model\":\"served\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ho\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    const WHOLE: &[u8] = br#"{"choices":[{"message":{"content":"ho"},"finish_reason":"stop"}]}"#;
    const ERROR: &[u8] = b"data: {\"error\":{\"message\":\"no seat\",\"code\":429}}\n\n";

    fn asked(stream: bool) -> String {
        format!(
            r#"{{"model":"m","stream":{stream},"max_tokens":5,"messages":[{{"role":"user","content":"hi"}}]}}"#
        )
    }

    /// The answer read, as it is and translated from Chat Completions.
    fn read(dialect: CallerDialect, stream: bool, body: &[u8]) -> Result<WholeAnswer, ErrorInfo> {
        let request = asked(stream);
        let inbound = Inbound::parse(dialect, request.as_bytes(), None).unwrap();
        if dialect == CallerDialect::OpenaiChat {
            return Translation::native(&inbound, true).read(false, body);
        }
        let context = ReplyContext { unique: "u".into(), created: 9, model: "m".into() };
        let upstream = Box::new(Judged::new(Box::new(OpenAi::default())));
        Translation::translated(&inbound, upstream, context).unwrap().read(false, body)
    }

    #[test]
    fn a_response_is_continued_under_the_id_that_the_upstream_knows() {
        let body = br#"{"model":"m", "previous_response_id":"resp_told", "input":"resp_told"}"#;
        let inbound = Inbound::parse(CallerDialect::OpenaiResponses, body, None).unwrap();
        let translation = Translation::native(&inbound, false);
        assert_eq!(translation.outbound(&inbound, "m").body.as_ref(), body);
        let known = translation.continuing("resp_known").outbound(&inbound, "m").body.into_owned();
        let expected = r#"{"model":"m", "previous_response_id":"resp_known", "input":"resp_told"}"#;
        assert_eq!(String::from_utf8(known).unwrap(), expected);
    }

    #[test]
    fn an_error_that_no_sdk_could_read_becomes_one_of_the_callers_dialect() {
        let request = asked(false);
        let inbound = Inbound::parse(CallerDialect::OpenaiChat, request.as_bytes(), None).unwrap();
        let native = Translation::native(&inbound, true);
        for json in [&b"{}"[..], br#"{"error":{"message":"no seat"}}"#, br#"{"detail":"no seat"}"#] {
            assert_eq!(native.error(429, json, "req"), None);
        }
        for text in [&b"<html>Bad Gateway</html>"[..], b"", b"data: {}\n\n", b"{\"error\":", b"\xff\xfe"] {
            let body: serde_json::Value =
                serde_json::from_slice(&native.error(502, text, "req").unwrap()).unwrap();
            assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        }
    }

    #[test]
    fn a_stream_with_another_label_is_what_the_caller_asked_for() {
        let verbatim = read(CallerDialect::OpenaiChat, true, STREAM).unwrap();
        assert_eq!((verbatim.body, verbatim.is_stream), (None, Some(true)));
        let whole = read(CallerDialect::OpenaiChat, false, STREAM).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&whole.body.unwrap()).unwrap();
        assert_eq!(
            (&body["choices"][0]["message"]["content"], &body["model"]),
            (&"ho".into(), &"served".into())
        );
        assert_eq!(whole.is_stream, Some(false));
        for stream in [false, true] {
            let body = read(CallerDialect::Anthropic, stream, STREAM).unwrap().body.unwrap();
            assert_eq!(sse::is_stream(&body), stream);
            assert!(String::from_utf8(body).unwrap().contains("ho"));
            let error = read(CallerDialect::OpenaiChat, stream, ERROR).unwrap_err();
            assert_eq!((error.status, error.message.as_str()), (429, "no seat"));
        }
    }

    #[test]
    fn a_stream_is_asked_for_usage_and_read_for_it_only_where_that_is_wanted() {
        const LAST: &[u8] = b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}\n\n";
        let request = asked(true);
        let inbound = Inbound::parse(CallerDialect::OpenaiChat, request.as_bytes(), None).unwrap();
        let asks = |translation: &Translation| {
            String::from_utf8_lossy(&translation.outbound(&inbound, "m").body).contains("include_usage")
        };
        let withheld = |translation: &Translation| {
            let mut pipe = translation.pipe(&Arc::new(Redactor::new([], Place::Content)));
            (pipe.is_verbatim(), pipe.push(LAST) == Forward::Replaced(Vec::new()))
        };
        let asking = Translation::native(&inbound, true);
        assert_eq!((asks(&asking), withheld(&asking)), (true, (false, true)));
        for silent in [Translation::native(&inbound, false), asking.asking_as_caller()] {
            assert_eq!((asks(&silent), withheld(&silent)), (false, (true, false)));
        }
    }

    #[test]
    fn a_whole_answer_passes_as_it_is() {
        let answer = read(CallerDialect::OpenaiChat, false, WHOLE).unwrap();
        assert_eq!((answer.body, answer.is_stream, answer.answer), (None, None, None));
    }
}
