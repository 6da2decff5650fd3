//! Exact outcomes of single situations. `simulation` checks the guarantees in all of them.

use serde_json::value::RawValue;

use super::*;
use crate::frame::{Hello, Resume};
use crate::limits::{ACK_LAST_MS, FRESH_MS, GRACE_MS};
use crate::part::{PartKind, parts};
use crate::simulation::Storage;

const START: u64 = 1_000_000_000_000;

fn hub() -> Hub<Storage> {
    let limits = Limits { max_calls: 2, max_queued: 1, ..Limits::default() };
    Hub::wake(Storage::default(), limits, START, &[]).unwrap()
}

fn hello(instance: &str, running: &[&str]) -> Hello {
    let resume = Resume { running: running.iter().map(ToString::to_string).collect(), done: Vec::new() };
    Hello {
        agent_id: "laptop".into(),
        instance: instance.into(),
        version: "1".into(),
        os: "linux".into(),
        takeover: false,
        servers: Vec::new(),
        resume,
    }
}

fn request(id: &str) -> Request {
    Request {
        id: id.into(),
        server: "files".into(),
        method: "tools/call".into(),
        params: RawValue::from_string("{}".into()).unwrap(),
        timeout_ms: 60_000,
        progress: false,
        principal: None,
        about: String::new(),
    }
}

fn end_of(hub: &Hub<Storage>, id: &str) -> (End, Executed) {
    match hub.status(id).unwrap() {
        Status::Ended(ended) => (ended.1.end, ended.1.executed),
        other => panic!("{id} is {other:?}"),
    }
}

fn up(text: &str) -> Up {
    Up::read(text).unwrap().unwrap()
}

#[test]
fn another_instance_is_kept_away_while_the_first_one_lives() {
    let mut hub = hub();
    hub.hello(START, None, &hello("a", &[])).unwrap();
    hub.take_acts();
    hub.hello(START + 59_000, None, &hello("b", &[])).unwrap();
    assert!(matches!(&hub.take_acts()[..], [Act::Refuse { bye }] if bye.code == IN_USE));
    // The first one answered a ping of the platform meanwhile.
    hub.hello(START + 70_000, Some(START + 65_000), &hello("b", &[])).unwrap();
    assert!(matches!(&hub.take_acts()[..], [Act::Refuse { .. }]));
    hub.hello(START + 65_000 + FRESH_MS, Some(START + 65_000), &hello("b", &[])).unwrap();
    assert!(matches!(hub.take_acts()[0], Act::Close { epoch: 1, ref bye } if bye.code == TAKEN_OVER));
    let takeover = Hello { takeover: true, ..hello("c", &[]) };
    hub.hello(START + 126_000, None, &takeover).unwrap();
    assert_eq!(hub.link().instance, "c");
}

