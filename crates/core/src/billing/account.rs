//! An account with a balance, in whole millionths of a credit (a credit is worth a dollar).
//!
//! The ledger is append-only, and the balance is always the sum of its rows. The estimated cost of requests in flight
//! is reserved beside the ledger, under the id of the request's usage event: its end appends the charge. A reservation
//! whose end is not told expires and is then due to be settled by [`super::journal`]; it stays reserved until that has
//! been done. Every row has an id of its own, so that a repeated operation changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The initial balance of an account.
    Initial,
    /// A top-up by an administrator.
    TopUp,
    /// A grant by an administrator, directly or by a token.
    Grant,
    /// An automatic daily top-up.
    AutoTopUp,
    /// The charge of a request.
    Charge,
}

impl EntryKind {
    /// Every kind with its name.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("initial", Self::Initial),
        ("top_up", Self::TopUp),
        ("grant", Self::Grant),
        ("auto_top_up", Self::AutoTopUp),
        ("charge", Self::Charge),
    ];

    /// The name under which it is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Id of the row; a second row with the same id is never appended.
    pub id: String,
    /// Milliseconds since the epoch.
    pub at: u64,
    /// Its kind.
    pub kind: EntryKind,
    /// Millionths of a credit; charges are negative.
    pub amount: i64,
    /// A description for people.
    #[serde(default)]
    pub description: String,
    /// The `x-request-id` of a charge.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The key of a charge.
    #[serde(default)]
    pub key_id: Option<String>,
    /// The provider of a charge.
    #[serde(default)]
    pub provider_id: Option<i64>,
    /// Its name at that time.
    #[serde(default)]
    pub provider_name: Option<String>,
    /// The model of a charge, as the caller named it.
    #[serde(default)]
    pub model: Option<String>,
    /// Its tokens.
    #[serde(default)]
    pub tokens: Option<u64>,
}

impl Entry {
    /// A row that is not a charge.
    #[must_use]
    pub fn credit(id: String, at: u64, kind: EntryKind, amount: u64, description: String) -> Self {
        Self {
            id,
            at,
            kind,
            amount: signed(amount),
            description,
            request_id: None,
            key_id: None,
            provider_id: None,
            provider_name: None,
            model: None,
            tokens: None,
        }
    }
}

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    balance: i64,
    /// Amount and expiry by the id of the usage event.
    reserved: BTreeMap<String, (u64, u64)>,
}

/// The result of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// Reserved until this time, in milliseconds since the epoch.
    Until(u64),
    /// The balance does not suffice; this much is available.
    Insufficient(i64),
}

impl Account {
    /// The account with this sum of rows and these reservations.
    #[must_use]
    pub fn restore(balance: i64, reserved: impl IntoIterator<Item = (String, u64, u64)>) -> Self {
        let reserved = reserved.into_iter().map(|(id, amount, expires)| (id, (amount, expires))).collect();
        Self { balance, reserved }
    }

    /// The sum of all rows.
    #[must_use]
    pub const fn balance(&self) -> i64 {
        self.balance
    }

    /// The sum of the reservations.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.reserved.values().fold(0_u64, |sum, (amount, _)| sum.saturating_add(*amount))
    }

    /// Whether there is a reservation.
    #[must_use]
    pub fn has_reservations(&self) -> bool {
        !self.reserved.is_empty()
    }

    /// What can still be reserved.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.balance.saturating_sub(signed(self.reserved()))
    }

    /// Reserves for a request until `expires`, in milliseconds since the epoch; idempotent. A larger amount for a request that has
    /// reserved already, which is how its rounds add up, takes the difference until the same time. A request that costs nothing
    /// needs a positive balance all the same.
    pub fn reserve(&mut self, id: &str, amount: u64, expires: u64) -> Reserved {
        let held = self.reserved.get(id).copied();
        let (reserved, expires) = held.unwrap_or((0, expires));
        if held.is_some() && amount <= reserved {
            return Reserved::Until(expires);
        }
        let available = self.available();
        if available <= 0 || signed(amount.saturating_sub(reserved)) > available {
            return Reserved::Insufficient(available);
        }
        self.reserved.insert(id.to_owned(), (amount, expires));
        Reserved::Until(expires)
    }

    /// The expired reservations with their amounts, to be settled.
    #[must_use]
    pub fn due(&self, now_ms: u64) -> Vec<(String, u64)> {
        let expired = self.reserved.iter().filter(|(_, (_, expires))| *expires <= now_ms);
        expired.map(|(id, (amount, _))| (id.clone(), *amount)).collect()
    }

    /// Ends a reservation; the charge itself is a row, see [`Account::append`].
    pub fn release(&mut self, id: &str) {
        self.reserved.remove(id);
    }

    /// Adds a newly appended row to the balance.
    pub fn append(&mut self, amount: i64) {
        self.balance = self.balance.saturating_add(amount);
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// A rule for automatic daily top-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoTopUp {
    /// It applies below this balance, in millionths.
    pub min_balance: u64,
    /// It raises the balance to this, in millionths.
    pub target_balance: u64,
}

