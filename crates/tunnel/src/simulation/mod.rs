//! The guarantees of this crate, checked in simulations of agents, a hub and callers in virtual time: frames that are
//! delayed, lost, repeated or late, connections that end with or without notice, agents that are killed between any two of
//! their steps, several instances of one agent, hubs that are evicted before any write and before anything they send, and
//! deployments.
//!
//! An ordinary test run tries a thousand schedules. `TUNNEL_SCHEDULES=100000` tries as many as it says, from the seed
//! `TUNNEL_SEED`.

mod agent_side;
mod disk;
mod hub_side;
mod network;
mod world;

pub use disk::Storage;
use world::World;

/// A seeded generator of pseudo-random numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }
}

/// What goes wrong in a schedule: numbers of events, and chances.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub instances: usize,
    /// Whether later instances send the earlier ones away.
    pub takeover: bool,
    pub calls: usize,
    /// Percent of calls that their caller cancels, and that are asked for twice.
    pub cancel: u64,
    pub repeat: u64,
    /// Most of each in a schedule.
    pub kills: u64,
    pub cuts: u64,
    pub evictions: u64,
    pub deploys: u64,
    /// Percent of the hub's steps in which its storage is cut off after a few writes.
    pub store: u64,
    /// Per mille of the hub's and the agent's acts before which they are evicted or killed.
    pub between_acts: u64,
    pub kill_between_acts: u64,
    /// Per mille of frames.
    pub lost: u64,
    pub repeated: u64,
    /// Longest delay of a frame in milliseconds.
    pub delay: u64,
}

impl Faults {
    /// Nothing goes wrong.
    fn none() -> Self {
        Self { instances: 1, calls: 8, delay: 40, ..Self::default() }
    }

    /// A mixture that depends on the seed: each fault is absent in half of the schedules.
    fn mixed(random: &mut Random) -> Self {
        let mut some = |most: u64| if random.percent(50) { 0 } else { random.below(most + 1) };
        Self {
            instances: 1 + usize::from(some(3) > 1),
            takeover: some(1) == 1,
            calls: 4 + usize::try_from(some(12)).unwrap(),
            cancel: some(40),
            repeat: some(50),
            kills: some(4),
            cuts: some(6),
            evictions: some(10),
            deploys: some(2),
            store: some(6),
            between_acts: some(30),
            kill_between_acts: some(20),
            lost: some(30),
            repeated: some(80),
            delay: 5 + some(800),
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn nothing_goes_wrong_and_every_call_has_its_result() {
    for seed in 0..50 {
        let mut world = World::new(seed, Faults::none());
        world.run();
        // Of eight results a few are larger than allowed, and a few take longer than their deadline.
        assert!(world.results >= 3, "seed {seed}: only {} results", world.results);
        assert_eq!(world.executions.len(), 8, "seed {seed}");
    }
}

#[test]
fn no_schedule_of_faults_breaks_a_guarantee() {
    let (first, count) = (number("TUNNEL_SEED", 1), number("TUNNEL_SCHEDULES", 1_000));
    let (mut calls, mut executions, mut results) = (0, 0, 0);
    for seed in first..first + count {
        let mut random = Random(seed);
        let faults = Faults::mixed(&mut random);
        let chance = random.next();
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(chance, faults);
            world.run();
            (faults.calls, world.executions.len(), world.results)
        });
        let Ok((placed, executed, ended)) = run else { panic!("seed {seed}: {faults:?}") };
        calls += placed;
        executions += executed;
        results += ended;
    }
    // Otherwise the schedules would try nothing.
    assert!(
        executions * 2 > calls && results * 4 > calls,
        "{calls} calls, {executions} executed, {results} results"
    );
    eprintln_counts(count, calls, executions, results);
}

#[expect(clippy::print_stderr, reason = "how much was tried is what a long run is read for")]
fn eprintln_counts(count: u64, calls: usize, executions: usize, results: usize) {
    eprintln!("{count} schedules: {calls} calls, {executions} executed, {results} with results");
}
