//! Gives the calls of an answer the caller's own names of the tools.

use super::renaming::Renaming;
use crate::dialect::canonical::{ChatResponse, Part, PartStart, StreamDecoder, StreamEvent};

/// Restores the names in an unstreamed answer.
#[must_use]
pub fn restored_response(mut response: ChatResponse, names: &Renaming) -> ChatResponse {
    if names.is_empty() {
        return response;
    }
    for part in response.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::ToolCall { name, .. } = part {
            names.restore(name);
        }
    }
    response
}

/// A decoder that restores the names in a streamed answer; the same one if nothing is renamed.
#[must_use]
pub fn restored(decoder: Box<dyn StreamDecoder>, names: Renaming) -> Box<dyn StreamDecoder> {
    if names.is_empty() { decoder } else { Box::new(Restored { decoder, names }) }
}

struct Restored {
    decoder: Box<dyn StreamDecoder>,
    names: Renaming,
}

impl Restored {
    fn restore(&self, events: &mut [StreamEvent]) {
        for event in events {
            if let StreamEvent::PartStart { start: PartStart::ToolCall { name, .. }, .. } = event {
                self.names.restore(name);
            }
        }
    }
}

impl StreamDecoder for Restored {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let before = events.len();
        self.decoder.push(chunk, events);
        self.restore(events.get_mut(before..).unwrap_or_default());
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let before = events.len();
        self.decoder.finish(events);
        self.restore(events.get_mut(before..).unwrap_or_default());
    }
}
