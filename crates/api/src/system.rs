//! What concerns the gateway as a whole.

use std::hash::Hash;

use nexus_edge_core::bounded::BoundedMap;
use nexus_edge_core::input;
use nexus_edge_core::input::{one_of, text};
use serde::Serialize;

use crate::declare::operations;

operations! {
    "System";

    /// Clear the cache of answers.
    ///
    /// All of it, what belongs to an API key or a model, or what has expired.
    CLEAR_CACHE: Post "/system/cache/clear" ManageSystem, |it| it.optional_body::<ClearCacheInput>()
        .answer::<ClearedCache>(200, "How much was removed.");

    /// Show the state of the deployment.
    ///
    /// Of the one isolate that answers its memory, and how much it remembers: every map has a bound, so that memory does not
    /// grow with the number of requests. Of the deployment its secrets (never their values), bindings, database, queue and cron.
    STATUS: Get "/system/status" ViewSystemStatus, |it| it
        .answer::<SystemStatus>(200, "The state of the deployment and of the isolate that answers.");

    /// Show what is deployed.
    INFO: Get "/system/info" ViewSystemStatus, |it| it.answer::<SystemInfo>(200, "Version, build and features.");
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

/// The state of the deployment.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SystemStatus {
    /// The isolate that answers.
    pub isolate: IsolateStatus,
    /// Secrets that the Worker knows.
    pub secrets: Vec<SecretStatus>,
    /// What the Worker is bound to.
    pub bindings: Vec<BindingStatus>,
    /// The database; `null` if it does not answer.
    pub database: Option<DatabaseStatus>,
    /// The queue of usage events; `null` where the platform does not tell.
    pub queue: Option<QueueStatus>,
    /// The cron.
    pub cron: CronStatus,
    /// What is set and cannot be used, in words.
    pub complaints: Vec<String>,
}

/// A secret. Nothing of its value is told.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SecretStatus {
    /// Its name.
    pub name: &'static str,
    /// Whether it is set.
    pub is_set: bool,
    /// Whether the Worker needs it.
    pub is_required: bool,
}

/// Something that the Worker is bound to.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BindingStatus {
    /// Its name.
    pub name: &'static str,
    /// Whether it is there.
    pub is_bound: bool,
    /// Whether the Worker needs it.
    pub is_required: bool,
}

/// The database.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DatabaseStatus {
    /// Tables that this version needs and the database lacks: its migrations were not applied.
    pub missing_tables: Vec<&'static str>,
    /// The last migration that was applied; `null` if the database does not say.
    pub last_migration: Option<String>,
    /// Its size in bytes; `null` where the platform does not tell.
    pub size_bytes: Option<u64>,
    /// The largest size that a database may have, in bytes.
    pub limit_bytes: u64,
}

/// The queue of usage events.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct QueueStatus {
    /// Messages that wait.
    pub messages: u64,
    /// How long the oldest of them has waited, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// Messages that could not be recorded, at most 1,000.
    pub dead_letters: usize,
}

/// The cron.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CronStatus {
    /// When it ran last, in milliseconds since the epoch; `null` before the first time, or if the database does not say.
    pub last_run_at: Option<u64>,
    /// How long ago that is, in milliseconds: a cron that runs does so once a minute.
    pub ago_ms: Option<u64>,
}

/// What is deployed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SystemInfo {
    /// The version of the gateway.
    pub version: &'static str,
    /// How it was built: `optimised`, or `debug`.
    pub build: &'static str,
    /// The date that says how the platform behaves.
    pub compatibility_date: &'static str,
    /// The parts of the Worker that can be left out of a build and are in this one.
    pub features: Vec<&'static str>,
    /// The dialects of callers.
    pub dialects: Vec<&'static str>,
    /// The kinds of providers.
    pub provider_kinds: Vec<&'static str>,
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
