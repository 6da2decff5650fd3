//! What is kept of a request, against stores that note what they are given.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::access::StorePolicy;
use nexus_edge_core::conversation::Remembrance;
use nexus_edge_core::conversation::archive::Fresh;
use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ChatRequest, Part};
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::stats::{Outcome, PriceSource, UsageEvent};
use nexus_edge_core::tokens::UsageSource;
use nexus_edge_failover::{Bound, Ended, Recognised, Stores, Trail, after_response};

use crate::world::{run, sleep};

const ANSWER: &str = r#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,
    "message":{"role":"assistant","content":"Rome"},"finish_reason":"stop"}]}"#;

/// Stores that write what happens into a list, some of them slowly.
#[derive(Default)]
struct Notes {
    lines: RefCell<Vec<String>>,
    recorded: RefCell<Vec<UsageEvent>>,
    recognised_as: Option<&'static str>,
    is_named: bool,
    recognising_takes_ms: u64,
    remembering_takes_ms: u64,
    cache_takes_ms: u64,
}

impl Notes {
    fn note(&self, note: impl Into<String>) {
        self.lines.borrow_mut().push(note.into());
    }

    fn has(&self, note: &str) -> bool {
        self.lines.borrow().iter().any(|noted| noted == note)
    }
}

impl Stores for Notes {
    async fn cache(&self, _: &UsageEvent, _: &mut Transcript) {
        sleep(self.cache_takes_ms).await;
        self.note("cache");
    }

    fn count(&self, event: &mut UsageEvent, _: &mut Transcript) {
        self.note("count");
        event.usage.completion += 1;
    }

    fn settle(&self, event: &UsageEvent) {
        self.note(format!("settle {}", event.usage.total()));
    }

    async fn recognise(&self) -> Recognised {
        sleep(self.recognising_takes_ms).await;
        self.note("recognise");
        Recognised { conversation_id: self.recognised_as.map(str::to_owned), is_named: self.is_named }
    }

    async fn record(&self, event: UsageEvent, kept: Option<Kept>) {
        self.note("record");
        self.recorded.borrow_mut().push(event);
        let kept = serde_json::to_value(&kept).expect("what is kept is JSON");
        if !kept["turn"].is_null() {
            self.note("turn");
        }
        if !kept["archived"].is_null() {
            self.note(format!("archive {}", kept.to_string().contains("Rome")));
        }
    }

    async fn charge(&self, event: &UsageEvent) {
        self.note(format!("charge {}", event.cost_micros));
    }

    async fn share_health(&self) {
        self.note("health");
    }

    async fn show(&self, event: &UsageEvent) {
        self.note(format!("show {}", event.cost_micros));
    }

    async fn bind(&self, _: &UsageEvent, session: &str, bound: Bound) {
        self.note(format!("bind {session} {} {}", bound.provider_id, bound.model_id));
    }

    async fn remember(&self, _: &ChatRequest, _: &[Part], conversation_id: &str) -> Remembrance {
        sleep(self.remembering_takes_ms).await;
        self.note(format!("remember {conversation_id}"));
        Remembrance { fresh: Fresh::All, parent: Some("parent".into()), turn: "turn".into() }
    }

    async fn tell(&self) {
        self.note("tell");
    }
}

/// A completed request for which everything is kept.
fn ended() -> Ended {
    let mut transcript = Transcript::default();
    let body = br#"{"model":"m","messages":[{"role":"user","content":"Capital of Italy?"}]}"#;
    transcript.keep_request(CallerDialect::OpenaiChat, Rc::new(body.to_vec()), "m", false);
    transcript.keep_answer(CallerDialect::OpenaiChat, Rc::new(ANSWER.as_bytes().to_vec()));
    let event = UsageEvent {
        id: "R".into(),
        status: 200,
        outcome: Outcome::Completed,
        provider_id: Some(7),
        upstream_model: Some("m".into()),
        conversation_id: "c".into(),
        usage_source: UsageSource::Reported,
        ..UsageEvent::default()
    };
    Ended {
        event,
        trail: Trail::default(),
        transcript,
        session: Some("s".into()),
        is_cacheable: true,
        store: StorePolicy::Full,
        asked_by: None,
        is_priced: false,
    }
}

fn with(change: impl FnOnce(&mut Ended)) -> Notes {
    let notes = Notes::default();
    let mut ended = ended();
    change(&mut ended);
    run(after_response::run(&notes, ended));
    notes
}

#[test]
fn a_completed_answer_is_counted_first_and_its_limits_are_told_last() {
    let notes = with(|_| {});
    let lines = notes.lines.take();
    assert_eq!(lines.get(..2), Some(["count".to_owned(), "settle 1".to_owned()].as_slice()));
    assert_eq!(lines.last().map(String::as_str), Some("tell"));
    for expected in ["cache", "record", "charge 0", "health", "bind s 7 m", "remember c", "archive true"] {
        assert_eq!(lines.iter().filter(|note| *note == expected).count(), 1, "{expected}: {lines:?}");
    }
    let [event] = <[UsageEvent; 1]>::try_from(notes.recorded.take()).expect("one event");
    assert_eq!(event.usage.completion, 1, "it is recorded as counted");
    assert_eq!(event.price_source, PriceSource::Unknown, "what was used has no price that is known here");
}

