//! What one request has taken of its limits, and of which of them it uses.
//!
//! A request takes of two kinds of subjects. Its key and their owner are known before it is sent anywhere, and are used whatever
//! answers. What is limited about a model is known with the candidate that is about to be asked: it is taken for the attempt,
//! given back when the attempt fails and another candidate is asked, and used if the attempt answers.
//!
//! Guarantees: a request counts once for a subject, however many of its candidates have it (also at the same time, as hedged
//! requests do); nothing is given back that another attempt still needs; everything that is held is settled or given back
//! exactly once. A subject that is held at the end without an answer from it, because the caller left or the answer was an
//! error, counts one request and no tokens.

use super::amounts::Amounts;
use super::subject::Subject;

/// What a request holds; `S` is what was taken of a subject.
#[derive(Debug)]
pub struct Holdings<S> {
    held: Vec<Holding<S>>,
}

#[derive(Debug)]
struct Holding<S> {
    subject: Subject,
    spent: S,
    /// Attempts that need it.
    attempts: u32,
    /// Whether the answer uses it.
    is_used: bool,
}

impl<S> Default for Holdings<S> {
    fn default() -> Self {
        Self { held: Vec::new() }
    }
}

impl<S> Holdings<S> {
    /// Holds what was taken for the whole request.
    pub fn hold(&mut self, subject: Subject, spent: S) {
        self.held.push(Holding { subject, spent, attempts: 0, is_used: true });
    }

    /// Holds what was taken for an attempt.
    pub fn hold_for_attempt(&mut self, subject: Subject, spent: S) {
        self.held.push(Holding { subject, spent, attempts: 1, is_used: false });
    }

    /// Lets an attempt use what is held of a subject; false if nothing is, so that it must be taken.
    pub fn join(&mut self, subject: &Subject) -> bool {
        let Some(holding) = self.find(subject) else { return false };
        holding.attempts = holding.attempts.saturating_add(1);
        true
    }

    /// Ends an attempt that failed: what only it needed is returned, to be given back.
    pub fn give_back<'a>(&mut self, subjects: impl IntoIterator<Item = &'a Subject>) -> Vec<(Subject, S)> {
        let mut freed = Vec::new();
        for subject in subjects {
            let Some(at) = self.held.iter().position(|holding| holding.subject == *subject) else { continue };
            let Some(holding) = self.held.get_mut(at) else { continue };
            holding.attempts = holding.attempts.saturating_sub(1);
            if holding.attempts == 0 && !holding.is_used {
                let Holding { subject, spent, .. } = self.held.swap_remove(at);
                freed.push((subject, spent));
            }
        }
        freed
    }

    /// Ends an attempt that answers: what it took is used.
    pub fn answered<'a>(&mut self, subjects: impl IntoIterator<Item = &'a Subject>) {
        for subject in subjects {
            if let Some(holding) = self.find(subject) {
                holding.is_used = true;
            }
        }
    }

    /// Takes everything out, because the request is not admitted.
    pub fn take_all(&mut self) -> Vec<(Subject, S)> {
        self.held.drain(..).map(|holding| (holding.subject, holding.spent)).collect()
    }

    /// Takes everything out at the end of the request, each with what it really needed. `real` is what its answer used.
    pub fn settle(&mut self, real: Amounts) -> Vec<(Subject, S, Amounts)> {
        let unused = Amounts { requests: real.requests, ..Amounts::ZERO };
        let amounts = |is_used: bool| if is_used { real } else { unused };
        self.held.drain(..).map(|held| (held.subject, held.spent, amounts(held.is_used))).collect()
    }

    /// Everything that is held.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, &S)> {
        self.held.iter().map(|holding| (&holding.subject, &holding.spent))
    }

    fn find(&mut self, subject: &Subject) -> Option<&mut Holding<S>> {
        self.held.iter_mut().find(|holding| holding.subject == *subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn subject(index: usize) -> Subject {
        Subject::model(["a", "b", "c"][index])
    }

    fn take(holdings: &mut Holdings<u32>, subjects: &[Subject], taken: &mut u32) {
        for subject in subjects {
            if !holdings.join(subject) {
                *taken += 1;
                holdings.hold_for_attempt(subject.clone(), *taken);
            }
        }
    }

    #[test]
    fn an_attempt_that_fails_gives_back_only_what_no_other_needs() {
        let mut holdings = Holdings::default();
        let mut taken = 0;
        holdings.hold(Subject::key("k"), 0);
        take(&mut holdings, &[subject(0), subject(1)], &mut taken);
        take(&mut holdings, &[subject(1), subject(2)], &mut taken);
        assert_eq!(taken, 3, "`b` is taken once");
        let freed = holdings.give_back(&[subject(0), subject(1)]);
        assert_eq!(freed, [(subject(0), 1)]);
        holdings.answered(&[subject(1), subject(2)]);
        let real = Amounts::request(7, 9);
        let settled = holdings.settle(real);
        assert_eq!(settled.len(), 3);
        assert!(settled.iter().all(|(.., amounts)| *amounts == real));
        assert!(holdings.settle(real).is_empty());
    }

    #[test]
    fn an_error_or_a_caller_who_left_counts_a_request_and_no_tokens() {
        let mut holdings = Holdings::default();
        take(&mut holdings, &[subject(0)], &mut 0);
        let settled = holdings.settle(Amounts::request(7, 9));
        assert_eq!(settled, [(subject(0), 1, Amounts::request(0, 0))]);
    }

    proptest! {
        /// Attempts begin, fail and answer in any order, also at the same time.
        #[test]
        fn everything_that_is_taken_is_returned_exactly_once(
            attempts in prop::collection::vec((prop::collection::btree_set(0..3usize, 0..4), any::<bool>()), 1..12),
            answers in any::<bool>(),
        ) {
            let mut holdings = Holdings::default();
            let mut taken = 0;
            let mut returned: BTreeMap<u32, u32> = BTreeMap::new();
            let mut under_way: Vec<Vec<Subject>> = Vec::new();
            for (subjects, fails_first) in attempts {
                if fails_first && let Some(subjects) = under_way.pop() {
                    for (_, spent) in holdings.give_back(&subjects) {
                        *returned.entry(spent).or_default() += 1;
                    }
                }
                let subjects: Vec<Subject> = subjects.into_iter().map(subject).collect();
                take(&mut holdings, &subjects, &mut taken);
                for needed in under_way.iter().flatten().chain(&subjects) {
                    prop_assert!(holdings.iter().any(|(held, _)| held == needed), "{needed:?} is needed");
                }
                under_way.push(subjects);
            }
            if answers && let Some(subjects) = under_way.last() {
                holdings.answered(subjects);
            }
            for (_, spent, amounts) in holdings.settle(Amounts::request(5, 5)) {
                prop_assert_eq!(amounts.requests, 1);
                *returned.entry(spent).or_default() += 1;
            }
            prop_assert_eq!(returned.len(), taken as usize);
            prop_assert!(returned.values().all(|times| *times == 1));
        }
    }
}
