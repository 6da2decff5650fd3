//! The admin API for API keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_edge_api::keys::{KeyView, Keys};
use nexus_edge_core::access::api_key::{ApiKey, ApiKeyRecord};
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::person::{Need, Reach, Scope};
use nexus_edge_core::catalog::key_input::{KeyInput, RotateKeyInput};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::secrets::pii::KeyRedaction;

use super::update::{update as change_record, update_with};
use super::{answer_deleted, input, query, random, seal, statistics};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::keys::Wanted;
use crate::store::{self, snapshot, table};

/// Random bytes of a signing secret.
const SIGNING_SECRET_BYTES: usize = 32;
/// Keys of a page at most.
const MAX_PAGE: u64 = 200;
/// Keys whose usage is read at once.
const KEYS_OF_STATEMENT: usize = 200;

/// `GET /keys?search=&owner=&enabled=&with=&limit=&cursor=`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let wanted = wanted(exchange)?;
    let mut found = store::keys::list(&exchange.env, &wanted).await?;
    let page = wanted.limit.and_then(|limit| usize::try_from(limit - 1).ok()).unwrap_or(usize::MAX);
    let has_more = found.len() > page;
    found.truncate(page);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|key| format!("{}.{}", key.created_at, key.id));
    let mut keys: Vec<KeyView<'_>> = found.iter().map(KeyView::of).collect();
    if query::one_of(exchange, "with", &["usage"])?.is_some() {
        add_usage(exchange, &mut keys).await?;
    }
    exchange::json(200, &Keys { keys, next_cursor })
}

/// The keys that the parameters ask for, one more than a page so that it is known whether there are more.
fn wanted(exchange: &Exchange) -> Result<Wanted, ApiError> {
    let own = match exchange.scope() {
        Scope::All => None,
        Scope::Owners(owners) => Some(owners.clone()),
    };
    let owners = match (query::text(exchange, "owner"), own) {
        (Some(owner), own) if own.as_ref().is_none_or(|own| own.contains(&owner)) => Some(vec![owner]),
        // As if there were no such keys.
        (Some(_), _) => Some(Vec::new()),
        (None, own) => own,
    };
    let after = match query::text(exchange, "cursor") {
        None => None,
        Some(cursor) => Some(place(&cursor).ok_or_else(|| {
            ApiError::invalid("invalid_value", "cursor", "`cursor` is not one of a page before.")
        })?),
    };
    let limit = query::number(exchange, "limit", 1..=MAX_PAGE)?;
    Ok(Wanted {
        owners,
        search: query::text(exchange, "search"),
        enabled: query::boolean(exchange, "enabled")?,
        after,
        limit: limit.and_then(|limit| u32::try_from(limit + 1).ok()),
    })
}

fn place(cursor: &str) -> Option<(u64, String)> {
    let (made_at, id) = cursor.split_once('.')?;
    let made_at = made_at.parse().ok().filter(|made_at| *made_at <= query::MAX_TIME_MS)?;
    Some((made_at, id.to_owned()))
}

/// Adds what the keys were used for in the last days.
async fn add_usage(exchange: &Exchange, keys: &mut [KeyView<'_>]) -> Result<(), ApiError> {
    let needs = Need::or_own(Permission::ViewAllStatistics, Permission::ViewOwnStatistics);
    exchange.person()?.decide(needs, Reach::Look)?;
    // Each key is one of those that may be seen.
    for some in keys.chunks_mut(KEYS_OF_STATEMENT) {
        let ids: Vec<String> = some.iter().map(|key| key.id.to_owned()).collect();
        let usage = statistics::of_keys(exchange, ids).await?;
        for key in some {
            key.usage = Some(usage.of(key.id));
        }
    }
    Ok(())
}

/// `GET /keys/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &KeyView::of(&find(exchange, id).await?))
}

