//! The two services that speak this dialect, which differ in a few fields.

/// Which of the two services a request is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Gemini,
    Vertex,
}
