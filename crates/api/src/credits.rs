//! Credits: what an account may see of itself with its key, and what administrators may do. Amounts are credits (dollars).

use nexus_edge_core::billing::account::{AutoTopUp, Entry, EntryKind};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, dollars as amount, integer, text};
use serde::Serialize;

use crate::declare::operations;
use crate::money::{dollars, signed_dollars};

#[cfg(feature = "openapi")]
const RANGE: (&[&str], &str) =
    (&["today", "7d", "30d", "all"], "`7d` is the default; days are those of UTC.");
#[cfg(feature = "openapi")]
const UNAVAILABLE: &[(u16, &str)] = &[(503, "credits_unavailable")];

#[cfg(feature = "openapi")]
fn transactions<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    let kinds: Vec<&str> = EntryKind::NAMES.iter().map(|(name, _)| *name).collect();
    it.number("limit", 1..=500, "Rows of a page; 50 is the default.")
        .choice("kind", &kinds, "Only rows of this kind.")
        .number("since", 0..=1 << 52, "Only rows from then on, in milliseconds since the epoch.")
        .number("until", 0..=1 << 52, "Only rows before then.")
        .text("after", "`next` of the page before.")
        .answer::<Transactions>(200, "A page of the ledger, the newest first.")
        .errors(UNAVAILABLE)
}

#[cfg(feature = "openapi")]
fn ranged<'a, 'd>(it: &'a mut crate::document::Describe<'d>) -> &'a mut crate::document::Describe<'d> {
    it.choice("time_range", RANGE.0, RANGE.1).errors(UNAVAILABLE)
}

operations! {
    "Credits";

    /// Show my account.
    MINE: Get "/v1/credits/me" Caller, |it| it.answer::<Standing<'_>>(200, "The account of the key.").errors(UNAVAILABLE);

    /// List my transactions.
    MY_TRANSACTIONS: Get "/v1/credits/me/transactions" Caller, |it| transactions(it);

    /// Sum up what I spent.
    MY_SUMMARY: Get "/v1/credits/me/consumption/summary" Caller, |it| ranged(it)
        .answer::<Summary>(200, "The sums.");

    /// Show what I spent by provider.
    MY_PROVIDERS: Get "/v1/credits/me/consumption/providers" Caller, |it| ranged(it)
        .list::<ProviderConsumption>("providers", "A row for each provider, the dearest first.");

    /// Show what I spent over time.
    MY_SERIES: Get "/v1/credits/me/consumption/timeseries" Caller, |it| ranged(it)
        .choice("bucket", &["day", "hour"], "`day` is the default.").list::<Point>("points", "The points.");

    /// Redeem a grant token.
    REDEEM: Post "/v1/credits/me/grant-token" Caller, |it| it.body::<RedeemInput>()
        .answer::<Appended<'_>>(201, "It is on the account.").answer::<Appended<'_>>(200, "It was on the account before.")
        .errors(&[(400, "invalid_grant_token, grant_token_expired, grant_token_of_another"), (409, "grant_token_used")])
        .errors(UNAVAILABLE);

    /// List the accounts.
    LIST: Get "/credits/accounts" ViewAllCredits / ViewOwnCredits, |it| it.list::<AccountView>("accounts", "The accounts.");

    /// Show an account.
    GET: Get "/credits/accounts/{id}" ViewAllCredits / ViewOwnCredits, |it| it.answer::<Standing<'_>>(200, "The account.").errors(UNAVAILABLE);

    /// List the transactions of an account.
    TRANSACTIONS: Get "/credits/accounts/{id}/transactions" ViewAllCredits / ViewOwnCredits, |it| transactions(it);

    /// Sum up what an account spent.
    SUMMARY: Get "/credits/accounts/{id}/consumption/summary" ViewAllCredits / ViewOwnCredits, |it| ranged(it)
        .answer::<Summary>(200, "The sums.");

    /// Show what an account spent by provider.
    PROVIDERS: Get "/credits/accounts/{id}/consumption/providers" ViewAllCredits / ViewOwnCredits, |it| ranged(it)
        .list::<ProviderConsumption>("providers", "A row for each provider, the dearest first.");

    /// Show what an account spent over time.
    SERIES: Get "/credits/accounts/{id}/consumption/timeseries" ViewAllCredits / ViewOwnCredits, |it| ranged(it)
        .choice("bucket", &["day", "hour"], "`day` is the default.").list::<Point>("points", "The points.");

    /// Top up an account.
    ///
    /// The same `idempotency_key` a second time changes nothing.
    TOP_UP: Post "/credits/accounts/{id}/topup" ManageCredits, |it| it.body::<CreditInput>()
        .answer::<Appended<'_>>(201, "It is on the account.").answer::<Appended<'_>>(200, "It was on the account before.")
        .errors(UNAVAILABLE);

    /// Grant credits to an account.
    GRANT: Post "/credits/accounts/{id}/grant" ManageCredits, |it| it.body::<CreditInput>()
        .answer::<Appended<'_>>(201, "It is on the account.").answer::<Appended<'_>>(200, "It was on the account before.")
        .errors(UNAVAILABLE);

    /// Show the rule for automatic top-ups.
    GET_AUTO_TOP_UP: Get "/credits/accounts/{id}/auto-topup" ViewAllCredits / ViewOwnCredits, |it| it.answer::<AutoTopUpView>(200, "The rule.")
        .errors(&[(404, "auto_topup_not_found")]);

    /// Set the rule for automatic top-ups.
    PUT_AUTO_TOP_UP: Put "/credits/accounts/{id}/auto-topup" ManageCredits, |it| it.body::<AutoTopUpInput>()
        .answer::<AutoTopUpView>(200, "The rule as it is now.");

    /// Remove the rule for automatic top-ups.
    DELETE_AUTO_TOP_UP: Delete "/credits/accounts/{id}/auto-topup" ManageCredits, |it| it.deleted("string")
        .errors(&[(404, "auto_topup_not_found")]);

    /// Issue a grant token.
    ///
    /// It can be redeemed once, by any caller who has it.
    ISSUE_GRANT_TOKEN: Post "/credits/grant-tokens" ManageCredits, |it| it.body::<GrantTokenInput>()
        .answer::<IssuedGrantToken>(201, "The token.");
}

