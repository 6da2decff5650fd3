//! The names that Dify gives to an answer, and finding them in its bytes.

/// The names that Dify gave to an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifyIds {
    /// To be given back with the next turn.
    pub conversation_id: Option<String>,
    /// Names the answer, for feedback and suggestions.
    pub message_id: Option<String>,
    /// Names the work in progress, to stop it.
    pub task_id: Option<String>,
}

/// The conversation that a piece of an answer names; every event and every whole answer does.
#[must_use]
pub fn conversation_id_in(bytes: &[u8]) -> Option<String> {
    id_in(bytes, b"\"conversation_id\"")
}

/// The work in progress that an event names.
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
