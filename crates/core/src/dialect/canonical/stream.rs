//! A streamed answer, event by event.
//!
//! The order is: one [`StreamEvent::Start`]; for every part of a choice a start, deltas and an end; one
//! [`StreamEvent::Finish`] for each choice; [`StreamEvent::Usage`] whenever counts are known (the last one holds); then
//! exactly one of [`StreamEvent::Done`] and [`StreamEvent::Error`], after which nothing follows. Parts of a choice are
//! numbered from 0 without gaps in the order in which they start; at most one of them is open, except that tool calls
//! may run beside each other.

use super::error::ErrorInfo;
use super::json::Json;
use super::maker::Maker;
use super::message::{Citation, Media};
use super::response::FinishReason;
use crate::sse::writer::KEEP_ALIVE;
use crate::tokens::TokenUsage;

/// One event of a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// The answer begins.
    Start {
        /// The upstream's id of the answer.
        id: Option<String>,
        /// The model that answers, in the upstream's word.
        model: Option<String>,
        /// Seconds since the epoch.
        created: Option<u64>,
    },
    /// Who serves the answer, as soon as that is known. Later words replace earlier ones; what is absent is not said.
    Served {
        /// The tier.
        service_tier: Option<String>,
        /// `OpenAI`'s name of the configuration.
        system_fingerprint: Option<String>,
    },
    /// A part begins.
    PartStart {
        /// Number of the choice.
        choice: usize,
        /// Number of the part within the choice.
        part: usize,
        /// What begins.
        start: PartStart,
    },
    /// More text of a text, thinking or refusal part.
    TextDelta {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
        /// The text.
        text: String,
    },
    /// More of the arguments of a tool call, as JSON text. The deltas concatenate to exactly the arguments.
    ArgumentsDelta {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
        /// The piece of text.
        text: String,
    },
    /// The signature of a thinking part or tool call. It comes whole, or in pieces that concatenate.
    SignatureDelta {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
        /// The signature.
        signature: String,
    },
    /// A source of a text part.
    Citation {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
        /// The source.
        citation: Citation,
    },
    /// Log probabilities of the text just sent, in `OpenAI`'s form.
    Logprobs {
        /// Number of the choice.
        choice: usize,
        /// The probabilities.
        logprobs: Json,
    },
    /// A part is whole.
    PartEnd {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
    },
    /// A choice is over.
    Finish {
        /// Number of the choice.
        choice: usize,
        /// Why.
        reason: FinishReason,
    },
    /// Tokens used so far. Later counts replace earlier ones.
    Usage(TokenUsage),
    /// The upstream is alive but has nothing to say.
    Ping,
    /// The stream is whole.
    Done,
    /// The stream broke off, or the upstream reported an error in it.
    Error(ErrorInfo),
}

/// What kind of part begins.
#[derive(Debug, Clone, PartialEq)]
pub enum PartStart {
    /// Text.
    Text,
    /// Thoughts.
    Thinking,
    /// Encrypted thoughts, whole.
    RedactedThinking {
        /// Opaque.
        data: String,
    },
    /// What a tool of the provider's own did or found, whole.
    ProviderBlock {
        /// Whose words they are.
        maker: Maker,
        /// The block.
        block: Json,
    },
    /// A refusal.
    Refusal,
    /// A picture, whole.
    Image {
        /// Where it is.
        media: Media,
    },
    /// A piece of a recording, whole in itself: services stream speech in pieces, each a part of its own.
    Audio {
        /// The piece.
        media: Media,
    },
    /// A tool call.
    ToolCall {
        /// Names the call.
        id: String,
        /// Name of the tool.
        name: String,
    },
}

impl StreamEvent {
    /// For dialects whose answers consist of words: a picture as a link in Markdown, a recording as nothing. `None` for
    /// everything else.
    #[must_use]
    pub fn in_words(&self) -> Option<Vec<Self>> {
        let Self::PartStart {
            choice,
            part,
            start: start @ (PartStart::Image { .. } | PartStart::Audio { .. }),
        } = self
        else {
            return None;
        };
        let (choice, part) = (*choice, *part);
        let mut events = vec![Self::PartStart { choice, part, start: PartStart::Text }];
        if let PartStart::Image { media } = start
            && let Some(url) = media.to_url()
        {
            events.push(Self::TextDelta { choice, part, text: format!("![image]({url})") });
        }
        Some(events)
    }
}

/// Reads an upstream's stream. Malformed data becomes [`StreamEvent::Error`]; after `Done` or `Error` everything that
/// still comes is ignored.
pub trait StreamDecoder {
    /// Takes in the next bytes, however they are cut, and appends the events that they complete.
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>);
    /// Takes in the end of the stream. Without a proper end before it, it appends an error with the code
    /// `upstream_stream_truncated`.
    fn finish(&mut self, events: &mut Vec<StreamEvent>);
}

/// Writes a caller's stream.
pub trait StreamEncoder {
    /// Appends what the event is in the caller's dialect; that may be nothing. An error becomes the dialect's error
    /// event, and no end that would make the stream look whole.
    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>);
    /// Whether a comment of Server-Sent Events may stand between two events.
    fn takes_comments(&self) -> bool {
        true
    }
    /// A sign of life, to be written where [`takes_comments`](Self::takes_comments) allows it.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
    /// The body that the unstreamed answer would have had, once the stream is over, in a dialect whose answers may be
    /// kept and continued.
    fn final_body(&self) -> Option<Vec<u8>> {
        None
    }
}
