//! The life of one server, as a state machine without processes or clocks.
//!
//! `off → starting → probing → ready → (draining | backoff) → failed`. The driver tells it what happened and does what it
//! answers. What holds whatever happens:
//!
//! - at most one child exists: a start is asked for only when the child before it has ended;
//! - at most five starts a minute, whatever asks for them;
//! - a child that exits because of the question for its era is started again at once where the driver says so, within the budget;
//! - a server without wishes to use it is never started again by itself, unless it starts with the agent.

use super::backoff::{Backoff, StartBudget};

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No child, and none wanted.
    Off,
    /// A child is being created.
    Starting,
    /// A child runs and was asked what it speaks and has.
    Probing,
    /// The child has told its catalogue and takes calls.
    Ready,
    /// The child takes no new calls and is stopped when those in flight have ended.
    Draining,
    /// The child was told to end.
    Stopping,
    /// No child, until the time of the next start.
    Backoff,
    /// No child, and none is started until it is asked for.
    Failed,
}

impl State {
    /// The word in answers and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Starting => "starting",
            Self::Probing => "probing",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Backoff => "backoff",
            Self::Failed => "failed",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// A call waits, or the server starts with the agent.
    Wanted,
    /// A person asked for another try: failures are forgotten, the budget is not.
    Retried,
    /// The child exists.
    Spawned,
    /// The child could not be created.
    SpawnFailed,
    /// The child has told its era and catalogue.
    Probed,
    /// The child runs but does not do what a server must.
    ProbeFailed,
    /// The child has ended, after this many ms; `wanted`: calls wait or the server starts with the agent.
    Exited {
        /// How long it ran, in ms.
        ran_ms: u64,
        /// Whether it is to run again.
        wanted: bool,
        /// Whether it died of the question for its era, and the next one is asked another question.
        again: bool,
        /// From 0 to 1, for the wait.
        chance: f64,
    },
    /// The time of [`Action::WakeIn`] has come.
    Woke,
    /// The server is not used any more, or its configuration changed: no new calls.
    Drain,
    /// The last call in flight has ended.
    Drained,
    /// The child is to end at once.
    Stop,
}

/// What the driver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Create a child.
    Spawn,
    /// Ask the child for its era and catalogue.
    Probe,
    /// End the child and report [`Input::Exited`].
    Stop,
    /// End the calls in flight and those that wait: the child is gone or unusable.
    FailCalls(Reason),
    /// Report [`Input::Woke`] after this many ms.
    WakeIn(u64),
    /// Report [`Input::Drained`] once no call is in flight.
    AwaitCalls,
}

/// Why calls ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The child ended while they were in flight. They are never repeated.
    Crashed,
    /// No child can be had.
    Unavailable,
}

/// The machine of one server.
#[derive(Debug, Clone)]
pub struct Supervision {
    state: State,
    backoff: Backoff,
    budget: StartBudget,
    /// Set while a child is stopped that must not be replaced.
    ending: bool,
    /// Set while a child is stopped for not doing what a server must: counts as a failure.
    unfit: bool,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            state: State::Off,
            backoff: Backoff::default(),
            budget: StartBudget::default(),
            ending: false,
            unfit: false,
        }
    }
}

