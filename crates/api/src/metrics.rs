//! Metrics for Prometheus.

use crate::declare::operations;

operations! {
    "Metrics";

    /// Show metrics.
    ///
    /// In the text format of Prometheus, or as `OpenMetrics` if `Accept` prefers it. Counters never fall, whichever isolate answers.
    METRICS: Get "/metrics" Scraper, |it| it.file("text/plain", "All metrics.")
        .file("application/openmetrics-text", "The same as `OpenMetrics`.");
}
