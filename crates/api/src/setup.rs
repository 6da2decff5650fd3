//! Whether a deployment is sound, and how far its operator has come with setting it up.

use serde::Serialize;

use crate::declare::operations;

operations! {
    "System";

    /// Check the deployment.
    ///
    /// What it is bound to, and what an operator does first: a provider, an API key, an answered request. Reads a value of each store
    /// and writes none.
    CHECKS: Get "/setup/checks" ViewSystemStatus, |it| it.list::<Check>("checks", "The checks, in the order in which they matter.");
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The secrets and settings of the deployment can be used.
    Settings,
    /// The database answers, and has the tables of this version.
    Database,
    /// The KV namespace answers.
    Kv,
    /// The bucket answers.
    Bucket,
    /// The queue of usage events is bound.
    Queue,
    /// The cron runs.
    Cron,
    /// There is a provider besides the embedded one.
    Provider,
    /// There is an API key.
    Key,
    /// A request was answered.
    Request,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as it should be.
    Ok,
    /// It has not been done yet, or has not been seen yet.
    Missing,
    /// It does not work.
    Failed,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Check {
    /// What was checked.
    pub subject: Subject,
    /// What came of it.
    pub outcome: Outcome,
    /// What to do, if it is not as it should be.
    pub advice: Option<String>,
    /// When it was seen last, where that is known, in milliseconds since the epoch.
    pub at: Option<u64>,
}
