//! A probe: the smallest chat that shows whether a provider serves a model, and its result.

use serde::Serialize;

use super::{ProviderKind, Site};
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{
    ChatRequest, ChatResponse, Message, Part, Role, StreamDecoder, StreamEvent, UpstreamCodec, assemble,
};
use crate::dialect::operation::Operation;

/// The default prompt.
pub const DEFAULT_PROMPT: &str = "Reply with the single word: ok";
/// Limit on tokens of the answer. A single token would do for most models, but some refuse so few, and reasoning
/// models would have none left for the answer.
pub const MAX_TOKENS: u64 = 16;
/// Most characters of an answer or error that are shown.
const EXCERPT_CHARACTERS: usize = 300;

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProbeResult {
    /// The upstream's name of the model.
    pub model: String,
    /// Whether the answer was as expected.
    pub success: bool,
    /// HTTP status of the answer, if one came.
    pub status: Option<u16>,
    /// Milliseconds until the answer was complete, or had failed.
    pub latency_ms: u64,
    /// Milliseconds until the first token of a streamed answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// The beginning of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// The error.
    pub error: Option<String>,
}

/// Why a provider was not asked, or what is wrong with its answer. As text it is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The provider has no operation for it.
    #[error("This provider cannot be asked for chat completions as it is configured.")]
    NotConfigured,
    /// The request was not sent, or its answer not read; the reason.
    #[error("{0}")]
    Transport(String),
    /// The answer is an error, or cannot be read; the beginning of what it says.
    #[error("{0}")]
    Answer(String),
    /// The answer has no body.
    #[error("The answer has no body.")]
    NoBody,
    /// The stream ended with an error of the connection.
    #[error("The provider broke off its answer.")]
    BrokenOff,
    /// The answer has more bytes than are read.
    #[error("The answer is too long.")]
    TooLong,
    /// There was no answer within so many seconds.
    #[error("The provider did not answer within {0} seconds.")]
    TooLate(u32),
}

impl ProbeError {
    /// The beginning of what an answer says that is an error.
    fn of_answer(text: &str) -> Self {
        Self::Answer(excerpt(text))
    }

    /// The error with what others wrote passed through `clean`, which removes secrets.
    #[must_use]
    pub fn cleaned(self, clean: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Transport(text) => Self::Transport(clean(text)),
            Self::Answer(text) => Self::Answer(clean(text)),
            own => own,
        }
    }
}

/// What came of a request that asks a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// HTTP status of the answer, if one came.
    pub status: Option<u16>,
    /// Milliseconds until the answer was complete, or had failed.
    pub latency_ms: u64,
    /// Milliseconds until the first token of a streamed answer.
    pub first_token_ms: Option<u64>,
    /// Pieces of text in a streamed answer.
    pub pieces: u64,
    /// The answer, or why there is none.
    pub answer: Result<ChatResponse, ProbeError>,
}

/// A probe to be sent.
pub struct Probe {
    request: ChatRequest,
    upstream: Box<dyn UpstreamCodec>,
    model: String,
}

impl Probe {
    /// A probe of `model`, the upstream's own name of it, for a provider of this kind. It is asked as for a caller of Chat
    /// Completions: in the Responses API, if the provider has it and the model needs it.
    #[must_use]
    pub fn new(kind: ProviderKind, site: &Site<'_>, model: &str, prompt: Option<&str>, stream: bool) -> Self {
        let prompt = prompt.unwrap_or(DEFAULT_PROMPT);
        let request = ChatRequest {
            model: model.to_owned(),
            messages: vec![Message::new(Role::User, vec![Part::text(prompt)])],
            max_tokens: Some(MAX_TOKENS),
            stream,
            user: Some("nexus-edge-probe".to_owned()),
            ..ChatRequest::default()
        };
        Self::asking(kind, site, model, request)
    }

    /// The same with a request of one's own.
    #[must_use]
    pub fn asking(kind: ProviderKind, site: &Site<'_>, model: &str, request: ChatRequest) -> Self {
        let responses = kind.responses_codec(site, CallerDialect::OpenaiChat, &request, model);
        let upstream = responses.unwrap_or_else(|| kind.codec(site.quirks));
        Self { request, upstream, model: model.to_owned() }
    }

    /// The body of the request.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.upstream.encode_request(&self.request, &self.model).body
    }

    /// The operation for the upstream.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.upstream.operation(&self.request, &self.model)
    }

    /// An unstreamed answer.
    ///
    /// # Errors
    /// [`ProbeError::Answer`]
    pub fn read(&self, status: u16, body: &[u8]) -> Result<ChatResponse, ProbeError> {
        if !(200..300).contains(&status) {
            return Err(ProbeError::of_answer(&self.upstream.decode_error(status, body).message));
        }
        self.upstream.decode_response(body).map_err(|error| ProbeError::of_answer(&error.message))
    }

    /// A decoder of a streamed answer.
    #[must_use]
    pub fn stream(&self) -> ProbeStream {
        ProbeStream { decoder: self.upstream.stream_decoder(), events: Vec::new(), spoke: false }
    }
}

