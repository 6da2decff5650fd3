//! The resources that a client watches: by `resources/subscribe` in the older era, by `subscriptions/listen` in the newer one.

use std::collections::{BTreeMap, BTreeSet};

use nexus_edge_mcp::envelope::SUBSCRIPTION_ID;
use nexus_edge_mcp::json::{Members, string, to_raw};
use nexus_edge_mcp::rpc::{Id, Notification, RpcError, code};
use serde_json::value::RawValue;

use super::offer::holders;
use super::session::{Session, lock};

const UPDATED: &str = "notifications/resources/updated";

/// Begins or ends the watching of a resource, for a client of the older era.
///
/// # Errors
/// No server has it.
pub(super) async fn subscribe(
    session: &Session,
    uri: String,
    begins: bool,
) -> Result<Box<RawValue>, RpcError> {
    session.settle().await;
    if holders(&session.sources(), &uri).is_empty() {
        return Err(RpcError::new(code::INVALID_PARAMS, format!("Resource not found: {uri}")));
    }
    if begins {
        lock(&session.watched).insert(uri);
    } else {
        lock(&session.watched).remove(&uri);
    }
    tell_servers(session);
    Ok(to_raw(&serde_json::json!({})))
}

/// Tells each server which of its resources are watched: the likeliest holder of an address is asked.
pub(super) fn tell_servers(session: &Session) {
    let mut uris = lock(&session.watched).clone();
    for listener in lock(&session.listening).iter() {
        uris.extend(listener.uris.iter().cloned());
    }
    let sources = session.sources();
    let mut of_servers: BTreeMap<&str, BTreeSet<String>> =
        sources.iter().map(|source| (source.server.as_str(), BTreeSet::new())).collect();
    for uri in uris {
        let holder = holders(&sources, &uri).first().copied();
        if let Some(watched) = holder.and_then(|holder| of_servers.get_mut(holder)) {
            watched.insert(uri);
        }
    }
    for (server, uris) in of_servers {
        session.agent.watch(server, uris);
    }
}

/// Tells the client of a resource that has changed.
pub(super) fn updated(session: &Session, uri: &str) {
    if lock(&session.watched).contains(uri) {
        let params = to_raw(&serde_json::json!({ "uri": uri }));
        session.send(&Notification { method: UPDATED.to_owned(), params: Some(params) }.into());
    }
    for listener in lock(&session.listening).iter().filter(|listener| listener.uris.contains(uri)) {
        let mut params = of_subscription(&listener.id);
        params.set("uri", string(uri));
        session.send(&Notification { method: UPDATED.to_owned(), params: Some(params.write()) }.into());
    }
}

/// The parameters of a notification that belongs to a subscription of the newer era.
pub(super) fn of_subscription(id: &Id) -> Members {
    let mut meta = Members::default();
    meta.set(SUBSCRIPTION_ID, to_raw(id));
    let mut params = Members::default();
    params.set("_meta", meta.write());
    params
}
