//! Dify's ids of an answer, and extracting them from its bytes.

/// Dify's ids of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifyIds {
    /// Id of the conversation, to be sent with the next turn.
    pub conversation_id: Option<String>,
    /// Id of the answer, for feedback and suggestions.
    pub message_id: Option<String>,
    /// Id of the task, to stop it.
    pub task_id: Option<String>,
}

/// The conversation id in part of an answer; every event and every complete answer has it.
#[must_use]
pub fn conversation_id_in(bytes: &[u8]) -> Option<String> {
    id_in(bytes, b"\"conversation_id\"")
}

/// The task id in an event.
#[must_use]
pub fn task_id_in(bytes: &[u8]) -> Option<String> {
    id_in(bytes, b"\"task_id\"")
}

fn id_in(bytes: &[u8], field: &[u8]) -> Option<String> {
    let after = bytes.get(memchr::memmem::find(bytes, field)? + field.len()..)?;
    let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let id = value.get(..memchr::memchr(b'"', value)?)?;
    let is_id =
        !id.is_empty() && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then(|| String::from_utf8_lossy(id).into_owned())
}
