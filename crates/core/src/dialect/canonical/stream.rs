//! A streamed answer, event by event.
//!
//! The order is: one [`StreamEvent::Start`]; for every part of a choice a start, deltas and an end; one
//! [`StreamEvent::Finish`] for each choice; [`StreamEvent::Usage`] whenever counts are known (the last one counts);
//! then exactly one of [`StreamEvent::Done`] and [`StreamEvent::Error`], after which nothing follows. Parts of a
//! choice are numbered from 0 without gaps in the order in which they start; at most one of them is open, except that
//! tool calls may overlap.

use super::citation::Citation;
use super::error::ErrorInfo;
use super::json::Json;
use super::message::Media;
use super::origin::SignatureOrigin;
use super::response::FinishReason;
use crate::sse::writer::KEEP_ALIVE;
use crate::tokens::TokenUsage;

/// Largest event of an upstream's stream that is held until it is complete, in bytes. A picture is one event, and so is the whole
/// response, with all of its pictures, at the end of a stream of the Responses API. All streams together have a limit of their own
/// ([`crate::sse::share`]).
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// One event of a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// The answer begins.
    Start {
        /// The upstream's id of the answer.
        id: Option<String>,
        /// The model that answers, as the upstream names it.
        model: Option<String>,
        /// Seconds since the epoch.
        created: Option<u64>,
    },
    /// How the answer is served, as soon as that is known. Later values replace earlier ones; absent ones are
    /// unknown.
    Served {
        /// The service tier.
        service_tier: Option<String>,
        /// `OpenAI`'s `system_fingerprint`.
        system_fingerprint: Option<String>,
    },
    /// A part begins.
    PartStart {
        /// Number of the choice.
        choice: usize,
        /// Number of the part within the choice.
        part: usize,
        /// The kind of the part.
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
    /// The signature of a thinking part or tool call. It comes complete, or in pieces that concatenate.
    SignatureDelta {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
        /// The signature.
        signature: String,
    },
    /// A citation of a text part.
    Citation {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
        /// The citation.
        citation: Citation,
    },
    /// Log probabilities of the text just sent, in `OpenAI`'s form.
    Logprobs {
        /// Number of the choice.
        choice: usize,
        /// The probabilities.
        logprobs: Json,
    },
    /// A part is complete.
    PartEnd {
        /// Number of the choice.
        choice: usize,
        /// Number of the part.
        part: usize,
    },
    /// A choice has ended.
    Finish {
        /// Number of the choice.
        choice: usize,
        /// Why.
        reason: FinishReason,
    },
    /// Tokens used so far. Later counts replace earlier ones.
    Usage(TokenUsage),
    /// A keep-alive of the upstream.
    Ping,
    /// The stream is complete.
    Done,
    /// The stream was truncated, or the upstream reported an error in it.
    Error(ErrorInfo),
}

/// The kind of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum PartStart {
    /// Text.
    Text,
    /// A thinking block.
    Thinking,
    /// An encrypted thinking block, complete.
    RedactedThinking {
        /// Opaque.
        data: String,
    },
    /// A block of a provider's server tool, complete.
    ProviderBlock {
        /// The vendor.
        origin: SignatureOrigin,
        /// The block.
        block: Json,
    },
    /// A refusal.
    Refusal,
    /// An image, complete.
    Image {
        /// Its source.
        media: Media,
    },
    /// A piece of audio, complete: services stream speech in pieces, each of which is a part of its own.
    Audio {
        /// The piece.
        media: Media,
    },
    /// A tool call.
    ToolCall {
        /// Id of the call.
        id: String,
        /// Name of the tool.
        name: String,
    },
}

impl StreamEvent {
    /// For dialects whose answers consist of text: an image or audio as a link in Markdown. `None` for everything else.
    #[must_use]
    pub fn in_words(&self) -> Option<Vec<Self>> {
        let Self::PartStart { choice, part, start: PartStart::Image { media } | PartStart::Audio { media } } =
            self
        else {
            return None;
        };
        let (choice, part) = (*choice, *part);
        let mut events = vec![Self::PartStart { choice, part, start: PartStart::Text }];
        events.extend(media.in_words().map(|text| Self::TextDelta { choice, part, text }));
        Some(events)
    }
}

/// Decodes an upstream's stream. Malformed data becomes [`StreamEvent::Error`]; input after `Done` or `Error` is
/// ignored.
pub trait StreamDecoder {
    /// Processes the next bytes, in any chunking, and appends the events that they complete.
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>);
    /// Processes the end of the input. Without a proper end before it, it appends an error with the code
    /// `upstream_stream_truncated`.
    fn finish(&mut self, events: &mut Vec<StreamEvent>);
}

/// Encodes a caller's stream.
pub trait StreamEncoder {
    /// Appends the event in the caller's dialect, which may be nothing. An error becomes the dialect's error event,
    /// without an end that would make the stream look complete.
    fn encode(&mut self, event: &StreamEvent, out: &mut Vec<u8>);
    /// Whether a comment of Server-Sent Events is allowed between two events.
    fn takes_comments(&self) -> bool {
        true
    }
    /// A keep-alive, to be written where [`takes_comments`](Self::takes_comments) allows it.
    fn keep_alive(&self) -> &'static [u8] {
        KEEP_ALIVE
    }
    /// The body that the unstreamed answer would have had, once the stream has ended, in a dialect whose answers can
    /// be stored and continued.
    fn final_body(&self) -> Option<Vec<u8>> {
        None
    }
}
