//! Request and answer as they were received, decoded only if needed after the answer.
//!
//! Most requests pass through and are never decoded while they are served. Work after the answer (counting tokens,
//! recognising the conversation, archiving) needs the canonical model; decoding waits until then and happens once.

use std::rc::Rc;

use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::{Answered, ChatRequest};
use crate::dialect::registry;

/// A larger request, in bytes, is not decoded after the answer: that would block other requests of the isolate.
const MAX_READ_BYTES: usize = 4 << 20;

/// One exchange of request and answer. Cheap to fill; reading it decodes.
#[derive(Debug, Default)]
pub struct Transcript {
    request: Request,
    answer: Answer,
}

#[derive(Debug, Default)]
enum Request {
    #[default]
    Unknown,
    Bytes {
        caller_dialect: CallerDialect,
        body: Rc<Vec<u8>>,
        model: String,
        stream: bool,
    },
    Read(Rc<ChatRequest>),
}

#[derive(Debug, Default)]
enum Answer {
    #[default]
    Unknown,
    Bytes(AsItCame),
    /// Decoded; with the body, if it came whole in a dialect of callers.
    Read(Rc<Answered>, Option<AsItCame>),
}

/// A body in a dialect.
#[derive(Debug, Clone)]
struct AsItCame {
    caller_dialect: CallerDialect,
    body: Rc<Vec<u8>>,
}

impl Transcript {
    /// Stores a request as received, with model and streaming, which may come from the path.
    pub fn keep_request(
        &mut self,
        caller_dialect: CallerDialect,
        body: Rc<Vec<u8>>,
        model: &str,
        stream: bool,
    ) {
        self.request = Request::Bytes { caller_dialect, body, model: model.to_owned(), stream };
    }

    /// Stores a decoded request; it has more than its bytes if it continues an earlier answer.
    pub fn keep_read_request(&mut self, request: Rc<ChatRequest>) {
        self.request = Request::Read(request);
    }

    /// Stores the body of an unstreamed pass-through answer to these callers.
    pub fn keep_answer(&mut self, caller_dialect: CallerDialect, body: Rc<Vec<u8>>) {
        self.answer = Answer::Bytes(AsItCame { caller_dialect, body });
    }

    /// Stores a decoded answer, complete or partial.
    pub fn keep_read_answer(&mut self, answered: Answered) {
        self.answer = Answer::Read(Rc::new(answered), None);
    }

    /// Whether nothing of it is stored, as of what is no chat.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!((&self.request, &self.answer), (Request::Unknown, Answer::Unknown))
    }

    /// Bytes of the request that decoding it would have to read.
    #[must_use]
    pub fn unread_bytes(&self) -> usize {
        match &self.request {
            Request::Bytes { body, .. } => body.len(),
            Request::Unknown | Request::Read(_) => 0,
        }
    }

    /// Whether the request is small enough to be decoded.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.unread_bytes() <= MAX_READ_BYTES
    }

    /// Adds what another transcript of the same exchange knows and this one does not, or has in a less complete form.
    pub fn complete(&mut self, other: Self) {
        if !matches!(other.request, Request::Unknown) {
            self.request = other.request;
        }
        if !matches!(other.answer, Answer::Unknown) {
            self.answer = other.answer;
        }
    }

    /// The request; `None` if there is none that can be decoded.
    pub fn request(&mut self) -> Option<Rc<ChatRequest>> {
        if let Request::Bytes { caller_dialect, body, model, stream } = &self.request {
            let read = registry::caller(*caller_dialect).decode_request(body).map(|mut request| {
                request.model.clone_from(model);
                request.stream = *stream;
                request
            });
            self.request = read.map_or(Request::Unknown, |request| Request::Read(Rc::new(request)));
        }
        match &self.request {
            Request::Read(request) => Some(Rc::clone(request)),
            _ => None,
        }
    }

    /// The body of the answer as received, if it is in this caller dialect, also after it was decoded.
    #[must_use]
    pub fn answer_as_it_came(&self, caller_dialect: CallerDialect) -> Option<&[u8]> {
        match &self.answer {
            Answer::Bytes(came) | Answer::Read(_, Some(came))
                if came.caller_dialect == caller_dialect && caller_dialect.has_upstreams() =>
            {
                Some(&came.body)
            }
            _ => None,
        }
    }

    /// The answer as far as it was received; `None` if there is none that can be decoded.
    pub fn answer(&mut self) -> Option<Rc<Answered>> {
        if let Answer::Bytes(came) = &self.answer {
            let read = registry::upstream(came.caller_dialect).decode_response(&came.body);
            self.answer = read.map_or(Answer::Unknown, |response| {
                Answer::Read(Rc::new(Answered { response, is_whole: true }), Some(came.clone()))
            });
        }
        match &self.answer {
            Answer::Read(answered, _) => Some(Rc::clone(answered)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::Part;

    #[test]
    fn both_sides_are_read_when_asked_for() {
        let mut transcript = Transcript::default();
        assert!(transcript.request().is_none() && transcript.answer().is_none() && transcript.is_empty());
        let body = br#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
        transcript.keep_request(CallerDialect::Anthropic, Rc::new(body.to_vec()), "from-the-path", true);
        transcript.keep_answer(
            CallerDialect::OpenaiChat,
            br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"ho"},"finish_reason":"stop"}]}"#.to_vec().into(),
        );
        let request = transcript.request().unwrap();
        assert_eq!(
            (request.model.as_str(), request.stream, request.max_tokens),
            ("from-the-path", true, Some(5))
        );
        let answered = transcript.answer().unwrap();
        assert!(answered.is_whole);
        assert!(
            transcript.answer_as_it_came(CallerDialect::OpenaiChat).is_some(),
            "the bytes are still there"
        );
        assert!(transcript.answer_as_it_came(CallerDialect::Anthropic).is_none());
        assert_eq!(answered.response.choices[0].parts, [Part::text("ho")]);
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let mut transcript = Transcript::default();
        transcript.keep_request(CallerDialect::OpenaiChat, Rc::new(b"{".to_vec()), "m", false);
        transcript.keep_answer(CallerDialect::Gemini, b"<html>".to_vec().into());
        assert!(transcript.request().is_none() && transcript.answer().is_none());
    }
}