input! {
    /// Credits for an account.
    pub struct CreditInput {
        /// How many credits, above 0.
        pub amount: u64 = amount().required().check(positive),
        /// Shown in the ledger.
        pub description: String = text(0..=500),
        /// The same key a second time changes nothing.
        pub idempotency_key: String = text(1..=100),
    }
}

input! {
    /// A token that is worth credits.
    pub struct GrantTokenInput {
        /// How many credits, above 0.
        pub amount: u64 = amount().required().check(positive),
        /// The only account that may redeem it; `null`: any.
        pub account: String = text(1..=100),
        /// For how long it may be redeemed; a week is the default.
        pub expires_in_seconds: u64 = integer(60..=30 * 86_400),
        /// Shown in the ledger.
        pub description: String = text(0..=200),
    }
}

input! {
    /// A token that is redeemed.
    pub struct RedeemInput {
        /// The token.
        pub token: String = text(1..=2000).required(),
    }
}

input! {
    /// When an account is topped up by itself.
    pub struct AutoTopUpInput {
        /// Below this balance it is topped up.
        pub min_balance: u64 = amount().required(),
        /// Up to this balance.
        pub target_balance: u64 = amount().required(),
    }
}

fn positive(amount: u64) -> Result<u64, ApiError> {
    if amount == 0 {
        return Err(ApiError::invalid("invalid_value", "amount", "`amount` must be above 0."));
    }
    Ok(amount)
}

impl AutoTopUpInput {
    /// The rule.
    ///
    /// # Errors
    /// `invalid_value` where the target is below the minimum.
    pub fn into_rule(self) -> Result<AutoTopUp, ApiError> {
        let rule = AutoTopUp {
            min_balance: self.min_balance.required("min_balance")?,
            target_balance: self.target_balance.required("target_balance")?,
        };
        if rule.target_balance < rule.min_balance {
            let message = "`target_balance` must not be below `min_balance`.";
            return Err(ApiError::invalid("invalid_value", "target_balance", message));
        }
        Ok(rule)
    }
}