impl Supervision {
    /// Where the server is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Says what happened and answers what to do, in this order.
    pub fn on(&mut self, input: Input, now_ms: u64) -> Vec<Action> {
        match (self.state, input) {
            (State::Off, Input::Wanted) | (State::Backoff, Input::Woke) => self.start(now_ms),
            (State::Failed, Input::Wanted) => vec![Action::FailCalls(Reason::Unavailable)],
            (State::Off | State::Backoff | State::Failed, Input::Retried) => {
                self.backoff.reset();
                self.start(now_ms)
            }
            (State::Starting, Input::Spawned) if self.ending => self.stop(),
            (State::Starting, Input::Spawned) => {
                self.state = State::Probing;
                vec![Action::Probe]
            }
            (State::Starting, Input::SpawnFailed) => {
                self.state = if self.ending { State::Off } else { State::Failed };
                vec![Action::FailCalls(Reason::Unavailable)]
            }
            (State::Probing, Input::Probed) => {
                self.state = State::Ready;
                Vec::new()
            }
            (State::Probing, Input::ProbeFailed) => {
                self.unfit = true;
                self.stop()
            }
            (State::Ready | State::Probing, Input::Drain) => {
                self.state = State::Draining;
                self.ending = true;
                vec![Action::AwaitCalls]
            }
            (State::Draining, Input::Drained)
            | (State::Ready | State::Probing | State::Draining, Input::Stop) => {
                self.ending = true;
                self.stop()
            }
            // The child will be there in a moment: it is told to end as soon as it is.
            (State::Starting, Input::Stop | Input::Drain) => {
                self.ending = true;
                Vec::new()
            }
            (State::Off | State::Backoff | State::Failed, Input::Stop | Input::Drain) => {
                self.state = State::Off;
                vec![Action::FailCalls(Reason::Unavailable)]
            }
            (_, Input::Exited { ran_ms, wanted, again, chance }) => {
                self.exited(ran_ms, wanted, again, chance, now_ms)
            }
            _ => Vec::new(),
        }
    }

    fn start(&mut self, now_ms: u64) -> Vec<Action> {
        if !self.budget.take(now_ms) {
            self.state = State::Failed;
            return vec![Action::FailCalls(Reason::Unavailable)];
        }
        self.state = State::Starting;
        self.ending = false;
        self.unfit = false;
        vec![Action::Spawn]
    }

    fn stop(&mut self) -> Vec<Action> {
        self.state = State::Stopping;
        vec![Action::Stop]
    }

