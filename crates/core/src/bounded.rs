//! A map that cannot grow without end: what an isolate remembers for as long as it lives.
//!
//! Guarantee: it has at most as many entries as it was made for, besides those that are needed, which its user says of
//! each value. What is worthless goes first, then anything that can be got again. Making room is amortised: a map whose
//! entries are all needed is not searched at every insertion.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// What an entry is worth when room is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Nothing: it has expired.
    Nothing,
    /// It saves work, and can be got again.
    Something,
    /// It must stay: dropping it would lose what is known nowhere else, or break a promise. What is needed is bounded by
    /// what is in progress.
    Needed,
}

impl Worth {
    /// Of what is valid until then.
    #[must_use]
    pub const fn until(until_ms: u64, now_ms: u64) -> Self {
        if now_ms < until_ms { Self::Something } else { Self::Nothing }
    }
}

/// A bounded map.
#[derive(Debug)]
pub struct BoundedMap<K, V> {
    entries: HashMap<K, V>,
    most: usize,
    /// With as many entries, room is made.
    full: usize,
}

impl<K: Eq + Hash, V> BoundedMap<K, V> {
    /// An empty map for `most` entries, at least one.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { entries: HashMap::new(), most, full: most }
    }

    /// The value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    /// The same, to be changed.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key)
    }

    /// Sets the value of a key. If there is no room for a new one, entries are dropped by their `worth`.
    pub fn insert(&mut self, key: K, value: V, worth: impl Fn(&V) -> Worth) {
        if self.entries.len() >= self.full && !self.entries.contains_key(&key) {
            self.make_room(worth);
        }
        self.entries.insert(key, value);
    }

    fn make_room(&mut self, worth: impl Fn(&V) -> Worth) {
        self.entries.retain(|_, value| worth(value) > Worth::Nothing);
        // If what had expired makes room, nothing of worth is dropped.
        if self.entries.len() >= self.most {
            let mut too_many = self.entries.len() - self.most * 3 / 4;
            self.entries.retain(|_, value| {
                let is_dropped = too_many > 0 && worth(value) == Worth::Something;
                too_many -= usize::from(is_dropped);
                !is_dropped
            });
        }
        let left = self.entries.len();
        self.full = if left < self.most { self.most } else { left + left.div_ceil(4) };
    }

    /// Drops one entry.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.entries.remove(key);
    }

    /// Keeps only what is said to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|_, value| keep(value));
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.full = self.most;
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Most entries, besides those that are needed.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_expired_goes_first() {
        let mut map = BoundedMap::new(32);
        for key in 0..32 {
            map.insert(key, key, |_| Worth::Something);
        }
        let worth = |value: &i32| if *value % 4 == 0 { Worth::Nothing } else { Worth::Something };
        map.insert(99, 99, worth);
        assert_eq!(map.len(), 25);
        assert!((0..32).all(|key| map.get(&key).is_some() == (key % 4 != 0)));
        map.insert(1, 5, worth);
        assert_eq!((map.len(), map.get(&1)), (25, Some(&5)), "a known key needs no room");
    }

    #[test]
    fn what_is_needed_stays_whatever_comes_and_is_not_searched_each_time() {
        use std::cell::Cell;
        let (mut map, looked) = (BoundedMap::new(100), Cell::new(0_u64));
        for key in 0..10_000 {
            map.insert(key, (), |()| {
                looked.set(looked.get() + 1);
                Worth::Needed
            });
        }
        assert_eq!(map.len(), 10_000);
        assert!(looked.get() < 200_000, "{}", looked.get());
        map.insert(10_001, (), |()| Worth::Nothing);
        for key in 20_000..30_000 {
            map.insert(key, (), |()| Worth::Nothing);
        }
        assert!(map.len() <= 12_500, "it shrinks when nothing is needed any more");
        for key in 30_000..50_000 {
            map.insert(key, (), |()| Worth::Nothing);
        }
        assert!(map.len() <= 100);
    }

    proptest! {
        #[test]
        fn it_never_has_more_than_its_most_besides_what_is_needed(
            most in 1_usize..60,
            keys in prop::collection::vec((0_u32..500, 0_u8..20), 1..600),
        ) {
            let (mut map, mut peak) = (BoundedMap::new(most), 0);
            let worth = |value: &u8| match value {
                0..=9 => Worth::Nothing,
                10..=18 => Worth::Something,
                _ => Worth::Needed,
            };
            for (key, value) in keys {
                map.insert(key, value, worth);
                prop_assert_eq!(map.get(&key), Some(&value));
                peak = peak.max(map.entries.values().filter(|value| **value == 19).count());
                let bound = if peak < most { most } else { peak + peak.div_ceil(4) };
                prop_assert!(map.len() <= bound, "{} entries, {peak} were needed, {most}", map.len());
            }
        }
    }
}
