//! The observer of a pass-through Messages stream.

use super::usage_tap::UsageTap;
use super::{Anthropic, PING};
use crate::dialect::canonical::{CallerCodec as _, ErrorInfo};
use crate::dialect::pipe::StreamFacts;
use crate::dialect::tap::{Ending, Observer};
use crate::sse::{Event, writer};

/// The observer of one stream.
#[derive(Default)]
pub struct AnthropicObserver(UsageTap);

impl Observer for AnthropicObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(data) = event.data() {
            self.0.observe(&data);
        }
        true
    }

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            // Before the end the upstream has reported only the prompt; the rest is counted afterwards.
            usage: self.0.usage(),
            finish_reason: self.0.finish_reason().map(str::to_owned),
            estimated_completion: self.0.estimated_completion(),
        }
    }

    fn ending(&self) -> Ending {
        match (self.0.error(), self.0.is_complete(), self.0.finish_reason()) {
            (Some(_), ..) => Ending::Error,
            (None, true, _) => Ending::Done,
            (None, false, Some(_)) => Ending::Finished,
            (None, false, None) => Ending::Open,
        }
    }

    fn keep_alive(&self) -> &'static [u8] {
        PING
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
