//! What the API shows of a session.

use nexus_edge_core::chat::session::Session;
use serde_json::{Value, json};

/// A session as the API shows it.
pub fn view(session: &Session) -> Value {
    json!({
        "id": session.id,
        "session_id": session.id,
        "title": session.title,
        "ai_provider": session.ai_provider,
        "model": session.model,
        "config": session.config,
        "pinned": session.pinned,
        "archived": session.archived,
        "is_active": session.deleted_at.is_none(),
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "message_count": session.message_count,
        "total_tokens": session.total_tokens,
    })
}
