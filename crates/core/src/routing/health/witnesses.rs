//! Whom a target answers and whom it fails, so that no single caller can take a shared target from all others.
//!
//! A caller decides what is sent: a request that makes an upstream fail, a model or a feature that the account may not use.
//! Whether a failure tells something about the target, or only about this caller's requests, is decided by the other callers:
//!
//! - A **failure** counts, unless another caller was answered within the last [`CONTESTED_MS`] milliseconds and no second caller
//!   has failed since the last answer. So one caller's failures open no circuit while others are answered, and an
//!   outage, which all callers see, counts with the second caller, or at once where there is only one.
//! - A **refusal** of a key (401, 402, 403 without a code that names the key) counts for the key when a second caller was
//!   refused since the last answer. Until then the key rests for the caller who was refused only.
//!
//! Callers are told apart by a hash of their owner or key. The state of a target is a few words.

/// How long an answer to another caller speaks for the target, in milliseconds.
pub(super) const CONTESTED_MS: u64 = 10_000;
/// How long a refusal is remembered, in milliseconds.
const REMEMBERED_MS: u64 = 600_000;
/// How long a key rests for a caller to whom it was refused, in milliseconds.
const OWN_REST_MS: u64 = 30_000;
/// Most callers for whom one key rests; the rest that ends first makes room.
const MAX_OWN_RESTS: usize = 64;

/// Who makes a request, towards the health registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caller(u64);

impl Caller {
    /// The caller with this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        // FNV-1a: names are ids that callers do not choose.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

/// When something happened last to two different callers.
#[derive(Debug, Clone, Copy, Default)]
struct LastTwo {
    newest: Option<(Caller, u64)>,
    other: Option<(Caller, u64)>,
}

impl LastTwo {
    fn note(&mut self, caller: Caller, now_ms: u64) {
        if self.newest.is_some_and(|(known, _)| known != caller) {
            self.other = self.newest;
        }
        self.newest = Some((caller, now_ms));
    }

    /// When it happened last.
    fn at_ms(&self) -> u64 {
        self.newest.map_or(0, |(_, at_ms)| at_ms)
    }

    /// When it happened last to another caller than this one.
    fn last_other_ms(&self, caller: Caller) -> Option<u64> {
        let to_another = |seen: Option<(Caller, u64)>| seen.filter(|(known, _)| *known != caller);
        to_another(self.newest).or(to_another(self.other)).map(|(_, at_ms)| at_ms)
    }
}

/// What was seen of one target.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    answered: LastTwo,
    failed: LastTwo,
    /// Callers for whom it rests, and until when.
    own_rests: Vec<(Caller, u64)>,
}

impl Witnesses {
    /// The target has answered a caller.
    pub fn answered(&mut self, caller: Caller, now_ms: u64) {
        self.answered.note(caller, now_ms);
        self.own_rests.retain(|(resting, until_ms)| *resting != caller && *until_ms > now_ms);
    }

    /// The target has failed a caller; whether that counts for all.
    pub fn failed(&mut self, caller: Caller, now_ms: u64) -> bool {
        self.failed.note(caller, now_ms);
        let contested = self.answered.last_other_ms(caller);
        contested.is_none_or(|at_ms| now_ms.saturating_sub(at_ms) >= CONTESTED_MS)
            || self.is_confirmed(caller, now_ms)
    }

    /// The target was refused to a caller; whether that counts for all. Otherwise it rests for this caller, so many
    /// milliseconds if the upstream said so.
    pub fn refused(&mut self, caller: Caller, rest_ms: Option<u64>, now_ms: u64) -> bool {
        self.failed.note(caller, now_ms);
        if self.is_confirmed(caller, now_ms) {
            self.own_rests.clear();
            return true;
        }
        self.own_rests.retain(|(resting, until_ms)| *resting != caller && *until_ms > now_ms);
        if self.own_rests.len() >= MAX_OWN_RESTS
            && let Some(first) = self.own_rests.iter().enumerate().min_by_key(|(_, (_, until_ms))| *until_ms)
        {
            self.own_rests.swap_remove(first.0);
        }
        let rest_ms = rest_ms.unwrap_or(0).clamp(OWN_REST_MS, REMEMBERED_MS);
        self.own_rests.push((caller, now_ms.saturating_add(rest_ms)));
        false
    }

