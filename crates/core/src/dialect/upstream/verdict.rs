//! The one place that decides whether what an upstream answered is an answer.
//!
//! Services report failures with a success status: an error instead of the answer, an answer without any content and
//! without a reason for that, or a finish reason that means that the service gave up. A verdict is one of
//!
//! | verdict | what was read | what follows |
//! |---|---|---|
//! | good | content, or a reason why there is none | the answer |
//! | blocked | a filter of the provider, a refusal of the model | the answer, which ends with that reason |
//! | failed | everything else | before the first word another candidate is asked; after it an error ends the stream |
//!
//! [`Judged`] puts the verdict into a codec, so that it applies to whole and streamed answers alike: a failed answer is
//! an [`ErrorInfo`] with the provider's own words, code and status where the body has them.

use std::rc::Rc;

use super::told;
use crate::dialect::canonical::{
    ChatRequest, ChatResponse, EncodedRequest, ErrorInfo, ErrorKind, FinishReason, Limits, StreamDecoder,
    StreamEvent, StreamFault, UpstreamCodec, explode,
};
use crate::dialect::operation::Operation;

/// Most bytes of the beginning of a stream that are kept until its first word.
const HEAD_LIMIT: usize = 16 << 10;
/// Most bytes of a body that was to be a stream and is one JSON document.
const DOCUMENT_LIMIT: usize = 16 << 20;

/// The failure that a finish reason stands for; `None` for a reason that is an end of an answer, and for unknown ones.
#[must_use]
pub fn abnormal(reason: &FinishReason) -> Option<ErrorInfo> {
    match reason {
        FinishReason::Other(word) => abnormal_word(word, None),
        _ => None,
    }
}

/// The failure that a service's word for the end stands for, with its explanation if it gave one.
///
/// The words are those of `DeepSeek` (`insufficient_system_resource`), Zhipu (`network_error`), `vLLM` and `SGLang`
/// (`abort`), `OpenRouter` and Mistral (`error`), `LM Studio` (`modelUnloaded`), Cohere (`ERROR`, `TIMEOUT`,
/// `USER_CANCEL`), Gemini (`MALFORMED_FUNCTION_CALL` to `NO_IMAGE`), Bedrock (`malformed_model_output`), the Responses
/// API (`failed`, `cancelled`) and Dify (`stopped`).
#[must_use]
pub fn abnormal_word(word: &str, words: Option<&str>) -> Option<ErrorInfo> {
    let (status, kind) = match word.to_ascii_lowercase().as_str() {
        "insufficient_system_resource" | "overloaded" | "modelunloaded" => (503, ErrorKind::Overloaded),
        "timeout" | "time_limit" | "deadline_exceeded" => (504, ErrorKind::Timeout),
        "error"
        | "failed"
        | "failure"
        | "abort"
        | "aborted"
        | "cancel"
        | "cancelled"
        | "canceled"
        | "user_cancel"
        | "stopped"
        | "network_error"
        | "server_error"
        | "internal_error"
        | "unknown_error"
        | "other"
        | "malformed_function_call"
        | "unexpected_tool_call"
        | "too_many_tool_calls"
        | "missing_thought_signature"
        | "malformed_response"
        | "image_other"
        | "no_image"
        | "malformed_model_output"
        | "malformed_tool_use" => (502, ErrorKind::Server),
        _ => return None,
    };
    let message = match words.map(str::trim).filter(|words| !words.is_empty()) {
        Some(words) => words.to_owned(),
        None => format!("The provider gave up on its answer: {word}."),
    };
    let code = if word == "error" { StreamFault::UpstreamError.code() } else { word };
    Some(ErrorInfo { status, kind, message, code: Some(code.to_owned()), param: None, fault: None })
}

/// The failure of an answer without content and without a reason for that.
#[must_use]
pub fn no_answer() -> ErrorInfo {
    ErrorInfo::in_stream(
        StreamFault::Malformed.code(),
        "The provider's answer has neither content nor a reason for its end.",
    )
}

