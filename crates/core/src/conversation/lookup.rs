//! When the conversation of a request is looked up.

use crate::dialect::caller::CallerDialect;

/// When in the life of a request its conversation is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Not at all: the request names it in a header, and nothing of it is archived.
    Never,
    /// Before an upstream is asked, because the answer depends on it or no upstream is asked at all.
    First,
    /// While the upstream works on the answer, so that the lookup delays no byte.
    Meanwhile,
    /// Once the answer has begun.
    Last,
}

impl Lookup {
    /// When it is looked up if the answer does not depend on it. A request in the Responses API may refer to an earlier response, so
    /// that its history is known only once it has been assembled for an upstream.
    #[must_use]
    pub fn after_sending(dialect: CallerDialect) -> Self {
        if dialect == CallerDialect::OpenaiResponses { Self::Last } else { Self::Meanwhile }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_may_be_elsewhere_is_looked_up_last() {
        assert_eq!(Lookup::after_sending(CallerDialect::OpenaiResponses), Lookup::Last);
        assert_eq!(Lookup::after_sending(CallerDialect::OpenaiChat), Lookup::Meanwhile);
    }
}
