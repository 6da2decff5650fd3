use crate::limits::lease::FLUSH_AFTER_MS;
use crate::limits::rules::RuleKind;
use crate::limits::sync::{Part, Refused};
use crate::limits::{
    Amounts, Ask, Authority, LEASE_TTL_MS, Lease, Limits, Refusal, Reply, Rules, SLOT_RENEW_MS, Spent, Step,
};

const NOW: u64 = 1_000_000;
const ONE: Amounts = Amounts::request(0, 0);
const KIND: Option<RuleKind> = Some(RuleKind::RequestsPerMinute);

/// A lease that was granted one request by a new authority at `NOW`.
fn granted(rules: &Rules, need: Amounts) -> (Lease, Spent) {
    let mut lease = Lease::default();
    assert_eq!(lease.spend(rules, need, NOW), Step::Ask);
    let ask = lease.ask(need, || "slot".to_owned(), NOW);
    let (reply, _) = Authority::default().answer(&ask, NOW);
    match lease.receive(&ask, &reply, NOW, NOW) {
        Step::Granted(spent) => (lease, spent),
        other => panic!("{other:?}"),
    }
}

fn refused(limit: u64, retry_after_ms: u64, hold_ms: u64) -> Reply {
    let refused = Refused { kind: KIND, limit, retry_after_ms: Some(retry_after_ms), hold_ms, left: None };
    Reply { at: NOW, lease_ms: LEASE_TTL_MS, refused: Some(refused), ..Reply::default() }
}

fn refusal(limit: u64, retry_after_ms: u64) -> Step {
    Step::Refused(Refusal { kind: KIND, limit, retry_after_ms: Some(retry_after_ms), left: None })
}

#[test]
fn a_refusal_elsewhere_holds_here_exactly_as_long_as_it_says() {
    let rules = Rules::requests_per_minute(5);
    let mut lease = Lease::default();
    lease.block(&rules, Refusal { kind: KIND, limit: 5, retry_after_ms: Some(900), left: None }, 300, NOW);
    assert_eq!(lease.spend(&rules, ONE, NOW + 299), refusal(5, 601));
    assert_eq!(lease.spend(&rules, ONE, NOW + 300), Step::Ask);
}

#[test]
fn a_refusal_is_repeated_until_its_hold_ends_and_replaces_the_one_before() {
    let rules = Rules::requests_per_minute(5);
    let mut lease = Lease::default();
    assert_eq!(lease.spend(&rules, ONE, NOW), Step::Ask);
    let ask = lease.ask(ONE, String::new, NOW);
    assert_eq!(lease.receive(&ask, &refused(5, 60_000, 20_000), NOW, NOW), refusal(5, 60_000));
    assert_eq!(lease.spend(&rules, ONE, NOW + 400), refusal(5, 59_600));
    assert_eq!(lease.receive(&ask, &refused(5, 5_000, 1_000), NOW, NOW), refusal(5, 5_000));
    assert_eq!(lease.spend(&rules, ONE, NOW + 999), refusal(5, 4_001));
    assert_eq!(lease.spend(&rules, ONE, NOW + 1_000), Step::Ask);
}

#[test]
fn a_lease_is_dropped_only_when_nothing_would_be_lost() {
    let rules = Rules::requests_per_minute(5);
    assert!(Lease::default().is_new() && !Lease::default().has_news());
    let (mut lease, spent) = granted(&rules, ONE);
    assert!(!lease.is_new() && !lease.has_news());
    assert!(!lease.is_idle(NOW + 60_000) && lease.is_idle(NOW + 60_001));

    let mut holding = lease.clone();
    holding.block(&rules, Refusal { kind: KIND, limit: 5, retry_after_ms: None, left: None }, 100_000, NOW);
    assert!(!holding.is_idle(NOW + 99_999) && holding.is_idle(NOW + 100_000));

    lease.give_back(spent, NOW);
    assert!(lease.has_news() && !lease.is_idle(NOW + 100_000));
    let told = lease.flush(NOW + FLUSH_AFTER_MS).unwrap();
    assert_eq!(told.returns, [Part { at: NOW, amounts: ONE }]);
    assert!(!lease.has_news() && lease.is_idle(NOW + 100_000));
}

#[test]
fn a_lease_with_permits_is_not_idle_before_they_expire() {
    let rules = Rules::requests_per_minute(500);
    let (mut lease, _) = granted(&rules, ONE);
    let ask = Ask { rules, need: ONE, ..Ask::default() };
    let granted = Amounts { requests: 4, ..Amounts::ZERO };
    let sent_ms = NOW - 1_000;
    let reply = Reply { at: NOW, lease_ms: LEASE_TTL_MS, granted, ..Reply::default() };
    assert!(matches!(lease.receive(&ask, &reply, sent_ms, NOW), Step::Granted(_)));
    assert!(lease.is_idle(NOW + 60_001));
    let late = Ask { need: Amounts::ZERO, ..ask };
    lease.receive(&late, &reply, NOW + 59_999, NOW);
    assert!(!lease.is_idle(NOW + 60_001), "permits of a grant that was asked for in the meantime");
}

