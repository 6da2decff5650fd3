//! One record is left behind, however a request ends.

use futures::channel::oneshot::Receiver;
use nexus_edge_core::dialect::canonical::StreamFault;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::stats::{Outcome, UsageEvent};
use nexus_edge_failover::{Record, Settlement, Trail};

use crate::world::Manner::Answers;
use crate::world::{START, Slot, World, now_ms, pass, route};

#[derive(Debug, Default)]
struct Left {
    event: UsageEvent,
    trail: Trail,
}

impl Record for Left {
    fn parts(&mut self) -> (&mut UsageEvent, &mut Trail) {
        (&mut self.event, &mut self.trail)
    }
}

fn begin() -> (Settlement<Left, Slot>, Receiver<Left>) {
    let event = UsageEvent { ts: START, ..UsageEvent::default() };
    Settlement::begin(Left { event, ..Left::default() }, now_ms)
}

/// The event that was left behind.
fn event(mut left: Receiver<Left>) -> UsageEvent {
    left.try_recv().expect("the guard is gone").expect("it has left a record").event
}

/// A request that `a` answers, served and not settled yet.
fn served(world: &World) -> (Settlement<Left, Slot>, Receiver<Left>) {
    let (mut settlement, left) = begin();
    let (answer, trail) = world.serve(&route(&[("a", &[])]));
    settlement.record().trail = trail;
    settlement.record().event.status = 200;
    settlement.keep_hold(answer.expect("it answers").1);
    (settlement, left)
}

fn penalty(world: &World) -> f64 {
    world.health.with_registry(|registry| registry.view("a", now_ms()).penalty)
}

#[test]
fn a_request_that_is_dropped_was_cancelled_and_blames_no_upstream() {
    let world = World::new(&[("a", &[Answers(30)])]);
    let (settlement, left) = served(&world);
    pass(270);
    drop(settlement);
    let event = event(left);
    assert_eq!((event.outcome, event.status, event.duration_ms), (Outcome::Cancelled, 200, 300));
    assert_eq!((event.first_byte_ms, event.provider_name.as_deref()), (Some(30), Some("a")));
    assert_eq!((world.in_flight(&["a"]), penalty(&world)), ((0, 0), 0.0));
    // Before an upstream has answered, the status is that of a caller who left.
    let (settlement, left) = begin();
    drop(settlement);
    assert_eq!(self::event(left).status, 499);
}

#[test]
fn the_permits_are_held_until_the_answer_ends() {
    let world = World::new(&[("a", &[Answers(30)])]);
    let (settlement, left) = served(&world);
    assert_eq!(world.in_flight(&["a"]), (1, 1));
    settlement.finish(Outcome::Completed);
    assert_eq!(world.in_flight(&["a"]), (0, 0));
    assert_eq!(event(left).outcome, Outcome::Completed);
}

#[test]
fn a_fault_of_the_stream_counts_against_the_upstream() {
    let faults =
        [StreamFault::Truncated, StreamFault::Malformed, StreamFault::Idle, StreamFault::UpstreamError];
    for fault in faults {
        let world = World::new(&[("a", &[Answers(30)])]);
        let (settlement, left) = served(&world);
        settlement.finish_faulty(fault);
        let event = event(left);
        assert_eq!((event.outcome, event.error_code.as_deref()), (Outcome::Failed, Some(fault.code())));
        assert!(penalty(&world) > 0.0, "{fault:?}");
        assert_eq!(world.in_flight(&["a"]), (0, 0));
    }
}

#[test]
fn errors_of_the_gateway_are_told_apart_from_failures_of_upstreams() {
    let cases = [
        (400, false, Outcome::Rejected),
        (429, false, Outcome::Rejected),
        (500, false, Outcome::Rejected),
        (502, false, Outcome::Failed),
        (503, false, Outcome::Failed),
        (504, false, Outcome::Failed),
        (502, true, Outcome::Cancelled),
    ];
    for (status, is_caller_gone, outcome) in cases {
        let (settlement, left) = begin();
        let error = ApiError::new(status, ErrorKind::of_status(status), "some_code", "No.");
        settlement.refuse(&error, is_caller_gone);
        let event = event(left);
        assert_eq!(
            (event.status, event.outcome, event.error_code.as_deref()),
            (status, outcome, Some("some_code"))
        );
    }
}
