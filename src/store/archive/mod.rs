//! The archive of prompts and answers: conversations and the entries of their requests in D1, texts in [`packs`] in R2.
//!
//! It is written by the transaction that records the usage events (`store/usage/ingest.rs`). [`read`] reads one conversation, [`list`]
//! lists them, [`delete`] deletes one; [`upkeep`] and [`retention`] are what the
//! cron does.

mod delete;
pub mod list;
mod old_large;
pub mod packs;
mod read;
pub mod retention;
pub mod upkeep;

pub use delete::{delete, erase_now, keys_of};
pub use list::{contains, conversations};
pub use read::{Message, find, messages};