#[test]
fn what_an_unanswered_ask_told_is_told_again_where_that_is_safe() {
    let rules = Rules::new(
        &Limits { tokens_per_minute: Some(1_000), concurrency: Some(2), ..Limits::default() },
        None,
    );
    let (mut lease, spent) = granted(&rules, Amounts::request(100, 0));
    lease.settle(spent, Amounts::request(300, 0), NOW);
    let told = lease.flush(NOW + FLUSH_AFTER_MS).unwrap();
    assert_eq!((told.debt.tokens, told.release.as_slice()), (200, ["slot".to_owned()].as_slice()));
    assert!(!lease.has_news());
    lease.lost(&told, NOW + 5_000);
    let again = lease.flush(NOW + 5_000 + FLUSH_AFTER_MS).unwrap();
    assert_eq!((again.debt, again.release, again.returns), (told.debt, told.release, Vec::new()));
    lease.lost(&Ask::default(), NOW + 9_000);
    assert!(!lease.has_news(), "nothing was lost with it");
}

#[test]
fn returns_of_one_grant_are_one_return_and_end_its_refusals() {
    let limits = Limits { requests_per_minute: Some(5), tokens_per_minute: Some(1_000), ..Limits::default() };
    let rules = Rules::new(&limits, None);
    let (mut lease, spent) = granted(&rules, Amounts::request(100, 0));
    let block = |lease: &mut Lease, kind| {
        lease.block(
            &rules,
            Refusal { kind: Some(kind), limit: 5, retry_after_ms: None, left: None },
            50_000,
            NOW,
        );
    };
    block(&mut lease, RuleKind::RequestsPerMinute);
    block(&mut lease, RuleKind::TokensPerMinute);
    // Tokens come back and the request does not: only the refusal by tokens ends.
    lease.settle(spent.clone(), Amounts::request(40, 0), NOW);
    let Step::Refused(refusal) = lease.spend(&rules, Amounts::request(5, 0), NOW + 1) else { panic!() };
    assert_eq!(refusal.kind, KIND);
    lease.give_back(spent, NOW + 2);
    assert_eq!(lease.spend(&rules, Amounts::request(5, 0), NOW + 3), Step::Ask);
    let told = lease.flush(NOW + FLUSH_AFTER_MS + 2).unwrap();
    assert_eq!(told.returns, [Part { at: NOW, amounts: Amounts { requests: 1, tokens: 160, cost: 0 } }]);
}

#[test]
fn a_slot_that_was_not_renewed_for_long_is_released_and_not_reused() {
    let rules = Rules::new(&Limits { concurrency: Some(1), ..Limits::default() }, None);
    let (mut lease, spent) = granted(&rules, ONE);
    let renewal = lease.renew("slot", NOW + 1);
    assert_eq!((renewal.renew.as_slice(), &renewal.rules), (["slot".to_owned()].as_slice(), &rules));
    lease.settle(spent, ONE, NOW + SLOT_RENEW_MS - 1);
    assert!(matches!(lease.clone().spend(&rules, ONE, NOW + SLOT_RENEW_MS - 1), Step::Granted(_)));
    assert_eq!(lease.spend(&rules, ONE, NOW + SLOT_RENEW_MS), Step::Ask);
}

/// Ten requests in one second, and the second after it has begun.
fn under_demand(rules: &Rules) -> Lease {
    let (mut lease, _) = granted(rules, ONE);
    for _ in 0..10 {
        lease.spend(rules, ONE, NOW);
    }
    lease
}

#[test]
fn more_is_asked_for_by_the_demand_once_until_it_is_answered_or_late() {
    let rules = Rules::requests_per_minute(10_000);
    let mut lease = under_demand(&rules);
    assert_eq!(lease.refill(NOW + 1), None, "a single burst is no demand yet");
    lease.spend(&rules, ONE, NOW + 1_000);
    let first = lease.refill(NOW + 1_000).unwrap();
    // 11 requests a second, for a second and a half.
    assert_eq!((first.extra.requests, first.need), (16, Amounts::ZERO));
    assert_eq!(lease.refill(NOW + 1_001), None, "one is under way");
    let mut answered = lease.clone();
    let reply = Reply {
        at: NOW,
        lease_ms: LEASE_TTL_MS,
        granted: Amounts { requests: 3, ..Amounts::ZERO },
        ..Reply::default()
    };
    answered.receive(&first, &reply, NOW + 1_001, NOW + 1_002);
    assert!(answered.refill(NOW + 1_003).is_some(), "3 are not enough for half a second");
    assert_eq!(lease.ask(ONE, String::new, NOW + 1_002).extra, Amounts::ZERO);
}

#[test]
fn nothing_more_is_asked_for_during_a_refusal_or_without_limits() {
    let rules = Rules::requests_per_minute(10_000);
    let mut lease = under_demand(&rules);
    lease.spend(&rules, ONE, NOW + 1_000);
    lease.block(&rules, Refusal { kind: KIND, limit: 5, retry_after_ms: None, left: None }, 100, NOW + 1_000);
    assert_eq!(lease.refill(NOW + 1_099), None);
    assert!(lease.refill(NOW + 1_100).is_some());

    let unlimited = Rules::new(&Limits { concurrency: Some(99), ..Limits::default() }, None);
    let mut lease = under_demand(&unlimited);
    lease.spend(&unlimited, ONE, NOW + 1_000);
    assert_eq!(lease.refill(NOW + 1_000), None);
}