#[test]
fn what_is_slow_delays_neither_the_record_nor_the_charge() {
    let notes = Notes { cache_takes_ms: 500, ..Notes::default() };
    run(after_response::run(&notes, ended()));
    let lines = notes.lines.take();
    let place = |what: &str| lines.iter().position(|line| line == what);
    assert!(place("record").is_some() && place("record") < place("cache"), "{lines:?}");
    assert!(place("archive true") < place("cache") && place("charge 0") < place("cache"), "{lines:?}");
}

#[test]
fn what_used_nothing_has_no_price_to_be_known() {
    let notes = with(|ended| ended.event.usage_source = UsageSource::None);
    let [event] = <[UsageEvent; 1]>::try_from(notes.recorded.take()).expect("one event");
    assert_eq!((event.price_source, event.cost_micros), (PriceSource::None, 0));
}

#[test]
fn only_a_completed_answer_is_cached_or_binds_a_session() {
    for outcome in [Outcome::Failed, Outcome::Cancelled, Outcome::Rejected] {
        let notes = with(|ended| ended.event.outcome = outcome);
        assert!(!notes.has("cache") && !notes.has("bind s 7 m"), "{outcome:?}");
        assert!(notes.has("record") && notes.has("charge 0") && notes.has("tell"), "{outcome:?}");
    }
    assert!(!with(|ended| ended.is_cacheable = false).has("cache"));
    assert!(!with(|ended| ended.session = None).has("bind s 7 m"));
    // A cached response comes from no upstream.
    assert!(!with(|ended| ended.event.provider_id = None).has("bind s 7 m"));
}

#[test]
fn errors_summaries_and_empty_answers_are_not_archived() {
    let changes: [fn(&mut Ended); 4] = [
        |ended| ended.event.status = 502,
        |ended| ended.event.conversation_id = "c.summary".into(),
        |ended| {
            let body = ANSWER.replace("\"Rome\"", "null");
            ended.transcript.keep_answer(CallerDialect::OpenaiChat, Rc::new(body.into_bytes()));
        },
        |ended| {
            let body = vec![b' '; (4 << 20) + 1];
            ended.transcript.keep_request(CallerDialect::OpenaiChat, Rc::new(body), "m", false);
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let notes = with(change);
        assert!(!notes.has("archive true") && !notes.has("remember c"), "{index}");
        assert!(notes.has("record"), "{index}");
    }
}

#[test]
fn a_key_without_archive_keeps_no_text_and_its_state_only_if_it_is_needed() {
    let notes = with(|ended| ended.store = StorePolicy::None);
    assert!(notes.has("remember c") && notes.has("turn"));
    assert!(!notes.has("archive true") && !notes.has("archive false"));
    let notes = Notes { is_named: true, ..Notes::default() };
    run(after_response::run(&notes, Ended { store: StorePolicy::None, ..ended() }));
    assert!(!notes.has("remember c") && notes.has("record"));
    let notes = with(|ended| ended.store = StorePolicy::Metadata);
    assert!(notes.has("archive false") && !notes.has("cache"));
}

#[test]
fn a_conversation_that_is_recognised_after_the_answer_is_in_its_record() {
    let notes = Notes { recognised_as: Some("known"), recognising_takes_ms: 3_000, ..Notes::default() };
    run(after_response::run(&notes, ended()));
    assert!(notes.has("remember known"), "{:?}", notes.lines);
    assert_eq!(notes.recorded.borrow()[0].conversation_id, "known");
    let lines = notes.lines.take();
    let place = |what: &str| lines.iter().position(|line| line == what);
    // What the request holds is given back before, and nothing but the record waits for it.
    for earlier in ["settle 1", "charge 0", "health", "show 0", "bind s 7 m"] {
        assert!(place(earlier).is_some() && place(earlier) < place("recognise"), "{earlier}: {lines:?}");
    }
}

#[test]
fn a_session_has_its_own_history() {
    let notes = with(|ended| ended.asked_by = Some("Q".into()));
    assert!(!notes.has("remember c") && !notes.has("turn") && notes.has("archive true"));
}

#[test]
fn the_archive_is_part_of_the_one_record() {
    let notes = Notes { remembering_takes_ms: 50, ..Notes::default() };
    run(after_response::run(&notes, ended()));
    let lines = notes.lines.take();
    let place = |what: &str| lines.iter().position(|line| line == what);
    assert!(place("remember c") < place("record") && place("record") < place("archive true"), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| *line == "record").count(), 1, "{lines:?}");
}
