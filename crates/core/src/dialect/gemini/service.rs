//! The two services with this dialect, which differ in a few fields.

/// The service that a request is encoded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Gemini,
    Vertex,
}