/// `POST /keys`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<KeyInput>(exchange).await?.checked()?;
    let key = ApiKey::from_random(random()?);
    let now = now_ms();
    let mut record = ApiKeyRecord::new(key.public_id().to_owned(), now);
    input.apply(&mut record, now);
    check(exchange, &mut record)?;
    check_redaction(exchange, KeyRedaction::default(), &record)?;
    check_toolset(exchange, &input, &record).await?;
    table::insert(&exchange.env, &record, &[("key_hash", &key.hash())]).await?;
    exchange.note_change(None, Some(&record));
    snapshot::reload(exchange).await?;
    exchange::json(201, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `PUT /keys/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<KeyInput>(exchange).await?.checked()?;
    let change = async |record: &mut ApiKeyRecord| {
        check_reach(exchange, record)?;
        let redaction_before = record.redact_pii;
        input.apply(record, now_ms());
        check(exchange, record)?;
        check_redaction(exchange, redaction_before, record)?;
        check_toolset(exchange, &input, record).await
    };
    let record = change_record(exchange, async || find(exchange, id).await, change).await?;
    exchange::json(200, &KeyView::of(&record))
}

/// `POST /keys/{id}/rotate`
pub async fn rotate(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let overlap_ms = input::optional::<RotateKeyInput>(exchange).await?.overlap_ms();
    let key = ApiKey::with_new_secret(id, random()?);
    let hash = key.hash();
    let change = async |record: &mut ApiKeyRecord| {
        record.previous_expires_at = Some(now_ms() + overlap_ms);
        check_reach(exchange, record)
    };
    let write = async |record: &ApiKeyRecord, read_at: u64| {
        store::keys::rotate(&exchange.env, record, &hash, read_at).await
    };
    let record = update_with(exchange, async || find(exchange, id).await, change, write).await?;
    exchange::json(200, &KeyView { key: Some(key.reveal()), ..KeyView::of(&record) })
}

/// `POST /keys/{id}/signing-secret`
pub async fn signing_secret(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let secret = URL_SAFE_NO_PAD.encode(random::<SIGNING_SECRET_BYTES>()?);
    let sealed = seal(exchange, &secret, &ApiKeyRecord::signing_context(id))?;
    let change = async |record: &mut ApiKeyRecord| {
        check_reach(exchange, record)?;
        record.signing_public_key = None;
        record.signing_secret_sealed = Some(sealed.clone());
        Ok(())
    };
    let record = change_record(exchange, async || find(exchange, id).await, change).await?;
    exchange::json(200, &KeyView { signing_secret: Some(&secret), ..KeyView::of(&record) })
}

/// `DELETE /keys/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let record = find(exchange, id).await?;
    check_reach(exchange, &record)?;
    if !table::delete::<ApiKeyRecord>(&exchange.env, id).await? {
        return Err(not_found());
    }
    exchange.note_change(Some(&record), None);
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

fn not_found() -> ApiError {
    ApiError::not_found("key_not_found", "There is no API key with this id.")
}

async fn find(exchange: &Exchange, id: &str) -> Result<ApiKeyRecord, ApiError> {
    let found: Option<ApiKeyRecord> = table::find(&exchange.env, id).await?;
    found.filter(|key| exchange.scope().has(key.owner.as_deref())).ok_or_else(not_found)
}

/// Checks that a key by whose id something is asked for may be seen; those who see their own only have to name one.
///
/// # Errors
/// `missing_required_parameter` (400), `key_not_found` (404).
pub(super) async fn check_seen(exchange: &Exchange, key_id: Option<&str>) -> Result<(), ApiError> {
    match key_id {
        _ if *exchange.scope() == Scope::All => Ok(()),
        Some(id) => find(exchange, id).await.map(|_| ()),
        None => {
            let message = "Say in `key_id` which of your keys it is about.";
            Err(ApiError::invalid("missing_required_parameter", "key_id", message))
        }
    }
}

/// Checks that the person gives the key no permission that they do not have, and no owner that they may not act for.
fn check(exchange: &Exchange, record: &mut ApiKeyRecord) -> Result<(), ApiError> {
    record.owner = exchange.scope().owner_of_new(record.owner.take())?;
    record.check_signer()?;
    check_reach(exchange, record)
}

/// Checks that a holder of keys does not undo for their own what the deployment or an administrator says of personal data.
fn check_redaction(exchange: &Exchange, before: KeyRedaction, record: &ApiKeyRecord) -> Result<(), ApiError> {
    if *exchange.scope() == Scope::All || before.may_become(record.redact_pii) {
        return Ok(());
    }
    let message = "Of your own keys you can only set `redact_pii` to `on`.";
    Err(ApiError::forbidden("permission_denied", message).with_param("redact_pii"))
}

/// Checks that a set of tools that a key is given is one that its owner's keys may use.
async fn check_toolset(exchange: &Exchange, input: &KeyInput, record: &ApiKeyRecord) -> Result<(), ApiError> {
    let Some(name) = input.default_toolset.as_set() else { return Ok(()) };
    if store::toolsets::named(&exchange.env, record.owner.as_deref(), name).await?.is_some() {
        return Ok(());
    }
    let message =
        "There is no set of tools with this name that keys of this owner may use: see `GET /toolsets`.";
    Err(ApiError::invalid("invalid_value", "default_toolset", message))
}

/// Checks that a key has no permission that the person does not have: its secret, and what it does, would be theirs.
fn check_reach(exchange: &Exchange, record: &ApiKeyRecord) -> Result<(), ApiError> {
    exchange.person()?.check_has(record.permissions)
}