/// How an account stands.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CreditStanding"))]
pub struct Standing<'a> {
    /// The account.
    pub account: &'a str,
    /// What is on it.
    pub balance: f64,
    /// What requests under way have reserved of it.
    pub reserved: f64,
    /// What is left for others.
    pub available: f64,
    /// Whether requests are refused when nothing is available.
    pub enforced: bool,
}

/// An account.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CreditAccount"))]
pub struct AccountView {
    /// Its id.
    pub account: String,
    /// When it was made, in milliseconds since the epoch.
    pub created_at: u64,
    /// Its rule for automatic top-ups.
    pub auto_top_up: Option<AutoTopUpView>,
}

/// A page of a ledger.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Transactions {
    /// The rows.
    pub transactions: Vec<Transaction>,
    /// Give it as `after` for the next page; `null` on the last.
    pub next: Option<String>,
}

/// What was spent in a time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CreditSummary"))]
pub struct Summary {
    /// In this time.
    pub spent: f64,
    /// In the time of the same length before.
    pub spent_before: f64,
    /// Charges.
    pub transactions: u64,
    /// On an average day.
    pub average_a_day: f64,
    /// What is on the account.
    pub balance: f64,
    /// For how many days that will last.
    pub projected_days_left: Option<u64>,
}

/// What was spent for the requests of a provider.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProviderConsumption {
    /// The provider; `null` where it is not known.
    pub provider_id: Option<i64>,
    /// Its name at that time.
    pub provider_name: Option<String>,
    /// What was spent.
    pub spent: f64,
    /// Charges.
    pub transactions: u64,
    /// Percentage of all that was spent.
    pub percentage: f64,
    /// The last charge, in milliseconds since the epoch.
    pub last_transaction_at: u64,
}

/// What was spent in one span.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "ConsumptionPoint"))]
pub struct Point {
    /// Its beginning, in milliseconds since the epoch.
    pub at: u64,
    /// What was spent.
    pub spent: f64,
    /// Charges.
    pub transactions: u64,
}

/// A row of the ledger that was to be added.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AppendedTransaction"))]
pub struct Appended<'a> {
    /// The account.
    pub account: &'a str,
    /// Whether it is new; false for a repetition, which changes nothing.
    pub applied: bool,
    /// What is on the account now.
    pub balance: f64,
    /// The row.
    pub transaction: Transaction,
}

/// A rule for automatic top-ups.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AutoTopUp"))]
pub struct AutoTopUpView {
    /// Below this balance the account is topped up.
    pub min_balance: f64,
    /// Up to this balance.
    pub target_balance: f64,
}

impl From<AutoTopUp> for AutoTopUpView {
    fn from(rule: AutoTopUp) -> Self {
        Self { min_balance: dollars(rule.min_balance), target_balance: dollars(rule.target_balance) }
    }
}

/// An issued token.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct IssuedGrantToken {
    /// The token.
    pub token: String,
    /// Until when it may be redeemed, in milliseconds since the epoch.
    pub expires_at: u64,
}

/// A row of the ledger.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Transaction {
    /// Its id.
    pub id: String,
    /// When, in milliseconds since the epoch.
    pub at: u64,
    /// Why.
    pub kind: EntryKind,
    /// How much; negative for charges.
    pub amount: f64,
    /// Why, in words.
    pub description: String,
    /// The request that was charged.
    pub request_id: Option<String>,
    /// The API key of the request.
    pub key_id: Option<String>,
    /// The provider that answered it.
    pub provider_id: Option<i64>,
    /// Its name at that time.
    pub provider_name: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Tokens of the request, prompt and answer.
    pub tokens: Option<u64>,
}

impl From<Entry> for Transaction {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            amount: signed_dollars(entry.amount),
            description: entry.description,
            request_id: entry.request_id,
            key_id: entry.key_id,
            provider_id: entry.provider_id,
            provider_name: entry.provider_name,
            model: entry.model,
            tokens: entry.tokens,
        }
    }
}