impl AutoTopUp {
    /// The amount to add at this balance.
    #[must_use]
    pub fn amount(&self, balance: i64) -> Option<u64> {
        let missing = signed(self.target_balance).saturating_sub(balance);
        (balance < signed(self.min_balance))
            .then_some(missing)
            .and_then(|missing| u64::try_from(missing).ok())
    }
}

/// Days until a balance is used up at the rate of `spent` in `days`; `None` if nothing is being spent.
#[must_use]
pub fn projected_days_left(balance: i64, spent: u64, days: u64) -> Option<u64> {
    let balance = u64::try_from(balance).unwrap_or(0);
    (spent > 0).then(|| {
        u64::try_from(u128::from(balance) * u128::from(days) / u128::from(spent)).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::journal::{self, BY_RESERVATION, Charged, Note, ending};
    use crate::stats::UsageEvent;
    use proptest::prelude::*;

    const TTL_MS: u64 = 30 * 60 * 1000;

    #[test]
    fn a_kind_has_one_name_for_the_ledger_and_for_json() {
        for (name, kind) in EntryKind::NAMES {
            assert_eq!(kind.name(), *name);
            assert_eq!(serde_json::to_value(kind).unwrap(), *name);
        }
    }

    /// The ledger as it is stored: rows by id.
    #[derive(Default)]
    struct Rows(BTreeMap<String, Entry>);

    impl Rows {
        fn append(&mut self, account: &mut Account, entry: Entry) {
            if !self.0.contains_key(&entry.id) {
                account.append(entry.amount);
                self.0.insert(entry.id.clone(), entry);
            }
        }

        fn end(&mut self, account: &mut Account, entry: Entry) {
            let before = self.0.get(&entry.id).map(|row| Charged {
                amount: row.amount,
                is_by_reservation: row.description == BY_RESERVATION,
            });
            if let Some(row) = ending(entry, before.as_ref()) {
                self.append(account, row);
            }
        }

        fn sum(&self) -> i64 {
            self.0.values().map(|row| row.amount).sum()
        }

        fn of_request(&self, id: u8) -> i64 {
            let of = |name: String| self.0.get(&name).map_or(0, |row| row.amount);
            of(format!("charge:{id}")) + of(format!("correction:{id}"))
        }
    }

    fn event(id: u8, cost_micros: u64) -> UsageEvent {
        UsageEvent { id: id.to_string(), cost_micros, ..UsageEvent::default() }
    }

    fn note() -> Note {
        Note::of_begun(&UsageEvent::default())
    }

    #[derive(Debug, Clone)]
    enum Word {
        TopUp(u8, u64),
        Reserve(u8, u64),
        End(u8, u64),
        Wait(u64),
        Crash,
    }

    fn words() -> impl Strategy<Value = Vec<Word>> {
        let word = prop_oneof![
            (any::<u8>(), 1_u64..1_000).prop_map(|(id, amount)| Word::TopUp(id % 8, amount)),
            (any::<u8>(), 0_u64..300).prop_map(|(id, amount)| Word::Reserve(id % 32, amount)),
            (any::<u8>(), 0_u64..=100).prop_map(|(id, percent)| Word::End(id % 32, percent)),
            (0_u64..TTL_MS).prop_map(Word::Wait),
            Just(Word::Crash),
        ];
        proptest::collection::vec(word, 0..200)
    }

    proptest! {
        /// Ends of requests are lost, come late and are repeated; the account crashes at any time.
        #[test]
        fn the_balance_is_the_sum_of_the_rows_and_every_request_pays_once(words in words()) {
            let (mut account, mut rows, mut now) = (Account::default(), Rows::default(), 1_000_u64);
            // What a request reserved, and what it was told to cost at its first end.
            let mut estimates: BTreeMap<u8, u64> = BTreeMap::new();
            let mut real: BTreeMap<u8, u64> = BTreeMap::new();
            for word in words {
                match word {
                    Word::TopUp(id, amount) => {
                        let entry = Entry::credit(format!("t{id}"), now, EntryKind::TopUp, amount, String::new());
                        rows.append(&mut account, entry);
                    }
                    // A request has one reservation, which its rounds raise while it is there.
                    Word::Reserve(id, amount) => {
                        let estimate = estimates.get(&id).copied();
                        let is_open = estimate.is_none() || account.reserved.contains_key(&id.to_string());
                        if is_open
                            && let Reserved::Until(_) = account.reserve(&id.to_string(), amount, now + TTL_MS) {
                            estimates.insert(id, amount.max(estimate.unwrap_or_default()));
                        }
                    },
                    // It costs at most its estimate.
                    Word::End(id, percent) => if let Some(estimate) = estimates.get(&id) {
                        let cost = *real.entry(id).or_insert(estimate * percent / 100);
                        account.release(&id.to_string());
                        rows.end(&mut account, journal::charge(&event(id, cost), now));
                    },
                    Word::Wait(milliseconds) => {
                        now += milliseconds;
                        for (id, amount) in account.due(now) {
                            account.release(&id);
                            rows.end(&mut account, note().by_reservation(&id, amount, now));
                        }
                    }
                    Word::Crash => {
                        let reserved: Vec<_> = account.reserved.iter().map(|(id, (amount, expires))| (id.clone(), *amount, *expires)).collect();
                        account = Account::restore(rows.sum(), reserved);
                    }
                }
                prop_assert_eq!(account.balance(), rows.sum());
                prop_assert!(account.balance() >= 0 && account.available() >= 0);
            }
            now += TTL_MS;
            for (id, amount) in account.due(now) {
                account.release(&id);
                rows.end(&mut account, note().by_reservation(&id, amount, now));
            }
            prop_assert!(!account.has_reservations(), "none is left for ever");
            for (id, estimate) in estimates {
                let owed = real.get(&id).copied().unwrap_or(estimate);
                prop_assert_eq!(rows.of_request(id), -owed.cast_signed(), "request {}", id);
            }
        }
    }

    #[test]
    fn what_is_reserved_is_not_there_for_others_until_the_request_has_ended() {
        let mut account = Account::restore(100, []);
        assert_eq!(account.reserve("a", 60, 1_000), Reserved::Until(1_000));
        assert_eq!(account.reserve("a", 60, 1_005), Reserved::Until(1_000), "once");
        assert_eq!(account.reserve("b", 60, 1_005), Reserved::Insufficient(40));
        assert_eq!(account.reserve("a", 101, 1_005), Reserved::Insufficient(40));
        assert_eq!(account.reserve("a", 90, 1_005), Reserved::Until(1_000), "raised, and not longer");
        assert_eq!(account.reserve("a", 60, 1_005), Reserved::Until(1_000));
        assert_eq!(account.available(), 10);
        account.release("a");
        assert!(matches!(account.reserve("b", 100, 1_005), Reserved::Until(_)));
        assert_eq!(account.reserve("c", 0, 1_006), Reserved::Insufficient(0));
        assert_eq!(account.due(1_004), []);
        assert_eq!(account.due(1_005), [("b".to_owned(), 100)]);
        assert_eq!(account.available(), 0, "it is due, and reserved until it is settled");
    }

    #[test]
    fn rules_and_projections() {
        let rule = AutoTopUp { min_balance: 50, target_balance: 80 };
        assert_eq!((rule.amount(50), rule.amount(49), rule.amount(-10)), (None, Some(31), Some(90)));
        assert_eq!(projected_days_left(100, 20, 10), Some(50));
        assert_eq!(projected_days_left(100, 0, 10), None);
        assert_eq!(projected_days_left(-5, 1, 10), Some(0));
    }
}
