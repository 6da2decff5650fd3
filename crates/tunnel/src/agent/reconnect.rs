//! When an agent connects again, and when it does not.
//!
//! Full jitter: a random time up to a bound that doubles. A deployment ends every connection at once, so the first try
//! after such an end is spread over 5 s.

/// Milliseconds of a connection after which the waiting begins anew.
const HEALTHY_MS: u64 = 60_000;
/// Milliseconds over which first tries are spread after an end that hits all agents.
const SPREAD_MS: u64 = 5_000;
/// Bound of the first waiting time in milliseconds.
const FIRST_MS: u64 = 500;

/// How a connection, or the attempt to make one, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The connection was closed with this code; 1006 without one.
    Closed(u16),
    /// The gateway answered with this status instead.
    Refused(u16),
    /// There was no answer.
    Unreachable,
}

/// What an agent does after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Connect after this many milliseconds.
    In(u64),
    /// Do not connect again.
    Stop(Stop),
}

/// Why an agent does not connect again. Each has an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its token is not valid, or has been revoked.
    Token,
    /// Another instance of the agent is connected, or has taken over.
    InUse,
}

impl Stop {
    /// The exit code of the agent's program.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Token => 3,
            Self::InUse => 4,
        }
    }
}

/// The waiting times of one agent.
#[derive(Debug, Clone, Copy)]
pub struct Reconnect {
    first_ms: u64,
    max_ms: u64,
    failures: u32,
}

impl Reconnect {
    /// Waits at most `max_ms`. The first bound is `initial_ms`, or half a second if that is 0.
    #[must_use]
    pub fn new(initial_ms: u64, max_ms: u64) -> Self {
        let first_ms = if initial_ms == 0 { FIRST_MS } else { initial_ms };
        Self { first_ms: first_ms.min(max_ms), max_ms, failures: 0 }
    }

    /// What to do after a failure. `lasted_ms` is how long there was a connection, `random` any number, `retry_after_ms`
    /// what the gateway asked for.
    pub fn after(
        &mut self,
        failure: Failure,
        lasted_ms: u64,
        retry_after_ms: Option<u64>,
        random: u64,
    ) -> Next {
        match failure {
            Failure::Closed(4401) | Failure::Refused(401 | 403) => return Next::Stop(Stop::Token),
            Failure::Closed(4409 | 4410) => return Next::Stop(Stop::InUse),
            _ => {}
        }
        if lasted_ms >= HEALTHY_MS {
            self.failures = 0;
        }
        let hits_all = matches!(failure, Failure::Closed(1001 | 1006 | 1012));
        let bound = if self.failures == 0 && hits_all {
            SPREAD_MS.min(self.max_ms)
        } else {
            let doubled = self.first_ms.saturating_mul(1 << self.failures.min(20));
            doubled.min(self.max_ms)
        };
        self.failures = self.failures.saturating_add(1);
        let jittered = random % (bound + 1);
        // What the gateway asked for is the least; the jitter is added, as it asks all alike.
        Next::In(retry_after_ms.map_or(jittered, |least| least.saturating_add(jittered)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waiting_never_exceeds_the_bounds(randoms in prop::collection::vec(any::<u64>(), 1..40)) {
            let mut reconnect = Reconnect::new(1_000, 60_000);
            for (n, random) in (0_u32..).zip(randoms) {
                let Next::In(ms) = reconnect.after(Failure::Unreachable, 0, None, random) else {
                    panic!("stopped")
                };
                prop_assert!(ms <= (1_000_u64 << n.min(20)).min(60_000));
            }
        }
    }

    #[test]
    fn a_healthy_connection_begins_anew_and_a_deployment_spreads() {
        let mut reconnect = Reconnect::new(1_000, 60_000);
        for _ in 0..10 {
            let _ = reconnect.after(Failure::Unreachable, 0, None, 0);
        }
        assert_eq!(reconnect.after(Failure::Unreachable, 0, None, 59_999), Next::In(59_999));
        assert_eq!(reconnect.after(Failure::Closed(1012), 60_000, None, 4_999), Next::In(4_999));
        assert_eq!(reconnect.after(Failure::Closed(1012), 60_000, None, 5_001), Next::In(0));
    }

    #[test]
    fn some_ends_are_final_and_a_wish_of_the_gateway_is_obeyed() {
        let mut reconnect = Reconnect::new(0, 60_000);
        assert_eq!(reconnect.after(Failure::Closed(4401), 0, None, 9), Next::Stop(Stop::Token));
        assert_eq!(reconnect.after(Failure::Refused(401), 0, None, 9), Next::Stop(Stop::Token));
        assert_eq!(reconnect.after(Failure::Closed(4409), 0, None, 9), Next::Stop(Stop::InUse));
        assert_eq!(reconnect.after(Failure::Refused(429), 0, Some(7_000), 100), Next::In(7_100));
    }
}
