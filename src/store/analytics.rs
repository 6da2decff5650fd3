//! Workers Analytics Engine, where the deployment has a dataset bound as `ANALYTICS`: a data point a request, beside the request
//! log. Local workerd has the binding and drops what is written.

use nexus_edge_core::stats::UsageEvent;
use nexus_edge_stats::data_point::points;
use worker::{AnalyticsEngineDataPointBuilder, Env};

use crate::platform::log_error;

/// Writes these events, which one of `parts` transactions of this invocation has recorded. The platform sends them after the Worker's event and reports no failure.
pub fn write(env: &Env, events: &[&UsageEvent], parts: usize) {
    let Ok(dataset) = env.analytics_engine("ANALYTICS") else { return };
    for point in points(events, parts) {
        let written = AnalyticsEngineDataPointBuilder::new()
            .indexes([point.index.as_str()])
            .doubles(point.doubles)
            .blobs(point.blobs)
            .write_to(&dataset);
        if let Err(error) = written {
            return log_error("analytics", &error);
        }
    }
}
