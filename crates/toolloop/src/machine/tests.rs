use super::*;
use crate::tool::{Shown, Tool, tool};
use proptest::prelude::*;

fn call(id: &str, name: &str, arguments: &str, machine: &Machine) -> Call {
    Call {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        fate: machine.fate(name),
    }
}

fn machine(tools: Vec<Tool>, limits: Limits) -> Machine {
    Machine::new(limits, Offer::new(tools, false), Caller::Keeps, 0)
}

fn text(text: &str) -> Outcome {
    Outcome::Result(serde_json::json!({"content": [{"type": "text", "text": text}]}).to_string().into_bytes())
}

#[test]
fn the_same_call_runs_twice_and_not_three_times() {
    let mut machine = machine(vec![tool("a__b")], Limits::default());
    for number in 0..4 {
        let _ = machine.ask(0);
        let call = call(&number.to_string(), "a__b", r#"{"x":1}"#, &machine);
        let work = machine.begin(&[call], false, 0);
        assert_eq!(work.jobs.len(), usize::from(number < 2));
        assert_eq!(work.answers.len(), usize::from(number >= 2));
    }
}

#[test]
fn arguments_that_are_no_object_are_not_sent_to_a_tool() {
    let mut machine = machine(vec![tool("a__b")], Limits::default());
    let _ = machine.ask(0);
    for (arguments, runs) in [("", true), ("null", true), ("{}", true), ("[1]", false), ("{\"x\":", false)] {
        let call = call("c", "a__b", arguments, &machine);
        assert_eq!(machine.begin(&[call], false, 0).jobs.len(), usize::from(runs), "{arguments}");
        machine.seen.clear();
    }
}

#[test]
fn a_long_result_is_read_on() {
    let limits = Limits { result_bytes: 10, ..Limits::default() };
    let mut machine = machine(vec![tool("a__b")], limits);
    let _ = machine.ask(0);
    let call_1 = call("c1", "a__b", "{}", &machine);
    let work = machine.begin(&[call_1], false, 0);
    let told = machine.end(&work.jobs[0], text("0123456789abcdef"));
    assert!(told.text.starts_with("0123456789\n[10 of 16 bytes.") && told.text.contains("id c1"));
    assert!(machine.offer().functions().any(|function| function.name == READ));
    let _ = machine.ask(0);
    let more = call("c2", READ, r#"{"id":"c1","offset":10}"#, &machine);
    assert_eq!(machine.begin(&[more], false, 0).answers[0].text, "abcdef");
}

#[test]
fn tools_are_found_described_and_called() {
    let tools = (0..60).map(|number| tool(&format!("s__tool{number}"))).chain([
        Tool { description: "Weather of a town.".to_owned(), ..tool("w__forecast") },
        Tool { approval: Approval::Ask, ..tool("w__warn") },
    ]);
    let mut machine = machine(tools.collect(), Limits::default());
    let _ = machine.ask(0);
    let found = call("1", SEARCH, r#"{"query":"weather"}"#, &machine);
    assert_eq!(machine.begin(&[found], false, 0).answers[0].text, "w__forecast: Weather of a town.");
    let described = call("2", DESCRIBE, r#"{"name":"w__forecast"}"#, &machine);
    assert!(machine.begin(&[described], false, 0).answers[0].text.contains("\"maximum\":1e3"));
    let called = call("3", crate::offer::CALL, r#"{"name":"w__forecast","arguments":{"x":2}}"#, &machine);
    let job = machine.begin(&[called], false, 0).jobs[0].clone();
    assert_eq!(
        (job.alias.as_str(), job.arguments.as_str(), job.function.as_str()),
        ("w__forecast", r#"{"x":2}"#, crate::offer::CALL)
    );
    let asks = call("4", crate::offer::CALL, r#"{"name":"w__warn","arguments":{}}"#, &machine);
    assert!(machine.begin(&[asks], false, 0).answers[0].is_error);
    assert_eq!(machine.offer().functions().last().unwrap().name, "w__warn");
}

#[test]
fn the_wait_for_agreement_is_no_time_of_the_request() {
    let mut machine = machine(
        vec![Tool { approval: Approval::Ask, ..tool("a__b") }],
        Limits { total_ms: 1_000, ..Limits::default() },
    );
    machine.caller = Caller::Attends;
    let _ = machine.ask(0);
    let calls = ["1", "2"].map(|id| call(id, "a__b", &format!("{{\"x\":{id}}}"), &machine));
    let mut jobs = machine.begin(&calls, false, 0).jobs;
    assert_eq!((jobs.len(), jobs[0].consent, jobs[0].until_ms), (2, Consent::ToTool, 1_000));
    // Both were waited for at the same time: 60 s in all.
    jobs[0].waited(100, 40_100);
    jobs[1].waited(20_100, 60_100);
    assert_eq!(jobs[0].until_ms, 41_000);
    for job in &jobs {
        let _ = machine.end(job, text("x"));
    }
    assert_eq!(machine.ask(60_500), Choice::Free);
    assert_eq!(machine.ask(61_100), Choice::None);
}

#[test]
fn a_class_is_guessed_on_the_safe_side() {
    for (name, annotations, trusts, expected) in [
        ("read_file", None, false, Class::Read),
        ("read_and_delete", None, false, Class::Write),
        ("frobnicate", None, false, Class::Write),
        ("frobnicate", Some(r#"{"readOnlyHint":true}"#), false, Class::Write),
        ("frobnicate", Some(r#"{"readOnlyHint":true}"#), true, Class::Read),
        ("get_all", Some(r#"{"destructiveHint":true}"#), true, Class::Write),
        ("send_mail", Some(r#"{"readOnlyHint":true}"#), true, Class::Send),
    ] {
        assert_eq!(class_of(name, annotations, trusts), expected, "{name}");
    }
}

#[test]
fn a_function_of_the_callers_with_ours_ends_the_answer() {
    let mut machine = machine(vec![tool("a__b")], Limits::default());
    let _ = machine.ask(0);
    let calls = [call("1", "a__b", "{}", &machine), call("2", "own", "{}", &machine)];
    assert_eq!(calls[1].fate, Fate::Callers);
    let work = machine.begin(&calls, false, 0);
    assert!(work.ends && work.jobs.len() == 1);
    let hidden =
        Call { fate: Fate::Asks(Shown { server: String::new(), name: String::new() }), ..calls[0].clone() };
    let work = machine.begin(&[hidden], false, 0);
    assert!(work.ends && work.jobs.is_empty() && work.answers.is_empty());
}

proptest! {
    /// A model that calls tools for ever, as many at a time as it likes.
    #[test]
    fn no_loop_exceeds_its_limits(
        rounds in 1_u64..6, calls in 1_u64..10, tokens in 1_u64..400, total_ms in 0_u64..2_000,
        wanted in proptest::collection::vec(proptest::collection::vec((0_u8..4, 0_usize..600, 0_u64..300), 1..6), 30),
    ) {
        let limits = Limits { rounds, calls, result_tokens: tokens, total_ms, result_bytes: 200, ..Limits::default() };
        let mut machine = machine(vec![tool("a__b")], limits);
        let (mut now, mut ran, mut told, mut asked) = (0, 0, 0, 0);
        for round in &wanted {
            let choice = machine.ask(now);
            asked += 1;
            let made: Vec<Call> = round.iter().enumerate()
                .map(|(at, (kind, ..))| call(&format!("{asked}-{at}"), "a__b", &format!("{{\"x\":{}}}", u64::from(*kind) * asked), &machine))
                .collect();
            let work = machine.begin(&made, false, now);
            prop_assert_eq!(work.ends, choice == Choice::None);
            if choice == Choice::None {
                prop_assert!(work.jobs.is_empty());
                break;
            }
            prop_assert!(now < total_ms || work.jobs.is_empty());
            let mut answered: Vec<String> = work.answers.iter().map(|answer| answer.call_id.clone()).collect();
            for (job, (_, length, took)) in work.jobs.iter().zip(round) {
                prop_assert_eq!(job.until_ms, total_ms);
                ran += 1;
                now += took;
                let answer = machine.end(job, text(&"x".repeat(*length)));
                told += answer.text.len();
                answered.push(answer.call_id);
            }
            answered.sort();
            let mut all: Vec<String> = made.iter().map(|call| call.id.clone()).collect();
            all.sort();
            prop_assert_eq!(answered, all, "every call has one result");
        }
        prop_assert!(asked <= rounds + 1 && ran <= calls);
        // Each result may say that it was cut, and the calls of the round that used the tokens up are told as well.
        prop_assert!(told as u64 <= tokens * 4 + ran * 120);
    }
}
