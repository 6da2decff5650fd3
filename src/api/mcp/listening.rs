//! `subscriptions/listen`: a client is told when a list has changed.
//!
//! No object waits for changes: the request itself reads the lists from time to time, as often as a client might, and compares them. Each
//! look asks anew whether the key is good and what it is granted; where it is not, and after [`MAX_MS`], the request ends with its result.

use futures::FutureExt;
use nexus_edge_core::access::Principal;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_mcp::catalogue::{Item, Kind};
use nexus_edge_mcp::envelope::result_for;
use nexus_edge_mcp::listen::Watch;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::notes::Wanted;
use nexus_edge_mcp::rpc::{Outcome, RpcError, code};
use nexus_edge_mcp::version::Era;

use super::asked::{Answered, Asked, FRESHNESS, refused};
use super::endpoint::{Endpoint, Face};
use super::underway::{Reply, Underway};
use crate::exchange::KeyOwner;
use crate::host::Host;
use crate::pipeline::admit;
use crate::pipeline::authenticate::of_owner;
use crate::pipeline::mcp::Notes;
use crate::platform::promise::Timer;
use crate::platform::{log_warn, now_ms};

/// Milliseconds between two looks.
const LOOK_MS: u64 = 15_000;
/// Milliseconds after which a client has to ask again: each look reads the database, and one request may do so a thousand times at most.
const MAX_MS: u64 = 600_000;

/// Begins to listen.
///
/// # Errors
/// `rate_limited` and `tool_calls_per_day_exceeded` (429), and those of the store.
pub(super) async fn listen(asked: Asked<'_>, endpoint: &Endpoint) -> Result<Reply, ApiError> {
    let Asked { exchange, principal, face, request, caller, identity, reads_events } = asked;
    if !reads_events {
        let message = "`subscriptions/listen` is answered with events, which the request does not accept";
        let error = RpcError::new(code::INVALID_REQUEST, message);
        return Ok(refused(Era::Modern, &request.id, error).into());
    }
    let known = match face {
        Face::One(server) => Some(server.capabilities(exchange).await.unwrap_or_default()),
        Face::Several(selection) if selection.is_of_tools() => Some(vec!["tools".to_owned()]),
        Face::Several(_) | Face::Unavailable(_) => None,
    };
    let there_are = |kind: Kind| {
        known.as_ref().is_none_or(|known| known.iter().any(|capability| capability == kind.capability()))
    };
    let watch = match Watch::asked(request.id.clone(), request.params.as_deref(), there_are) {
        Ok(watch) => watch,
        Err(error) => return Ok(refused(Era::Modern, &request.id, error).into()),
    };
    admit::tool_call(exchange, principal).await?;
    let notes = Notes::new(Wanted::by(caller, request.id.clone()));
    notes.add(Some(watch.acknowledged()));
    let key_hash = exchange.credential().as_deref().map(sha256_hex).unwrap_or_default();
    let mut listening = Listening {
        host: (**exchange).clone(),
        endpoint: endpoint.clone(),
        owner: KeyOwner { key_id: principal.key_id.clone(), key_hash },
        watch,
        notes: notes.clone(),
    };
    listening.look_at(face, principal).await;
    let (version, info, id) = (caller.version, identity.info.clone(), request.id.clone());
    let running = async move {
        listening.run().await;
        let ended = listening.watch.ended();
        let result = result_for(version, Method::Listen, &ended, Some(&info), FRESHNESS);
        Answered::of(version.era(), id, Outcome::Result(result))
    };
    Ok(Underway::new(running.boxed_local(), Some(notes)).into())
}

/// A client that listens.
struct Listening {
    host: Host,
    endpoint: Endpoint,
    owner: KeyOwner,
    watch: Watch,
    notes: Notes,
}

impl Listening {
    /// Until it has to end.
    async fn run(&mut self) {
        let until_ms = now_ms() + MAX_MS;
        while !self.watch.kinds().is_empty() && now_ms() < until_ms {
            Timer::after_ms(LOOK_MS).await;
            match self.look().await {
                Ok(()) => {}
                // The key, or what it listened to, is not there any more.
                Err(error) if error.status < 500 => return,
                Err(error) => log_warn("mcp listen", &error.message),
            }
        }
    }

    async fn look(&mut self) -> Result<(), ApiError> {
        let principal = of_owner(&self.host, &self.owner).await?;
        let face = self.endpoint.face(&self.host, &principal).await?;
        self.look_at(&face, &principal).await;
        Ok(())
    }

    async fn look_at(&mut self, face: &Face, principal: &Principal) {
        let mut lists: Vec<(Kind, Vec<Item>)> = Vec::new();
        for kind in self.watch.kinds() {
            match face.items(&self.host, principal, kind).await {
                Ok((items, _)) => lists.push((kind, items)),
                Err(error) => log_warn("mcp listen", &error.message),
            }
        }
        for notification in self.watch.look(&lists) {
            self.notes.add(Some(notification));
        }
    }
}
