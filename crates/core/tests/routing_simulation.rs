//! Simulations of routing with a virtual clock: several isolates, each with its own health registry, serve a stream
//! of requests from upstreams that fail by script, and share their observations every two seconds.
//!
//! The clock is a heap of events, the randomness is seeded: every run is the same.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a simulation may panic, and compares shares of counts"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use nexus_edge_core::catalog::strategy::Strategy;
use nexus_edge_core::routing::candidate_facts::CandidateFacts;
use nexus_edge_core::routing::health::{HealthRegistry, Permit, RegistrySettings, SharedKind};
use nexus_edge_core::routing::planner::{Question, plan};
use nexus_edge_core::routing::random::SplitMix64;
use nexus_edge_core::routing::retry::{Failure, Outcomes, classify};
use nexus_edge_core::routing::walk::Walk;

const START: u64 = 1_800_000_000_000;
const SHARE_EVERY_MS: u64 = 2_000;
const MAX_ATTEMPTS: u32 = 3;
const PROVIDERS: [&str; 4] = ["a", "b", "c", "d"];
const MODELS: [&str; 4] = ["a/m", "b/m", "c/m", "d/m"];

/// The behaviour of an upstream for a request that begins now.
#[derive(Clone, Copy)]
enum Behaviour {
    Up,
    /// An error after 30 ms.
    Down,
    /// A failure with this probability.
    Shaky(f64),
    /// 429 with a cool-down of so many milliseconds.
    Limited(u64),
}

type Script = fn(u64) -> Behaviour;

struct Upstream {
    weight: u32,
    script: Script,
    latency_ms: u64,
}

/// One attempt, for the assertions.
struct Attempt {
    isolate: usize,
    upstream: usize,
    begun_ms: u64,
    ended_ms: u64,
    failure: Option<Failure>,
    retry_after_ms: Option<u64>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive,
    Share,
    End(usize),
}

struct Request {
    isolate: usize,
    walk: Walk,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    upstream: usize,
    permits: [Permit; 2],
    begun_ms: u64,
    failure: Option<Failure>,
    retry_after_ms: Option<u64>,
}

struct World {
    strategy: Strategy,
    upstreams: Vec<Upstream>,
    registries: Vec<HealthRegistry>,
    told: Vec<u64>,
    shares: bool,
    clock: BinaryHeap<Reverse<(u64, u64, Event)>>,
    events: u64,
    requests: Vec<Request>,
    rng: SplitMix64,
    attempts: Vec<Attempt>,
    /// (arrival, success)
    answers: Vec<(u64, bool)>,
}

