//! A streamed answer on its way through the gateway: bytes of the upstream in, bytes for the caller out.
//!
//! A pipe is either a tap ([`crate::dialect::tap::Tap`]), through which bytes of the same dialect pass untouched, or a
//! translation ([`crate::dialect::translation::StreamTranslation`]). The relay does not care which.

use crate::dialect::canonical::{Answered, ChatResponse, ErrorInfo};
use crate::sse::writer::KEEP_ALIVE;
use crate::tokens::TokenUsage;

/// Most text of one answer that is kept until the answer is over, in bytes.
pub const MAX_ANSWER_TEXT: usize = 1 << 20;

/// What to do with the chunk that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub enum Forward {
    /// Send the chunk on exactly as it is.
    Unchanged,
    /// Send these bytes instead; they may be empty.
    Replaced(Vec<u8>),
}

/// How the stream ended.
#[derive(Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// Bytes that are still to be sent.
    pub tail: Vec<u8>,
    /// Whether the answer is whole.
    pub outcome: StreamOutcome,
}

/// Whether a stream said what it had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOutcome {
    /// It ended as it should.
    Complete,
    /// It carried an error of the upstream's own, which the caller has received.
    UpstreamError,
    /// It broke off, and the caller has not been told yet.
    Truncated,
}

/// What is recorded of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// Usage as the upstream stated it, so far.
    pub usage: Option<TokenUsage>,
    /// Why the (last finished) choice ended, in the upstream's word.
    pub finish_reason: Option<String>,
    /// Estimated tokens of the text that has passed so far.
    pub estimated_completion: u64,
}

/// A streamed answer on its way.
pub trait StreamPipe {
    /// Takes in the next chunk of the upstream's body.
    fn push(&mut self, chunk: &[u8]) -> Forward;
    /// Takes in the end of the upstream's body.
    fn finish(&mut self) -> StreamEnd;
    /// Whether every byte of the stream goes on as it came, so that the relay need not wait for what [`push`](Self::push)
    /// says: it may pass the bytes on first and push them, in whatever pieces, when there is time.
    fn is_verbatim(&self) -> bool {
        false
    }
    /// The same as [`finish`](Self::finish) for a verbatim stream of which every byte has gone on, also those of an event that
    /// did not end. The tail is what comes after them; where the stream broke off it only ends such an event, so that one of
    /// our own may follow.
    fn finish_verbatim(&mut self) -> StreamEnd {
        self.finish()
    }
    /// What ends an event of a verbatim stream that is under way, if one is.
    fn event_end(&self) -> &'static [u8] {
        b""
    }
    /// What is known so far.
    fn facts(&self) -> StreamFacts;
    /// Whether the upstream has said everything, though its connection may still be open.
    fn is_complete(&self) -> bool;
    /// Whether something of our own, such as a sign of life, may be written now.
    fn at_boundary(&self) -> bool;
    /// A sign of life in the caller's dialect.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
    /// The body that the unstreamed answer would have had, if it is to be kept and as soon as what is kept of it is known.
    fn final_body(&self) -> Option<Vec<u8>> {
        None
    }
    /// Whether anything of the answer has come. Until then nothing is lost if another upstream is asked instead.
    fn has_spoken(&mut self) -> bool {
        true
    }
    /// Whether the upstream is at work on something that is no part of the answer's words, such as a tool of its own.
    fn is_at_work(&self) -> bool {
        false
    }
    /// The error of the upstream's own that the stream has carried, if it has.
    fn error(&self) -> Option<ErrorInfo> {
        None
    }
    /// What the upstream has said so far, in the canonical model. Asked for once, when the stream is over. A pipe that does
    /// not listen knows nothing.
    fn take_answer(&mut self) -> Answered {
        Answered { response: ChatResponse::default(), is_whole: false }
    }
    /// The event that tells the caller, whose status line has long left, of an error.
    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8>;
}
