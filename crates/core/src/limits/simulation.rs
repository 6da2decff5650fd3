//! The guarantees of this module, checked in simulations: isolates with clocks of their own, messages that are
//! delayed, reordered or lost, isolates that crash, and authorities that are evicted from memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::prelude::*;

use super::meter::Counter;
use super::rules::RuleKind;
use super::*;

/// A seeded generator of pseudo-random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

#[derive(Debug, Clone, Copy)]
struct World {
    seed: u64,
    isolates: usize,
    limits: Limits,
    /// Milliseconds between two requests, over all isolates.
    gap_ms: u64,
    length_ms: u64,
    /// Longest delay of a message, one way, in milliseconds.
    delay_ms: u64,
    lost_percent: u64,
    crash_percent: u64,
    longest_request_ms: u64,
    tokens: u64,
}

enum Event {
    Request,
    Heard {
        isolate: usize,
        life: u64,
        ask: Ask,
        sent_ms: u64,
        need: Option<Amounts>,
    },
    Answered {
        isolate: usize,
        life: u64,
        ask: Ask,
        reply: Option<Box<Reply>>,
        sent_ms: u64,
        need: Option<Amounts>,
    },
    Ended {
        isolate: usize,
        life: u64,
        spent: Spent,
        real: Amounts,
    },
    Flush {
        isolate: usize,
        life: u64,
    },
}

struct Isolate {
    lease: Lease,
    /// Incremented with every crash.
    life: u64,
    /// How far its clock is ahead, in milliseconds.
    ahead_ms: u64,
}

#[derive(Default)]
struct Outcome {
    /// When requests were admitted, and how many tokens they took.
    passed: Vec<(u64, u64)>,
    refused: u64,
    asked: u64,
    most_at_once: usize,
}

struct Simulation {
    world: World,
    rules: Rules,
    random: Random,
    now: u64,
    events: BTreeMap<u64, Event>,
    due: BinaryHeap<Reverse<(u64, u64)>>,
    count: u64,
    isolates: Vec<Isolate>,
    authority: Authority,
    stored_counters: BTreeMap<(&'static str, u64), Counter>,
    stored_slots: BTreeMap<String, u64>,
    running: Vec<usize>,
    outcome: Outcome,
}

fn run(world: World) -> Outcome {
    let mut random = Random(world.seed);
    let isolates = (0..world.isolates)
        .map(|_| Isolate { lease: Lease::default(), life: 0, ahead_ms: random.below(10_000_000) })
        .collect();
    let mut simulation = Simulation {
        rules: Rules::new(&world.limits, None),
        random,
        now: 1_000_000_000,
        events: BTreeMap::new(),
        due: BinaryHeap::new(),
        count: 0,
        isolates,
        authority: Authority::default(),
        stored_counters: BTreeMap::new(),
        stored_slots: BTreeMap::new(),
        running: vec![0; world.isolates],
        outcome: Outcome::default(),
        world,
    };
    let end = simulation.now + world.length_ms;
    simulation.at(0, Event::Request);
    while let Some(Reverse((time, id))) = simulation.due.pop() {
        if time > end {
            break;
        }
        simulation.now = time;
        if let Some(event) = simulation.events.remove(&id) {
            simulation.handle(event);
        }
    }
    simulation.outcome
}

impl Simulation {
    fn at(&mut self, after_ms: u64, event: Event) {
        self.count += 1;
        self.events.insert(self.count, event);
        self.due.push(Reverse((self.now + after_ms, self.count)));
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Request => {
                let gap = self.random.below(2 * self.world.gap_ms + 1);
                self.at(gap, Event::Request);
                let isolate = usize::try_from(self.random.below(self.world.isolates as u64)).unwrap();
                if self.random.percent(self.world.crash_percent) {
                    let life = self.isolates[isolate].life + 1;
                    let ahead_ms = self.random.below(10_000_000);
                    self.isolates[isolate] = Isolate { lease: Lease::default(), life, ahead_ms };
                    self.running[isolate] = 0;
                }
                let need = Amounts::request(self.world.tokens, 0);
                self.attempt(isolate, need, true);
            }
            Event::Heard { isolate, life, ask, sent_ms, need } => {
                if self.random.percent(self.world.crash_percent) {
                    let counters: Vec<_> = self.stored_counters.values().copied().collect();
                    self.authority = Authority::restore(counters, self.stored_slots.clone());
                }
                let (reply, changes) = self.authority.answer(&ask, self.now);
                for counter in changes.counters {
                    let name = (counter.kind.name(), counter.slice);
                    match counter.count {
                        0 => self.stored_counters.remove(&name),
                        _ => self.stored_counters.insert(name, counter),
                    };
                }
                for (slot, expires) in changes.slots {
                    match expires {
                        None => self.stored_slots.remove(&slot),
                        Some(expires) => self.stored_slots.insert(slot, expires),
                    };
                }
                let reply = (!self.random.percent(self.world.lost_percent)).then(|| Box::new(reply));
                let delay = self.random.below(self.world.delay_ms + 1);
                self.at(delay, Event::Answered { isolate, life, ask, reply, sent_ms, need });
            }
            Event::Answered { isolate, life, ask, reply, sent_ms, need } => {
                let held = &mut self.isolates[isolate];
                if held.life != life {
                    return;
                }
                let now = self.now + held.ahead_ms;
                let Some(reply) = reply else {
                    held.lease.lost(&ask, now);
                    return;
                };
                let step = held.lease.receive(&ask, &reply, sent_ms, now);
                if let Some(need) = need {
                    self.decide(isolate, step, need, false);
                }
                self.look_after(isolate);
            }
            Event::Ended { isolate, life, spent, real } => {
                let held = &mut self.isolates[isolate];
                if held.life == life {
                    held.lease.settle(spent, real, self.now + held.ahead_ms);
                    self.running[isolate] -= 1;
                    self.look_after(isolate);
                }
            }
            Event::Flush { isolate, life } => {
                let held = &mut self.isolates[isolate];
                if held.life == life
                    && let Some(ask) = held.lease.flush(self.now + held.ahead_ms)
                {
                    self.send(isolate, ask, None);
                }
            }
        }
    }

