//! The observer of a pass-through Messages stream.

use super::usage_tap::UsageTap;
use super::{Anthropic, PING};
use crate::dialect::canonical::{CallerCodec as _, ErrorInfo};
use crate::dialect::pipe::StreamFacts;
use crate::dialect::tap::{Ending, Observer};
use crate::sse::writer::KEEP_ALIVE;
use crate::sse::{Event, writer};

/// The observer of one stream.
#[derive(Default)]
pub struct AnthropicObserver {
    usage: UsageTap,
    has_begun: bool,
}

impl Observer for AnthropicObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(data) = event.data() {
            self.usage.observe(&data);
            self.has_begun = true;
        }
        true
    }

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            // Before the end the upstream has reported only the prompt; the rest is counted afterwards.
            usage: self.usage.usage(),
            finish_reason: self.usage.finish_reason().map(str::to_owned),
            estimated_completion: self.usage.estimated_completion(),
        }
    }

    fn ending(&self) -> Ending {
        match (self.usage.error(), self.usage.is_complete(), self.usage.finish_reason()) {
            (Some(_), ..) => Ending::Error,
            (None, true, _) => Ending::Done,
            (None, false, Some(_)) => Ending::Finished,
            (None, false, None) => Ending::Open,
        }
    }

    fn keep_alive(&self) -> &'static [u8] {
        // The official libraries raise an error for an event before the start.
        if self.has_begun { PING } else { KEEP_ALIVE }
    }

    fn missing_end(&self) -> &'static [u8] {
        b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    }

    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8> {
        let mut event = b"event: error\n".to_vec();
        writer::write_data(&mut event, &Anthropic.encode_error(error, ""));
        event
    }
}
