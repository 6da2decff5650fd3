//! The tunnel: calls travel from a hub in the cloud to an agent on a user's machine, results travel back.
//!
//! The agent connects to its hub; the hub never connects to the agent. Each side is a state machine that knows neither clock
//! nor chance nor I/O: times are milliseconds since the epoch and come in, as do random numbers; what is to be sent, run or
//! closed goes out. Messages of MCP are opaque: raw JSON that is passed on as it is.
//!
//! **Guarantees**, for any order of lost connections, lost and repeated frames, restarts of the agent, evictions of the hub
//! between any two of its steps, and several instances of one agent:
//!
//! - a call is executed at most once;
//! - a result that the hub has stored stays what it is for [`KEPT_MS`](limits::KEPT_MS), and an agent forgets a result only
//!   when the hub has stored it, or has ended the call without it;
//! - every call has an end at most 25 s after its deadline;
//! - a call that ended as *not executed* was not executed, and will not be.
//!
//! `simulation` checks them over many seeded schedules.

#![forbid(unsafe_code)]

pub mod agent;
pub mod backlog;
pub mod frame;
pub mod hub;
pub mod limits;
pub mod part;
#[cfg(test)]
mod simulation;
pub mod told;
pub mod tools;
