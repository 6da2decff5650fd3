//! Probe tasks: scheduled questions to providers of one's own.

use nexus_edge_core::lifecycle::probe_task::ProbeRun;
#[cfg(feature = "openapi")]
use nexus_edge_core::lifecycle::probe_task::{ProbeTaskInput, ProbeTaskRecord};
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "probe_task_not_found")];

operations! {
    "Probe tasks";

    /// List probe tasks.
    LIST: Get "/probe-tasks" OperateProviders / ManageOwnProviders, |it| it
        .list::<ProbeTaskRecord>("tasks", "The tasks.");

    /// Create a probe task.
    ///
    /// The cron asks a model of the provider from time to time, and keeps the last 50 answers. An owner has at most 10 tasks, and is
    /// notified when one begins to fail and when it succeeds again.
    CREATE: Post "/probe-tasks" OperateProviders / ManageOwnProviders, |it| it.creates::<ProbeTaskInput>()
        .answer::<ProbeTaskRecord>(201, "The task.")
        .errors(&[(404, "provider_not_found"), (409, "too_many_probe_tasks")]);

    /// Show a probe task.
    GET: Get "/probe-tasks/{id}" OperateProviders / ManageOwnProviders, |it| it.answer::<ProbeTaskRecord>(200, "The task.")
        .errors(NOT_FOUND);

    /// Change a probe task.
    UPDATE: Put "/probe-tasks/{id}" OperateProviders / ManageOwnProviders, |it| it.updates::<ProbeTaskInput>()
        .answer::<ProbeTaskRecord>(200, "The task as it is now.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Delete a probe task.
    ///
    /// Its runs go with it.
    DELETE: Delete "/probe-tasks/{id}" OperateProviders / ManageOwnProviders, |it| it.deleted("string").errors(NOT_FOUND);

    /// Run a probe task now.
    ///
    /// Does not count towards the runs of the day.
    RUN: Post "/probe-tasks/{id}/run" OperateProviders / ManageOwnProviders, |it| it.answer::<ProbeRun>(200, "What came of it.")
        .errors(NOT_FOUND);

    /// List the runs of a probe task.
    ///
    /// The newest first.
    RUNS: Get "/probe-tasks/{id}/runs" OperateProviders / ManageOwnProviders, |it| it
        .number("limit", 1..=50, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<ProbeRuns>(200, "A page.").errors(NOT_FOUND);
}

/// A page of runs.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProbeRuns {
    /// The runs.
    pub runs: Vec<ProbeRun>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}