/// A streamed answer in progress.
pub struct ProbeStream {
    decoder: Box<dyn StreamDecoder>,
    events: Vec<StreamEvent>,
    spoke: bool,
}

impl ProbeStream {
    /// Processes the next bytes. True once, when they contain the first token.
    pub fn push(&mut self, chunk: &[u8]) -> bool {
        self.decoder.push(chunk, &mut self.events);
        let says =
            |event: &StreamEvent| matches!(event, StreamEvent::TextDelta { text, .. } if !text.is_empty());
        let begins = !self.spoke && self.events.iter().any(says);
        self.spoke |= begins;
        begins
    }

    /// Pieces of text so far.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.events.iter().filter(|event| matches!(event, StreamEvent::TextDelta { .. })).count() as u64
    }

    /// The answer.
    ///
    /// # Errors
    /// [`ProbeError::Answer`]
    pub fn finish(mut self) -> Result<ChatResponse, ProbeError> {
        self.decoder.finish(&mut self.events);
        assemble(self.events).map_err(|error| ProbeError::of_answer(&error.message))
    }
}

/// The beginning of the text of an answer.
#[must_use]
pub fn reply_of(response: &ChatResponse) -> String {
    let parts = response.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default();
    excerpt(&parts.iter().filter_map(Part::as_text).collect::<String>())
}

/// The beginning of a text.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut characters = text.trim().chars();
    let mut shown: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Quirks;

    fn probe(kind: ProviderKind, stream: bool) -> Probe {
        let site = Site { server_url: "https://api.example", url: None, quirks: Quirks::NONE };
        Probe::new(kind, &site, "gpt-4o", None, stream)
    }

    #[test]
    fn a_model_of_the_responses_api_is_asked_there() {
        for (quirks, model, is_responses) in [
            ("responses,chat_passthrough", "gpt-5-codex", true),
            ("responses,chat_passthrough", "gpt-5.2-pro", true),
            ("responses,chat_passthrough", "gpt-5.2", false),
            ("responses", "gpt-5.2", true),
            ("", "gpt-5-codex", false),
        ] {
            let site = Site { server_url: "https://api.example", url: None, quirks: Quirks::read(quirks) };
            for stream in [false, true] {
                let probe = Probe::new(ProviderKind::Openai, &site, model, None, stream);
                assert_eq!(
                    probe.operation() == Operation::Responses { stream },
                    is_responses,
                    "{quirks} {model}"
                );
                let body: serde_json::Value = serde_json::from_slice(&probe.body()).unwrap();
                assert_eq!(body.get("input").is_some(), is_responses, "{body}");
            }
        }
    }

    #[test]
    fn every_kind_of_provider_can_be_asked() {
        for kind in ProviderKind::ALL {
            let probe = probe(*kind, false);
            let body = String::from_utf8(probe.body()).unwrap();
            assert!(body.contains(DEFAULT_PROMPT), "{kind:?}: {body}");
            assert!(matches!(probe.operation(), Operation::Chat { stream: false, .. }));
        }
    }

    #[test]
    fn an_answer_is_read_and_an_error_is_told() {
        let probe = probe(ProviderKind::Openai, false);
        let answer = br#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,
            "message":{"role":"assistant","content":" ok "},"finish_reason":"stop"}]}"#;
        assert_eq!(probe.read(200, answer).map(|answer| reply_of(&answer)), Ok("ok".into()));
        let refusal = br#"{"error":{"message":"Incorrect API key","type":"invalid_request_error"}}"#;
        assert_eq!(probe.read(401, refusal), Err(ProbeError::Answer("Incorrect API key".into())));
        assert!(probe.read(200, b"<html>").is_err());
        assert!(probe.read(502, b"").is_err());
    }

    #[test]
    fn a_stream_tells_when_it_begins_to_speak() {
        let chunk = |delta: &str, end: &str| {
            format!(
                "data: {{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
                \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{end}}}]}}\n\n"
            )
        };
        let mut stream = probe(ProviderKind::Openai, true).stream();
        assert!(!stream.push(chunk(r#"{"role":"assistant","content":""}"#, "null").as_bytes()));
        assert!(stream.push(chunk(r#"{"content":"o"}"#, "null").as_bytes()));
        assert!(!stream.push(chunk(r#"{"content":"k"}"#, "null").as_bytes()));
        stream.push(chunk("{}", "\"stop\"").as_bytes());
        stream.push(b"data: [DONE]\n\n");
        assert_eq!(stream.pieces(), 2);
        assert_eq!(stream.finish().map(|answer| reply_of(&answer)), Ok("ok".into()));
        let mut cut = probe(ProviderKind::Openai, true).stream();
        cut.push(chunk(r#"{"content":"o"}"#, "null").as_bytes());
        assert!(cut.finish().is_err());
    }

    #[test]
    fn what_is_shown_is_short() {
        assert_eq!(excerpt(" a "), "a");
        assert_eq!(excerpt(&"ü".repeat(1000)).chars().count(), EXCERPT_CHARACTERS + 1);
    }
}
