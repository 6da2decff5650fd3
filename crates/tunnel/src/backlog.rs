//! The newest events of a hub, for watchers that connect again: what they missed, or that it cannot be told any more.
//!
//! A hub has them in memory only. Its numbers therefore carry when its memory began, so that those of a hub that was lost are never
//! taken for its own.

use std::collections::VecDeque;
use std::fmt;

/// Names an event: when the memory of the hub began, in milliseconds, and the place of the event in it, from 1.
///
/// The default one names an event of no memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    began_ms: u64,
    n: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.began_ms, self.n)
    }
}

impl Cursor {
    /// Reads what was written; `None` for anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (began_ms, n) = text.split_once('-')?;
        let number = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            if is_plain { text.parse().ok() } else { None }
        };
        Some(Self { began_ms: number(began_ms)?, n: number(n)? })
    }
}

/// What a watcher missed.
#[derive(Debug, PartialEq, Eq)]
pub enum Missed<T> {
    /// These, in their order.
    These(Vec<(Cursor, T)>),
    /// Some of them are not known any more; these are the rest.
    Lost(Vec<(Cursor, T)>),
}

/// The newest events.
#[derive(Debug)]
pub struct Backlog<T> {
    began_ms: u64,
    most: usize,
    /// The number of the newest event.
    last: u64,
    kept: VecDeque<T>,
}

impl<T: Clone> Backlog<T> {
    /// A memory that begins now and keeps this many events.
    #[must_use]
    pub fn new(began_ms: u64, most: usize) -> Self {
        Self { began_ms, most, last: 0, kept: VecDeque::new() }
    }

    /// Keeps an event, and names it.
    pub fn add(&mut self, event: T) -> Cursor {
        self.last += 1;
        self.kept.push_back(event);
        if self.kept.len() > self.most {
            self.kept.pop_front();
        }
        Cursor { began_ms: self.began_ms, n: self.last }
    }

    /// What came after an event.
    #[must_use]
    pub fn after(&self, cursor: Cursor) -> Missed<T> {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let is_own = cursor.began_ms == self.began_ms && cursor.n <= self.last;
        let missed = if is_own { self.last - cursor.n } else { kept };
        let skipped = usize::try_from(kept.saturating_sub(missed)).unwrap_or(usize::MAX);
        let first = self.last - kept + 1;
        let numbered = (first..).zip(&self.kept).skip(skipped);
        let events =
            numbered.map(|(n, event)| (Cursor { began_ms: self.began_ms, n }, event.clone())).collect();
        if is_own && missed <= kept { Missed::These(events) } else { Missed::Lost(events) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(missed: Missed<u64>) -> (bool, Vec<u64>) {
        match missed {
            Missed::These(events) => (true, events.into_iter().map(|(_, event)| event).collect()),
            Missed::Lost(events) => (false, events.into_iter().map(|(_, event)| event).collect()),
        }
    }

    #[test]
    fn what_came_after_an_event_is_told_or_that_it_is_lost() {
        let mut backlog = Backlog::new(1_000, 3);
        let cursors: Vec<Cursor> = (1..=5).map(|event| backlog.add(event)).collect();
        assert_eq!(told(backlog.after(cursors[4])), (true, vec![]));
        assert_eq!(told(backlog.after(cursors[1])), (true, vec![3, 4, 5]));
        assert_eq!(told(backlog.after(cursors[0])), (false, vec![3, 4, 5]));
        let Missed::These(events) = backlog.after(cursors[3]) else { panic!("it is known") };
        assert_eq!(events, [(cursors[4], 5)]);
    }

    #[test]
    fn the_events_of_another_memory_are_lost() {
        let mut backlog = Backlog::new(1_000, 3);
        let cursor = Backlog::new(999, 3).add(1);
        assert_eq!(told(backlog.after(cursor)), (false, vec![]));
        backlog.add(7);
        assert_eq!(told(backlog.after(cursor)), (false, vec![7]));
        assert_eq!(told(backlog.after(Cursor::read("1000-9").unwrap())), (false, vec![7]));
    }

    #[test]
    fn cursors_are_read_as_they_are_written() {
        let cursor = Backlog::new(1_764_500_000_000, 1).add(());
        assert_eq!(Cursor::read(&cursor.to_string()), Some(cursor));
        for text in ["", "-", "1", "1-", "-1", "+1-1", "1-+1", "a-1", "1-1-1", "99999999999999999999-1"] {
            assert_eq!(Cursor::read(text), None, "{text}");
        }
    }
}