/// The verdict on an unstreamed answer.
///
/// # Errors
/// Its failure.
pub fn whole(response: &ChatResponse) -> Result<(), ErrorInfo> {
    let choices = &response.choices;
    if let Some(error) = choices.iter().filter_map(|choice| choice.finish.as_ref()).find_map(abnormal) {
        return Err(error);
    }
    let is_answer = choices.iter().any(|choice| !choice.parts.is_empty() || choice.finish.is_some());
    if is_answer { Ok(()) } else { Err(no_answer()) }
}

/// The verdict on what a codec read of a body.
///
/// # Errors
/// The failure, in the words of the body where it has them.
pub fn of_read(body: &[u8], read: Result<ChatResponse, ErrorInfo>) -> Result<ChatResponse, ErrorInfo> {
    let judged = read.and_then(|response| whole(&response).map(|()| response));
    judged.map_err(|error| in_words(body, error))
}

/// What a codec found, with the words of an error of any other service's form.
fn in_words(body: &[u8], error: ErrorInfo) -> ErrorInfo {
    let is_ours =
        matches!(error.fault, Some(StreamFault::Malformed | StreamFault::Truncated)) || error == no_answer();
    let told = if is_ours { told::error_in(body) } else { None };
    told.unwrap_or(error)
}

/// A codec whose answers are judged.
pub struct Judged {
    codec: Rc<dyn UpstreamCodec>,
}

impl Judged {
    /// Judges the answers that `codec` reads.
    #[must_use]
    pub fn new(codec: Box<dyn UpstreamCodec>) -> Self {
        Self { codec: codec.into() }
    }
}

impl UpstreamCodec for Judged {
    fn limits(&self) -> &'static Limits {
        self.codec.limits()
    }

    fn write_request(&self, request: &ChatRequest, model: &str) -> EncodedRequest {
        self.codec.write_request(request, model)
    }

    fn decode_response(&self, body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
        of_read(body, self.codec.decode_response(body))
    }

    fn stream_decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(JudgedStream::new(self.codec.stream_decoder(), Some(Rc::clone(&self.codec))))
    }

    /// What the codec reads; where it finds no words, those of any other service's form.
    fn decode_error(&self, status: u16, body: &[u8]) -> ErrorInfo {
        let mut error = self.codec.decode_error(status, body);
        let is_wordless =
            error.message.trim().is_empty() || error.message.starts_with("The provider answered with status");
        if is_wordless && let Some(told) = told::read(body) {
            let told = told.into_info(status);
            if !told.message.is_empty() {
                error.message = told.message;
            }
            error.code = error.code.or(told.code);
        }
        error
    }

    fn operation(&self, request: &ChatRequest, model: &str) -> Operation {
        self.codec.operation(request, model)
    }
}

/// A decoder whose stream is judged: an abnormal end is an error, and so is an end without an answer.
pub struct JudgedStream {
    decoder: Box<dyn StreamDecoder>,
    /// For a body that is a JSON document where a stream was expected.
    codec: Option<Rc<dyn UpstreamCodec>>,
    /// Kept between chunks to reuse its memory.
    events: Vec<StreamEvent>,
    /// The bytes before the first word, in which an error of an unknown form may be.
    head: Vec<u8>,
    /// A part or a good end has arrived.
    has_answer: bool,
    /// The start event has arrived.
    has_begun: bool,
    failed: Option<ErrorInfo>,
    /// What the decoder says about a document that is not complete yet.
    unread: Option<ErrorInfo>,
    is_over: bool,
}

impl JudgedStream {
    /// Judges what `decoder` reads.
    #[must_use]
    pub fn new(decoder: Box<dyn StreamDecoder>, codec: Option<Rc<dyn UpstreamCodec>>) -> Self {
        Self {
            decoder,
            codec,
            events: Vec::new(),
            head: Vec::new(),
            has_answer: false,
            has_begun: false,
            failed: None,
            unread: None,
            is_over: false,
        }
    }

