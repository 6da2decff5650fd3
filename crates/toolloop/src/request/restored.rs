//! The history of a request with the calls that the gateway ran in earlier answers, as the model made them.
//!
//! Responses and Messages show these calls as items and blocks, which callers send back. Models are told functions and results instead;
//! an answer of several rounds becomes the turns again that it consisted of, so that signatures stand where they stood.

mod chat;
mod found;
mod messages;
mod responses;

use nexus_edge_core::dialect::caller::CallerDialect;

pub use found::{Agreed, Restored};

use crate::offer::Offer;

/// The request with the calls of earlier answers as the model made them. `labels`: how the caller calls our servers.
#[must_use]
pub fn restored(dialect: CallerDialect, body: &[u8], offer: &Offer, labels: &[String]) -> Restored {
    match dialect {
        CallerDialect::Anthropic => messages::restored(body, offer, labels),
        CallerDialect::OpenaiResponses => responses::restored(body, offer, labels),
        CallerDialect::OpenaiChat => chat::restored(body, offer),
        CallerDialect::Gemini | CallerDialect::OpenaiCompletions => Restored::default(),
    }
}
