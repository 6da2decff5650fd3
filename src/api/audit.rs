//! The audit log: what of a request is noted in it, and the operations that read it.

use nexus_edge_api::audit::{AuditEntry, AuditPage, Heads, Verified};
use nexus_edge_api::{Audience, Method, Operation};
use nexus_edge_core::access::audit::chain::{BEGINNING, Break, Check};
use nexus_edge_core::access::audit::head::Head;
use nexus_edge_core::access::audit::{Entry, actor};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::path::Captured;
use nexus_edge_identity::base64url;
use nexus_edge_identity::token::{KeySet, PublicKey, Signatures};

use super::query;
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::platform::subtle::Subtle;
use crate::store::audit::{self, Stored, Wanted};
use crate::store::{audit_heads, identity_keys};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;
/// Entries that one request verifies.
const VERIFIED: u64 = 20_000;
/// The largest number that JSON holds exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Notes what a request to the admin API did, after it is answered, and what a caller changed: everything that is not merely read, every look that changed
/// something (users come back from other services by one), and every refusal of a credential or permission. Refusals for too many attempts are not noted, so that an attack does not fill the log.
pub fn note(
    exchange: &Exchange,
    operation: &Operation,
    captured: &Captured<'_>,
    result: &Result<Response, ApiError>,
) {
    if operation.audience == Audience::Caller && exchange.changes.borrow().is_empty() {
        return;
    }
    let (status, code) = match result {
        Ok(response) => (response.status(), None),
        Err(error) => (error.status, Some(error.code.to_owned())),
    };
    let is_refused = matches!(status, 401 | 403);
    let is_read = operation.method == Method::Get && exchange.changes.borrow().is_empty();
    if status == 429 || (is_read && !is_refused) {
        return;
    }
    let entry = Entry {
        seq: 0,
        at: now_ms(),
        actor: actor(exchange.person().ok().map(|person| &person.id)),
        operation: format!("{} {}", operation.method.name(), operation.path),
        target: captured.joined(),
        status,
        code,
        address: exchange.header("cf-connecting-ip"),
        request_id: exchange.request_id.clone(),
        changes: exchange.changes.take(),
    };
    let env = exchange.env.clone();
    exchange.tasks.wait_until(async move { audit::record(&env, entry).await });
}

/// `GET /audit`
pub async fn search(exchange: &Exchange) -> Result<Response, ApiError> {
    let limit = query::rows(exchange, "limit", DEFAULT_PAGE, MAX_PAGE)?;
    let before = query::number(exchange, "cursor", 1..=MAX_NUMBER)?;
    let fields = ["actor", "operation", "target", "status", "request_id"];
    let wanted = Wanted {
        from: query::number(exchange, "from", 0..=MAX_NUMBER)?,
        to: query::number(exchange, "to", 0..=MAX_NUMBER)?,
        fields: fields.into_iter().filter_map(|name| Some((name, query::text(exchange, name)?))).collect(),
    };
    let (found, next) = audit::page(&exchange.env, &wanted, before, limit).await?;
    let entries = found.into_iter().map(shown).collect();
    exchange::json(200, &AuditPage { entries, next_cursor: next.map(|seq| seq.to_string()) })
}

/// `GET /audit/{seq}`
pub async fn get(exchange: &Exchange, seq: &str) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("audit_entry_not_found", "There is no entry with this number.");
    // A number above the largest of JSON is none that an answer has named.
    let seq = seq.parse().ok().filter(|seq| (1..=MAX_NUMBER).contains(seq)).ok_or_else(not_found)?;
    let found = audit::after(&exchange.env, seq - 1, 1).await?.pop().filter(|stored| stored.seq == seq);
    exchange::json(200, &shown(found.ok_or_else(not_found)?))
}

fn shown(stored: Stored) -> AuditEntry {
    let entry = serde_json::from_str(&stored.line).unwrap_or_else(|_| unreadable(stored.seq));
    AuditEntry { entry, hash: stored.hash, line: stored.line }
}

/// What stands for an entry whose line is no JSON any more: it was altered, and `/audit/verify` says so.
fn unreadable(seq: u64) -> Entry {
    Entry {
        seq,
        at: 0,
        actor: "unreadable".to_owned(),
        operation: String::new(),
        target: String::new(),
        status: 0,
        code: None,
        address: None,
        request_id: String::new(),
        changes: Vec::new(),
    }
}

/// `GET /audit/verify`
pub async fn verify(exchange: &Exchange) -> Result<Response, ApiError> {
    let after = query::number(exchange, "after", 0..=MAX_NUMBER)?.unwrap_or(0);
    let hash = query::text(exchange, "hash");
    if after > 0 && hash.is_none() {
        let message = "`after` goes together with `hash`, the hash of that entry.";
        return Err(ApiError::invalid("missing_required_parameter", "hash", message));
    }
    let begin = hash.filter(|_| after > 0).unwrap_or_else(|| BEGINNING.to_owned());
    // Before the entries: one that is written meanwhile is then in the log.
    let heads = audit_heads::all(&exchange.env).await?;
    let entries = audit::after(&exchange.env, after, VERIFIED).await?;
    let mut check = Check::after(after, begin.clone());
    let broken = entries.iter().find_map(|stored| check.take(stored.seq, &stored.line, &stored.hash).err());
    let (last, hash) = check.head();
    let more = entries.len() as u64 == VERIFIED;
    let hash_of = |seq: u64| match seq.checked_sub(after + 1) {
        None => Some(begin.as_str()),
        Some(place) => entries.get(usize::try_from(place).ok()?).map(|stored| stored.hash.as_str()),
    };
    let is_over = broken.is_none() && !more;
    let mut compared = heads.iter().filter(|head| head.seq >= after && (head.seq <= last || is_over));
    let count = compared.clone().count();
    let keys = identity_keys::ever_signing(&exchange.env, &exchange.settings).await?;
    let mut broken_head = None;
    while broken_head.is_none()
        && let Some(head) = compared.next()
    {
        let fits = !head.contradicts(after, last, is_over, hash_of) && is_signed(&keys, head).await;
        broken_head = (!fits).then(|| head.clone());
    }
    exchange::json(
        200,
        &Verified {
            ok: broken.is_none() && broken_head.is_none(),
            checked: last - after,
            last,
            hash: hash.to_owned(),
            broken_at: broken.map(|at| match at {
                Break::Missing(seq) | Break::Altered(seq) => seq,
            }),
            heads: count,
            broken_head,
            more,
        },
    )
}

/// Whether a head is signed by a key of the deployment.
async fn is_signed(keys: &KeySet, head: &Head) -> bool {
    match (keys.find(&head.kid), base64url::decode(&head.signature)) {
        (Some(key), Some(signature)) => Subtle.is_signature(key, head.text().as_bytes(), &signature).await,
        _ => false,
    }
}

/// `GET /audit/heads`
pub async fn heads(exchange: &Exchange) -> Result<Response, ApiError> {
    let keys = identity_keys::ever_signing(&exchange.env, &exchange.settings).await?;
    let heads = audit_heads::all(&exchange.env).await?;
    exchange::json(200, &Heads { heads, keys: keys.iter().map(PublicKey::to_jwk).collect() })
}
