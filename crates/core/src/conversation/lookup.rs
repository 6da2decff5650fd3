//! When the conversation of a request is looked up.

/// When in the life of a request its conversation is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Not at all: the request names it in a header.
    Never,
    /// Before an upstream is asked.
    First,
    /// While the upstream works on the answer, so that the lookup delays no byte.
    Meanwhile,
    /// Once the answer has begun.
    Last,
}

impl Lookup {
    /// When to look up the conversation of a request. `is_needed`: the answer depends on it, or no upstream is asked at all.
    /// `is_continuation`: the request may refer to an earlier response, so that its history is known only once it has been
    /// assembled for an upstream.
    #[must_use]
    pub fn of(is_named: bool, is_needed: bool, is_continuation: bool) -> Self {
        match (is_named, is_needed, is_continuation) {
            (true, _, _) => Self::Never,
            (_, true, _) => Self::First,
            (_, _, true) => Self::Last,
            _ => Self::Meanwhile,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_spares_the_lookup_and_only_a_need_delays_the_request() {
        assert_eq!(Lookup::of(true, true, true), Lookup::Never);
        assert_eq!(Lookup::of(false, true, true), Lookup::First);
        assert_eq!(Lookup::of(false, false, true), Lookup::Last);
        assert_eq!(Lookup::of(false, false, false), Lookup::Meanwhile);
    }
}
