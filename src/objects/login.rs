//! What must exist once for an account or for registration: how often a password may be guessed, links that work once, places
//! that are taken, and the one first administrator.
//!
//! There is an object for each mail address that is signed in with, whether or not it has an account, and one called
//! `registration`. Passwords are hashed here as well: a hash takes a fifth of a second in which its isolate does nothing else,
//! and streams should not wait for it.
//!
//! A call and its answer, `POST` with JSON:
//!
//! ```json
//! {"op": "compare", "password": "…", "stored": "$argon2id$…", "network": "192.0.2.7"}
//! {"verdict": "right", "renewed": null, "wait_ms": null}
//! ```

use std::collections::HashMap;

use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::secrets::Secret;
use nexus_edge_identity::link::{Links, Purpose};
use nexus_edge_identity::passkey::UsedOnce;
use nexus_edge_identity::password::{self, Argon2id, Pepper, Verdict};
use nexus_edge_identity::registration::{Claim, Seats};
use nexus_edge_identity::throttle::{ACCOUNT_MS, Throttle};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Error, Method, Request, RequestInit, Response, Result, SqlStorageValue, State,
    durable_object,
};

use crate::platform::{now_ms, random_bytes};
use crate::settings;
use crate::store::identity_keys;

/// Milliseconds for which the making of the first administrator keeps others from beginning.
const SET_UP_MS: u64 = 30_000;
/// The name of the object of registration. No address is one.
const REGISTRATION: &str = "registration";

/// A call.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Call {
    /// Compare a password with a stored hash, for a caller of `network`. Answers a [`Compared`].
    Compare {
        #[serde(serialize_with = "exposed")]
        password: Secret,
        stored: Option<String>,
        network: String,
    },
    /// Hash a new password. Answers the hash.
    Hash {
        #[serde(serialize_with = "exposed")]
        password: Secret,
    },
    /// Make a link whose secret has this hash. Answers whether it was made.
    IssueLink { purpose: Purpose, hash: String },
    /// Look whether a link can be used. Answers whether it can.
    HasLink { purpose: Purpose, hash: String },
    /// Use a link. Answers whether it was valid.
    RedeemLink { purpose: Purpose, hash: String },
    /// Use something that works once, until it is over (milliseconds since the epoch). Answers whether it was not used before.
    UseOnce { name: String, until: u64 },
    /// Take places. Answers whether there were any.
    Take { claims: Vec<Claim> },
    /// Give places back. Answers true.
    GiveBack { claims: Vec<Claim> },
    /// Count places. Answers how many are taken, by name.
    Taken { names: Vec<String> },
    /// Forget the places of something that is gone. Answers true.
    Forget { name: String },
    /// Begin to make the first administrator. Answers whether no other request does.
    BeginSetUp,
    /// That is done, or has failed. Answers true.
    EndSetUp,
}

/// A password, on the way from the Worker to this object and nowhere else.
fn exposed<S: Serializer>(password: &Secret, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(password.expose())
}

/// The result of a comparison.
#[derive(Debug, Serialize, Deserialize)]
pub struct Compared {
    /// Whether the password is right.
    pub is_right: bool,
    /// A hash to store in place of the one that was compared.
    pub renewed: Option<String>,
    /// Milliseconds to wait, where nothing was compared.
    pub wait_ms: Option<u64>,
}

/// What an object keeps.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    throttle: Throttle,
    links: Links,
    used: UsedOnce,
    seats: Seats,
    set_up_since: u64,
}

/// The object of an account, or of registration.
#[durable_object(alarm)]
pub struct Login {
    state: State,
    env: Env,
}

impl DurableObject for Login {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let Ok(call) = serde_json::from_slice::<Call>(&request.bytes().await?) else {
            return Response::error("not a call", 400);
        };
        let peppers = match call {
            Call::Compare { .. } | Call::Hash { .. } => self.peppers().await?,
            _ => Vec::new(),
        };
        let json = self.answer(call, &peppers)?;
        self.forget_later().await?;
        Response::ok(json)
    }

    /// Deletes what is left of an address that is not signed in with.
    async fn alarm(&self) -> Result<Response> {
        let (kept, now) = (self.kept()?, now_ms());
        let is_blank = kept.throttle.is_blank(now)
            && kept.links.until() <= now
            && kept.used.is_blank(now)
            && kept.seats == Seats::default();
        if is_blank {
            self.state.storage().delete_all().await?;
        } else {
            self.forget_later().await?;
        }
        Response::ok("")
    }
}

