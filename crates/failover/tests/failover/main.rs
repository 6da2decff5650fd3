//! Failover with a virtual clock against upstreams that fail by script.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod after;
mod laws;
mod settled;
mod world;

use nexus_edge_core::routing::Route;
use nexus_edge_core::routing::health::Caller;
use nexus_edge_core::routing::retry::Outcomes;
use nexus_edge_core::stats::{AttemptRecord, UsageEvent};
use nexus_edge_failover::Trail;

use world::Manner::{self, Answers, Busy, Fails, Limited, Refuses, Silent};
use world::{Reply, World, given_back, now_ms, pass, route};

const NO_KEYS: &[&str] = &[];

/// What the trail leaves in the usage event.
fn recorded(mut trail: Trail) -> Vec<AttemptRecord> {
    let mut event = UsageEvent::default();
    trail.write_to(&mut event);
    event.attempts
}

/// `provider class` of each attempt, `provider skipped` of each candidate that was not asked.
fn words(trail: Trail) -> Vec<String> {
    let word = |record: &AttemptRecord| record.skipped.clone().or_else(|| record.error_class.clone());
    recorded(trail)
        .iter()
        .map(|record| format!("{} {}", record.provider, word(record).unwrap_or("ok".into())))
        .collect()
}

fn two() -> Route {
    route(&[("a", NO_KEYS), ("b", NO_KEYS)])
}

#[test]
fn an_answer_is_returned_with_its_permits_and_leaves_no_trail() {
    let world = World::new(&[("a", &[Answers(30)]), ("b", &[Answers(1)])]);
    let (served, trail) = world.serve(&two());
    let (said, hold) = served.unwrap();
    assert_eq!(said.provider, "a");
    assert_eq!(world.in_flight(&["a", "b"]), (1, 1), "until the end of the answer");
    drop(hold);
    assert_eq!(world.in_flight(&["a", "b"]), (0, 0));
    assert_eq!(trail.attempts(), 1);
    assert!(recorded(trail).is_empty());
}

#[test]
fn an_upstream_that_fails_is_followed_by_the_next() {
    for manner in [Fails(500, None), Fails(429, None), Fails(401, None), Refuses, Silent] {
        let world = World::new(&[("a", &[manner]), ("b", &[Answers(5)])]);
        let (served, trail) = world.serve(&two());
        assert_eq!(served.unwrap().0.provider, "b", "{manner:?}");
        assert_eq!(trail.attempts(), 2, "{manner:?}");
        assert_eq!(world.in_flight(&["a", "b"]), (0, 0), "{manner:?}");
    }
}

#[test]
fn a_mistake_of_the_caller_is_answered_at_once() {
    let world = World::new(&[("a", &[Fails(400, None)]), ("b", &[Answers(5)])]);
    let (served, trail) = world.serve(&two());
    assert!(matches!(served.unwrap_err(), Reply::Upstream(400)));
    assert_eq!(world.names_asked(), ["a"]);
    assert_eq!(trail.attempts(), 1);
}

#[test]
fn a_limited_key_is_followed_by_another_key_of_the_same_provider() {
    let world =
        World::new(&[("a#one", &[Fails(429, Some(60_000))]), ("a#two", &[Answers(5)]), ("b", &[Answers(5)])]);
    let route = route(&[("a", &["one", "two"]), ("b", NO_KEYS)]);
    assert_eq!(world.serve(&route).0.unwrap().0.provider, "a");
    // While the key cools down, further requests go to the other at once.
    for _ in 0..3 {
        world.asked.borrow_mut().clear();
        assert_eq!(world.serve(&route).0.unwrap().0.provider, "a");
        assert!(world.asked.borrow().iter().all(|(_, key, _)| key == "two"));
    }
}

#[test]
fn the_error_of_the_last_attempt_is_what_the_caller_gets() {
    let world = World::new(&[("a", &[Fails(500, None)]), ("b", &[Fails(503, None)])]);
    let route = Route { max_attempts: 2, ..two() };
    let (served, trail) = world.serve(&route);
    assert!(matches!(served.unwrap_err(), Reply::Upstream(503)));
    assert_eq!(words(trail), ["a upstream_error", "b upstream_error"]);
}

