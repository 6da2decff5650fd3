//! The life of the keys that the gateway signs with.
//!
//! A key is published an hour before it signs, so that those who keep a copy of the list know it by then; it signs until a
//! successor does, and is published for a day more, much longer than anything that it has signed is valid.

/// Milliseconds after which a key gets a successor.
pub const ROTATE_MS: u64 = 90 * 86_400_000;
/// Milliseconds that a key is published before it signs, except for the first.
pub const PUBLISH_MS: u64 = 3_600_000;
/// Milliseconds that a key is published after its successor has begun to sign.
pub const OVERLAP_MS: u64 = 86_400_000;

/// A key, by name and age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAge {
    /// Its name.
    pub kid: String,
    /// When it was made, in milliseconds since the epoch.
    pub created_at: u64,
}

/// The key that signs at `now_ms`: the newest that has been published for long enough, or else the oldest.
#[must_use]
pub fn signing_key(keys: &[KeyAge], now_ms: u64) -> Option<&KeyAge> {
    let known = keys.iter().filter(|key| key.created_at.saturating_add(PUBLISH_MS) <= now_ms);
    known.max_by_key(|key| key.created_at).or_else(|| keys.iter().min_by_key(|key| key.created_at))
}

/// Whether a new key is to be made: none is there, or the newest is old.
#[must_use]
pub fn needs_successor(keys: &[KeyAge], now_ms: u64) -> bool {
    keys.iter().all(|key| key.created_at.saturating_add(ROTATE_MS) <= now_ms)
}

/// The keys that are published and verify at `now_ms`; the others may be deleted.
#[must_use]
pub fn verifying_keys(keys: &[KeyAge], now_ms: u64) -> Vec<&KeyAge> {
    let Some(signing) = signing_key(keys, now_ms) else { return Vec::new() };
    let until = signing.created_at.saturating_add(PUBLISH_MS).saturating_add(OVERLAP_MS);
    keys.iter().filter(|key| key.created_at >= signing.created_at || now_ms < until).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(created_at: u64) -> KeyAge {
        KeyAge { kid: created_at.to_string(), created_at }
    }

    #[test]
    fn a_successor_is_published_before_it_signs_and_its_predecessor_after() {
        assert!(needs_successor(&[], 0) && signing_key(&[], 0).is_none());
        let (old, new) = (key(0), key(ROTATE_MS));
        let (first, keys) = ([old.clone()], [old.clone(), new.clone()]);
        assert_eq!(signing_key(&first, 0), Some(&old), "the first signs at once");
        assert!(!needs_successor(&first, ROTATE_MS - 1) && needs_successor(&first, ROTATE_MS));
        let begins = ROTATE_MS + PUBLISH_MS;
        assert_eq!(signing_key(&keys, begins - 1), Some(&old));
        assert_eq!(signing_key(&keys, begins), Some(&new));
        assert_eq!(verifying_keys(&keys, ROTATE_MS), [&old, &new]);
        assert_eq!(verifying_keys(&keys, begins + OVERLAP_MS - 1), [&old, &new]);
        assert_eq!(verifying_keys(&keys, begins + OVERLAP_MS), [&new]);
    }

    proptest! {
        /// Over years of visits at any times: what is signed is verified for as long as it is valid.
        #[test]
        fn nothing_that_is_valid_loses_its_key(visits in prop::collection::vec(1_u64..40 * 86_400_000, 1..200)) {
            let (mut keys, mut now) = (Vec::<KeyAge>::new(), 0);
            let mut signed: Vec<(u64, String)> = Vec::new();
            for gap in visits {
                now += gap;
                if needs_successor(&keys, now) {
                    keys.push(key(now));
                }
                let published: Vec<String> = verifying_keys(&keys, now).into_iter().map(|key| key.kid.clone()).collect();
                let signing = signing_key(&keys, now).unwrap().kid.clone();
                prop_assert!(published.contains(&signing));
                signed.retain(|(until, _)| *until > now);
                for (_, kid) in &signed {
                    prop_assert!(published.contains(kid));
                }
                keys.retain(|key| published.contains(&key.kid));
                signed.push((now + crate::session::ACCESS_MS, signing));
                prop_assert!(keys.len() <= 3);
            }
        }
    }
}
