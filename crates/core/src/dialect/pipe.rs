//! A streamed answer passing through the gateway: bytes of the upstream in, bytes for the caller out.
//!
//! A pipe is either a tap ([`crate::dialect::tap::Tap`]), through which bytes of the same dialect pass unchanged, or
//! a translation ([`crate::dialect::stream_translation::StreamTranslation`]). The relay treats both alike.

use crate::dialect::canonical::{Answered, ChatResponse, ErrorInfo};
use crate::sse::writer::KEEP_ALIVE;
use crate::tokens::TokenUsage;

/// Most text of one answer that is held until the answer ends, in bytes.
pub const MAX_ANSWER_TEXT: usize = 1 << 20;

/// What to do with a chunk that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub enum Forward {
    /// Forward the chunk unchanged.
    Unchanged,
    /// Send these bytes instead; they may be empty.
    Replaced(Vec<u8>),
}

/// How the stream ended.
#[derive(Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// Bytes still to be sent.
    pub tail: Vec<u8>,
    /// Whether the answer is complete.
    pub outcome: StreamOutcome,
}

/// Whether a stream is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOutcome {
    /// It ended properly.
    Complete,
    /// It contained an error of the upstream, which the caller has received.
    UpstreamError,
    /// It was truncated, and the caller has not been told yet.
    Truncated,
}

/// What is recorded of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// Usage as reported so far.
    pub usage: Option<TokenUsage>,
    /// The upstream's finish reason of the (last finished) choice.
    pub finish_reason: Option<String>,
    /// Estimated tokens of the text that has passed so far.
    pub estimated_completion: u64,
}

/// What a quick inspection of an unstreamed answer found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// What is recorded of it.
    pub facts: StreamFacts,
    /// Whether it has content and a usual end, so that it is an answer without a closer look.
    pub is_plainly_good: bool,
}

/// A streamed answer in progress.
pub trait StreamPipe {
    /// Processes the next chunk of the upstream's body.
    fn push(&mut self, chunk: &[u8]) -> Forward;
    /// Processes the end of the upstream's body.
    fn finish(&mut self) -> StreamEnd;
    /// Whether every byte of the stream is forwarded unchanged, so that the relay need not wait for the result of
    /// [`push`](Self::push): it may forward the bytes first and push them later, in any pieces.
    fn is_verbatim(&self) -> bool {
        false
    }
    /// Like [`finish`](Self::finish), for a verbatim stream of which every byte was forwarded, also those of a
    /// truncated event. The tail comes after them; if the stream was truncated, it only ends such an event, so that
    /// an event of our own may follow.
    fn finish_verbatim(&mut self) -> StreamEnd {
        self.finish()
    }
    /// The bytes that end the current event of a verbatim stream, if there is one.
    fn event_end(&self) -> &'static [u8] {
        b""
    }
    /// What is known so far.
    fn facts(&self) -> StreamFacts;
    /// Whether the answer is complete, though the connection may still be open.
    fn is_complete(&self) -> bool;
    /// Whether a keep-alive or an error event may be written now.
    fn at_boundary(&self) -> bool;
    /// A keep-alive in the caller's dialect.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
    /// The body that the unstreamed answer would have had, if it is to be stored, as soon as it is known.
    fn final_body(&self) -> Option<Vec<u8>> {
        None
    }
    /// Whether any content has arrived. Until then failover loses nothing.
    fn has_content(&mut self) -> bool {
        true
    }
    /// Whether the upstream is busy with something that produces no content, such as a server tool.
    fn is_at_work(&self) -> bool {
        false
    }
    /// Whether a content rule has ended the answer: the caller has been told, and nothing more is passed on.
    fn is_blocked(&self) -> bool {
        false
    }
    /// The upstream's error in the stream, if there was one.
    fn error(&mut self) -> Option<ErrorInfo> {
        None
    }
    /// The answer so far in the canonical model. Called once, when the stream has ended. Empty for a pipe that does
    /// not decode.
    fn take_answer(&mut self) -> Answered {
        Answered { response: ChatResponse::default(), is_whole: false }
    }
    /// An error event for the caller, whose status line has been sent.
    fn encode_error(&mut self, error: &ErrorInfo) -> Vec<u8>;
}