    fn attempt(&mut self, isolate: usize, need: Amounts, may_ask: bool) {
        let held = &mut self.isolates[isolate];
        let step = held.lease.spend(&self.rules, need, self.now + held.ahead_ms);
        self.decide(isolate, step, need, may_ask);
        let held = &mut self.isolates[isolate];
        if let Some(ask) = held.lease.refill(self.now + held.ahead_ms) {
            self.send(isolate, ask, None);
        }
        self.look_after(isolate);
    }

    fn decide(&mut self, isolate: usize, step: Step, need: Amounts, may_ask: bool) {
        match step {
            Step::Granted(spent) => {
                let real = Amounts::request(self.random.below(need.tokens + 1), 0);
                self.outcome.passed.push((self.now, real.tokens));
                self.running[isolate] += 1;
                let at_once = self.running.iter().sum::<usize>();
                self.outcome.most_at_once = self.outcome.most_at_once.max(at_once);
                let after = self.random.below(self.world.longest_request_ms + 1);
                let life = self.isolates[isolate].life;
                self.at(after, Event::Ended { isolate, life, spent, real });
            }
            Step::Ask if may_ask => {
                let slot = format!("slot-{}", self.count);
                let held = &mut self.isolates[isolate];
                let ask = held.lease.ask(need, || slot, self.now + held.ahead_ms);
                self.send(isolate, ask, Some(need));
            }
            Step::Ask | Step::Refused(_) => self.outcome.refused += 1,
        }
    }

    fn look_after(&mut self, isolate: usize) {
        let held = &self.isolates[isolate];
        if held.lease.has_news() {
            self.at(lease::FLUSH_AFTER_MS + 1, Event::Flush { isolate, life: held.life });
        }
    }

    fn send(&mut self, isolate: usize, ask: Ask, need: Option<Amounts>) {
        self.outcome.asked += 1;
        let life = self.isolates[isolate].life;
        let sent_ms = self.now + self.isolates[isolate].ahead_ms;
        let delay = self.random.below(self.world.delay_ms + 1);
        if self.random.percent(self.world.lost_percent) {
            let event = Event::Answered { isolate, life, ask, reply: None, sent_ms, need };
            self.at(delay, event);
        } else {
            // Serialised, as messages really are.
            let ask = serde_json::from_str(&serde_json::to_string(&ask).unwrap()).unwrap();
            self.at(delay, Event::Heard { isolate, life, ask, sent_ms, need });
        }
    }
}

/// The largest sum in any interval of `length_ms` milliseconds.
fn most_in_any(length_ms: u64, passed: &[(u64, u64)], value: impl Fn(&(u64, u64)) -> u64) -> u64 {
    let (mut first, mut sum, mut most) = (0, 0, 0);
    for item in passed {
        sum += value(item);
        while passed[first].0 + length_ms <= item.0 {
            sum -= value(&passed[first]);
            first += 1;
        }
        most = most.max(sum);
    }
    most
}

