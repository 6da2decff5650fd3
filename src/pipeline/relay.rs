//! Step 5: relays the upstream's answer to the caller.
//!
//! Streams are relayed by [`super::stream_relay`]. Any other answer is read to its end first, so that a truncated one
//! becomes a clean error, or leads to failover.

use nexus_edge_core::stats::Outcome;

use super::attempt::{Accepted, AcceptedBody, Whole};
use super::record::set_cost;
use super::settle::Settlement;
use super::stream_relay;
use super::translate::Memory;
use crate::exchange::Exchange;
use crate::platform::http::{Headers, Response};
use crate::platform::rarely;

/// Relays an answer to the caller.
pub async fn relay(exchange: &Exchange, accepted: Accepted, mut settlement: Settlement) -> Response {
    let Accepted { status, headers, body, transcript, .. } = accepted;
    let record = settlement.record();
    record.event.status = status;
    record.transcript.complete(transcript);
    match body {
        AcceptedBody::Stream(stream) => {
            Response::stream(status, headers, stream_relay::pass_on(*stream, settlement))
        }
        AcceptedBody::Whole(whole) => {
            let Whole { body, answer, memory } = *whole;
            record.note_facts(&answer.facts);
            record.event.answer_bytes = body.bytes.len() as u64;
            set_cost(&headers, record);
            if let Memory::Answer(keep) = memory {
                let conversation = Some(record.event.conversation_id.clone());
                let kept = answer.kept.as_deref().unwrap_or(&body.bytes);
                rarely(keep.keep(&exchange.env, conversation, kept)).await;
            }
            settlement.finish(Outcome::Completed);
            Response::new(status, headers, body.into_response())
        }
    }
}

/// Relays an error of an upstream, without personal data where errors must not have it.
#[inline(never)]
pub fn relay_error(
    exchange: &Exchange,
    status: u16,
    headers: Headers,
    bytes: Vec<u8>,
    mut settlement: Settlement,
) -> Response {
    let cleaned = exchange.pii_in_errors().and_then(|pii| pii.clean_document(&bytes));
    let bytes = cleaned.unwrap_or(bytes);
    let event = &mut settlement.record().event;
    event.status = status;
    event.answer_bytes = bytes.len() as u64;
    settlement.finish(Outcome::Failed);
    Response::bytes(status, headers, bytes)
}
