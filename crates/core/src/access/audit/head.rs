//! Signed heads: a statement, kept outside of the database, that at a time the log ended with this entry.
//!
//! A chain of hashes shows what was altered inside of it. That its end was cut off, or that all of it was written anew, shows only
//! against what was noted elsewhere.

use serde::{Deserialize, Serialize};

use crate::time::rfc3339_ms;

/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;

/// A head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AuditHead"))]
pub struct Head {
    /// The last entry.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// When that was so, in milliseconds since the epoch.
    pub at: u64,
    /// The name of the key that signs.
    pub kid: String,
    /// The Ed25519 signature of the text, in base64url.
    pub signature: String,
}

/// What is signed: the words `nexus-edge audit head`, the number, the hash and the time, each on a line. No token looks like it.
#[must_use]
pub fn text(seq: u64, hash: &str, at: u64) -> String {
    format!("nexus-edge audit head\n{seq}\n{hash}\n{at}")
}

/// The name under which the head of an hour is kept. Names sort by time.
#[must_use]
pub fn name(at_ms: u64) -> String {
    let hour = rfc3339_ms(at_ms);
    format!("{PREFIX}{}.json", hour.get(..13).unwrap_or_default())
}

/// What the names of heads begin with.
pub const PREFIX: &str = "audit-heads/";

impl Head {
    /// The text that the signature is of.
    #[must_use]
    pub fn text(&self) -> String {
        text(self.seq, &self.hash, self.at)
    }

    /// Whether it is time for another head, where the log ends with `seq` at `now_ms`: once an hour, if there is a new entry.
    #[must_use]
    pub fn is_due(last: Option<&Self>, seq: u64, now_ms: u64) -> bool {
        match last {
            None => seq > 0,
            Some(last) => last.seq != seq && last.at / HOUR_MS != now_ms / HOUR_MS,
        }
    }

    /// Whether the log contradicts it. The log was read behind the entry `after`, up to `last` without a break, and if `ends` there
    /// is nothing behind that. `hash_of` gives the hash of an entry that was read, or of `after`.
    #[must_use]
    pub fn contradicts<'a>(
        &self,
        after: u64,
        last: u64,
        ends: bool,
        hash_of: impl Fn(u64) -> Option<&'a str>,
    ) -> bool {
        if self.seq < after {
            return false;
        }
        if self.seq > last {
            return ends;
        }
        hash_of(self.seq).is_some_and(|hash| hash != self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64, hash: &str, at: u64) -> Head {
        Head { seq, hash: hash.into(), at, kid: "k".into(), signature: "s".into() }
    }

    #[test]
    fn a_head_is_made_once_an_hour_where_something_happened() {
        assert!(!Head::is_due(None, 0, 5));
        assert!(Head::is_due(None, 1, 5));
        let last = head(3, "h", HOUR_MS + 10);
        assert!(!Head::is_due(Some(&last), 4, 2 * HOUR_MS - 1));
        assert!(Head::is_due(Some(&last), 4, 2 * HOUR_MS));
        assert!(!Head::is_due(Some(&last), 3, 9 * HOUR_MS), "nothing happened");
        assert!(Head::is_due(Some(&last), 2, 2 * HOUR_MS), "a log that got shorter is stated as well");
    }

    #[test]
    fn names_sort_by_time_and_hours_differ() {
        let (one, two) = (name(1_795_973_559_123), name(1_795_973_559_123 + HOUR_MS));
        assert_eq!(one, "audit-heads/2026-11-29T17.json");
        assert!(one < two);
    }

    #[test]
    fn cuts_and_other_histories_contradict() {
        let hashes = ["zero", "one", "two", "three"];
        let contradicts = |head: &Head, after: u64, last: u64, ends: bool| {
            head.contradicts(after, last, ends, |seq| hashes.get(usize::try_from(seq).ok()?).copied())
        };
        assert!(!contradicts(&head(2, "two", 0), 0, 3, true));
        assert!(contradicts(&head(2, "other", 0), 0, 3, true), "an entry that was written anew");
        assert!(contradicts(&head(4, "four", 0), 0, 3, true), "a tail that was cut");
        assert!(!contradicts(&head(4, "four", 0), 0, 3, false), "not read so far");
        assert!(!contradicts(&head(1, "other", 0), 2, 3, true), "before what was read");
        assert!(contradicts(&head(2, "other", 0), 2, 3, true), "where the reading began");
    }
}
