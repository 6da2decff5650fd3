//! Statistics of requests: what happened, to whom, how long it took and what it cost, kept as sums that can be merged.
//!
//! No clock, no time zones of its own, no I/O. Sums are exact: merging them in any order and any grouping gives the same
//! result.

#![cfg_attr(
    test,
    expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a test counts little, and makes up times of distributions"
    )
)]

pub mod answer;
pub mod batch;
pub mod breakdown;
pub mod call_end;
pub mod compaction;
pub mod compared;
pub mod condition;
pub mod conversations;
pub mod counters;
pub mod data_point;
pub mod delivery;
pub mod exemplar;
pub mod extra;
pub mod figures;
pub mod grain;
pub mod group;
pub mod latency;
pub mod live;
pub mod log_row;
pub mod merging;
pub mod message;
pub mod moving;
pub mod operation;
pub mod pages;
pub mod per_key;
pub mod providers;
pub mod query;
pub mod queue_lag;
pub mod recorded;
pub mod request_log;
pub mod rollup;
pub mod scan;
pub mod scope;
pub mod series;
pub mod sketch;
pub mod sql;
pub mod tool_calls;
pub mod totals;
pub mod window;
pub mod zone;