#[test]
fn a_call_is_given_out_once_and_an_id_belongs_to_one_call() {
    let mut hub = hub();
    assert_eq!(hub.call(START, request("a")).unwrap(), Err(Refused::Offline));
    hub.hello(START, None, &hello("i", &[])).unwrap();
    assert_eq!(hub.call(START, request("a")).unwrap(), Ok(Placed::Sent));
    assert_eq!(hub.call(START, request("a")).unwrap(), Ok(Placed::Open));
    let other = Request { server: "web".into(), ..request("a") };
    assert_eq!(hub.call(START, other).unwrap(), Err(Refused::IdReused));
    assert_eq!(hub.call(START, request("b")).unwrap(), Ok(Placed::Sent));
    assert_eq!(hub.call(START, request("c")).unwrap(), Ok(Placed::Queued));
    assert_eq!(hub.call(START, request("d")).unwrap(), Err(Refused::Busy));
    hub.take_acts();
    hub.frame(START + 5, 1, up(r#"{"t":"result","id":"a","n":1,"ok":true,"body":{"x":1}}"#)).unwrap();
    let sent = |act: &Act| matches!(act, Act::Send { frame, .. } if matches!(&**frame, Down::Call(call) if call.id == "c"));
    assert!(hub.take_acts().iter().any(sent));
    assert!(matches!(hub.call(START + 6, request("a")).unwrap(), Ok(Placed::Ended(_))));
    assert_eq!(end_of(&hub, "a"), (End::Result, Executed::Yes));
}

#[test]
fn an_agent_that_does_not_acknowledge_is_cut_off_after_five_seconds() {
    let mut hub = hub();
    hub.hello(START, None, &hello("i", &[])).unwrap();
    hub.call(START, request("a")).unwrap().unwrap();
    assert_eq!(hub.next_due(), Some(START + ACK_MS));
    hub.tick(START + ACK_MS).unwrap();
    assert_eq!(end_of(&hub, "a"), (End::AgentUnresponsive, Executed::Unknown));
    assert!(!hub.is_connected());
}

#[test]
fn an_agent_that_is_heard_has_longer_to_acknowledge() {
    let mut hub = hub();
    hub.hello(START, None, &hello("i", &[])).unwrap();
    hub.call(START, request("a")).unwrap().unwrap();
    for second in 1..30 {
        hub.frame(START + second * 1_000, 1, up(r#"{"t":"servers","servers":[]}"#)).unwrap();
    }
    assert_eq!(hub.status("a").unwrap(), Status::Open);
    hub.tick(START + ACK_LAST_MS).unwrap();
    assert_eq!(end_of(&hub, "a").0, End::AgentUnresponsive);
}

#[test]
fn calls_outlive_a_lost_connection_for_twenty_seconds() {
    let mut hub = hub();
    hub.hello(START, None, &hello("i", &[])).unwrap();
    for id in ["a", "b"] {
        hub.call(START, request(id)).unwrap().unwrap();
    }
    hub.closed(START + 1_000, 1).unwrap();
    assert_eq!(hub.next_due(), Some(START + 1_000 + GRACE_MS));
    hub.hello(START + 2_000, None, &hello("i", &["a"])).unwrap();
    assert_eq!(hub.status("a").unwrap(), Status::Open);
    assert_eq!(end_of(&hub, "b"), (End::AgentLost, Executed::No));
    hub.closed(START + 3_000, 2).unwrap();
    hub.tick(START + 3_000 + GRACE_MS).unwrap();
    assert_eq!(end_of(&hub, "a"), (End::AgentLost, Executed::Unknown));
}

#[test]
fn a_restarted_agent_ends_what_the_one_before_was_given() {
    let mut hub = hub();
    hub.hello(START, None, &hello("i", &[])).unwrap();
    hub.call(START, request("a")).unwrap().unwrap();
    hub.closed(START + 10, 1).unwrap();
    hub.hello(START + 20, None, &hello("j", &[])).unwrap();
    assert_eq!(end_of(&hub, "a"), (End::AgentLost, Executed::Unknown));
}

#[test]
fn what_comes_after_the_end_is_acknowledged_and_noted_as_late() {
    let mut hub = hub();
    hub.hello(START, None, &hello("i", &[])).unwrap();
    hub.call(START, request("a")).unwrap().unwrap();
    assert!(hub.cancel(START + 5, "a", "caller").unwrap());
    hub.take_acts();
    hub.frame(START + 9, 1, up(r#"{"t":"result","id":"a","n":1,"ok":true,"body":1}"#)).unwrap();
    assert!(
        hub.take_acts()
            .iter()
            .any(|act| matches!(act, Act::Send { frame, .. } if matches!(**frame, Down::ResultAck(_))))
    );
    let Status::Ended(ended) = hub.status("a").unwrap() else { panic!("open") };
    assert!(ended.1.late && ended.1.end == End::Canceled && ended.1.body.is_none());
}

#[test]
fn a_result_of_sixteen_mebibytes_is_stored_in_rows_and_credited() {
    let mut hub = hub();
    hub.hello(START, None, &hello("i", &[])).unwrap();
    hub.call(START, request("a")).unwrap().unwrap();
    let n = hub.open["a"].row.n;
    let body = format!("\"{}\"", "x".repeat(16 * 1024 * 1024 - 2));
    hub.take_acts();
    let mut credit = 0;
    for part in parts(PartKind::Result, n, body.as_bytes(), 64 * 1024) {
        hub.part(START + 1, 1, &part.write()).unwrap();
        for act in hub.take_acts() {
            if let Act::Send { frame, .. } = act
                && let Down::Credit(given) = *frame
            {
                credit += given.bytes;
            }
        }
    }
    assert_eq!(credit, 16 * 1024 * 1024);
    let sum = checksum_hex(body.as_bytes());
    let text = format!(
        r#"{{"t":"result","id":"a","n":{n},"ok":true,"bytes":{},"parts":256,"sha256":"{sum}"}}"#,
        body.len()
    );
    hub.frame(START + 2, 1, up(&text)).unwrap();
    let Status::Ended(ended) = hub.status("a").unwrap() else { panic!("open") };
    assert_eq!((ended.1.end, ended.1.pieces), (End::Result, 32));
    assert_eq!(hub.store().0.borrow().body("a"), Some(body));
}
