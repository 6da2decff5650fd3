//! The usage of a turn that was interrupted by the eviction of its object.

use std::rc::Rc;

use nexus_edge_core::tokens::estimate_tokens;

use super::room::Room;
use super::store::Turn;
use crate::exchange::{Exchange, InternalRequest};
use crate::pipeline::{self, Interrupted};
use crate::platform::log_error;

/// Records and charges the usage of an interrupted turn as far as it got. If the object had recorded it before its eviction, this
/// is a second delivery of the same event and changes nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, below 2^53")]
pub fn record_interrupted(room: &Rc<Room>, turn: Turn, text: String) {
    let task = Rc::clone(room);
    room.tasks().wait_until(async move {
        let made = task.record().and_then(|record| {
            let conversation_id = record.session.id.clone();
            let internal = InternalRequest::new(&record.owner, turn.id.clone(), conversation_id);
            Ok(Exchange::internal(internal, task.host()?, turn.request_id.clone()))
        });
        let recorded = match made {
            Ok(exchange) => {
                let provider = task.store.provider_of(&turn.id).unwrap_or_default();
                let cut = Interrupted {
                    model: &turn.model,
                    provider: provider.as_deref(),
                    prompt_tokens: turn.prompt_tokens as u64,
                    completion_tokens: estimate_tokens(&text),
                };
                pipeline::record_interrupted(&exchange, &cut).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            log_error("usage of an interrupted turn", &error);
        }
    });
}
