use super::*;
use proptest::prelude::*;

fn raw(text: &str) -> Box<RawValue> {
    crate::json::raw(text.to_owned()).unwrap()
}

fn begin(preference: Preference, transport: Transport, remembered: Option<Era>) -> (Probe, Step) {
    Probe::begin(ClientIdentity::new("nexus", "1", "{}"), preference, transport, remembered)
}

fn asked(step: &Step) -> Method {
    match step {
        Step::Ask(ask) => ask.method,
        other => panic!("{other:?}"),
    }
}

fn error(code: i64) -> Heard {
    Heard::Error(RpcError::new(code, "no"))
}

fn unsupported(supported: &[&str]) -> Heard {
    let data = serde_json::json!({ "supported": supported });
    Heard::Error(RpcError::new(code::UNSUPPORTED_VERSION, "no").with_data(&data))
}

fn initialized(version: &str) -> Heard {
    Heard::Result(raw(&format!(
        r#"{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"s"}}}}"#
    )))
}

fn discovered(versions: &[&str]) -> Heard {
    Heard::Result(raw(&serde_json::json!({
        "resultType": "complete", "supportedVersions": versions, "capabilities": { "prompts": {} },
        "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "s" } },
    })
    .to_string()))
}

#[test]
fn a_modern_server_is_never_asked_to_initialize() {
    let (mut probe, step) = begin(Preference::Auto, Transport::Stdio, None);
    assert_eq!(asked(&step), Method::Discover);
    let Step::Ready(peer, None) = probe.hear(discovered(&["2026-07-28"])) else { panic!() };
    assert_eq!(peer.version, Version::NEWEST);
    assert!(peer.can("prompts") && !peer.can("tools"));
    assert_eq!(peer.info.unwrap().get(), r#"{"name":"s"}"#);
}

#[test]
fn any_error_that_is_not_modern_means_legacy() {
    // npm's reference servers answer -32601, servers on Python's SDK 1.30 answer -32602.
    for heard in [error(-32601), error(-32602), error(-32000), Heard::Silence, discovered(&["2025-11-25"])] {
        let (mut probe, _) = begin(Preference::Auto, Transport::Stdio, None);
        assert_eq!(asked(&probe.hear(heard)), Method::Initialize);
        let Step::Ready(peer, Some(notification)) = probe.hear(initialized("2025-06-18")) else { panic!() };
        assert_eq!((peer.version, notification.method.as_str()), (Version::V2025_06_18, INITIALIZED));
    }
}

#[test]
fn a_process_that_dies_of_the_probe_is_started_again_in_the_legacy_era() {
    let (mut probe, _) = begin(Preference::Auto, Transport::Stdio, None);
    let Step::Restart(ask) = probe.hear(Heard::Gone) else { panic!() };
    assert_eq!(ask.method, Method::Initialize);
    let Step::Failed(failure) = probe.hear(Heard::Gone) else { panic!() };
    assert_eq!(failure, ProbeFailure::Gone);
}

#[test]
fn what_says_nothing_about_the_era_is_not_concluded_from() {
    for status in [401, 403, 408, 429, 500, 502, 503, 302] {
        let (mut probe, _) = begin(Preference::Auto, Transport::Http, None);
        let Step::Failed(failure) = probe.hear(Heard::Status(status)) else { panic!("{status}") };
        assert!(failure.is_inconclusive());
    }
    for heard in [Heard::Silence, Heard::Gone] {
        let (mut probe, _) = begin(Preference::Auto, Transport::Http, None);
        assert!(matches!(probe.hear(heard), Step::Failed(failure) if failure.is_inconclusive()));
    }
}

#[test]
fn over_http_a_client_goes_back_as_far_as_2024() {
    let (mut probe, _) = begin(Preference::Auto, Transport::Http, None);
    assert_eq!(asked(&probe.hear(Heard::Status(404))), Method::Initialize);
    assert!(matches!(probe.hear(Heard::Status(405)), Step::OpenEventStream(_)));
    let Step::Ready(peer, Some(_)) = probe.hear(initialized("2024-11-05")) else { panic!() };
    assert_eq!(peer.transport, Transport::EventStream);
    let (mut probe, _) = begin(Preference::Auto, Transport::Http, None);
    probe.hear(Heard::Status(400));
    probe.hear(Heard::Status(404));
    assert!(matches!(probe.hear(Heard::Status(404)), Step::Failed(_)));
}

#[test]
fn over_events_nothing_newer_is_asked() {
    let (mut probe, step) = begin(Preference::Auto, Transport::EventStream, Some(Era::Modern));
    let Step::OpenEventStream(ask) = step else { panic!("{step:?}") };
    assert_eq!(ask.method, Method::Initialize);
    let Step::Ready(peer, Some(_)) = probe.hear(initialized("2024-11-05")) else { panic!() };
    assert_eq!((peer.version, peer.transport), (Version::V2024_11_05, Transport::EventStream));
    for heard in [unsupported(&["2026-07-28"]), Heard::Status(404)] {
        let (mut probe, _) = begin(Preference::Auto, Transport::EventStream, None);
        assert!(matches!(probe.hear(heard), Step::Failed(_)));
    }
    let (_, step) = begin(Preference::Modern, Transport::EventStream, None);
    assert!(matches!(step, Step::Failed(ProbeFailure::OlderTransport)));
}

#[test]
fn a_modern_error_is_no_reason_to_fall_back() {
    for heard in
        [error(code::HEADER_MISMATCH), error(code::MISSING_CLIENT_CAPABILITY), unsupported(&["2027-01-01"])]
    {
        let (mut probe, _) = begin(Preference::Auto, Transport::Http, None);
        assert!(matches!(probe.hear(heard), Step::Failed(_)));
    }
    let (mut probe, _) = begin(Preference::Auto, Transport::Http, None);
    assert_eq!(asked(&probe.hear(unsupported(&["2027-01-01", "2025-11-25"]))), Method::Initialize);
}

#[test]
fn what_is_remembered_is_tried_first_and_forgotten_if_the_server_has_changed() {
    let (mut probe, step) = begin(Preference::Auto, Transport::Stdio, Some(Era::Legacy));
    assert_eq!(asked(&step), Method::Initialize);
    assert_eq!(asked(&probe.hear(unsupported(&["2026-07-28"]))), Method::Discover);
    assert!(matches!(probe.hear(discovered(&["2026-07-28"])), Step::Ready(_, None)));
}

#[test]
fn a_preference_is_kept_to() {
    let (mut probe, _) = begin(Preference::Modern, Transport::Stdio, Some(Era::Legacy));
    assert!(matches!(probe.hear(error(-32601)), Step::Failed(_)));
    let (mut probe, step) = begin(Preference::Legacy, Transport::Stdio, Some(Era::Modern));
    assert_eq!(asked(&step), Method::Initialize);
    assert!(matches!(probe.hear(unsupported(&["2026-07-28"])), Step::Failed(_)));
}

#[test]
fn a_handshake_that_ends_in_a_version_without_one_is_a_failure() {
    for version in ["2026-07-28", "2030-01-01", ""] {
        let (mut probe, _) = begin(Preference::Legacy, Transport::Stdio, None);
        assert!(matches!(probe.hear(initialized(version)), Step::Failed(ProbeFailure::NoCommonVersion(_))));
    }
}

fn heard() -> impl Strategy<Value = Heard> {
    prop_oneof![
        any::<i64>().prop_map(error),
        Just(unsupported(&["2026-07-28"])),
        Just(unsupported(&["2025-11-25"])),
        Just(unsupported(&[])),
        (200_u16..600).prop_map(Heard::Status),
        Just(Heard::Silence),
        Just(Heard::Gone),
        Just(initialized("2025-11-25")),
        Just(discovered(&["2026-07-28", "2025-11-25"])),
        Just(discovered(&["2025-11-25"])),
        Just(discovered(&[])),
        Just(Heard::Result(raw("[]"))),
    ]
}

proptest! {
    #[test]
    fn it_ends_whatever_it_hears(answers in proptest::collection::vec(heard(), 8),
                                 transport in prop_oneof![Just(Transport::Http), Just(Transport::EventStream), Just(Transport::Stdio)],
                                 remembered in proptest::option::of(prop_oneof![Just(Era::Legacy), Just(Era::Modern)])) {
        let (mut probe, mut step) = begin(Preference::Auto, transport, remembered);
        let (mut requests, mut restarts) = (0, 0);
        for answer in answers {
            match step {
                Step::Ask(_) | Step::OpenEventStream(_) => requests += 1,
                Step::Restart(_) => { requests += 1; restarts += 1; }
                Step::Ready(..) | Step::Failed(_) => break,
            }
            step = probe.hear(answer);
        }
        prop_assert!(matches!(step, Step::Ready(..) | Step::Failed(_)), "{step:?}");
        prop_assert!(requests <= 4 && restarts <= 1);
    }
}
