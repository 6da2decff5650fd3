//! Addresses that sent too many wrong credentials, as one isolate knows them.
//!
//! Guarantee: while an address is blocked no credential from it is compared, not even the right one: an answer that differs
//! for the right one would let a guesser go on at full speed. An isolate learns of a block when the authority refuses an
//! attempt, so each isolate compares at most one credential more than the limit allows.

use crate::bounded::{BoundedMap, Worth};

/// Most addresses. Beyond that, those whose block has ended are dropped first.
const MAX_BLOCKED: usize = 10_000;

/// Blocked addresses.
#[derive(Debug)]
pub struct Blocked {
    until_ms: BoundedMap<String, u64>,
}

impl Default for Blocked {
    fn default() -> Self {
        Self { until_ms: BoundedMap::new(MAX_BLOCKED) }
    }
}

impl Blocked {
    /// Blocks an address until this time, in milliseconds since the epoch.
    pub fn block(&mut self, name: &str, until_ms: u64, now_ms: u64) {
        self.until_ms.insert(name.to_owned(), until_ms, |until| Worth::until(*until, now_ms));
    }

    /// The addresses.
    #[must_use]
    pub fn addresses(&self) -> &BoundedMap<String, u64> {
        &self.until_ms
    }

    /// For how many milliseconds an address is still blocked; `None` if it is not.
    #[must_use]
    pub fn remaining_ms(&self, name: &str, now_ms: u64) -> Option<u64> {
        self.until_ms.get(name)?.checked_sub(now_ms).filter(|rest| *rest > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_by_itself_and_is_for_one_address() {
        let mut blocked = Blocked::default();
        blocked.block("a", 1_000, 0);
        assert_eq!(blocked.remaining_ms("a", 400), Some(600));
        assert_eq!(blocked.remaining_ms("a", 1_000), None);
        assert_eq!(blocked.remaining_ms("b", 400), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut blocked = Blocked::default();
        for index in 0..3 * MAX_BLOCKED {
            blocked.block(&index.to_string(), u64::MAX, 0);
            assert!(blocked.until_ms.len() <= MAX_BLOCKED);
        }
        assert!(blocked.remaining_ms(&(3 * MAX_BLOCKED - 1).to_string(), 0).is_some());
    }
}
