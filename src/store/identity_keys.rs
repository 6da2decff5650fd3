//! The deployment's own keys of sign-in. D1 is the authority; an isolate keeps a copy and looks for newer ones every ten
//! minutes, or when it meets the name of a key that it does not know.
//!
//! Keys are made when they are first needed, and those that sign access tokens again when they are old. Two isolates that do
//! so at once end with the keys of one of them.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::access::identity_key::{IdentityKeyRecord, KeyPurpose};
use nexus_edge_identity::base64url;
use nexus_edge_identity::mac::{KEY_BYTES, MacKey};
use nexus_edge_identity::password::Pepper;
use nexus_edge_identity::token::{
    Algorithm, KeyAge, KeySet, PublicKey, ROTATE_MS, needs_successor, signing_key, verifying_keys,
};
use worker::Env;

use super::{StoreError, StoreResult, rows, text, unsigned, write};
use crate::platform::subtle::{self, KeyPair};
use crate::platform::{log_error, now_ms, random_bytes};
use crate::settings::Settings;

/// Milliseconds after which a copy is read anew.
const RELOAD_MS: u64 = 600_000;
/// Milliseconds between two looks for the name of a key that is not known.
const LOOK_AGAIN_MS: u64 = 5_000;

/// The keys.
pub struct Keys {
    /// Of hashes of passwords, the current one first.
    pub peppers: Vec<Pepper>,
    /// Of refresh tokens, the current one first.
    pub refresh: Vec<MacKey>,
    /// Those that verify access tokens.
    pub verifying: KeySet,
    /// The name of the key that signs access tokens, and the key in PKCS #8 form.
    pub signing: (String, Vec<u8>),
    read_at: u64,
}

thread_local! {
    static KEYS: RefCell<Option<Rc<Keys>>> = const { RefCell::new(None) };
}

/// The keys, at most ten minutes old.
pub async fn current(env: &Env, settings: &Settings) -> StoreResult<Rc<Keys>> {
    at_most(env, settings, RELOAD_MS).await
}

/// The keys, among them the one of this name if there is such a key.
pub async fn with(env: &Env, settings: &Settings, kid: &str) -> StoreResult<Rc<Keys>> {
    let keys = current(env, settings).await?;
    if keys.verifying.find(kid).is_some() {
        return Ok(keys);
    }
    at_most(env, settings, LOOK_AGAIN_MS).await
}

/// Every key that has ever signed for the deployment, those included that no token is accepted of any more. Only those whose
/// private half is sealed under the master key: a key that was written into the database by another is none of them.
pub async fn ever_signing(env: &Env, settings: &Settings) -> StoreResult<KeySet> {
    let records = read(env).await?;
    let keys = records.iter().filter(|record| record.is_for(KeyPurpose::Token)).filter_map(|record| {
        let key = public_key(record.id.clone(), record.public_key.as_deref()?);
        let is_sealed = settings.keyring.open(&record.secret_sealed, &IdentityKeyRecord::context(&record.id));
        (is_sealed.is_ok() && key.thumbprint() == record.id).then_some(key)
    });
    Ok(KeySet::new(keys.collect()))
}

/// The keys, read at most so many milliseconds ago.
async fn at_most(env: &Env, settings: &Settings, age_ms: u64) -> StoreResult<Rc<Keys>> {
    let now = now_ms();
    let held = KEYS.with_borrow(Clone::clone);
    if let Some(held) = held.filter(|held| now.saturating_sub(held.read_at) < age_ms) {
        return Ok(held);
    }
    let mut records = read(env).await?;
    if make_missing(env, settings, &records, now).await? {
        records = read(env).await?;
    }
    let keys = Rc::new(open(&records, settings, now)?);
    KEYS.set(Some(Rc::clone(&keys)));
    Ok(keys)
}

async fn read(env: &Env) -> StoreResult<Vec<IdentityKeyRecord>> {
    rows(env, "SELECT * FROM identity_keys ORDER BY created_at DESC, id", &[]).await
}