impl World {
    fn new(strategy: Strategy, isolates: u64, upstreams: Vec<Upstream>) -> Self {
        Self {
            strategy,
            upstreams,
            registries: (0..isolates)
                .map(|seed| HealthRegistry::new(RegistrySettings::default(), seed))
                .collect(),
            told: vec![0; usize::try_from(isolates).unwrap()],
            shares: true,
            clock: BinaryHeap::new(),
            events: 0,
            requests: Vec::new(),
            rng: SplitMix64::new(42),
            attempts: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Serves a request every `every_ms` on average until `seconds` have passed.
    fn run(mut self, seconds: u64, every_ms: f64) -> Self {
        let end = START + seconds * 1_000;
        self.at(START, Event::Arrive);
        self.at(START + SHARE_EVERY_MS, Event::Share);
        while let Some(Reverse((now, _, event))) = self.clock.pop() {
            match event {
                Event::Arrive => {
                    self.arrive(now);
                    let gap = (-(1.0 - self.rng.next_f64()).ln() * every_ms).round();
                    let next = now + whole(gap);
                    if next < end {
                        self.at(next, Event::Arrive);
                    }
                }
                Event::Share => {
                    self.share(now);
                    if now < end {
                        self.at(now + SHARE_EVERY_MS, Event::Share);
                    }
                }
                Event::End(request) => self.end(request, now),
            }
        }
        self
    }

    fn at(&mut self, time: u64, event: Event) {
        self.events += 1;
        self.clock.push(Reverse((time, self.events, event)));
    }

    fn arrive(&mut self, now: u64) {
        let isolate = usize::try_from(whole(self.rng.next_f64() * self.registries.len() as f64)).unwrap();
        let facts: Vec<CandidateFacts<'_>> = self
            .upstreams
            .iter()
            .enumerate()
            .map(|(index, upstream)| CandidateFacts {
                provider: PROVIDERS[index],
                model: MODELS[index],
                weight: upstream.weight,
                ..Default::default()
            })
            .collect();
        let counter = self.requests.len() as u64;
        let question = Question { strategy: self.strategy, counter, ..Default::default() };
        let rng = &mut self.rng;
        let decision = plan(&facts, &question, &self.registries[isolate], now, &mut || rng.next_f64());
        // If all are cooling down, the caller is told so.
        let max_attempts = if decision.resting_until_ms.is_some() { 0 } else { MAX_ATTEMPTS };
        self.requests.push(Request { isolate, walk: Walk::new(&decision, max_attempts), under_way: None });
        self.answers.push((now, false));
        self.go_on(self.requests.len() - 1, now);
    }

    /// Begins the next attempt of a request, if there is one.
    fn go_on(&mut self, id: usize, now: u64) {
        let Request { isolate, walk, .. } = &mut self.requests[id];
        let registry = &mut self.registries[*isolate];
        while let Some(step) = walk.next_step() {
            let targets = [PROVIDERS[step.index], MODELS[step.index]];
            let permits = if step.anyway {
                registry.begin_last_resort(targets, now)
            } else {
                registry.begin_all(targets, now)
            };
            let Ok(permits) = permits else {
                walk.put_off(step);
                continue;
            };
            walk.count();
            let (failure, delay, retry_after_ms) = self.behave(step.index, now);
            self.requests[id].under_way =
                Some(UnderWay { upstream: step.index, permits, begun_ms: now, failure, retry_after_ms });
            self.at(now + delay, Event::End(id));
            return;
        }
    }

    fn behave(&mut self, upstream: usize, now: u64) -> (Option<Failure>, u64, Option<u64>) {
        let Upstream { script, latency_ms, .. } = self.upstreams[upstream];
        let latency = whole(latency_ms as f64 * (0.5 + self.rng.next_f64()));
        match script(now - START) {
            Behaviour::Down => (Some(Failure::Transport), 30, None),
            Behaviour::Shaky(share) if self.rng.next_f64() < share => {
                (Some(Failure::Status(500)), latency, None)
            }
            Behaviour::Up | Behaviour::Shaky(_) => (None, latency, None),
            Behaviour::Limited(wait) => (Some(Failure::Status(429)), 20, Some(wait)),
        }
    }

    fn end(&mut self, id: usize, now: u64) {
        let request = &mut self.requests[id];
        let UnderWay { upstream, permits, begun_ms, failure, retry_after_ms } =
            request.under_way.take().unwrap();
        let isolate = request.isolate;
        let verdict = failure.map(|failure| classify(failure, None, None, &[]));
        let outcomes = verdict.map_or(Outcomes::SUCCESS, |verdict| verdict.outcomes(retry_after_ms, true));
        let ttfb = failure.is_none().then_some(now - begun_ms);
        let registry = &mut self.registries[isolate];
        let [provider, model] = permits;
        registry.finish(PROVIDERS[upstream], provider, now, outcomes.provider, ttfb);
        registry.finish(MODELS[upstream], model, now, outcomes.model, ttfb);
        self.attempts.push(Attempt { isolate, upstream, begun_ms, ended_ms: now, failure, retry_after_ms });
        match verdict {
            None => self.answers[id].1 = true,
            Some(verdict) if verdict.may_go_on() => self.go_on(id, now),
            Some(_) => {}
        }
    }

    /// All isolates receive the observations of all others, if there are new ones.
    fn share(&mut self, now: u64) {
        if !self.shares {
            return;
        }
        let revisions: Vec<u64> = self.registries.iter().map(HealthRegistry::revision).collect();
        if revisions == self.told {
            return;
        }
        self.told = revisions;
        let news: Vec<_> = self.registries.iter().flat_map(|registry| registry.export(now)).collect();
        for registry in &mut self.registries {
            registry.absorb(&news, now);
        }
    }

    fn success_rate(&self) -> f64 {
        self.answers.iter().filter(|(_, success)| *success).count() as f64 / self.answers.len() as f64
    }

    /// Attempts that began within these seconds.
    fn between(&self, from_s: f64, to_s: f64) -> impl Iterator<Item = &Attempt> {
        let range = START + whole(from_s * 1_000.0)..START + whole(to_s * 1_000.0);
        self.attempts.iter().filter(move |attempt| range.contains(&attempt.begun_ms))
    }

    /// Shares of the upstreams in these attempts.
    fn shares_between(&self, from_s: f64, to_s: f64) -> Vec<f64> {
        let mut counts = vec![0_u32; self.upstreams.len()];
        for attempt in self.between(from_s, to_s) {
            counts[attempt.upstream] += 1;
        }
        let total = f64::from(counts.iter().sum::<u32>());
        counts.into_iter().map(|count| f64::from(count) / total).collect()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
fn whole(value: f64) -> u64 {
    value as u64
}

fn up(_: u64) -> Behaviour {
    Behaviour::Up
}

fn upstream(weight: u32, script: Script) -> Upstream {
    Upstream { weight, script, latency_ms: 400 }
}

/// Three upstreams of which one behaves by script.
fn two_well_and(script: Script) -> Vec<Upstream> {
    vec![upstream(1, up), upstream(1, script), upstream(1, up)]
}

#[test]
fn traffic_follows_the_weights() {
    for strategy in [Strategy::Weighted, Strategy::Balanced, Strategy::ReliabilityFirst] {
        let upstreams = vec![upstream(5, up), upstream(3, up), upstream(2, up), upstream(0, up)];
        let world = World::new(strategy, 4, upstreams).run(1_000, 10.0);
        assert!(world.answers.len() > 95_000);
        for (got, want) in world.shares_between(0.0, 1_000.0).iter().zip([0.5, 0.3, 0.2, 0.0]) {
            assert!((got - want).abs() < 0.01, "{strategy:?}: {got} instead of {want}");
        }
        assert!(world.success_rate() >= 1.0);
    }
}

#[test]
fn one_healthy_upstream_of_three_is_enough() {
    let dead: Script = |_| Behaviour::Down;
    for (_, strategy) in Strategy::NAMES {
        let upstreams = vec![upstream(1, dead), upstream(1, dead), upstream(1, up)];
        let world = World::new(*strategy, 4, upstreams).run(300, 10.0);
        assert!(world.success_rate() >= 0.999, "{strategy:?}: {}", world.success_rate());
    }
}

#[test]
fn outages_that_wander_are_followed() {
    // Each minute another one is the only healthy one.
    let scripts: [Script; 3] = [
        |at| if at / 60_000 % 3 == 0 { Behaviour::Shaky(0.0002) } else { Behaviour::Down },
        |at| if at / 60_000 % 3 == 1 { Behaviour::Shaky(0.0002) } else { Behaviour::Down },
        |at| if at / 60_000 % 3 == 2 { Behaviour::Shaky(0.0002) } else { Behaviour::Down },
    ];
    for strategy in [Strategy::Balanced, Strategy::Weighted, Strategy::Ordered, Strategy::LeastBusy] {
        let upstreams = scripts.iter().map(|script| upstream(1, *script)).collect();
        let world = World::new(strategy, 4, upstreams).run(600, 10.0);
        assert!(world.success_rate() >= 0.999, "{strategy:?}: {}", world.success_rate());
    }
}

#[test]
fn a_dead_upstream_is_left_alone_and_taken_back_within_one_cooldown() {
    // Dead from 1:00 to 4:00.
    let script: Script = |at| if (60_000..240_000).contains(&at) { Behaviour::Down } else { Behaviour::Up };
    for strategy in [Strategy::Balanced, Strategy::Weighted, Strategy::RoundRobin, Strategy::LatencyFirst] {
        let world = World::new(strategy, 4, two_well_and(script)).run(600, 10.0);
        assert!(world.success_rate() >= 1.0, "{strategy:?}");
        // Every isolate knows it at the latest when the observations are shared.
        let share = world.shares_between(63.0, 240.0)[1];
        assert!(share < 0.01, "{strategy:?}: the dead one still gets {share}");
        // The longest cooldown is 120 s; a trial and its answer take less than two more.
        let back = world.between(240.0, 600.0).find(|one| one.upstream == 1).unwrap();
        let after = back.begun_ms - START - 240_000;
        assert!(back.failure.is_none() && after <= 120_000 + 2_000, "{strategy:?}: back after {after} ms");
        let share = world.shares_between(480.0, 600.0)[1];
        assert!((share - 1.0 / 3.0).abs() < 0.05, "{strategy:?}: gets {share} afterwards");
    }
}

#[test]
fn a_short_outage_costs_one_short_cooldown() {
    let script: Script = |at| if (60_000..65_000).contains(&at) { Behaviour::Down } else { Behaviour::Up };
    for strategy in [Strategy::Balanced, Strategy::Weighted] {
        let world = World::new(strategy, 4, two_well_and(script)).run(120, 10.0);
        let back = world.between(65.0, 120.0).find(|one| one.upstream == 1).unwrap();
        let after = back.begun_ms - START - 65_000;
        assert!(after <= 10_000 + 1_000, "{strategy:?}: back after {after} ms");
    }
}

#[test]
fn no_herd_rushes_at_a_half_open_circuit() {
    let script: Script = |at| if at >= 60_000 { Behaviour::Down } else { Behaviour::Up };
    for shares in [false, true] {
        // By weight, so that only the circuit keeps requests away.
        let mut world = World::new(Strategy::Weighted, 16, two_well_and(script));
        world.shares = shares;
        let world = world.run(600, 4.0);
        // By 1:05 every isolate has found out. From then on each may make one trial per cooldown, which grows from 10
        // s to 2 min (less a fifth of jitter).
        let probes: Vec<&Attempt> = world.between(65.0, 600.0).filter(|one| one.upstream == 1).collect();
        for isolate in 0..16 {
            let own: Vec<u64> =
                probes.iter().filter(|one| one.isolate == isolate).map(|one| one.begun_ms).collect();
            assert!(own.windows(2).all(|pair| pair[1] - pair[0] >= 8_000), "isolate {isolate}: {own:?}");
            assert!(own.len() <= 9, "isolate {isolate}: {} probes", own.len());
        }
        // If isolates share observations, one makes the trial for all: as many trials as cooldowns, and a few in the
        // first two seconds, before the first observation is shared.
        let most = if shares { 25 } else { 16 * 9 };
        assert!(probes.len() <= most, "{} probes, sharing: {shares}", probes.len());
    }
}

#[test]
fn telling_each_other_saves_attempts() {
    let script: Script = |at| if at >= 30_000 { Behaviour::Down } else { Behaviour::Up };
    let wasted = |strategy: Strategy, shares: bool| {
        // 64 isolates with little traffic each: the usual case at the edge.
        let mut world = World::new(strategy, 64, two_well_and(script));
        world.shares = shares;
        world.run(150, 20.0).attempts.iter().filter(|one| one.failure.is_some()).count()
    };
    for (strategy, most) in [(Strategy::Weighted, 0.5), (Strategy::Balanced, 0.8)] {
        let (alone, together) = (wasted(strategy, false), wasted(strategy, true));
        let share = together as f64 / alone as f64;
        assert!(share < most, "{strategy:?}: {together} together, {alone} alone");
    }
}

#[test]
fn one_that_flaps_costs_little() {
    let script: Script = |at| if at / 5_000 % 2 == 0 { Behaviour::Up } else { Behaviour::Down };
    let world = World::new(Strategy::Balanced, 4, two_well_and(script)).run(900, 10.0);
    assert!(world.success_rate() >= 1.0);
    let failed = world.attempts.iter().filter(|one| one.failure.is_some()).count() as f64;
    let share = failed / world.attempts.len() as f64;
    assert!(share < 0.005, "{share} of all attempts failed");
}

#[test]
fn an_upstream_that_fails_half_of_the_time_is_avoided() {
    let world = World::new(Strategy::Balanced, 4, two_well_and(|_| Behaviour::Shaky(0.5))).run(600, 10.0);
    assert!(world.success_rate() >= 0.9999, "{}", world.success_rate());
    assert!(world.shares_between(60.0, 600.0)[1] < 0.05);
}

#[test]
fn retry_after_is_kept_to_the_millisecond() {
    // Limited in the first seconds of every half minute.
    let script: Script = |at| if at % 30_000 < 4_000 { Behaviour::Limited(1_234) } else { Behaviour::Up };
    for strategy in [Strategy::Weighted, Strategy::Balanced] {
        let world = World::new(strategy, 4, two_well_and(script)).run(300, 10.0);
        assert!(world.success_rate() >= 1.0);
        let limited = world.attempts.iter().filter(|one| one.retry_after_ms.is_some());
        let mut seen = 0;
        for told in limited {
            seen += 1;
            let barred = told.ended_ms + 1..told.ended_ms + told.retry_after_ms.unwrap();
            let early = world.attempts.iter().find(|one| {
                one.isolate == told.isolate && one.upstream == told.upstream && barred.contains(&one.begun_ms)
            });
            assert!(early.is_none(), "asked {} ms early", barred.end - early.unwrap().begun_ms);
        }
        assert!(seen > 10);
        // Afterwards it is asked again at once, and its circuit never opened.
        assert!((world.shares_between(6.0, 30.0)[1] - 1.0 / 3.0).abs() < 0.05);
        let opened = world.registries.iter().any(|registry| {
            registry.export(START + 300_000).iter().any(|news| news.kind != SharedKind::Cooldown)
        });
        assert!(!opened, "a limit is no failure");
    }
}

#[test]
fn when_all_cool_down_none_is_asked_until_the_first_may_be() {
    let script: Script = |at| if at < 20_000 { Behaviour::Up } else { Behaviour::Limited(5_000) };
    let upstreams = vec![upstream(1, script), upstream(1, script)];
    let world = World::new(Strategy::Weighted, 1, upstreams).run(60, 10.0);
    // Requests in flight end soon after; then at most one round of attempts every five seconds.
    for attempt in world.between(21.0, 60.0) {
        let earlier = world
            .attempts
            .iter()
            .filter(|one| one.upstream == attempt.upstream && one.ended_ms < attempt.begun_ms);
        let rest_until = earlier.filter_map(|one| Some(one.ended_ms + one.retry_after_ms?)).max().unwrap();
        assert!(attempt.begun_ms >= rest_until);
    }
}

#[test]
fn everything_dead_comes_back_at_the_first_success() {
    let script: Script = |at| if (30_000..90_000).contains(&at) { Behaviour::Down } else { Behaviour::Up };
    let upstreams = vec![upstream(1, script), upstream(1, script), upstream(1, script)];
    let world = World::new(Strategy::Balanced, 4, upstreams).run(180, 10.0);
    let late: Vec<bool> =
        world.answers.iter().filter(|(at, _)| *at >= START + 90_000).map(|(_, success)| *success).collect();
    let failed = late.iter().filter(|success| !**success).count();
    assert_eq!(failed, 0, "of {}: the least bad is asked, and is well again", late.len());
}
