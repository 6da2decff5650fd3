//! Messages of the usage queue that could not be recorded.

use serde::Serialize;

use crate::declare::operations;

operations! {
    "System";

    /// List the dead letters.
    ///
    /// Messages of the usage queue that could not be recorded, the oldest first. Nothing of the queue is dropped.
    LIST: Get "/system/dead-letters" ManageSystem, |it| it.number("limit", 1..=500, "Messages of a page; 50 is the default.")
        .text("cursor", "`next_cursor` of the page before.").answer::<DeadLetters>(200, "A page.");

    /// Show a dead letter.
    GET: Get "/system/dead-letters/{id}" ManageSystem, |it| it.answer::<DeadLetterBody>(200, "The message with its body.")
        .errors(&[(404, "dead_letter_not_found")]);

    /// Replay a dead letter.
    ///
    /// Records its events, each at most once, and deletes it. One that still cannot be read stays.
    REPLAY: Post "/system/dead-letters/{id}/replay" ManageSystem, |it| it.answer::<Replayed>(200, "It is recorded.")
        .errors(&[(404, "dead_letter_not_found"), (422, "dead_letter_unreadable")]);

    /// Delete a dead letter.
    DELETE: Delete "/system/dead-letters/{id}" ManageSystem, |it| it.deleted("string").errors(&[(404, "dead_letter_not_found")]);
}

/// A page of dead letters.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeadLetters {
    /// The messages.
    pub dead_letters: Vec<DeadLetter>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// A message that could not be recorded.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// When it was kept, in milliseconds since the epoch.
    pub kept_at: u64,
    /// The length of its body.
    pub bytes: u64,
    /// Why it could not be recorded.
    pub reason: String,
}

/// A message with its body.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DeadLetterBody {
    /// The message.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// What it says.
    pub body: String,
}

/// What was recorded.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Replayed {
    /// The message.
    pub id: String,
    /// How many events it had.
    pub events: u64,
}
