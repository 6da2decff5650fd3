//! A request to a legacy server over HTTP for a client that can be asked for input: it goes through an object that holds the call while
//! the client is asked.
//!
//! All other requests are sent from here: they cost nothing more.

use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::elicitation::{self, Modes};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::mrtr::{InputRequest, InputRequired, InputResponses};
use nexus_edge_mcp::rpc::Outcome;
use nexus_edge_mcp::server::Caller;
use nexus_edge_mcp::version::Era;

use super::held::invalid_state;
use crate::host::Host;
use crate::objects::held_call::{Begin, GoOn, Held, HeldClient};
use crate::pipeline::mcp::{Call, Server};
use crate::platform::{new_ulid, now_ms};

/// How the state begins of a call that is held; the object follows, and after a colon the question.
const HELD: &str = "nexus-held:";

/// What comes of a request that may have to be held; `None` for one that is sent as it is.
///
/// # Errors
/// `mcp_server_unreachable` (502).
pub(super) async fn held(
    host: &Host,
    server: &Server,
    method: Method,
    caller: &Caller,
    call: &Call<'_>,
) -> Result<Option<Outcome>, ApiError> {
    let Server::Remote(record) = server else { return Ok(None) };
    let can = caller.capabilities.get("elicitation").filter(|_| caller.version.era() == Era::Modern);
    let Some(modes) = can.map(Modes::read).filter(|modes| modes.are_any()) else { return Ok(None) };
    if !method.may_need_input() || server.era(host).await? != Era::Legacy {
        return Ok(None);
    }
    let capabilities = modes.capabilities();
    let retried = InputResponses::read(Some(call.params)).unwrap_or_default();
    let waiting = retried.state.as_deref().and_then(|state| state.strip_prefix(HELD)?.split_once(':'));
    let id = waiting.map_or_else(|| new_ulid(now_ms()), |(id, _)| id.to_owned());
    let object = HeldClient::new(&host.env, &id);
    let held = if let Some((_, ask)) = waiting {
        let response = retried.answers.get(ask).map(ToOwned::to_owned);
        let go_on =
            GoOn { key_id: call.key_id.to_owned(), server: record.id.clone(), ask: ask.to_owned(), response };
        object.go_on(&go_on, call.notes).await?
    } else {
        let begin = Begin {
            record: (**record).clone(),
            key_id: call.key_id.to_owned(),
            tenant: call.tenant.to_owned(),
            method: method.as_str().to_owned(),
            params: retried.original.write(),
            capabilities,
            wanted: call.notes.map(|notes| notes.wanted().with_all_lines()),
        };
        object.begin(&begin, call.notes).await?
    };
    Ok(Some(match held {
        Held::Ended(outcome) => outcome,
        Held::Gone => Outcome::Error(invalid_state()),
        Held::Asked { ask, params } => {
            let state = Some(format!("{HELD}{id}:{ask}"));
            let request = InputRequest { key: ask, method: elicitation::METHOD.to_owned(), params };
            let needed = InputRequired { requests: vec![request], state };
            match needed.refused_by(&caller.capabilities) {
                None => Outcome::Result(needed.write()),
                Some(error) => {
                    object.cancel().await?;
                    Outcome::Error(error)
                }
            }
        }
    }))
}
