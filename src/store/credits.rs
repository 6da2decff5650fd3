//! Credits: calls to the accounts, and what D1 knows of accounts besides their ledgers.

use nexus_edge_core::access::Principal;
use nexus_edge_core::billing::account::{AutoTopUp, Entry, EntryKind};
use nexus_edge_core::billing::journal::{self, Note};
use nexus_edge_core::stats::UsageEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::Env;

use super::{StoreResult, nullable, row, rows, text, unsigned, write};
use crate::objects::account::{self, Appended, Call, Reservation, Standing};
use crate::platform::{log_error, now_ms};
use crate::settings::Settings;

/// Attempts to deliver the charge of a request before it is left to the comparison.
const CHARGE_TRIES: usize = 3;

/// What a request has reserved on an account.
pub struct Hold {
    account: String,
    id: String,
}

/// The account that pays for a key's requests: its owner's, or `key:<id>` without one.
pub fn account_of(principal: &Principal) -> String {
    principal.owner.clone().unwrap_or_else(|| format!("key:{}", principal.key_id))
}

/// Calls the object of an account.
pub async fn call<T: DeserializeOwned>(
    env: &Env,
    settings: &Settings,
    name: &str,
    call: Call,
) -> StoreResult<T> {
    Ok(account::call(env, name, settings.initial_credits, call).await?)
}

/// Reserves an amount for a request, whose usage event has the id `event_id`; `note` is what is known of it. `Err` is the
/// amount that is available if it does not suffice.
pub async fn reserve(
    env: &Env,
    settings: &Settings,
    principal: &Principal,
    event_id: &str,
    amount: u64,
    note: Note,
) -> StoreResult<Result<Hold, i64>> {
    let hold = Hold { account: account_of(principal), id: event_id.to_owned() };
    let call_ = Call::Reserve { id: hold.id.clone(), amount, note: Box::new(note) };
    let reservation: Reservation = call(env, settings, &hold.account, call_).await?;
    Ok(match reservation.until {
        Some(_) => Ok(hold),
        None => Err(reservation.available),
    })
}

/// What a request has reserved that an earlier instance of its object made, and whose end that could not tell.
pub fn hold_of(principal: &Principal, event_id: &str) -> Hold {
    Hold { account: account_of(principal), id: event_id.to_owned() }
}

/// Charges the cost of a request and ends its reservation. Idempotent: calling it twice charges once. What cannot be
/// reported is added when the account is compared with the request log.
pub async fn charge(env: &Env, hold: &Hold, event: &UsageEvent) {
    let entry = journal::charge(event, now_ms());
    for _ in 0..CHARGE_TRIES {
        let note = Box::new(Note::of_ended(event));
        let call = Call::End { id: hold.id.clone(), entry: Box::new(entry.clone()), note };
        let told: Result<Appended, _> = account::call(env, &hold.account, 0, call).await;
        match told {
            Ok(_) => return,
            Err(error) => log_error("charge", &error),
        }
    }
}

/// Appends a row to the ledger and registers the account in D1.
pub async fn append(env: &Env, settings: &Settings, name: &str, entry: Entry) -> StoreResult<Appended> {
    remember(env, name).await?;
    call(env, settings, name, Call::Append { entry: Box::new(entry) }).await
}

async fn remember(env: &Env, name: &str) -> StoreResult<()> {
    let sql = "INSERT INTO credit_accounts (id, created_at) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
    write(env, sql, &[text(name), unsigned(now_ms())]).await?;
    Ok(())
}

/// An account as D1 knows it.
#[derive(Deserialize)]
pub struct AccountRow {
    pub id: String,
    pub created_at: u64,
    auto_top_up: Option<String>,
}

impl AccountRow {
    /// The rule for daily top-ups.
    pub fn auto_top_up(&self) -> Option<AutoTopUp> {
        self.auto_top_up.as_deref().and_then(|json| serde_json::from_str(json).ok())
    }
}

/// All accounts that an administrator ever changed, by name.
pub async fn accounts(env: &Env) -> StoreResult<Vec<AccountRow>> {
    rows(env, "SELECT id, created_at, auto_top_up FROM credit_accounts ORDER BY id LIMIT 1000", &[]).await
}

/// The account of this name.
pub async fn find(env: &Env, name: &str) -> StoreResult<Option<AccountRow>> {
    row(env, "SELECT id, created_at, auto_top_up FROM credit_accounts WHERE id = ?1", &[text(name)]).await
}

/// Sets or removes the daily top-up rule of an account.
pub async fn set_auto_top_up(env: &Env, name: &str, rule: Option<AutoTopUp>) -> StoreResult<()> {
    remember(env, name).await?;
    let rule = rule.map(|rule| serde_json::to_string(&rule)).transpose()?;
    let sql = "UPDATE credit_accounts SET auto_top_up = ?1, auto_top_up_day = 0 WHERE id = ?2";
    write(env, sql, &[nullable(rule.as_deref(), text), text(name)]).await?;
    Ok(())
}

/// Marks a grant token as redeemed by an account; false if another account has redeemed it.
pub async fn redeem(env: &Env, nonce: &str, name: &str) -> StoreResult<bool> {
    #[derive(Deserialize)]
    struct Redeemed {
        account: String,
    }
    let sql = "INSERT INTO redeemed_grants (nonce, account, redeemed_at) VALUES (?1, ?2, ?3) ON CONFLICT (nonce) DO NOTHING";
    write(env, sql, &[text(nonce), text(name), unsigned(now_ms())]).await?;
    let sql = "SELECT account FROM redeemed_grants WHERE nonce = ?1";
    Ok(row::<Redeemed>(env, sql, &[text(nonce)]).await?.is_some_and(|redeemed| redeemed.account == name))
}

/// Tops up the accounts whose daily rule has not been applied today.
pub async fn auto_top_up(env: &Env, settings: &Settings) -> StoreResult<()> {
    const DAY_MS: u64 = 86_400_000;
    let now = now_ms();
    let day = now / DAY_MS;
    let sql = "SELECT id, created_at, auto_top_up FROM credit_accounts \
        WHERE auto_top_up IS NOT NULL AND auto_top_up_day < ?1 LIMIT 100";
    for account in rows::<AccountRow>(env, sql, &[unsigned(day)]).await? {
        let standing: Standing = call(env, settings, &account.id, Call::Look).await?;
        if let Some(amount) = account.auto_top_up().and_then(|rule| rule.amount(standing.balance)) {
            // The day is part of the id, so that a repeated run tops up only once.
            let id = format!("auto:{day}");
            let entry = Entry::credit(id, now, EntryKind::AutoTopUp, amount, "daily top-up".into());
            append(env, settings, &account.id, entry).await?;
        }
        let sql = "UPDATE credit_accounts SET auto_top_up_day = ?1 WHERE id = ?2";
        write(env, sql, &[unsigned(day), text(&account.id)]).await?;
    }
    Ok(())
}
