//! Requests that stand for the buckets of a histogram: for each bucket the trace of the newest one that was recorded.
//!
//! Of several the newest counts, whatever the order and the grouping in which they are merged. Only requests with a trace are among
//! them, so that without traces nothing is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The upper end of the first bucket, in milliseconds; each further one ends at twice that of the one before.
const FIRST_END_MS: u64 = 10;
/// The last bucket with an end; one follows for all that is above.
const LAST_WITH_END: u8 = 16;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exemplar {
    /// When it was measured, in milliseconds since the epoch.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// Its trace, 32 hexadecimal digits.
    #[serde(rename = "i")]
    pub trace: String,
    /// What was measured, in milliseconds.
    #[serde(rename = "v")]
    pub value_ms: u64,
}

/// Requests by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Exemplar>", into = "Vec<Exemplar>")]
pub struct Exemplars(BTreeMap<u8, Exemplar>);

/// The bucket of a value in milliseconds: the first is 0 and ends with 10 ms.
#[must_use]
pub fn bucket_of(value_ms: u64) -> u8 {
    let mut end = FIRST_END_MS;
    let mut bucket = 0;
    while value_ms > end && bucket <= LAST_WITH_END {
        end *= 2;
        bucket += 1;
    }
    bucket
}

impl Exemplars {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a request.
    pub fn add(&mut self, exemplar: Exemplar) {
        let place = self.0.entry(bucket_of(exemplar.value_ms));
        place.and_modify(|known| *known = known.clone().max(exemplar.clone())).or_insert(exemplar);
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        other.0.values().cloned().for_each(|exemplar| self.add(exemplar));
    }

    /// The request of a bucket.
    #[must_use]
    pub fn of(&self, bucket: u8) -> Option<&Exemplar> {
        self.0.get(&bucket)
    }
}

impl From<Vec<Exemplar>> for Exemplars {
    fn from(list: Vec<Exemplar>) -> Self {
        let mut all = Self::default();
        for exemplar in list {
            all.add(exemplar);
        }
        all
    }
}

impl From<Exemplars> for Vec<Exemplar> {
    fn from(all: Exemplars) -> Self {
        all.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_end_where_those_of_the_metrics_do() {
        let buckets = [0, 10, 11, 20, 21, 655_360, 655_361, u64::MAX].map(bucket_of);
        assert_eq!(buckets, [0, 0, 1, 1, 2, 16, 17, 17]);
    }

    proptest! {
        #[test]
        fn the_newest_of_each_bucket_remains_in_whatever_order(
            list in prop::collection::vec((0_u64..9, 0_u64..200, 0_u8..4), 0..40), cut in 0_usize..40,
        ) {
            let list: Vec<Exemplar> = list
                .into_iter()
                .map(|(at_ms, value_ms, trace)| Exemplar { at_ms, trace: trace.to_string(), value_ms })
                .collect();
            let all = Exemplars::from(list.clone());
            for bucket in 0..8 {
                let newest = list.iter().filter(|one| bucket_of(one.value_ms) == bucket).max();
                prop_assert_eq!(all.of(bucket), newest);
            }
            let (first, rest) = list.split_at(cut.min(list.len()));
            let mut merged = Exemplars::from(rest.to_vec());
            merged.merge(&Exemplars::from(first.to_vec()));
            prop_assert_eq!(&merged, &all);
            let json = serde_json::to_string(&all).unwrap();
            prop_assert_eq!(serde_json::from_str::<Exemplars>(&json).unwrap(), all);
        }
    }
}
