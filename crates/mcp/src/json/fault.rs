//! What can be wrong with a JSON text.

/// Why a text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not JSON, or half of a UTF-16 pair in a string.
    #[error("is not valid JSON")]
    Syntax,
    /// Not an object where one is needed.
    #[error("must be an object")]
    NotAnObject,
    /// The same member twice: readers would disagree about which of them counts.
    #[error("has the member {0:?} twice")]
    Repeated(String),
}
