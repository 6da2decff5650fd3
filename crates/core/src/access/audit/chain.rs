//! The chain of hashes, and the check of a stretch of it.

use crate::hash::sha256_hex;

/// What stands before the first entry.
pub const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of an entry: SHA-256, in hexadecimal, of the hash before it, a line feed, and the entry's line.
#[must_use]
pub fn hash(before: &str, line: &str) -> String {
    sha256_hex(&format!("{before}\n{line}"))
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Break {
    /// An entry is missing: this number was expected.
    Missing(u64),
    /// The entry of this number, or one before it, is not what was written.
    Altered(u64),
}

/// Checks entries one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    next: u64,
    hash: String,
}

impl Check {
    /// A check from the first entry on.
    #[must_use]
    pub fn from_the_beginning() -> Self {
        Self::after(0, BEGINNING.to_owned())
    }

    /// A check of what follows the entry `seq` with this hash.
    #[must_use]
    pub const fn after(seq: u64, hash: String) -> Self {
        Self { next: seq + 1, hash }
    }

    /// Takes the next entry as it is stored: its number, line and hash.
    ///
    /// # Errors
    /// The [`Break`] that it shows.
    pub fn take(&mut self, seq: u64, line: &str, stored: &str) -> Result<(), Break> {
        if seq != self.next {
            return Err(Break::Missing(self.next));
        }
        let expected = hash(&self.hash, line);
        // The number is a column of its own, which must be that of the line.
        let is_numbered = line.strip_prefix("{\"seq\":").is_some_and(|rest| {
            rest.strip_prefix(&seq.to_string()).is_some_and(|rest| rest.starts_with(','))
        });
        if expected != stored || !is_numbered {
            return Err(Break::Altered(seq));
        }
        self.next += 1;
        self.hash = expected;
        Ok(())
    }

    /// The number and the hash of the last entry that was taken.
    #[must_use]
    pub fn head(&self) -> (u64, &str) {
        (self.next - 1, &self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    fn written(count: u64) -> Vec<(u64, String, String)> {
        let mut before = BEGINNING.to_owned();
        (1..=count)
            .map(|seq| {
                let entry = Entry {
                    seq,
                    at: seq * 1000,
                    actor: "admin_token".into(),
                    operation: "PUT /keys/{id}".into(),
                    target: format!("key{seq}"),
                    status: 200,
                    code: None,
                    address: None,
                    request_id: format!("req_{seq}"),
                    changes: Vec::new(),
                };
                let line = entry.line().unwrap();
                before = hash(&before, &line);
                (seq, line, before.clone())
            })
            .collect()
    }

    fn check(entries: &[(u64, String, String)]) -> Result<u64, Break> {
        let mut check = Check::from_the_beginning();
        for (seq, line, hash) in entries {
            check.take(*seq, line, hash)?;
        }
        Ok(check.head().0)
    }

    #[test]
    fn what_was_written_is_whole() {
        assert_eq!(check(&written(20)), Ok(20));
        assert_eq!(check(&[]), Ok(0));
    }

    #[test]
    fn any_single_change_shows() {
        let whole = written(8);
        for place in 0..whole.len() {
            let (seq, line, hash) = whole[place].clone();
            for byte in 0..line.len() {
                let mut altered = whole.clone();
                let mut bytes = line.clone().into_bytes();
                bytes[byte] = if bytes[byte] == b'x' { b'y' } else { b'x' };
                altered[place].1 = String::from_utf8(bytes).unwrap();
                assert_eq!(check(&altered), Err(Break::Altered(seq)), "byte {byte} of {place}");
            }
            let mut forged = whole.clone();
            forged[place].1 = line.replace("admin_token", "user:eve");
            forged[place].2 = super::hash(
                place.checked_sub(1).map_or(BEGINNING, |before| whole[before].2.as_str()),
                &forged[place].1,
            );
            let expected = if place + 1 < whole.len() { Err(Break::Altered(seq + 1)) } else { Ok(8) };
            assert_eq!(
                check(&forged),
                expected,
                "an entry with a fitting hash breaks the next; the last is seen at the head"
            );
            assert_ne!(forged[place].2, hash);
        }
    }

    #[test]
    fn cuts_and_exchanges_show() {
        let whole = written(8);
        for place in 0..whole.len() - 1 {
            let mut cut = whole.clone();
            cut.remove(place);
            assert_eq!(check(&cut), Err(Break::Missing(whole[place].0)));
            let mut exchanged = whole.clone();
            exchanged.swap(place, place + 1);
            assert!(check(&exchanged).is_err());
            let mut renumbered = whole.clone();
            let (first, second) = (renumbered[place].1.clone(), renumbered[place + 1].1.clone());
            renumbered[place].1 = second;
            renumbered[place + 1].1 = first;
            assert_eq!(check(&renumbered), Err(Break::Altered(whole[place].0)));
        }
    }

    #[test]
    fn a_check_goes_on_after_any_entry() {
        let whole = written(8);
        let mut rest = Check::after(3, whole[2].2.clone());
        for (seq, line, hash) in &whole[3..] {
            rest.take(*seq, line, hash).unwrap();
        }
        assert_eq!(rest.head(), (8, whole[7].2.as_str()));
    }
}