    /// Until when it rests for this caller.
    pub fn rests_until_ms(&self, caller: Caller, now_ms: u64) -> Option<u64> {
        let rest = self.own_rests.iter().find(|(resting, _)| *resting == caller)?.1;
        (rest > now_ms).then_some(rest)
    }

    /// Whether another caller failed, too, since the last answer to any.
    fn is_confirmed(&self, caller: Caller, now_ms: u64) -> bool {
        self.failed.last_other_ms(caller).is_some_and(|at_ms| {
            at_ms > self.answered.at_ms() && now_ms.saturating_sub(at_ms) < REMEMBERED_MS
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn callers() -> [Caller; 3] {
        ["ann", "bob", "eve"].map(Caller::named)
    }

    #[test]
    fn a_single_caller_is_believed() {
        let [ann, ..] = callers();
        let mut seen = Witnesses::default();
        seen.answered(ann, NOW);
        assert!(seen.failed(ann, NOW + 1) && seen.failed(ann, NOW + 2));
    }

    #[test]
    fn failures_of_one_caller_do_not_count_while_others_are_answered() {
        let [ann, bob, eve] = callers();
        let mut seen = Witnesses::default();
        for at_ms in (NOW..NOW + 60_000).step_by(100) {
            if (at_ms - NOW).is_multiple_of(5_000) {
                seen.answered(if (at_ms - NOW).is_multiple_of(10_000) { ann } else { bob }, at_ms);
            }
            // The failing caller may be answered in between, too.
            if (at_ms - NOW).is_multiple_of(700) {
                seen.answered(eve, at_ms);
            }
            assert!(!seen.failed(eve, at_ms + 1));
        }
    }

    #[test]
    fn an_outage_counts_with_the_second_caller_or_when_no_answer_speaks_against_it() {
        let [ann, bob, _] = callers();
        let mut seen = Witnesses::default();
        seen.answered(ann, NOW);
        seen.answered(bob, NOW + 1);
        assert!(!seen.failed(ann, NOW + 2));
        assert!(seen.failed(bob, NOW + 3) && seen.failed(ann, NOW + 4));
        let mut seen = Witnesses::default();
        seen.answered(bob, NOW);
        assert!(!seen.failed(ann, NOW + CONTESTED_MS - 1));
        assert!(seen.failed(ann, NOW + CONTESTED_MS));
    }

    #[test]
    fn a_refusal_rests_the_key_for_its_caller_and_for_all_when_a_second_one_is_refused() {
        let [ann, bob, eve] = callers();
        let mut seen = Witnesses::default();
        for turn in 0..100 {
            assert!(!seen.refused(eve, None, NOW + turn), "however often it is repeated");
        }
        assert_eq!(seen.rests_until_ms(eve, NOW + 100), Some(NOW + 99 + OWN_REST_MS));
        assert_eq!(seen.rests_until_ms(ann, NOW + 100), None);
        assert_eq!(seen.rests_until_ms(eve, NOW + 99 + OWN_REST_MS), None);
        // An answer to any caller speaks for the key.
        seen.answered(ann, NOW + 200);
        assert!(!seen.refused(bob, None, NOW + 201));
        assert!(seen.refused(eve, None, NOW + 202));
    }

    #[test]
    fn an_old_refusal_confirms_nothing_and_the_rests_are_bounded() {
        let [ann, bob, _] = callers();
        let mut seen = Witnesses::default();
        assert!(!seen.refused(ann, None, NOW));
        assert!(!seen.refused(bob, None, NOW + REMEMBERED_MS));
        let mut seen = Witnesses::default();
        for index in 0..1_000 {
            let at_ms = NOW + 2 * index;
            seen.refused(Caller::named(&index.to_string()), None, at_ms);
            seen.answered(ann, at_ms + 1);
        }
        assert!(seen.own_rests.len() <= MAX_OWN_RESTS);
    }
}
