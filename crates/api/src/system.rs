//! What concerns the gateway as a whole.

use nexus_edge_core::input;
use nexus_edge_core::input::{one_of, text};
use serde::Serialize;

use crate::operation::operations;

operations! {
    "System";

    /// Clear the cache of answers.
    ///
    /// All of it, what belongs to an API key or a model, or what has expired.
    CLEAR_CACHE: Post "/system/cache/clear" Admin, |it| it.optional_body::<ClearCacheInput>()
        .answer::<ClearedCache>(200, "How much was removed.");
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
