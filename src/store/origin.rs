//! The request of which something is stored, and the condition under which it may be.
//!
//! A request may still run while its conversation is deleted. No statement that stores something of a conversation does so for
//! a request that began before its deletion, which [`super::deletions`] notes.

use nexus_edge_core::time::DAY_MS;

/// How long a deletion is noted, in milliseconds: longer than any request runs, and than a message waits in the queue.
pub const NOTED_FOR_MS: u64 = 30 * DAY_MS;

/// The request of which something is stored.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Id of the key.
    pub key_id: String,
    /// The conversation.
    pub conversation_id: String,
    /// When the request began, in milliseconds since the epoch.
    pub began_at: u64,
}

/// The condition, in SQL, that a conversation was not deleted after its request had begun. The parameters are expressions for
/// the key, the conversation and the begin of the request.
pub fn is_not_deleted(key_id: &str, conversation_id: &str, began_at: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM deleted_conversations AS gone WHERE gone.key_id = {key_id} \
         AND gone.id = {conversation_id} AND gone.deleted_at >= {began_at})"
    )
}
