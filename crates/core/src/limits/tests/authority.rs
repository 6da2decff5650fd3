use crate::limits::rules::RuleKind;
use crate::limits::sync::Refused;
use crate::limits::{Amounts, Ask, Authority, LEASE_TTL_MS, Limits, Reply, Rules, SLOT_TTL_MS};

const NOW: u64 = 1_000_000;
const ONE: Amounts = Amounts::request(0, 0);

fn ask(rules: &Rules, need: Amounts) -> Ask {
    Ask { rules: rules.clone(), need, ..Ask::default() }
}

fn refusal(reply: &Reply) -> &Refused {
    reply.refused.as_ref().unwrap()
}

#[test]
fn a_refusal_is_held_briefly_only_while_permits_may_come_back() {
    let rules = Rules::requests_per_minute(50);
    let mut authority = Authority::default();
    let hold_ms = |authority: &mut Authority, now: u64| {
        let reply = authority.answer(&ask(&rules, Amounts { requests: 60, ..ONE }), now).0;
        refusal(&reply).hold_ms
    };
    authority.answer(&ask(&rules, ONE), NOW);
    assert_eq!(hold_ms(&mut authority, NOW), 30_000, "what was needed does not come back");
    let extra = Amounts { requests: 4, ..Amounts::ZERO };
    authority.answer(&Ask { extra, ..ask(&rules, ONE) }, NOW);
    assert_eq!(hold_ms(&mut authority, NOW), 200);
    assert_eq!(hold_ms(&mut authority, NOW + LEASE_TTL_MS - 1), 200);
    assert_eq!(hold_ms(&mut authority, NOW + LEASE_TTL_MS), 30_000);
}

#[test]
fn a_refusal_by_tokens_is_held_briefly_because_they_are_corrected() {
    let rules = Rules::new(&Limits { tokens_per_minute: Some(100), ..Limits::default() }, None);
    let reply = Authority::default().answer(&ask(&rules, Amounts::request(500, 0)), NOW).0;
    assert_eq!(refusal(&reply).hold_ms, 1_000);
}

#[test]
fn of_equal_waits_the_first_limit_is_named() {
    let limits = Limits { requests_per_minute: Some(1), tokens_per_minute: Some(100), ..Limits::default() };
    let rules = Rules::new(&limits, None);
    let mut authority = Authority::default();
    authority.answer(&ask(&rules, Amounts::request(100, 0)), NOW);
    let reply = authority.answer(&ask(&rules, Amounts::request(100, 0)), NOW).0;
    assert_eq!(refusal(&reply).kind, Some(RuleKind::RequestsPerMinute));
}

#[test]
fn slots_say_when_to_ask_again_and_are_stored_with_their_end() {
    let rules =
        |concurrency| Rules::new(&Limits { concurrency: Some(concurrency), ..Limits::default() }, None);
    let with_slot = |rules: &Rules, slot: &str| Ask { slot: Some(slot.into()), ..ask(rules, Amounts::ZERO) };
    let mut authority = Authority::default();
    let (reply, _) = authority.answer(&with_slot(&rules(0), "a"), NOW);
    assert_eq!(refusal(&reply).retry_after_ms, None, "never");
    let (_, changes) = authority.answer(&with_slot(&rules(1), "a"), NOW);
    assert_eq!(changes.slots, [("a".to_owned(), Some(NOW + SLOT_TTL_MS))]);
    let (reply, _) = authority.answer(&with_slot(&rules(1), "b"), NOW);
    assert_eq!(refusal(&reply).retry_after_ms, Some(1_000));
    let renewal = Ask { renew: vec!["a".to_owned()], ..ask(&rules(1), Amounts::ZERO) };
    let (_, changes) = authority.answer(&renewal, NOW + 5);
    assert_eq!(changes.slots, [("a".to_owned(), Some(NOW + 5 + SLOT_TTL_MS))]);
    assert_eq!(authority.slots().collect::<Vec<_>>(), [("a", NOW + 5 + SLOT_TTL_MS)]);
}