#[test]
fn attempts_are_bounded_and_spaced() {
    let world = World::new(&[("a", &[Fails(500, None)]), ("b", &[Fails(500, None)])]);
    let begun = now_ms();
    let (served, trail) = world.serve(&Route { max_attempts: 4, ..two() });
    served.unwrap_err();
    assert_eq!(world.names_asked(), ["a", "b", "a", "b"]);
    assert_eq!(trail.attempts(), 4);
    assert!(now_ms() - begun > 4 * 20, "there is a pause before a candidate is asked again");
}

#[test]
fn the_deadline_bounds_all_attempts_together() {
    let world = World::new(&[("a", &[Silent]), ("b", &[Silent])]);
    let (served, _) = world.serve(&Route { deadline_ms: 12_000, ..two() });
    served.unwrap_err();
    let timeouts: Vec<u32> = world.asked.borrow().iter().map(|(.., timeout_ms)| *timeout_ms).collect();
    assert_eq!(timeouts, [10_000, 2_000]);
    assert_eq!(now_ms(), world::START + 12_000);
}

#[test]
fn a_hedged_request_is_answered_by_the_first_and_the_other_is_charged_as_an_estimate() {
    let world = World::new(&[("a", &[Answers(9_000)]), ("b", &[Answers(100)])]);
    let (served, trail) = world.serve(&Route { hedge_after_ms: Some(500), ..two() });
    assert_eq!(served.unwrap().0.provider, "b");
    assert_eq!(now_ms(), world::START + 600);
    let attempts = recorded(trail);
    let lost = attempts.iter().find(|record| record.skipped.as_deref() == Some("hedge_lost")).unwrap();
    assert_eq!((lost.provider.as_str(), lost.prompt_tokens), ("a", Some(12)));
    let won = attempts.iter().find(|record| record.skipped.is_none()).unwrap();
    assert_eq!([lost.hedge, won.hedge], [false, true]);
    let lasted = |record: &AttemptRecord| (record.started_ms.unwrap() - world::START, record.duration_ms);
    assert_eq!((lasted(lost), lasted(won)), ((0, 600), (500, 100)));
    assert_eq!(world.in_flight(&["a", "b"]), (0, 0), "the permits of both are given back");
}

#[test]
fn a_hedge_is_not_sent_while_the_first_is_in_time() {
    let world = World::new(&[("a", &[Answers(499)]), ("b", &[Answers(1)])]);
    let (served, _) = world.serve(&Route { hedge_after_ms: Some(500), ..two() });
    assert_eq!(served.unwrap().0.provider, "a");
    assert_eq!(world.names_asked(), ["a"]);
}

#[test]
fn a_caller_who_leaves_ends_the_walk_and_blames_no_upstream() {
    let world = World::new(&[("a", &[Fails(500, None)]), ("b", &[Answers(5)])]);
    world.caller_leaves_after.set(Some(10));
    let (served, trail) = world.serve(&two());
    served.unwrap_err();
    assert_eq!(world.names_asked(), ["a"]);
    assert_eq!(trail.attempts(), 1);
    let view = world.health.with_registry(|registry| registry.view("a", now_ms()));
    assert_eq!((view.in_flight, view.penalty), (0, 0.0));
}

#[test]
fn a_provider_that_asks_for_rest_is_spared_until_it_is_over() {
    let world = World::new(&[("a", &[Fails(429, Some(30_000)), Answers(5)]), ("b", &[Answers(5)])]);
    assert_eq!(world.serve(&two()).0.unwrap().0.provider, "b");
    world.asked.borrow_mut().clear();
    let (served, trail) = world.serve(&two());
    assert_eq!(served.unwrap().0.provider, "b");
    assert_eq!(world.names_asked(), ["b"]);
    assert_eq!(words(trail), ["a cooldown", "b ok"]);
    pass(31_000);
    assert_eq!(world.serve(&two()).0.unwrap().0.provider, "a");
}