    fn exited(&mut self, ran_ms: u64, wanted: bool, again: bool, chance: f64, now_ms: u64) -> Vec<Action> {
        let was = self.state;
        if self.ending {
            self.ending = false;
            self.state = State::Off;
            let mut actions = vec![Action::FailCalls(Reason::Crashed)];
            if wanted {
                actions.extend(self.start(now_ms));
            }
            return actions;
        }
        if was == State::Probing && again {
            return self.start(now_ms);
        }
        let reason = if was == State::Ready { Reason::Crashed } else { Reason::Unavailable };
        let mut actions = vec![Action::FailCalls(reason)];
        let wait_ms = self.backoff.failed(ran_ms, chance);
        if wanted && !self.unfit {
            self.state = State::Backoff;
            actions.push(Action::WakeIn(wait_ms));
        } else {
            self.state = if self.unfit { State::Failed } else { State::Off };
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::backoff::{STARTS, WINDOW_MS};
    use super::*;

    fn exited(wanted: bool) -> Input {
        Input::Exited { ran_ms: 10, wanted, again: false, chance: 1.0 }
    }

    fn ready() -> Supervision {
        let mut machine = Supervision::default();
        assert_eq!(machine.on(Input::Wanted, 0), [Action::Spawn]);
        assert_eq!(machine.on(Input::Spawned, 1), [Action::Probe]);
        assert_eq!(machine.on(Input::Probed, 2), []);
        machine
    }

    #[test]
    fn a_crash_ends_the_calls_and_waits_before_the_next_start() {
        let mut machine = ready();
        assert_eq!(machine.on(exited(true), 20), [Action::FailCalls(Reason::Crashed), Action::WakeIn(500)]);
        assert_eq!(machine.state(), State::Backoff);
        assert_eq!(machine.on(Input::Wanted, 30), []);
        assert_eq!(machine.on(Input::Woke, 520), [Action::Spawn]);
    }

    #[test]
    fn a_server_that_dies_of_the_question_for_its_era_is_started_again_at_once() {
        let mut machine = Supervision::default();
        machine.on(Input::Wanted, 0);
        machine.on(Input::Spawned, 1);
        let died = Input::Exited { ran_ms: 1, wanted: true, again: true, chance: 1.0 };
        assert_eq!(machine.on(died, 2), [Action::Spawn]);
        machine.on(Input::Spawned, 3);
        assert_eq!(
            machine.on(exited(true), 4),
            [Action::FailCalls(Reason::Unavailable), Action::WakeIn(500)]
        );
    }

    #[test]
    fn a_lazy_server_that_crashed_unused_stays_off() {
        let mut machine = ready();
        assert_eq!(machine.on(exited(false), 20), [Action::FailCalls(Reason::Crashed)]);
        assert_eq!(machine.state(), State::Off);
    }

    #[test]
    fn draining_waits_for_calls_and_then_stops() {
        let mut machine = ready();
        assert_eq!(machine.on(Input::Drain, 10), [Action::AwaitCalls]);
        assert_eq!(machine.on(Input::Drained, 20), [Action::Stop]);
        assert_eq!(machine.on(exited(false), 30), [Action::FailCalls(Reason::Crashed)]);
        assert_eq!(machine.state(), State::Off);
    }

    #[test]
    fn calls_that_came_while_a_child_ended_start_the_next() {
        let mut machine = ready();
        machine.on(Input::Drain, 10);
        machine.on(Input::Drained, 20);
        let actions = machine.on(exited(true), 30);
        assert_eq!(actions.last(), Some(&Action::Spawn));
    }

    #[test]
    fn what_is_unfit_or_cannot_be_created_fails_until_it_is_asked_for() {
        let mut machine = Supervision::default();
        machine.on(Input::Wanted, 0);
        assert_eq!(machine.on(Input::SpawnFailed, 1), [Action::FailCalls(Reason::Unavailable)]);
        assert_eq!(machine.on(Input::Wanted, 2), [Action::FailCalls(Reason::Unavailable)]);
        assert_eq!(machine.on(Input::Retried, 3), [Action::Spawn]);
        machine.on(Input::Spawned, 4);
        assert_eq!(machine.on(Input::ProbeFailed, 5), [Action::Stop]);
        machine.on(exited(true), 6);
        assert_eq!(machine.state(), State::Failed);
    }

    #[test]
    fn a_child_that_is_not_wanted_any_more_ends_as_soon_as_it_exists() {
        let mut machine = Supervision::default();
        machine.on(Input::Wanted, 0);
        assert_eq!(machine.on(Input::Stop, 1), []);
        assert_eq!(machine.on(Input::Spawned, 2), [Action::Stop]);
        machine.on(exited(false), 3);
        assert_eq!(machine.state(), State::Off);
    }

    fn inputs() -> impl Strategy<Value = Input> {
        prop_oneof![
            Just(Input::Wanted),
            Just(Input::Retried),
            Just(Input::Spawned),
            Just(Input::SpawnFailed),
            Just(Input::Probed),
            Just(Input::ProbeFailed),
            (0_u64..120_000, any::<bool>(), any::<bool>())
                .prop_map(|(ran_ms, wanted, again)| Input::Exited { ran_ms, wanted, again, chance: 0.0 }),
            Just(Input::Woke),
            Just(Input::Drain),
            Just(Input::Drained),
            Just(Input::Stop),
        ]
    }

    proptest! {
        /// A driver that reports truthfully: children end only if they exist, and exist only after a start.
        #[test]
        fn one_child_and_five_starts_a_minute(history in prop::collection::vec((inputs(), 0_u64..20_000), 1..300)) {
            let mut machine = Supervision::default();
            let (mut now_ms, mut starting, mut child) = (0, false, false);
            let mut starts: Vec<u64> = Vec::new();
            for (input, gap) in history {
                now_ms += gap;
                let happens = match input {
                    Input::Spawned | Input::SpawnFailed => starting,
                    Input::Exited { .. } | Input::Probed | Input::ProbeFailed => child,
                    _ => true,
                };
                if !happens {
                    continue;
                }
                match input {
                    Input::Spawned => (starting, child) = (false, true),
                    Input::SpawnFailed => starting = false,
                    Input::Exited { .. } => child = false,
                    _ => {}
                }
                for action in machine.on(input, now_ms) {
                    if let Action::Spawn = action {
                        prop_assert!(!child && !starting, "a second child");
                        starting = true;
                        starts.push(now_ms);
                    }
                }
                let within = starts.iter().filter(|at| now_ms - **at < WINDOW_MS).count();
                prop_assert!(within <= STARTS);
            }
        }
    }
}
