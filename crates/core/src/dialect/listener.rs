//! Decoding a pass-through stream for later use: its answer in the canonical model.
//!
//! No decoding happens while a chunk is on its way to the caller unless much has accumulated: decoding in large
//! pieces is cheaper, and most of it happens after the caller has been served.

use crate::dialect::canonical::{Answered, Assembly, ErrorInfo, StreamDecoder, StreamEvent};
use crate::dialect::pipe::{Forward, MAX_ANSWER_TEXT, StreamEnd, StreamFacts, StreamPipe};

/// Bytes that may accumulate undecoded.
const MAX_PENDING: usize = 32 << 10;

/// A pipe whose upstream side is decoded as well.
pub struct Listener<P> {
    pipe: P,
    decoder: Box<dyn StreamDecoder>,
    pending: Vec<u8>,
    /// Kept between pieces to reuse its memory.
    events: Vec<StreamEvent>,
    answer: Assembly,
    is_at_end: bool,
}

impl<P: StreamPipe> Listener<P> {
    /// Decodes with `decoder` what is pushed into `pipe`.
    pub fn new(pipe: P, decoder: Box<dyn StreamDecoder>) -> Self {
        Self {
            pipe,
            decoder,
            pending: Vec::new(),
            events: Vec::new(),
            answer: Assembly::new(MAX_ANSWER_TEXT),
            is_at_end: false,
        }
    }

    fn decode_pending(&mut self) {
        self.decoder.push(&self.pending, &mut self.events);
        self.pending.clear();
        for event in self.events.drain(..) {
            self.answer.add(event);
        }
    }
}

impl<P: StreamPipe> Listener<P> {
    /// Decodes everything so far, and the end if it has come.
    fn decode_end(&mut self) {
        self.decode_pending();
        if self.is_at_end && !self.answer.is_over() {
            self.decoder.finish(&mut self.events);
            for event in self.events.drain(..) {
                self.answer.add(event);
            }
        }
    }
}

impl<P: StreamPipe> StreamPipe for Listener<P> {
    fn push(&mut self, chunk: &[u8]) -> Forward {
        if !self.answer.is_over() {
            self.pending.extend_from_slice(chunk);
            if self.pending.len() >= MAX_PENDING {
                self.decode_pending();
            }
        }
        self.pipe.push(chunk)
    }

    fn finish(&mut self) -> StreamEnd {
        self.is_at_end = true;
        self.pipe.finish()
    }

    fn is_verbatim(&self) -> bool {
        self.pipe.is_verbatim()
    }

    fn finish_verbatim(&mut self) -> StreamEnd {
        self.is_at_end = true;
        self.pipe.finish_verbatim()
    }

    fn event_end(&self) -> &'static [u8] {
        self.pipe.event_end()
    }

    fn facts(&self) -> StreamFacts {
        self.pipe.facts()
    }

    fn is_complete(&self) -> bool {
        self.pipe.is_complete()
    }

    fn at_boundary(&self) -> bool {
        self.pipe.at_boundary()
    }

    fn keep_alive(&self) -> &'static [u8] {
        self.pipe.keep_alive()
    }

    fn final_body(&self) -> Option<Vec<u8>> {
        self.pipe.final_body()
    }

    fn has_content(&mut self) -> bool {
        self.decode_pending();
        self.answer.has_content() || self.pipe.is_at_work()
    }

    fn error(&mut self) -> Option<ErrorInfo> {
        self.decode_end();
        self.answer.error().cloned()
    }

    fn take_answer(&mut self) -> Answered {
        self.decode_end();
        std::mem::replace(&mut self.answer, Assembly::new(0)).into_answered()
    }

    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8> {
        self.pipe.encode_error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::caller::CallerDialect;
    use crate::dialect::canonical::{FinishReason, Part};
    use crate::dialect::native;

    const CHUNKS: &[&str] = &[
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}"#,
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}"#,
        r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "data: [DONE]",
    ];

    fn listen(chunks: &[&str]) -> Answered {
        let mut pipe = native::tap(CallerDialect::OpenaiChat, false);
        for chunk in chunks {
            let _ = pipe.push(format!("{chunk}\n\n").as_bytes());
        }
        if chunks.len() == CHUNKS.len() {
            let _ = pipe.finish();
        }
        pipe.take_answer()
    }

    #[test]
    fn the_answer_of_an_untouched_stream_is_known_at_its_end() {
        let answered = listen(CHUNKS);
        assert!(answered.is_whole);
        let choice = &answered.response.choices[0];
        assert_eq!(choice.parts, [Part::text("Hello")]);
        assert_eq!(choice.finish, Some(FinishReason::Stop));
    }

    #[test]
    fn what_came_before_the_caller_left_is_known_and_not_whole() {
        let answered = listen(&CHUNKS[..2]);
        assert!(!answered.is_whole);
        assert_eq!(answered.response.choices[0].parts, [Part::text("Hello")]);
    }

    #[test]
    fn a_very_long_answer_is_cut_and_not_whole() {
        let mut pipe = native::tap(CallerDialect::OpenaiChat, false);
        let text = "x".repeat(1000);
        let chunk = CHUNKS[1].replace("lo", &text) + "\n\n";
        for _ in 0..1100 {
            let _ = pipe.push(chunk.as_bytes());
        }
        let _ = pipe.push(b"data: [DONE]\n\n");
        let _ = pipe.finish();
        let answered = pipe.take_answer();
        assert!(!answered.is_whole);
        let Part::Text { text, .. } = &answered.response.choices[0].parts[0] else { panic!("no text") };
        assert!(text.len() <= MAX_ANSWER_TEXT && text.len() > MAX_ANSWER_TEXT - 2000);
    }
}
