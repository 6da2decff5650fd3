//! Where personal data stands.

/// What was found, from the place where the search stands.
pub(super) struct Found {
    /// How many bytes before that place it begins.
    pub before: usize,
    /// How many bytes from that place on it has.
    pub length: usize,
    /// Its kind.
    pub kind: &'static str,
}
