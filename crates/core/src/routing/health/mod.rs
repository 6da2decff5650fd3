//! What one isolate knows of the upstreams that it talks to: how fast they are, how often they fail, and which of them
//! had better be left alone for a while.

mod board;
mod circuit;
mod error_rate;
mod latency;
mod shared;
mod shared_board;
mod target;

pub use board::{Blocked, Blocks, Board, BoardSettings, Permit};
pub use circuit::{CircuitSettings, Phase, ProbeTurn};
pub use error_rate::ErrorRate;
pub use latency::{LatencySketch, RELATIVE_ERROR};
pub use shared::{MAX_SHARED_TARGET_BYTES, SharedKind, SharedState};
pub use shared_board::SharedBoard;
pub use target::TargetView;

/// How an attempt ended, as far as its target is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Success,
    /// It failed, and it was its own fault.
    Failure,
    /// It asked to be left alone, for so many milliseconds if it said so. With a time it rests and is thought no worse
    /// of; without one it rests a little longer every time, and the failure counts.
    RateLimited {
        /// What it asked for.
        retry_after_ms: Option<u64>,
    },
    /// A key was refused: it rests long, and longer every time. The circuit has no part in this.
    Rejected {
        /// What the upstream asked for.
        retry_after_ms: Option<u64>,
    },
    /// Says nothing about the target: the caller's fault, a capability that it lacks, or a caller who left.
    Neutral,
}
