//! The archive of prompts and answers in D1; contents that are too large for a row are in R2.
//!
//! [`outbox`] writes it, [`read`] reads it, [`delete`] deletes from it; [`large`] is what of it is in R2.

mod delete;
mod large;
mod outbox;
mod read;

pub use delete::{delete, expire};
pub use outbox::{record, waiting};
pub use read::{Message, Query, contains, conversations, matches, messages, sums, text_in_json};
