//! The state of an account and its tables, which change together.

use std::cell::RefCell;

use nexus_edge_core::billing::account::{Account as State, Entry, EntryKind, Reserved};
use nexus_edge_core::billing::journal::{Note, ending};
use worker::{Result, SqlStorage};

use super::super::account::{Appended, Call, Reservation, Standing};
use super::tables::Tables;
use crate::platform::now_ms;

/// An account.
pub struct Book {
    /// What is stored of it.
    pub tables: Tables,
    state: RefCell<Option<State>>,
}

impl Book {
    /// The book on this storage.
    pub fn new(sql: SqlStorage) -> Self {
        Self { tables: Tables::new(sql), state: RefCell::new(None) }
    }

    /// Acts on the state. If that fails, the state in memory is dropped and restored from the tables by the next call.
    pub fn with<T>(&self, initial: u64, act: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut held = self.state.borrow_mut();
        let mut state = match held.take() {
            Some(state) => state,
            None => self.restore(initial)?,
        };
        let done = act(&mut state)?;
        *held = Some(state);
        Ok(done)
    }

    /// Drops the state in memory: the tables are other ones.
    pub fn forget(&self) {
        self.state.take();
    }

    fn restore(&self, initial: u64) -> Result<State> {
        let mut state = self.tables.restore()?;
        if initial > 0 {
            let entry = Entry::credit("initial".into(), now_ms(), EntryKind::Initial, initial, String::new());
            self.append(&mut state, &entry, None)?;
        }
        Ok(state)
    }

    /// Answers a call; a reservation expires after `lifetime_ms`.
    pub fn answer(&self, state: &mut State, call: Call, now: u64, lifetime_ms: u64) -> Result<String> {
        Ok(match call {
            Call::Reserve { id, amount, note } => serde_json::to_string(&self.reserve(
                state,
                &id,
                amount,
                &note,
                now.saturating_add(lifetime_ms),
            )?)?,
            Call::End { id, entry, note } => {
                let applied = self.end(state, &id, Entry { at: now, ..*entry }, &note)?;
                serde_json::to_string(&Appended { applied, balance: state.balance() })?
            }
            Call::Append { entry } => {
                let applied = self.append(state, &entry, None)?;
                serde_json::to_string(&Appended { applied, balance: state.balance() })?
            }
            Call::Look => serde_json::to_string(&standing(state))?,
            Call::Transactions { filter } => serde_json::to_string(&self.tables.transactions(&filter)?)?,
            Call::Spending { since, until } => serde_json::to_string(&self.tables.spending(since, until)?)?,
            Call::ByProvider { since, until } => {
                serde_json::to_string(&self.tables.by_provider(since, until)?)?
            }
            Call::Series { since, until, span_ms } => {
                serde_json::to_string(&self.tables.series(since, until, span_ms)?)?
            }
        })
    }

    fn reserve(
        &self,
        state: &mut State,
        id: &str,
        amount: u64,
        note: &Note,
        expires: u64,
    ) -> Result<Reservation> {
        match state.reserve(id, amount, expires) {
            Reserved::Until(until) => {
                self.tables.reserve(id, amount, until, note)?;
                Ok(Reservation { until: Some(until), available: state.available() })
            }
            Reserved::Insufficient(available) => Ok(Reservation { until: None, available }),
        }
    }

    /// Ends a request: charges it, unless it was charged before. True if that added a row.
    pub fn end(&self, state: &mut State, id: &str, entry: Entry, note: &Note) -> Result<bool> {
        state.release(id);
        self.tables.release(id)?;
        match ending(entry, self.tables.charged(id)?.as_ref()) {
            Some(entry) => self.append(state, &entry, Some(note)),
            None => Ok(false),
        }
    }

    fn append(&self, state: &mut State, entry: &Entry, note: Option<&Note>) -> Result<bool> {
        let is_new = self.tables.append(entry, note)?;
        if is_new {
            state.append(entry.amount);
        }
        Ok(is_new)
    }
}

fn standing(state: &State) -> Standing {
    Standing { balance: state.balance(), reserved: state.reserved(), available: state.available() }
}
