//! Writes the events of a stream with consecutive sequence numbers.

use super::output::Slot;
use super::wire::{Content, Event, Item, Numbered, Part, Summary};
use crate::sse::writer::end_data;

/// The writer of events.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) sequence: u64,
}

impl Events {
    /// Writes one event.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, kind: &str, event: Event<'_>) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let start = out.len();
        let numbered = Numbered { r#type: kind, sequence_number: self.sequence, event };
        // Serialising plain structures to memory cannot fail.
        let _written = serde_json::to_writer(&mut *out, &numbered);
        end_data(out, start);
        self.sequence += 1;
    }

    /// The events at the end of a part.
    pub(super) fn write_done(&mut self, item: &Item, slot: &Slot, out: &mut Vec<u8>) {
        match item {
            Item::Message { content, .. } => {
                let Some(content) = content.get(slot.content) else { return };
                match content {
                    Content::OutputText { annotations, logprobs, text } => {
                        for (index, annotation) in annotations.iter().enumerate() {
                            let event = Event {
                                annotation_index: Some(index),
                                annotation: Some(annotation),
                                ..at_content(item, slot)
                            };
                            self.write(out, "response.output_text.annotation.added", event);
                        }
                        let (text, logprobs) = (Some(text.as_str()), Some(logprobs.as_slice()));
                        let event = Event { text, logprobs, ..at_content(item, slot) };
                        self.write(out, "response.output_text.done", event);
                    }
                    Content::Refusal { refusal } => {
                        let event = Event { refusal: Some(refusal), ..at_content(item, slot) };
                        self.write(out, "response.refusal.done", event);
                    }
                }
                let event = Event { part: Some(Part::Content(content)), ..at_content(item, slot) };
                self.write(out, "response.content_part.done", event);
            }
            Item::Reasoning { summary, .. } => {
                let Some(part) = summary.first() else { return };
                let Summary::SummaryText { text } = part;
                let event = Event { text: Some(text), ..at_summary(item, slot) };
                self.write(out, "response.reasoning_summary_text.done", event);
                let event = Event { part: Some(Part::Summary(part)), ..at_summary(item, slot) };
                self.write(out, "response.reasoning_summary_part.done", event);
            }
            Item::FunctionCall { arguments, .. } => {
                let event = Event { arguments: Some(arguments), ..at_item(item, slot) };
                self.write(out, "response.function_call_arguments.done", event);
            }
            Item::ImageGenerationCall { .. } => {
                self.write(out, "response.image_generation_call.completed", at_item(item, slot));
            }
            Item::CustomToolCall { input, .. } => {
                if !input.is_empty() {
                    let event = Event { delta: Some(input), ..at_item(item, slot) };
                    self.write(out, "response.custom_tool_call_input.delta", event);
                }
                let event = Event { input: Some(input), ..at_item(item, slot) };
                self.write(out, "response.custom_tool_call_input.done", event);
            }
        }
    }
}

/// An event of an item.
pub(super) fn at_item<'a>(item: &'a Item, slot: &Slot) -> Event<'a> {
    Event { item_id: Some(item.id()), output_index: Some(slot.item), ..Event::default() }
}

/// An event of a piece of a message.
pub(super) fn at_content<'a>(item: &'a Item, slot: &Slot) -> Event<'a> {
    Event { content_index: Some(slot.content), ..at_item(item, slot) }
}

/// An event of a reasoning summary, which always has one part.
pub(super) fn at_summary<'a>(item: &'a Item, slot: &Slot) -> Event<'a> {
    Event { summary_index: Some(0), ..at_item(item, slot) }
}
