//! When what a collector did not take is sent again.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>

/// Most tries.
const TRIES: u32 = 3;
/// Longest wait before another try, in milliseconds: work after an answer may last for 30 s.
const LONGEST_WAIT_MS: u64 = 8_000;
/// The first wait where the collector names none, in milliseconds. It doubles each time.
const FIRST_WAIT_MS: u64 = 500;

/// What follows a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the collector has taken it.
    Done,
    /// Another try after so many milliseconds.
    Again(u64),
    /// It is given up.
    GiveUp,
}

/// What follows the try with this number, from 1: its status (`None` if there was no answer), and how many milliseconds the
/// collector wants to be left alone for.
#[must_use]
pub fn next(try_number: u32, status: Option<u16>, retry_after_ms: Option<u64>) -> Next {
    match status {
        Some(200..=299) => Next::Done,
        None | Some(429 | 502..=504) if try_number < TRIES => {
            let wait_ms = retry_after_ms.unwrap_or(FIRST_WAIT_MS << try_number.saturating_sub(1).min(8));
            if wait_ms > LONGEST_WAIT_MS { Next::GiveUp } else { Next::Again(wait_ms) }
        }
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert_eq!(next(1, Some(200), None), Next::Done);
        assert_eq!(next(1, Some(503), None), Next::Again(500));
        assert_eq!(next(2, None, None), Next::Again(1_000));
        assert_eq!(next(1, Some(429), Some(3_000)), Next::Again(3_000));
        assert_eq!(next(1, Some(429), Some(60_000)), Next::GiveUp);
        assert_eq!(next(3, Some(503), None), Next::GiveUp);
        for status in [301, 400, 401, 404, 500, 501] {
            assert_eq!(next(1, Some(status), None), Next::GiveUp, "{status}");
        }
    }
}
