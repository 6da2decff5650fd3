//! What holds whatever upstreams do.

use nexus_edge_core::routing::Route;
use proptest::prelude::*;

use crate::world::Manner::{self, Answers, Busy, Fails, Limited, Refuses, Silent};
use crate::world::{START, World, now_ms, route};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        (1..20_000u64).prop_map(Answers),
        (
            prop::sample::select(vec![400, 401, 403, 404, 408, 429, 500, 502, 503]),
            prop::option::of(1..90_000u64)
        )
            .prop_map(|(status, rest)| Fails(status, rest)),
        Just(Refuses),
        Just(Silent),
    ]
}

fn manners() -> impl Strategy<Value = Vec<Manner>> {
    prop_oneof![
        8 => prop::collection::vec(manner(), 1..4),
        1 => Just(vec![Busy]),
        1 => prop::option::of(1..90u32).prop_map(|wait_s| vec![Limited(wait_s)]),
    ]
}

proptest! {
    #[test]
    fn requests_end_in_time_within_their_attempts_and_give_everything_back(
        behaviours in prop::collection::vec(manners(), 3),
        max_attempts in 1..6u32,
        deadline_ms in 1_000..60_000u64,
        hedge_after_ms in prop::option::of(50..5_000u64),
        requests in 1..4usize,
    ) {
        let script: Vec<(&str, &[Manner])> =
            NAMES.into_iter().zip(&behaviours).map(|(name, manners)| (name, manners.as_slice())).collect();
        let world = World::new(&script);
        let candidates: Vec<(&str, &[&str])> = NAMES.into_iter().map(|name| (name, &[][..])).collect();
        let route = Route { max_attempts, deadline_ms, hedge_after_ms, ..route(&candidates) };
        for _ in 0..requests {
            let begun_ms = now_ms();
            world.asked.borrow_mut().clear();
            let (served, trail) = world.serve(&route);
            let asked = world.names_asked().len();
            prop_assert!(asked <= max_attempts as usize, "{asked} attempts");
            prop_assert!(now_ms() - begun_ms <= deadline_ms + 20, "{} ms", now_ms() - begun_ms);
            prop_assert!(trail.attempts() <= asked);
            if let Ok((said, hold)) = served {
                prop_assert!(world.names_asked().contains(&said.provider));
                drop(hold);
            }
            prop_assert_eq!(world.in_flight(&NAMES), (0, 0));
            prop_assert!(now_ms() >= START);
        }
    }
}