#[test]
fn an_open_circuit_is_passed_over_and_asked_as_the_last_resort() {
    let world = World::new(&[
        ("a", &[Refuses]),
        ("b", &[Answers(5), Answers(5), Answers(5), Answers(5), Answers(5), Refuses]),
    ]);
    for _ in 0..5 {
        assert_eq!(world.serve(&Route { max_attempts: 2, ..two() }).0.unwrap().0.provider, "b");
    }
    world.asked.borrow_mut().clear();
    let (served, trail) = world.serve(&Route { max_attempts: 2, ..two() });
    served.unwrap_err();
    assert_eq!(world.names_asked(), ["b", "a"], "first the healthy one, then the one whose circuit is open");
    assert_eq!(words(trail), ["a circuit_open", "b transport", "a transport"]);
}

#[test]
fn the_only_candidate_is_asked_whatever_its_health() {
    let world = World::new(&[("a", &[Refuses])]);
    for _ in 0..10 {
        world.serve(&Route { max_attempts: 1, ..route(&[("a", NO_KEYS)]) }).0.unwrap_err();
    }
    assert_eq!(world.names_asked().len(), 10);
}

#[test]
fn a_full_limiter_is_passed_over_and_named_if_no_candidate_is_left() {
    let world = World::new(&[("a", &[Busy]), ("b", &[Answers(5)])]);
    let (served, trail) = world.serve(&two());
    assert_eq!(served.unwrap().0.provider, "b");
    assert_eq!(words(trail), ["a busy", "b ok"]);
    let world = World::new(&[("a", &[Busy]), ("b", &[Busy])]);
    let Err(Reply::Gateway(error)) = world.serve(&two()).0 else { panic!("nothing was asked") };
    assert_eq!((error.code, error.status, error.retry_after_s), ("provider_busy", 429, Some(2)));
    assert_eq!(world.in_flight(&["a", "b"]), (0, 0));
}

#[test]
fn a_pause_that_does_not_fit_into_the_deadline_is_not_begun() {
    let world = World::new(&[("a", &[Fails(500, None)])]);
    let (served, _) = world.serve(&Route { deadline_ms: 60, ..route(&[("a", NO_KEYS)]) });
    served.unwrap_err();
    assert_eq!(world.names_asked(), ["a"]);
    assert_eq!(now_ms(), world::START + 20, "the error is not held back");
}

#[test]
fn resting_keys_are_used_where_there_is_no_other_candidate() {
    let world = World::new(&[("a", &[Fails(429, Some(60_000))])]);
    let alone = Route { max_attempts: 2, ..route(&[("a", &["one", "two"])]) };
    for _ in 0..2 {
        world.asked.borrow_mut().clear();
        world.serve(&alone).0.unwrap_err();
        assert!(!world.names_asked().is_empty(), "the caller is not helped by a refusal");
    }
}

#[test]
fn the_trial_of_a_half_open_circuit_gets_less_time() {
    let world = World::new(&[("a", &[Refuses]), ("b", &[Answers(5)])]);
    let mut patient = two();
    for candidate in &mut patient.candidates {
        candidate.first_byte_timeout_ms = 45_000;
    }
    for _ in 0..6 {
        world.serve(&patient).0.unwrap();
    }
    let until_ms = world.health.with_registry(|registry| {
        let blocked = |target: &&str| registry.blocked_until_ms(target, now_ms());
        ["a", "a/m", "a#none"].iter().filter_map(blocked).max().unwrap()
    });
    pass(until_ms - now_ms() + 1);
    world.asked.borrow_mut().clear();
    world.serve(&patient).0.unwrap();
    let asked: Vec<(String, u32)> =
        world.asked.borrow().iter().map(|(name, _, timeout_ms)| (name.clone(), *timeout_ms)).collect();
    assert_eq!(asked, [("a".to_owned(), 10_000), ("b".to_owned(), 45_000)]);
}

#[test]
fn a_limited_model_is_passed_over_and_not_asked_as_a_last_resort() {
    let world = World::new(&[("a", &[Limited(Some(9))]), ("b", &[Answers(5)])]);
    let (served, trail) = world.serve(&two());
    assert_eq!(served.unwrap().0.provider, "b");
    assert_eq!(words(trail), ["a limited", "b ok"]);
    // Its error is not what the caller gets if another candidate was asked.
    let world = World::new(&[("a", &[Limited(Some(9))]), ("b", &[Fails(500, None)])]);
    assert!(matches!(world.serve(&two()).0.unwrap_err(), Reply::Upstream(500)));
    assert!(world.names_asked().iter().all(|name| name == "b"));
}

