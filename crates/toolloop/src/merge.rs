//! The answers of several rounds as one answer in the caller's dialect.
//!
//! Guarantees, streamed and whole:
//! - one id, one beginning, one end; positions and numbers of events run on over the rounds;
//! - what the model says reaches the caller as it comes, with its bytes, except for the members that number it;
//! - calls that the gateway runs are not shown as calls of functions: they are items of their own where the dialect has them, and
//!   hidden where it has not;
//! - the caller's own calls are passed on as they come;
//! - ends and usages of rounds that another one follows are withheld; the last one bears the sum;
//! - a streamed answer adds up to the whole one.

mod chat;
mod gemini;
mod messages;
mod responses;
mod rounds;

use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::sse::{EventReader, Segment};

pub(crate) use gemini::content as gemini_content;
pub(crate) use messages::{BLOCK_ID, message};
pub(crate) use responses::{Agreement, CALL_ID, agreement_of};
use rounds::Rounds;
pub use rounds::{Call, Ended, Fates, Joined, Listed, Setting, Told, Turn};

/// Largest event of a stream that is read. An answer with a larger one fails.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// What stands between texts of different rounds, where a dialect has one text for all of them.
#[must_use]
pub fn between(dialect: CallerDialect) -> &'static str {
    match dialect {
        CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => chat::PARAGRAPH,
        CallerDialect::Anthropic | CallerDialect::OpenaiResponses | CallerDialect::Gemini => "",
    }
}

/// The answers of the rounds, being joined.
pub struct Merge {
    reader: EventReader,
    rounds: Box<dyn Rounds>,
    has_failed: bool,
}

impl Merge {
    /// No rounds yet.
    #[must_use]
    pub fn new(dialect: CallerDialect, setting: Setting) -> Self {
        let rounds: Box<dyn Rounds> = match dialect {
            CallerDialect::OpenaiChat | CallerDialect::OpenaiCompletions => {
                Box::new(chat::Chat::new(&setting))
            }
            CallerDialect::Anthropic => Box::new(messages::Messages::default()),
            CallerDialect::OpenaiResponses => Box::new(responses::Responses::new(setting)),
            CallerDialect::Gemini => Box::new(gemini::Gemini::new(&setting)),
        };
        Self { reader: EventReader::new(MAX_EVENT_BYTES), rounds, has_failed: false }
    }

    /// The next bytes of a streamed round: appends what the caller is sent.
    pub fn push(&mut self, chunk: &[u8], fates: Fates<'_>, out: &mut Vec<u8>) {
        let Self { reader, rounds, has_failed } = self;
        reader.push(chunk, |segment| match segment {
            Segment::Event(event) => match event.data() {
                Some(data) => rounds.event(event.name(), &data, fates, out),
                None => out.extend_from_slice(event.raw()),
            },
            Segment::LineFeed(_) => {}
            Segment::Oversized(_) => *has_failed = true,
        });
    }

    /// The end of a streamed round.
    pub fn end_round(&mut self, out: &mut Vec<u8>) -> Ended {
        let _ = self.reader.finish();
        let ended = self.rounds.end_round(out);
        if self.has_failed { Ended::Truncated } else { ended }
    }

    /// A whole round; `None` if it cannot be read.
    pub fn whole(&mut self, body: &[u8], fates: Fates<'_>) -> Option<Turn> {
        self.rounds.whole(body, fates)
    }

    /// The result of a call. Of a stream, appends what the caller is sent.
    pub fn result(&mut self, told: &Told, out: &mut Vec<u8>) {
        self.rounds.result(told, out);
    }

    /// The streamed answer after its last round, if it is one that is stored and continued under several ids.
    #[must_use]
    pub fn joined(&self) -> Option<Joined> {
        self.rounds.joined()
    }

    /// The end of the streamed answer.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.rounds.finish(out);
    }

    /// The whole answer.
    #[must_use]
    pub fn finish_whole(&mut self) -> Vec<u8> {
        self.rounds.finish_whole()
    }

    /// The event of an error, which ends the stream.
    pub fn fail(&mut self, error: &ErrorInfo, out: &mut Vec<u8>) {
        self.rounds.fail(error, out);
    }

    /// Sent while tools run.
    #[must_use]
    pub fn keep_alive(&self) -> &'static [u8] {
        self.rounds.keep_alive()
    }
}