impl Login {
    /// There is no await in here, so that calls are decided one after the other.
    fn answer(&self, call: Call, peppers: &[Pepper]) -> Result<String> {
        let (mut kept, now) = (self.kept()?, now_ms());
        let answer = match call {
            Call::Compare { password, stored, network } => {
                let (compared, is_changed) =
                    compare(&mut kept, peppers, password.expose(), stored.as_deref(), &network)?;
                if is_changed {
                    self.keep(&kept)?;
                }
                return Ok(serde_json::to_string(&compared)?);
            }
            Call::Hash { password } => {
                return Ok(serde_json::to_string(&hashed(peppers, password.expose())?)?);
            }
            Call::IssueLink { purpose, hash } => kept.links.issue(purpose, &hash, now),
            Call::HasLink { purpose, hash } => return Ok(kept.links.has(purpose, &hash, now).to_string()),
            Call::RedeemLink { purpose, hash } => kept.links.redeem(purpose, &hash, now),
            Call::UseOnce { name, until } => kept.used.take(&name, until, now),
            Call::Take { claims } => kept.seats.take(&claims),
            Call::GiveBack { claims } => {
                kept.seats.give_back(&claims);
                true
            }
            Call::Taken { names } => {
                let taken = names.into_iter().map(|name| (kept.seats.taken(&name), name));
                let taken: HashMap<String, u32> = taken.map(|(taken, name)| (name, taken)).collect();
                return Ok(serde_json::to_string(&taken)?);
            }
            Call::Forget { name } => {
                kept.seats.forget(&name);
                true
            }
            Call::BeginSetUp => {
                let begins = now.saturating_sub(kept.set_up_since) >= SET_UP_MS;
                if begins {
                    kept.set_up_since = now;
                }
                begins
            }
            Call::EndSetUp => {
                kept.set_up_since = 0;
                true
            }
        };
        if answer {
            self.keep(&kept)?;
        }
        Ok(answer.to_string())
    }

    async fn peppers(&self) -> Result<Vec<Pepper>> {
        let settings = settings::get(&self.env).map_err(|error| Error::RustError(error.message))?;
        let keys = identity_keys::current(&self.env, &settings).await;
        keys.map(|keys| keys.peppers.clone()).map_err(|error| Error::RustError(error.to_string()))
    }

    fn kept(&self) -> Result<Kept> {
        #[derive(Deserialize)]
        struct Row {
            json: String,
        }
        let sql = self.state.storage().sql();
        sql.exec("CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, json TEXT NOT NULL)", None)?;
        let rows: Vec<Row> = sql.exec("SELECT json FROM kept WHERE id = 1", None)?.to_array()?;
        Ok(rows.first().and_then(|row| serde_json::from_str(&row.json).ok()).unwrap_or_default())
    }

    fn keep(&self, kept: &Kept) -> Result<()> {
        let json = SqlStorageValue::from(serde_json::to_string(kept)?);
        let sql = self.state.storage().sql();
        sql.exec("INSERT OR REPLACE INTO kept (id, json) VALUES (1, ?)", Some(vec![json])).map(drop)
    }

    /// Sees to it that the object looks in an hour whether it is still needed.
    async fn forget_later(&self) -> Result<()> {
        let storage = self.state.storage();
        if storage.get_alarm().await?.is_none() {
            storage.set_alarm(i64::try_from(ACCOUNT_MS).unwrap_or(i64::MAX)).await?;
        }
        Ok(())
    }
}

/// Compares a password; and whether that changed what is kept.
fn compare(
    kept: &mut Kept,
    peppers: &[Pepper],
    password: &str,
    stored: Option<&str>,
    network: &str,
) -> Result<(Compared, bool)> {
    let now = now_ms();
    if let Some(wait_ms) = kept.throttle.wait_ms(network, now) {
        return Ok((Compared { is_right: false, renewed: None, wait_ms: Some(wait_ms) }, false));
    }
    let verdict = password::verify(&Argon2id, peppers, password, stored);
    let is_changed = match verdict {
        Verdict::Right | Verdict::Outdated => kept.throttle.succeeded(network),
        Verdict::Wrong => {
            kept.throttle.failed(network, now);
            true
        }
    };
    let renewed = if verdict == Verdict::Outdated { Some(hashed(peppers, password)?) } else { None };
    Ok((Compared { is_right: verdict != Verdict::Wrong, renewed, wait_ms: None }, is_changed))
}

fn hashed(peppers: &[Pepper], password: &str) -> Result<String> {
    let salt = random_bytes().map_err(|error| Error::RustError(error.to_string()))?;
    password::hash(&Argon2id, peppers, password, salt).map_err(|error| Error::RustError(error.to_string()))
}

/// Calls the object of an address.
pub async fn of_address<T: DeserializeOwned>(env: &Env, email: &str, call: &Call) -> Result<T> {
    send(env, &sha256_hex(email), call).await
}

/// Calls the object of registration.
pub async fn of_registration<T: DeserializeOwned>(env: &Env, call: &Call) -> Result<T> {
    send(env, REGISTRATION, call).await
}

async fn send<T: DeserializeOwned>(env: &Env, name: &str, call: &Call) -> Result<T> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(call)?)));
    let request = Request::new_with_init("http://login/", &init)?;
    let mut response = env.durable_object("LOGIN")?.get_by_name(name)?.fetch_with_request(request).await?;
    let text = response.text().await?;
    if response.status_code() != 200 {
        return Err(Error::RustError(format!("the object of sign-in answers {}", response.status_code())));
    }
    Ok(serde_json::from_str(&text)?)
}
