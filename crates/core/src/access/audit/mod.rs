//! The audit log: who did what in the admin API, when, from where, and what it changed.
//!
//! Entries are numbered without gaps and chained: each carries the SHA-256 of the one before it and of itself. A change of any
//! entry, or of the order, shows at [`chain::Check`]; a removed tail shows against the [`head`]s that are kept elsewhere. What an
//! entry says is one line of JSON, which is hashed as it is stored, so that it is verified without this code.

pub mod chain;
pub mod change;
mod entry;
pub mod head;

pub use change::Change;
pub use entry::{Entry, actor};