    fn keep(&mut self, chunk: &[u8]) {
        if self.has_answer {
            return;
        }
        let is_document = is_document(if self.head.is_empty() { chunk } else { &self.head });
        let limit = if is_document { DOCUMENT_LIMIT } else { HEAD_LIMIT };
        let room = limit.saturating_sub(self.head.len());
        self.head.extend_from_slice(chunk.get(..chunk.len().min(room)).unwrap_or_default());
    }

    /// Passes on the decoder's events as far as they are an answer.
    fn pass(&mut self, at_end: bool, events: &mut Vec<StreamEvent>) {
        for event in std::mem::take(&mut self.events) {
            if self.is_over {
                return;
            }
            match event {
                StreamEvent::Finish { ref reason, .. } => {
                    if let Some(error) = abnormal(reason) {
                        self.failed.get_or_insert(error);
                    } else {
                        self.has_answer = true;
                        events.push(event);
                    }
                }
                StreamEvent::Done => {
                    let error = self.failed.take().or_else(|| (!self.has_answer).then(no_answer));
                    if let Some(error) = error {
                        self.fail(error, events);
                    } else {
                        self.is_over = true;
                        events.push(event);
                    }
                }
                StreamEvent::Error(error) if !at_end && !self.has_answer && is_document(&self.head) => {
                    self.unread = Some(error);
                    return;
                }
                StreamEvent::Error(error) => {
                    let error = self.failed.take().unwrap_or(error);
                    self.fail(error, events);
                }
                event => {
                    self.has_begun |= matches!(event, StreamEvent::Start { .. });
                    self.has_answer |= matches!(event, StreamEvent::PartStart { .. });
                    events.push(event);
                }
            }
        }
        if self.has_answer {
            self.head = Vec::new();
        }
    }

    /// Ends in an error. Before the first word, the bytes so far may say more about it, or be a whole answer.
    fn fail(&mut self, error: ErrorInfo, events: &mut Vec<StreamEvent>) {
        self.is_over = true;
        if self.has_answer {
            return events.push(StreamEvent::Error(error));
        }
        let head = std::mem::take(&mut self.head);
        if error.fault.is_some()
            && let Some(codec) = self.codec.take()
            && is_document(&head)
            && let Ok(response) = codec.decode_response(&head)
            && whole(&response).is_ok()
        {
            return events.extend(explode(response).into_iter().skip(usize::from(self.has_begun)));
        }
        // llama.cpp writes errors into a field of that name.
        let fields = [&b"data:"[..], b"error:"];
        let lines = head.split(|byte| *byte == b'\n');
        let data = lines.filter_map(|line| fields.iter().find_map(|field| line.strip_prefix(*field)));
        let told =
            std::iter::once(head.as_slice()).chain(data).fold(error, |error, body| in_words(body, error));
        events.push(StreamEvent::Error(told));
    }
}

/// Whether these bytes begin a JSON document instead of a stream.
fn is_document(head: &[u8]) -> bool {
    head.trim_ascii_start().first() == Some(&b'{')
}

