//! What concerns the gateway as a whole.

use std::hash::Hash;

use nexus_edge_core::bounded::BoundedMap;
use nexus_edge_core::input;
use nexus_edge_core::input::{one_of, text};
use serde::Serialize;

use crate::operation::operations;

operations! {
    "System";

    /// Clear the cache of answers.
    ///
    /// All of it, what belongs to an API key or a model, or what has expired.
    CLEAR_CACHE: Post "/system/cache/clear" ManageSystem, |it| it.optional_body::<ClearCacheInput>()
        .answer::<ClearedCache>(200, "How much was removed.");

    /// Show the state of the isolate.
    ///
    /// Of the one isolate that answers: its memory, and how much it remembers. Every map has a bound, so that memory does not
    /// grow with the number of requests.
    STATUS: Get "/system/status" ViewSystemStatus, |it| it
        .answer::<SystemStatus>(200, "The state of the isolate that answers.");
}

/// Which cached answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheSegment {
    /// All.
    All,
    /// Those of an API key.
    Key,
    /// Those of a model.
    Model,
    /// Those that have expired.
    Expired,
}

impl CacheSegment {
    const NAMES: &'static [(&'static str, Self)] =
        &[("all", Self::All), ("key", Self::Key), ("model", Self::Model), ("expired", Self::Expired)];
}

input! {
    /// Which cached answers are removed.
    pub struct ClearCacheInput {
        /// All is the default.
        pub segment: CacheSegment = one_of(CacheSegment::NAMES),
        /// The id of the API key, or the name of the model.
        pub id: String = text(1..=200),
    }
}

/// How much was removed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClearedCache {
    /// Answers that were removed.
    pub cleared: usize,
}

/// The state of the isolate that answers.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SystemStatus {
    /// The isolate.
    pub isolate: IsolateStatus,
}

/// An isolate.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct IsolateStatus {
    /// Bytes of its linear memory, which grows with the most that was needed at once and never shrinks.
    pub memory_bytes: usize,
    /// What it remembers.
    pub maps: Vec<MapSize>,
}

/// The size of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MapSize {
    /// What it holds.
    pub name: &'static str,
    /// Number of entries.
    pub entries: usize,
    /// Most entries that are kept; `null` if it holds only what is in progress.
    pub most: Option<usize>,
}

impl MapSize {
    /// The size of a bounded map.
    #[must_use]
    pub fn of<K: Eq + Hash, V>(name: &'static str, map: &BoundedMap<K, V>) -> Self {
        Self { name, entries: map.len(), most: Some(map.most()) }
    }

    /// The size of something that holds only what is in progress.
    #[must_use]
    pub const fn in_progress(name: &'static str, entries: usize) -> Self {
        Self { name, entries, most: None }
    }
}
