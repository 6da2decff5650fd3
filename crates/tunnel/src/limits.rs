//! Sizes and times of the tunnel.

use serde::{Deserialize, Serialize};

/// Longest text frame in bytes.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;
/// What may stand in a text frame besides a result or parameters, in bytes: longer ones travel in parts.
pub const MAX_INLINE_BYTES: usize = 192 * 1024;
/// Longest catalogue of a server in bytes: it is stored as one row, which has at most 2 MB.
pub const MAX_CATALOG_BYTES: usize = 1024 * 1024;
/// Most servers of an agent.
pub const MAX_SERVERS: usize = 64;
/// Most ids in a list of a frame.
pub const MAX_IDS: usize = 4096;

/// Milliseconds within which an agent acknowledges a call.
pub const ACK_MS: u64 = 5_000;
/// Milliseconds after which a call that was not acknowledged ends, also if the agent says other things meanwhile: on a slow
/// connection an acknowledgement waits behind a large result.
pub const ACK_LAST_MS: u64 = 30_000;
/// Milliseconds for which calls wait for an agent whose connection was lost.
pub const GRACE_MS: u64 = 20_000;
/// Milliseconds after its deadline at which a call ends without an answer of the agent, which knows the deadline too.
pub const CLOSING_MS: u64 = 5_000;
/// Milliseconds after its deadline by which a call has an end, whatever happens.
pub const LATEST_END_MS: u64 = 25_000;
/// Milliseconds for which a hub remembers ended calls and their results.
pub const KEPT_MS: u64 = 24 * 3_600_000;
/// Milliseconds after its last frame or ping during which an instance keeps other instances of the same agent out.
pub const FRESH_MS: u64 = 60_000;
/// The longest time from a call to its deadline, in milliseconds.
pub const MAX_DEADLINE_MS: u64 = 600_000;
/// Milliseconds for which an agent keeps a result that the hub has not acknowledged. Longer than any call is open, so what
/// is not in the journal of the instance that a call was given to has not been executed.
pub const JOURNAL_MS: u64 = MAX_DEADLINE_MS + LATEST_END_MS + 300_000;
/// Milliseconds after which a result that the hub has not acknowledged is sent again over the same connection.
pub const RESEND_MS: u64 = 15_000;
/// How often a hub asks for a result again whose parts do not agree with its checksum.
pub const MAX_RETRIES: u8 = 3;

/// What a hub tells its agent in `welcome`: sizes in bytes, and the number of calls at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest part.
    pub part_bytes: usize,
    /// Most bytes in parts of one result that are on their way without credit for them.
    pub window_bytes: usize,
    /// The same for all results together.
    pub total_window_bytes: usize,
    /// Longest result.
    pub max_result_bytes: usize,
    /// Longest parameters of a call.
    pub max_params_bytes: usize,
    /// Most calls at once.
    pub max_calls: usize,
    /// Most calls that wait for one of these to end.
    #[serde(skip, default)]
    pub max_queued: usize,
    /// Bytes of parts that are stored as one row.
    #[serde(skip, default)]
    pub row_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            part_bytes: 64 * 1024,
            window_bytes: 1024 * 1024,
            total_window_bytes: 4 * 1024 * 1024,
            max_result_bytes: 16 * 1024 * 1024,
            max_params_bytes: 4 * 1024 * 1024,
            max_calls: 32,
            max_queued: 64,
            row_bytes: 512 * 1024,
        }
    }
}