/// Makes the keys that are not there, or whose time has come; whether there were any.
async fn make_missing(
    env: &Env,
    settings: &Settings,
    records: &[IdentityKeyRecord],
    now: u64,
) -> StoreResult<bool> {
    let mut made = false;
    for purpose in [KeyPurpose::Password, KeyPurpose::Refresh] {
        if !records.iter().any(|record| record.is_for(purpose)) {
            let key: [u8; KEY_BYTES] = random()?;
            let id = base64url::encode(random::<9>()?);
            make(env, settings, purpose, &id, None, &key, 0).await?;
            made = true;
        }
    }
    if needs_successor(&ages(records), now) {
        let KeyPair { public, pkcs8 } = subtle::ed25519_pair().await.map_err(worker::Error::from)?;
        let id = public_key(String::new(), &public).thumbprint();
        let since = now.saturating_sub(ROTATE_MS) + 1;
        make(env, settings, KeyPurpose::Token, &id, Some(&public), &pkcs8, since).await?;
        made = true;
    }
    Ok(made)
}

/// Stores a key, unless there is one for the purpose that was made since then.
async fn make(
    env: &Env,
    settings: &Settings,
    purpose: KeyPurpose,
    id: &str,
    public: Option<&str>,
    secret: &[u8],
    since: u64,
) -> StoreResult<()> {
    let context = IdentityKeyRecord::context(id);
    let sealed = settings.keyring.seal(&base64url::encode(secret), &context, random()?);
    let sealed = sealed.map_err(|error| StoreError::Platform(error.to_string()))?;
    let sql = "INSERT INTO identity_keys (id, purpose, public_key, secret_sealed, created_at, updated_at) \
        SELECT ?1, ?2, ?3, ?4, ?5, ?5 \
        WHERE NOT EXISTS (SELECT 1 FROM identity_keys WHERE purpose = ?2 AND created_at >= ?6)";
    let parameters = [
        text(id),
        text(purpose.name()),
        super::nullable(public, text),
        text(&sealed),
        unsigned(now_ms()),
        unsigned(since),
    ];
    write(env, sql, &parameters).await.map(drop)
}

fn random<const N: usize>() -> StoreResult<[u8; N]> {
    random_bytes().map_err(|error| StoreError::Platform(error.to_string()))
}

fn ages(records: &[IdentityKeyRecord]) -> Vec<KeyAge> {
    let of_tokens = records.iter().filter(|record| record.is_for(KeyPurpose::Token));
    of_tokens.map(|record| KeyAge { kid: record.id.clone(), created_at: record.created_at }).collect()
}

fn public_key(kid: String, number: &str) -> PublicKey {
    PublicKey { kid, algorithm: Algorithm::EdDsa, numbers: vec![number.to_owned()] }
}

/// Opens the keys, newest first. One that does not open is left out; without any of a purpose there is no sign-in.
fn open(records: &[IdentityKeyRecord], settings: &Settings, now: u64) -> StoreResult<Keys> {
    let opened = |record: &IdentityKeyRecord| {
        let context = IdentityKeyRecord::context(&record.id);
        let secret = settings.keyring.open(&record.secret_sealed, &context);
        secret
            .inspect_err(|error| log_error("identity key", error))
            .ok()
            .and_then(|text| base64url::decode(text.expose()))
    };
    let of = |purpose: KeyPurpose| {
        let records = records.iter().filter(move |record| record.is_for(purpose));
        records.filter_map(|record| {
            let key: [u8; KEY_BYTES] = opened(record)?.try_into().ok()?;
            Some((record.id.clone(), MacKey::new(key)))
        })
    };
    let ages = ages(records);
    let published = verifying_keys(&ages, now);
    let verifying = records.iter().filter(|record| published.iter().any(|age| age.kid == record.id));
    let verifying =
        verifying.filter_map(|record| Some(public_key(record.id.clone(), record.public_key.as_deref()?)));
    let signing = signing_key(&ages, now).and_then(|age| records.iter().find(|record| record.id == age.kid));
    let signing = signing.and_then(|record| Some((record.id.clone(), opened(record)?)));
    let missing = || StoreError::Platform("a key of sign-in is missing or does not open".to_owned());
    let keys = Keys {
        peppers: of(KeyPurpose::Password).map(|(id, key)| Pepper { id, key }).collect(),
        refresh: of(KeyPurpose::Refresh).map(|(_, key)| key).collect(),
        verifying: KeySet::new(verifying.collect()),
        signing: signing.ok_or_else(missing)?,
        read_at: now,
    };
    if keys.peppers.is_empty() || keys.refresh.is_empty() { Err(missing()) } else { Ok(keys) }
}