#[test]
fn if_all_candidates_are_limited_the_caller_is_told_of_the_one_that_is_free_soonest() {
    for waits in [[Some(30), Some(7)], [Some(7), Some(30)], [None, Some(7)], [Some(7), None]] {
        let world = World::new(&[("a", &[Limited(waits[0])]), ("b", &[Limited(waits[1])])]);
        let Err(Reply::Gateway(error)) = world.serve(&two()).0 else { panic!("nothing was asked") };
        assert_eq!((error.status, error.retry_after_s), (429, Some(7)), "{waits:?}");
        assert_eq!(world.in_flight(&["a", "b"]), (0, 0));
    }
    // A single candidate is asked whatever its health, but not whatever its limits.
    let world = World::new(&[("a", &[Limited(None)])]);
    let Err(Reply::Gateway(error)) = world.serve(&route(&[("a", NO_KEYS)])).0 else { panic!("not asked") };
    assert_eq!((error.status, error.retry_after_s), (429, None));
}

#[test]
fn what_a_failed_attempt_took_is_given_back_unless_its_error_is_the_answer() {
    let world = World::new(&[("a", &[Fails(500, None)]), ("b", &[Answers(5)])]);
    given_back();
    let (_, hold) = world.serve(&two()).0.unwrap();
    assert_eq!(given_back(), 1);
    drop(hold);
    assert_eq!(given_back(), 0, "the answer is used");
    let world = World::new(&[("a", &[Fails(400, None)]), ("b", &[Answers(5)])]);
    world.serve(&two()).0.unwrap_err();
    assert_eq!(given_back(), 0, "the caller's mistake counts");
}

/// What callers see of one provider in front of another, when a caller sends what it refuses.
fn as_caller(world: &World, name: &str, manner: Manner) -> String {
    world.set("a", manner);
    world.caller.set(Caller::named(name));
    world.asked.borrow_mut().clear();
    world.serve(&route(&[("a", &["key"]), ("b", NO_KEYS)])).0.map_or("none".into(), |(said, hold)| {
        hold.end(Outcomes::SUCCESS);
        said.provider
    })
}

#[test]
fn the_refusals_of_one_caller_rest_a_shared_key_for_no_other() {
    for status in [401, 402, 403] {
        let world = World::new(&[("a", &[Answers(5)]), ("b", &[Answers(5)])]);
        for _ in 0..20 {
            assert_eq!(as_caller(&world, "eve", Fails(status, Some(600_000))), "b");
            pass(10);
        }
        assert_eq!(as_caller(&world, "eve", Answers(5)), "b", "it rests for its caller");
        assert_eq!(as_caller(&world, "ann", Answers(5)), "a", "{status}: not for others");
    }
}

#[test]
fn a_key_that_two_callers_are_refused_rests_for_all_until_it_answers() {
    let world = World::new(&[("a", &[Answers(5)]), ("b", &[Answers(5)])]);
    assert_eq!(as_caller(&world, "ann", Fails(401, None)), "b");
    assert_eq!(as_caller(&world, "bob", Fails(401, None)), "b");
    assert_eq!(as_caller(&world, "cid", Answers(5)), "b", "it rests");
    assert_eq!(world.names_asked(), ["b"]);
    pass(601_000);
    assert_eq!(as_caller(&world, "cid", Answers(5)), "a");
}

#[test]
fn the_failures_of_one_caller_open_no_circuit_while_others_are_answered() {
    for manner in [Fails(500, None), Refuses, Fails(408, None)] {
        let world = World::new(&[("a", &[Answers(5)]), ("b", &[Answers(5)])]);
        assert_eq!(as_caller(&world, "ann", Answers(5)), "a");
        for _ in 0..200 {
            as_caller(&world, "eve", manner);
        }
        assert_eq!(as_caller(&world, "ann", Answers(5)), "a", "{manner:?}");
        // An outage is seen by all.
        for _ in 0..3 {
            as_caller(&world, "ann", Fails(500, None));
            as_caller(&world, "bob", Fails(500, None));
        }
        as_caller(&world, "cid", Answers(5));
        assert_eq!(world.names_asked(), ["b"], "{manner:?}");
    }
}
