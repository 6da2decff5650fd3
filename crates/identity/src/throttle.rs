//! How often a password may be guessed: the state of one account.
//!
//! Failures count by account and network of the caller. From a network, five failures in a quarter of an hour lock the
//! account for that network; twenty in an hour from all networks lock it for every network that has not signed in to it
//! before. Each further failure doubles the wait. So neither many addresses nor many guesses get far, and failures of
//! others do not lock out the owner at a place where they sign in.

use serde::{Deserialize, Serialize};

/// Failures from one network after which it has to wait.
pub const FAILURES_OF_NETWORK: usize = 5;
/// Failures from all networks after which unknown ones have to wait.
pub const FAILURES_OF_ACCOUNT: usize = 20;
/// Milliseconds for which the failures of a network count.
const NETWORK_MS: u64 = 15 * 60_000;
/// Milliseconds for which the failures of an account count, after which nothing is left of them.
pub const ACCOUNT_MS: u64 = 60 * 60_000;
const FIRST_WAIT_MS: u64 = 30_000;
/// Failures and networks that are remembered at most.
const MAX_FAILURES: usize = 64;
const MAX_KNOWN: usize = 8;

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Failure {
    at: u64,
    network: String,
}

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Oldest first.
    failures: Vec<Failure>,
    /// Networks of successful log-ins, the latest last.
    known: Vec<String>,
}

impl Throttle {
    /// Milliseconds to wait before the password of this account is compared for a caller of `network`.
    #[must_use]
    pub fn wait_ms(&self, network: &str, now_ms: u64) -> Option<u64> {
        let own = self.failures.iter().filter(|failure| failure.network == network);
        let own = wait(own.map(|failure| failure.at), FAILURES_OF_NETWORK, NETWORK_MS, now_ms);
        let all = self.failures.iter().map(|failure| failure.at);
        let all = wait(all, FAILURES_OF_ACCOUNT, ACCOUNT_MS, now_ms);
        let all = all.filter(|_| !self.known.iter().any(|known| known == network));
        own.max(all)
    }

    /// Notes a wrong password.
    pub fn failed(&mut self, network: &str, now_ms: u64) {
        self.failures.retain(|failure| failure.at + ACCOUNT_MS > now_ms);
        if self.failures.len() >= MAX_FAILURES {
            self.failures.remove(0);
        }
        self.failures.push(Failure { at: now_ms, network: network.to_owned() });
    }

    /// Notes the right password. True if that changed anything.
    pub fn succeeded(&mut self, network: &str) -> bool {
        let before = (self.failures.len(), self.known.last().is_some_and(|known| known == network));
        self.failures.retain(|failure| failure.network != network);
        self.known.retain(|known| known != network);
        if self.known.len() >= MAX_KNOWN {
            self.known.remove(0);
        }
        self.known.push(network.to_owned());
        before != (self.failures.len(), true)
    }

    /// Whether nothing would be lost without this state: no failure counts, and no network is known.
    #[must_use]
    pub fn is_blank(&self, now_ms: u64) -> bool {
        self.known.is_empty() && !self.failures.iter().any(|failure| failure.at + ACCOUNT_MS > now_ms)
    }
}

/// The rest of the wait after the failures at these times, of which `free` in `within_ms` are without one.
fn wait(times: impl Iterator<Item = u64>, free: usize, within_ms: u64, now_ms: u64) -> Option<u64> {
    let counted: Vec<u64> = times.filter(|at| at + within_ms > now_ms).collect();
    let over = counted.len().checked_sub(free)?;
    let doublings = u32::try_from(over.min(16)).unwrap_or(16);
    let until = counted.last()? + (FIRST_WAIT_MS << doublings).min(within_ms);
    until.checked_sub(now_ms).filter(|wait| *wait > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_network_waits_after_five_failures_and_twice_as_long_after_each_more() {
        let mut account = Throttle::default();
        for at in 0..4 {
            account.failed("a", at);
        }
        assert_eq!(account.wait_ms("a", 4), None);
        account.failed("a", 4);
        assert_eq!(account.wait_ms("a", 4), Some(30_000));
        assert_eq!(account.wait_ms("a", 30_003), Some(1));
        assert_eq!(account.wait_ms("a", 30_004), None);
        assert_eq!(account.wait_ms("b", 4), None);
        account.failed("a", 30_004);
        assert_eq!(account.wait_ms("a", 30_004), Some(60_000));
        assert!(account.succeeded("a"));
        assert_eq!(account.wait_ms("a", 30_004), None);
        assert!(!account.succeeded("a"));
    }

    #[test]
    fn failures_of_others_do_not_lock_out_the_owner_where_they_sign_in() {
        let mut account = Throttle::default();
        account.succeeded("home");
        for at in 0..40 {
            account.failed(&format!("bot-{at}"), at);
        }
        assert_eq!(account.wait_ms("home", 40), None);
        assert!(account.wait_ms("new place", 40).is_some());
        assert_eq!(account.wait_ms("new place", 40 + HOUR), None);
        assert!(!account.is_blank(2 * HOUR) && Throttle::default().is_blank(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Whatever the pattern of tries, few of them are compared: the law that guessing obeys.
        #[test]
        fn guesses_in_a_day_are_bounded(
            gaps in prop::collection::vec(0_u64..120_000, 0..1500), networks in 1_usize..200,
        ) {
            let (mut account, mut now, mut compared) = (Throttle::default(), 0, 0_usize);
            for (turn, gap) in gaps.iter().enumerate() {
                now += gap;
                let network = format!("n{}", turn % networks);
                if account.wait_ms(&network, now).is_none() {
                    account.failed(&network, now);
                    compared += 1;
                }
            }
            let hours = usize::try_from(now / HOUR).unwrap() + 1;
            prop_assert!(compared <= FAILURES_OF_ACCOUNT * (hours + 1) + 8 * (hours + 1), "{compared} in {hours} h");
        }
    }
}