const STEADY: World = World {
    seed: 1,
    isolates: 3,
    limits: Limits {
        requests_per_minute: None,
        requests_per_day: None,
        tokens_per_minute: None,
        tokens_per_day: None,
        concurrency: None,
    },
    gap_ms: 50,
    length_ms: 10 * 60_000,
    delay_ms: 40,
    lost_percent: 0,
    crash_percent: 0,
    longest_request_ms: 3_000,
    tokens: 0,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn never_more_than_the_limit_whatever_happens(
        seed in any::<u64>(),
        isolates in 1_usize..6,
        limit in 1_u64..400,
        token_limit in 1_u64..20_000,
        at_once in 1_u64..30,
        shape in 0_u8..4,
        gap_ms in 2_u64..300,
        delay_ms in 0_u64..2_500,
        lost_percent in 0_u64..20,
        crash_percent in 0_u64..3,
    ) {
        let mut limits = Limits::default();
        if shape != 1 { limits.requests_per_minute = Some(limit); }
        if shape >= 1 { limits.tokens_per_minute = Some(token_limit); }
        if shape >= 2 { limits.concurrency = Some(at_once); }
        let world = World {
            seed, isolates, limits, gap_ms, delay_ms, lost_percent, crash_percent,
            length_ms: 200_000, longest_request_ms: 15_000, tokens: 50,
        };
        let outcome = run(world);
        if limits.requests_per_minute.is_some() {
            let most = most_in_any(60_000, &outcome.passed, |_| 1);
            prop_assert!(most <= limit, "{most} of {limit}");
        }
        if limits.tokens_per_minute.is_some() && token_limit >= 50 {
            let most = most_in_any(60_000, &outcome.passed, |(_, tokens)| *tokens);
            prop_assert!(most <= token_limit, "{most} of {token_limit}");
        }
        if limits.concurrency.is_some() {
            prop_assert!(outcome.most_at_once as u64 <= at_once, "{} of {at_once}", outcome.most_at_once);
        }
    }

    #[test]
    fn steady_demand_gets_nearly_all_of_it(seed in any::<u64>(), isolates in 1_usize..8, limit in 60_u64..1_000) {
        let gap_ms = 60_000 / (limit * 2);
        let limits = Limits { requests_per_minute: Some(limit), ..Limits::default() };
        let outcome = run(World { seed, isolates, limits, gap_ms, ..STEADY });
        let passed = outcome.passed.len() as u64;
        prop_assert!(passed * 100 >= limit * 10 * 95, "{passed} of {}", limit * 10);
    }
}

#[test]
fn far_from_the_limit_isolates_hardly_ask() {
    for (isolates, gap_ms) in [(1, 50), (1, 10), (3, 10)] {
        let limits = Limits {
            requests_per_minute: Some(100_000),
            requests_per_day: Some(10_000_000),
            tokens_per_minute: Some(100_000_000),
            ..Limits::default()
        };
        let outcome = run(World { isolates, gap_ms, limits, tokens: 500, ..STEADY });
        assert_eq!(outcome.refused, 0);
        let passed = outcome.passed.len() as u64;
        assert!(outcome.asked * 10 <= passed, "{isolates} isolates: {} for {passed}", outcome.asked);
    }
}

#[test]
fn a_burst_of_two_hundred_gets_one_hundred() {
    for isolates in [1, 2, 5] {
        let limits = Limits { requests_per_minute: Some(100), ..Limits::default() };
        let world = World { isolates, limits, gap_ms: 0, length_ms: 20, delay_ms: 5, ..STEADY };
        // A request every millisecond or more often, all within one window.
        let outcome = run(World { gap_ms: 1, length_ms: 50_000, ..world });
        assert_eq!(outcome.passed.len(), 100, "{isolates} isolates");
    }
}

#[test]
fn the_day_and_the_minute_are_both_kept() {
    let limits = Limits { requests_per_minute: Some(50), requests_per_day: Some(120), ..Limits::default() };
    let outcome = run(World { limits, length_ms: 30 * 60_000, gap_ms: 500, ..STEADY });
    assert_eq!(outcome.passed.len(), 120);
    assert!(most_in_any(60_000, &outcome.passed, |_| 1) <= 50);
    assert_eq!(RuleKind::RequestsPerDay.name(), "requests_per_day");
}
