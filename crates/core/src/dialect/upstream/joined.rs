//! Joins the halves of characters that a provider has put into two events of a stream.
//!
//! Decoders read pieces of text with marks for the halves at their edges ([`crate::json::lenient::Piece`]). Behind
//! [`Joined`] there are no marks: two halves are one character, and a half without the other is U+FFFD.

use crate::dialect::canonical::{StreamDecoder, StreamEvent};
use crate::json::lenient::Joint;

/// A decoder whose texts are joined.
pub struct Joined<D> {
    decoder: D,
    /// The texts that ended with half a character.
    open: Vec<(Place, Joint)>,
}

/// Choice and part of a text, and which of the part's texts it is.
type Place = (usize, usize, Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Arguments,
    Signature,
}

impl<D> Joined<D> {
    /// A decoder around one at the beginning of a stream.
    pub fn new(decoder: D) -> Self {
        Self { decoder, open: Vec::new() }
    }

    /// The decoder within.
    pub fn inner(&self) -> &D {
        &self.decoder
    }

    fn join(&mut self, from: usize, events: &mut Vec<StreamEvent>) {
        let is_plain =
            |event: &mut StreamEvent| text_of(event).is_none_or(|(_, text)| !Joint::concerns(text));
        let new = events.get_mut(from..).unwrap_or_default();
        if self.open.is_empty() && new.iter_mut().all(is_plain) {
            return;
        }
        for mut event in events.split_off(from) {
            match &event {
                StreamEvent::PartEnd { choice, part } => {
                    let (choice, part) = (*choice, *part);
                    self.release(|place| (place.0, place.1) == (choice, part), events);
                }
                StreamEvent::Done | StreamEvent::Error(_) => self.release(|_| true, events),
                _ => {}
            }
            let Some((place, text)) = text_of(&mut event) else {
                events.push(event);
                continue;
            };
            let position = self.open.iter().position(|(open, _)| *open == place);
            let mut joint = position.map(|position| self.open.swap_remove(position).1).unwrap_or_default();
            *text = joint.add(std::mem::take(text));
            let is_empty = text.is_empty();
            if joint.holds() {
                self.open.push((place, joint));
            }
            if !is_empty {
                events.push(event);
            }
        }
    }

    /// Emits what is left of texts that have ended.
    fn release(&mut self, is_over: impl Fn(Place) -> bool, events: &mut Vec<StreamEvent>) {
        self.open.retain_mut(|(place, joint)| {
            if !is_over(*place) {
                return true;
            }
            let (choice, part, kind) = *place;
            events.extend(joint.end().map(String::from).map(|text| match kind {
                Kind::Text => StreamEvent::TextDelta { choice, part, text },
                Kind::Arguments => StreamEvent::ArgumentsDelta { choice, part, text },
                Kind::Signature => StreamEvent::SignatureDelta { choice, part, signature: text },
            }));
            false
        });
    }
}

/// Joins the texts of events that are all there.
pub fn join(events: &mut Vec<StreamEvent>) {
    let mut joined = Joined::new(());
    joined.join(0, events);
    joined.release(|_| true, events);
}

fn text_of(event: &mut StreamEvent) -> Option<(Place, &mut String)> {
    match event {
        StreamEvent::TextDelta { choice, part, text } => Some(((*choice, *part, Kind::Text), text)),
        StreamEvent::ArgumentsDelta { choice, part, text } => Some(((*choice, *part, Kind::Arguments), text)),
        StreamEvent::SignatureDelta { choice, part, signature } => {
            Some(((*choice, *part, Kind::Signature), signature))
        }
        _ => None,
    }
}

impl<D: StreamDecoder> StreamDecoder for Joined<D> {
    fn push(&mut self, chunk: &[u8], events: &mut Vec<StreamEvent>) {
        let from = events.len();
        self.decoder.push(chunk, events);
        self.join(from, events);
    }

    fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        let from = events.len();
        self.decoder.finish(events);
        self.join(from, events);
    }
}
