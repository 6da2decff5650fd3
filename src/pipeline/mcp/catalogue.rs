//! The lists of a server: in the isolate for three seconds, in D1, and from the server every ten minutes of use.
//!
//! A server that does not answer is served from the last good copy.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::catalog::McpServerRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_mcp::catalogue::{Catalogue, Collector, Item, Kind};
use nexus_edge_mcp::kept::Kept;
use nexus_edge_mcp::rpc::Outcome;

use super::call::Audience;
use super::link::{self, Link, connect, identity};
use super::remote::Remote;
use crate::host::Host;
use crate::platform::{log_warn, now_ms};
use crate::store::mcp;

/// Milliseconds for which an isolate does not look into D1: as long as for the rest of the configuration.
const HELD_FOR_MS: u64 = 3_000;
const MAX_HELD: usize = 200;

struct Held {
    kept: Rc<Kept>,
    updated_at: u64,
    until: u64,
}

thread_local! {
    static HELD: RefCell<BoundedMap<String, Held>> = RefCell::new(BoundedMap::new(MAX_HELD));
}

/// What is kept of a server. It is asked where that is too old, and where there is nothing.
///
/// # Errors
/// `mcp_server_unreachable` (502) where nothing is kept and the server does not answer.
pub async fn kept(host: &Host, record: &McpServerRecord) -> Result<Rc<Kept>, ApiError> {
    let now = now_ms();
    let held = HELD.with_borrow(|held| {
        let held = held.get(&record.id).filter(|held| held.updated_at == record.updated_at)?;
        (now < held.until).then(|| Rc::clone(&held.kept))
    });
    if let Some(kept) = held {
        return Ok(kept);
    }
    let stored = mcp::kept(&host.env, &record.id).await?;
    match stored {
        Some(kept) if kept.is_fresh(now) && kept.read_at >= record.updated_at => Ok(hold(record, kept)),
        before => match ask(host, record, before.as_ref()).await {
            Ok(kept) => {
                mcp::keep(&host.env, &record.id, &kept).await?;
                Ok(hold(record, kept))
            }
            Err(error) => match before {
                Some(kept) => {
                    log_warn("mcp server", &error.message);
                    Ok(hold(record, kept))
                }
                None => Err(error),
            },
        },
    }
}

/// Asks a server now, and keeps what it answers.
///
/// # Errors
/// `mcp_server_unreachable` (502).
pub async fn ask_anew(host: &Host, record: &McpServerRecord) -> Result<Rc<Kept>, ApiError> {
    let before = mcp::kept(&host.env, &record.id).await?;
    let kept = ask(host, record, before.as_ref()).await?;
    mcp::keep(&host.env, &record.id, &kept).await?;
    Ok(hold(record, kept))
}

/// Keeps this of a server.
///
/// # Errors
/// Those of the store.
pub async fn replace(host: &Host, record: &McpServerRecord, kept: Kept) -> Result<Rc<Kept>, ApiError> {
    mcp::keep(&host.env, &record.id, &kept).await?;
    Ok(hold(record, kept))
}

/// Forgets a server.
///
/// # Errors
/// Those of the store.
pub async fn forget(host: &Host, id: &str) -> Result<(), ApiError> {
    HELD.with_borrow_mut(|held| held.remove(id));
    mcp::forget(&host.env, id).await?;
    Ok(())
}

fn hold(record: &McpServerRecord, kept: Kept) -> Rc<Kept> {
    let kept = Rc::new(kept);
    let held = Held { kept: Rc::clone(&kept), updated_at: record.updated_at, until: now_ms() + HELD_FOR_MS };
    HELD.with_borrow_mut(|all| all.insert(record.id.clone(), held, |_| Worth::Something));
    kept
}

async fn ask(host: &Host, record: &McpServerRecord, before: Option<&Kept>) -> Result<Kept, ApiError> {
    let remote = Remote::of(host, record)?;
    let of_now = before.filter(|kept| kept.read_at >= record.updated_at);
    let remembered = of_now.map(|kept| (kept.version().era(), kept.transport));
    let mut link = connect(&remote, remembered, identity("{}")).await?;
    let mut catalogue = Catalogue::default();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| link.peer.can(kind.capability())).collect();
    for kind in kinds {
        match list(&remote, &mut link, kind).await {
            Ok(items) => catalogue.set(kind, items),
            Err(error) if kind == Kind::Tool => return Err(error),
            // A server whose tools are listed is used for them, whatever its other lists do.
            Err(error) => log_warn("mcp server", &error.message),
        }
    }
    let kept = Kept::after(before, &link.peer, catalogue, now_ms());
    mcp::that_fits(kept).ok_or_else(|| link::unreachable(&record.id, "has more tools than can be kept"))
}

async fn list(remote: &Remote<'_>, link: &mut Link, kind: Kind) -> Result<Vec<Item>, ApiError> {
    let name = &remote.record().id;
    let mut collector = Collector::new(kind);
    let mut params = None;
    loop {
        let (method, besides) = (kind.method(), Vec::new());
        let (identity, audience) = (identity("{}"), Audience::default());
        let outcome = link.ask(remote, method, params.as_deref(), &identity, besides, audience).await?;
        let result = match outcome {
            Some(Outcome::Result(result)) => result,
            Some(Outcome::Error(error)) => {
                return Err(link::unreachable(
                    name,
                    &format!("does not list its {}: {error}", kind.member()),
                ));
            }
            None => return Err(link::unreachable(name, "forgets its sessions at once")),
        };
        match collector.take(&result) {
            Ok(None) => return Ok(collector.finish().items),
            Ok(next) => params = next,
            Err(fault) => {
                let why = format!("lists {} that cannot be used: {fault}", kind.member());
                return Err(link::unreachable(name, &why));
            }
        }
    }
}
