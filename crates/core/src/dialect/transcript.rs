//! What was asked and what was answered, kept as it came until the answer is over and somebody wants to know.
//!
//! Most requests pass untouched and are never brought into the canonical model while they are served. What is done after
//! the answer (counting, recognising the conversation, archiving) wants them there; decoding waits until then, and
//! happens once.

use std::rc::Rc;

use crate::dialect::canonical::{Answered, ChatRequest};
use crate::dialect::face::Face;
use crate::dialect::provider_kind::ProviderKind;
use crate::dialect::{registry, responses};

/// One exchange of request and answer. Cheap to fill; reading decodes.
#[derive(Debug, Default)]
pub struct Transcript {
    request: Request,
    answer: Answer,
    /// The dialect of the request, and of an answer that passed untouched.
    face: Option<Face>,
}

#[derive(Debug, Default)]
enum Request {
    #[default]
    Unknown,
    Bytes {
        face: Face,
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
    Bytes {
        kind: ProviderKind,
        body: Rc<Vec<u8>>,
    },
    Read(Rc<Answered>),
}

impl Transcript {
    /// Keeps a request as it came; model and streaming as they were understood, which may come from the path.
    pub fn keep_request(&mut self, face: Face, body: Rc<Vec<u8>>, model: &str, stream: bool) {
        self.face = Some(face);
        self.request = Request::Bytes { face, body, model: model.to_owned(), stream };
    }

    /// Keeps a request that had to be read already; it says more than its bytes, if it continues an earlier answer.
    pub fn keep_read_request(&mut self, request: Rc<ChatRequest>) {
        self.request = Request::Read(request);
    }

    /// Keeps the body of an unstreamed answer of an upstream of this kind.
    pub fn keep_answer(&mut self, kind: ProviderKind, body: Rc<Vec<u8>>) {
        self.answer = Answer::Bytes { kind, body };
    }

    /// Keeps an answer that was read already, or as much of it as came.
    pub fn keep_read_answer(&mut self, answered: Answered) {
        self.answer = Answer::Read(Rc::new(answered));
    }

    /// Bytes of the request that reading it would have to go through.
    #[must_use]
    pub fn unread_bytes(&self) -> usize {
        match &self.request {
            Request::Bytes { body, .. } => body.len(),
            Request::Unknown | Request::Read(_) => 0,
        }
    }

    /// Adds what another transcript of the same exchange knows and this one does not, or knows less well.
    pub fn complete(&mut self, other: Self) {
        if !matches!(other.request, Request::Unknown) {
            self.request = other.request;
        }
        if !matches!(other.answer, Answer::Unknown) {
            self.answer = other.answer;
        }
    }

    /// The request; `None` if there was none that can be read.
    pub fn request(&mut self) -> Option<Rc<ChatRequest>> {
        if let Request::Bytes { face, body, model, stream } = &self.request {
            let read = registry::caller(*face).decode_request(body).map(|mut request| {
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

    /// The body of the answer as it came, if it is in the dialect of these callers and nobody has read it yet.
    #[must_use]
    pub fn answer_as_it_came(&self, face: Face) -> Option<&[u8]> {
        match &self.answer {
            Answer::Bytes { kind, body } if face.is_native_to(*kind) => Some(body),
            _ => None,
        }
    }

    /// The answer, as far as it came; `None` if there was none that can be read.
    pub fn answer(&mut self) -> Option<Rc<Answered>> {
        if let Answer::Bytes { kind, body } = &self.answer {
            // Answers of the same kind of provider come in one of two dialects.
            let read = match self.face {
                Some(Face::OpenaiResponses) => responses::decode_answer(body),
                _ => registry::upstream(*kind).decode_response(body),
            };
            self.answer = read.map_or(Answer::Unknown, |response| {
                Answer::Read(Rc::new(Answered { response, is_whole: true }))
            });
        }
        match &self.answer {
            Answer::Read(answered) => Some(Rc::clone(answered)),
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
        assert!(transcript.request().is_none() && transcript.answer().is_none());
        let body = br#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
        transcript.keep_request(Face::Anthropic, Rc::new(body.to_vec()), "from-the-path", true);
        transcript.keep_answer(
            ProviderKind::Openai,
            br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"ho"},"finish_reason":"stop"}]}"#.to_vec().into(),
        );
        let request = transcript.request().unwrap();
        assert_eq!(
            (request.model.as_str(), request.stream, request.max_tokens),
            ("from-the-path", true, Some(5))
        );
        let answered = transcript.answer().unwrap();
        assert!(answered.is_whole);
        assert_eq!(answered.response.choices[0].parts, [Part::text("ho")]);
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let mut transcript = Transcript::default();
        transcript.keep_request(Face::OpenaiChat, Rc::new(b"{".to_vec()), "m", false);
        transcript.keep_answer(ProviderKind::Gemini, b"<html>".to_vec().into());
        assert!(transcript.request().is_none() && transcript.answer().is_none());
    }
}
