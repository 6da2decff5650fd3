//! Metrics for Prometheus, and traces and metrics for a collector of OpenTelemetry.
//!
//! No clock, no randomness, no I/O. What is counted comes from the sums of `nexus_edge_stats`; here it is added up without what
//! callers choose freely, named, and written.

pub mod budget;
pub mod circuit;
pub mod exposition;
pub mod families;
pub mod names;
pub mod otlp;
pub mod sql;
pub mod totals;
pub mod trace;
pub mod traceparent;
