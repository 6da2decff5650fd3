//! The observer of a pass-through stream of `GenerateContentResponse`s.

use super::Gemini;
use super::usage_tap::UsageTap;
use crate::dialect::canonical::{CallerCodec as _, ErrorInfo};
use crate::dialect::pipe::StreamFacts;
use crate::dialect::tap::{Ending, Observer};
use crate::sse::{Event, writer};

/// The observer of one stream.
#[derive(Default)]
pub struct GeminiObserver(UsageTap);

impl Observer for GeminiObserver {
    fn observe(&mut self, event: Event<'_>) -> bool {
        if let Some(data) = event.data() {
            self.0.observe(&data);
        }
        true
    }

    fn facts(&self) -> StreamFacts {
        StreamFacts {
            usage: self.0.usage,
            finish_reason: self.0.finish_reason.clone(),
            estimated_completion: self.0.estimated_completion,
        }
    }

    fn ending(&self) -> Ending {
        match (&self.0.error, self.0.complete) {
            (Some(_), _) => Ending::Error,
            // The dialect has no final event.
            (None, true) => Ending::Finished,
            (None, false) => Ending::Open,
        }
    }

    fn missing_end(&self) -> &'static [u8] {
        b""
    }

    fn encode_error(&self, error: &ErrorInfo) -> Vec<u8> {
        let mut event = Vec::new();
        writer::write_data(&mut event, &Gemini.encode_error(error, ""));
        event
    }
}
