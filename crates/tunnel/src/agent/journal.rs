//! The calls that an agent has taken, with their results, so that none is executed twice and no result is lost.

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;

use crate::frame::Ask;
use crate::limits::JOURNAL_MS;

/// Most ids of ended calls that are remembered.
const MAX_ENDED: usize = 65_536;

/// How far a result has been sent over the current connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// Bytes in parts so far.
    pub offset: usize,
    /// Parts so far.
    pub parts: u32,
    /// Bytes without credit.
    pub outstanding: usize,
    /// When the frame that ends it was sent, in milliseconds.
    pub sent_ms: Option<u64>,
}

/// A result or error of a call.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether it is a result.
    pub ok: bool,
    /// What it says.
    pub body: Box<RawValue>,
}

/// A call that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its number.
    pub n: u32,
    /// When it must have ended, in milliseconds.
    pub deadline_ms: u64,
    /// Whether it is being stopped.
    pub is_stopping: bool,
    /// Whether the hub has ended it: its result is not wanted.
    pub is_dropped: bool,
    /// Questions without an answer.
    pub asks: Vec<Ask>,
}

/// What is remembered of a call.
#[derive(Debug, Clone)]
pub enum Entry {
    /// It runs.
    Running(Running),
    /// It has ended, and the hub has not acknowledged the result.
    Done {
        /// Its number.
        n: u32,
        /// The result.
        outcome: Outcome,
        /// When it ended, in milliseconds.
        at_ms: u64,
        /// How far it was sent; `None` before.
        sending: Option<Sending>,
    },
    /// It is over, or was never run and must not be.
    Ended,
}

/// The journal.
#[derive(Debug, Default)]
pub struct Journal {
    entries: BTreeMap<String, Entry>,
    /// Ended calls with the time of their end, oldest first.
    ended: VecDeque<(u64, String)>,
}

impl Journal {
    /// What is remembered of a call.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    /// All calls.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    /// All calls, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Entry)> {
        self.entries.iter_mut()
    }

    /// The calls that run.
    pub fn running(&self) -> impl Iterator<Item = (&String, &Running)> {
        self.entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Running(running) => Some((id, running)),
            _ => None,
        })
    }

    /// The calls whose results the hub has not acknowledged.
    pub fn done(&self) -> impl Iterator<Item = &String> {
        self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Done { .. })).map(|(id, _)| id)
    }

    /// Begins a call.
    pub fn begin(&mut self, id: &str, n: u32, deadline_ms: u64) {
        let running = Running { n, deadline_ms, is_stopping: false, is_dropped: false, asks: Vec::new() };
        self.entries.insert(id.to_owned(), Entry::Running(running));
    }

    /// A call that runs has ended. False if it does not run, or its result is not wanted.
    pub fn finish(&mut self, now: u64, id: &str, outcome: Outcome) -> bool {
        let Some(Entry::Running(running)) = self.entries.get(id) else { return false };
        if running.is_dropped {
            self.end(now, id);
            return false;
        }
        let done = Entry::Done { n: running.n, outcome, at_ms: now, sending: None };
        self.entries.insert(id.to_owned(), done);
        true
    }

    /// Only the id is remembered from now on.
    pub fn end(&mut self, now: u64, id: &str) {
        if !matches!(self.entries.insert(id.to_owned(), Entry::Ended), Some(Entry::Ended)) {
            self.ended.push_back((now, id.to_owned()));
        }
    }

    /// Bytes of the results that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.values().map(size).sum()
    }

    /// The oldest result, to be given up when there are too many bytes.
    #[must_use]
    pub fn oldest_result(&self) -> Option<String> {
        let done = self.entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Done { at_ms, .. } if size(entry) > 1024 => Some((*at_ms, id)),
            _ => None,
        });
        done.min().map(|(_, id)| id.clone())
    }

    /// Forgets what no hub can ask for any more.
    pub fn forget(&mut self, now: u64) {
        let before = now.saturating_sub(JOURNAL_MS);
        let old: Vec<String> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Done { at_ms, .. } if *at_ms < before))
            .map(|(id, _)| id.clone())
            .collect();
        for id in old {
            self.end(now, &id);
        }
        while self.ended.front().is_some_and(|(at, _)| *at < before || self.ended.len() > MAX_ENDED) {
            if let Some((_, id)) = self.ended.pop_front() {
                self.entries.remove(&id);
            }
        }
    }
}

fn size(entry: &Entry) -> usize {
    match entry {
        Entry::Done { outcome, .. } => outcome.body.get().len(),
        _ => 0,
    }
}
