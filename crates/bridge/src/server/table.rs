//! The calls of one server: those that wait, those in flight, and when each of them has to end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::call::{Call, CallError, CallFault, CallResult};

/// How many calls of a server may wait.
const WAITING: usize = 64;

/// A call and who waits for it.
#[derive(Debug)]
pub struct Entry {
    /// The call.
    pub call: Call,
    /// Who waits.
    pub done: oneshot::Sender<CallResult>,
    /// When it ends whatever happens.
    pub hard_at: Instant,
    /// When it ends if nothing is heard of it.
    pub idle_at: Instant,
    /// It was sent before, and not executed.
    is_again: bool,
}

impl Entry {
    /// A call that begins now and may be silent and last this long.
    #[must_use]
    pub fn new(call: Call, done: oneshot::Sender<CallResult>, idle: Duration, most: Duration) -> Self {
        let now = Instant::now();
        let hard_at = now + call.deadline.min(most);
        Self { call, done, hard_at, idle_at: now + idle, is_again: false }
    }

    /// Ends it.
    pub fn finish(self, result: CallResult) {
        let _ = self.done.send(result);
    }
}

/// The calls of one server.
#[derive(Debug, Default)]
pub struct Table {
    waiting: VecDeque<Entry>,
    flying: BTreeMap<i64, Entry>,
}

impl Table {
    /// Adds a call that waits, or ends it if too many do.
    pub fn add(&mut self, entry: Entry) {
        if self.waiting.len() >= WAITING {
            let said = format!("{WAITING} calls wait for this server already");
            return entry.finish(Err(CallError::new(CallFault::Busy, said)));
        }
        self.waiting.push_back(entry);
    }

    /// The next call to send if fewer than `concurrency` are in flight.
    pub fn next(&mut self, concurrency: u32) -> Option<Entry> {
        if self.flying.len() >= usize::try_from(concurrency).unwrap_or(usize::MAX) {
            return None;
        }
        self.waiting.pop_front()
    }

    /// A call was sent under this number.
    pub fn sent(&mut self, number: i64, entry: Entry) {
        self.flying.insert(number, entry);
    }

    /// A call that its server did not execute is to be sent again, before those that wait. False: it was sent again already.
    pub fn again(&mut self, number: i64) -> bool {
        let Some(mut entry) = self.flying.remove(&number) else { return true };
        if std::mem::replace(&mut entry.is_again, true) {
            self.flying.insert(number, entry);
            return false;
        }
        self.waiting.push_front(entry);
        true
    }

    /// A response came to this number.
    pub fn take(&mut self, number: i64) -> Option<Entry> {
        self.flying.remove(&number)
    }

    /// Something was heard of a call: its silence begins anew.
    pub fn heard(&mut self, number: i64, idle: Duration) -> Option<&Entry> {
        let entry = self.flying.get_mut(&number)?;
        entry.idle_at = Instant::now() + idle;
        Some(entry)
    }

    /// The call in flight that began last: what a server of the older era asks its client is taken for its question, as
    /// that era does not say.
    pub fn newest(&self) -> Option<&Entry> {
        self.flying.last_key_value().map(|(_, entry)| entry)
    }

    /// Takes a call out by its id. The number is that of one in flight.
    pub fn remove(&mut self, id: &str) -> Option<(Option<i64>, Entry)> {
        if let Some(at) = self.waiting.iter().position(|entry| entry.call.id == id) {
            return self.waiting.remove(at).map(|entry| (None, entry));
        }
        let number = *self.flying.iter().find(|(_, entry)| entry.call.id == id)?.0;
        self.flying.remove(&number).map(|entry| (Some(number), entry))
    }

    /// Takes out what is over time.
    pub fn overdue(&mut self, now: Instant) -> Vec<(Option<i64>, Entry)> {
        let mut late = Vec::new();
        let (over, kept) = self.waiting.drain(..).partition(|entry: &Entry| entry.hard_at <= now);
        self.waiting = kept;
        let over: VecDeque<Entry> = over;
        late.extend(over.into_iter().map(|entry| (None, entry)));
        let is_over = |entry: &Entry| entry.hard_at <= now || entry.idle_at <= now;
        let numbers: Vec<i64> =
            self.flying.iter().filter(|(_, entry)| is_over(entry)).map(|(number, _)| *number).collect();
        late.extend(
            numbers.into_iter().filter_map(|number| Some((Some(number), self.flying.remove(&number)?))),
        );
        late
    }

    /// When the next call is over time.
    pub fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().map(|entry| entry.hard_at);
        waiting.chain(self.flying.values().map(|entry| entry.hard_at.min(entry.idle_at))).min()
    }

    /// Ends all calls in flight.
    pub fn fail_flying(&mut self, error: &CallError) {
        for (_, entry) in std::mem::take(&mut self.flying) {
            entry.finish(Err(error.clone()));
        }
    }

    /// Ends all calls that wait.
    pub fn fail_waiting(&mut self, error: &CallError) {
        for entry in std::mem::take(&mut self.waiting) {
            entry.finish(Err(error.clone()));
        }
    }

    /// How many are in flight.
    #[must_use]
    pub fn flying(&self) -> usize {
        self.flying.len()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