impl StreamDecoder for JudgedStream {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        if self.is_over {
            return;
        }
        self.keep(chunk);
        if self.unread.is_none() {
            self.decoder.push(chunk, &mut self.events);
            self.pass(false, events);
        }
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        if self.is_over {
            return;
        }
        if let Some(error) = self.unread.take() {
            return self.fail(error, events);
        }
        self.decoder.finish(&mut self.events);
        self.pass(true, events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{Choice, Part, PartStart};

    #[test]
    fn words_for_an_end_that_is_none() {
        for (word, status) in [
            ("insufficient_system_resource", 503),
            ("TIMEOUT", 504),
            ("abort", 502),
            ("MALFORMED_FUNCTION_CALL", 502),
            ("NO_IMAGE", 502),
        ] {
            let error = abnormal(&FinishReason::Other(word.into())).unwrap();
            assert_eq!((error.status, error.code.as_deref()), (status, Some(word)));
            assert!(error.message.contains(word));
        }
        assert_eq!(abnormal_word("OTHER", Some("Too long.")).unwrap().message, "Too long.");
        for reason in [FinishReason::Stop, FinishReason::Refusal, FinishReason::Other("new".into())] {
            assert_eq!(abnormal(&reason), None);
        }
    }

    #[test]
    fn an_answer_has_content_or_a_reason_for_none() {
        let answer = |parts: Vec<Part>, finish: Option<FinishReason>| ChatResponse {
            choices: vec![Choice { parts, finish, logprobs: None }],
            ..ChatResponse::default()
        };
        assert_eq!(whole(&ChatResponse::default()), Err(no_answer()));
        assert_eq!(whole(&answer(Vec::new(), None)), Err(no_answer()));
        assert_eq!(whole(&answer(Vec::new(), Some(FinishReason::ContentFilter))), Ok(()));
        assert_eq!(whole(&answer(vec![Part::text("a")], None)), Ok(()));
        let aborted = answer(vec![Part::text("a")], Some(FinishReason::Other("abort".into())));
        assert_eq!(whole(&aborted).unwrap_err().code.as_deref(), Some("abort"));
    }

    /// A decoder that reads these events and then ends.
    struct Script(Vec<StreamEvent>);

    impl StreamDecoder for Script {
        fn push(&mut self, _chunk: &[u8], _events: &mut Vec<StreamEvent>) {}

        fn finish(&mut self, events: &mut Vec<StreamEvent>) {
            events.append(&mut self.0);
        }
    }

    fn judged(head: &str, script: Vec<StreamEvent>) -> Vec<StreamEvent> {
        let mut stream = JudgedStream::new(Box::new(Script(script)), None);
        let mut events = Vec::new();
        stream.push(head.as_bytes(), &mut events);
        stream.finish(&mut events);
        events
    }

    #[test]
    fn the_verdict_on_a_stream_is_given_at_its_end() {
        let start = StreamEvent::Start { id: None, model: None, created: None };
        let part = StreamEvent::PartStart { choice: 0, part: 0, start: PartStart::Text };
        let end = |word: &str| StreamEvent::Finish { choice: 0, reason: FinishReason::Other(word.into()) };
        let read = |events: Vec<StreamEvent>| judged("", events).pop().unwrap();
        assert_eq!(read(vec![start.clone(), StreamEvent::Done]), StreamEvent::Error(no_answer()));
        assert_eq!(read(vec![start.clone(), end("new"), StreamEvent::Done]), StreamEvent::Done);
        let aborted = judged("", vec![start.clone(), part.clone(), end("abort"), StreamEvent::Done]);
        assert!(!aborted.contains(&end("abort")));
        let Some(StreamEvent::Error(error)) = aborted.last() else { panic!("{aborted:?}") };
        assert_eq!(error.code.as_deref(), Some("abort"));
    }

    #[test]
    fn words_of_an_unknown_form_are_found_before_the_first_word() {
        let error = |head: &str, script| match judged(head, script).pop() {
            Some(StreamEvent::Error(error)) => (error.status, error.message),
            other => panic!("{other:?}"),
        };
        let truncated = || vec![StreamEvent::Error(ErrorInfo::truncated())];
        for head in [
            r#"{"detail":"no seat"}"#,
            "data: {\"detail\":\"no seat\"}\n\n",
            "event: oops\r\ndata: {\"detail\":\"no seat\"}\r\n\r\n",
            "error: {\"error\":{\"message\":\"no seat\"}}\n\n",
        ] {
            assert_eq!(error(head, truncated()), (502, "no seat".to_owned()), "{head}");
        }
        let limited = "data: {\"code\":429,\"message\":\"slow\"}\n\n";
        assert_eq!(error(limited, vec![StreamEvent::Done]), (429, "slow".to_owned()));
    }
}
