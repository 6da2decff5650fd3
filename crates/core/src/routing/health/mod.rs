//! The health of upstreams as one isolate knows it: latencies, error rates, circuit breakers and cool-downs.

mod circuit;
mod error_rate;
mod latency;
mod of_provider;
mod registry;
mod shared;
mod shared_registry;
mod target;
mod witnesses;

pub use circuit::{CircuitSettings, Phase, ProbeTurn};
pub use error_rate::ErrorRate;
pub use latency::{LatencySketch, RELATIVE_ERROR};
pub use of_provider::{OfProvider, Resting, target_of_key};
pub use registry::{Blocked, Blocks, HealthRegistry, Permit, RegistrySettings};
pub use shared::{MAX_SHARED_TARGET_BYTES, SharedKind, SharedState};
pub use shared_registry::SharedRegistry;
pub use target::TargetView;
pub use witnesses::Caller;

/// The outcome of an attempt for one of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Success.
    Success,
    /// A failure of the target.
    Failure,
    /// The target limits its rate, for so many milliseconds if it says so. With a time it cools down and the failure
    /// does not count; without one it cools down longer each time, and the failure counts.
    RateLimited {
        /// The requested cool-down, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// A key was refused: it cools down for long, and longer each time. Circuits are not affected.
    Rejected {
        /// The requested cool-down, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// A key did not let a request pass, which may be about the request: it rests for its caller, and for all when other
    /// callers are refused, too.
    Refused {
        /// The requested cool-down, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// No statement about the target: the caller's fault, a missing capability, or a disconnect.
    Neutral,
}
