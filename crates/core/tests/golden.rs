//! The golden matrix: every request of every caller's dialect as every upstream gets it, and every answer, stream and
//! error of every upstream as every caller gets it. Each case of each pair of dialects is a snapshot of its own under
//! `tests/golden`, and a difference is printed line by line.
//!
//! `INSTA_UPDATE=always cargo test -p nexus-edge-core --test golden` writes them anew; review the diff before you commit it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nexus_edge_core::dialect::Judged;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ReplyContext, StreamEvent, UpstreamCodec, assemble};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::responses::ResponsesUpstream;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use serde_json::{Value, json};

#[path = "../fuzz/src/frames.rs"]
mod frames;
#[path = "../fuzz/src/laws.rs"]
mod laws;

use laws::assert_lawful;

const CALLER_DIALECTS: [(&str, CallerDialect); 5] = [
    ("openai", CallerDialect::OpenaiChat),
    ("openai_legacy", CallerDialect::OpenaiCompletions),
    ("responses", CallerDialect::OpenaiResponses),
    ("anthropic", CallerDialect::Anthropic),
    ("gemini", CallerDialect::Gemini),
];

/// A dialect of upstreams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upstream {
    /// That of a kind of provider without quirks.
    Kind(ProviderKind),
    /// The Responses API.
    Responses,
}

impl Upstream {
    /// Whether the bodies of these callers pass through.
    fn speaks(self, caller_dialect: CallerDialect) -> bool {
        match self {
            Self::Kind(kind) => kind.provider().speaks(caller_dialect),
            Self::Responses => caller_dialect == CallerDialect::OpenaiResponses,
        }
    }
}

const UPSTREAMS: [(&str, Upstream); 8] = [
    ("openai", Upstream::Kind(ProviderKind::Openai)),
    ("responses", Upstream::Responses),
    ("anthropic", Upstream::Kind(ProviderKind::Anthropic)),
    ("bedrock", Upstream::Kind(ProviderKind::Bedrock)),
    ("cohere", Upstream::Kind(ProviderKind::Cohere)),
    ("gemini", Upstream::Kind(ProviderKind::Gemini)),
    ("dashscope", Upstream::Kind(ProviderKind::Dashscope)),
    ("dify", Upstream::Kind(ProviderKind::Dify)),
];

/// The codec of an upstream; its answers are judged, its signatures are not marked.
fn upstream(kind: Upstream) -> Box<dyn UpstreamCodec> {
    let codec = match kind {
        Upstream::Kind(kind) => kind.provider().codec(Quirks::NONE),
        Upstream::Responses => {
            Box::new(ResponsesUpstream { host: "api.example".to_owned(), body_model: None })
        }
    };
    Box::new(Judged::new(codec))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn context() -> ReplyContext {
    ReplyContext { unique: "01unique".into(), created: 1_700_000_000, model: "asked-model".into() }
}

/// The fixtures of a folder by name, in order.
fn fixtures(kind: &str, dialect: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(root().join("fixtures").join(kind).join(dialect)) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// Recorded streams by name, as they come over the wire.
fn streams_of(dialect: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = fixtures("streams", dialect);
    if dialect == "bedrock" {
        for (_, body) in &mut found {
            *body = frames::framed(body);
        }
    }
    found
}

/// Whether golden files are to be written anew, in the words of insta.
fn is_update() -> bool {
    std::env::var_os("INSTA_UPDATE").is_some_and(|mode| mode == "always")
}

/// Compares each case with its snapshot `golden/<kind>/<pair>/<case>.snap`. Every case is looked at before the test fails,
/// and a snapshot that no case has is a failure too.
fn check(kind: &str, pair: &str, cases: &BTreeMap<String, String>) {
    let folder = root().join("golden").join(kind).join(pair);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut different = Vec::new();
    for (case, text) in cases {
        let compare = || settings.bind(|| insta::assert_snapshot!(case.as_str(), text));
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(compare)).is_err() {
            different.push(case);
        }
    }
    assert!(different.is_empty(), "{kind}/{pair} differs in {different:?}");

    let stale: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "snap"))
        .filter(|path| !cases.contains_key(path.file_stem().unwrap().to_str().unwrap()))
        .collect();
    if is_update() {
        for path in stale {
            fs::remove_file(path).unwrap();
        }
    } else {
        assert!(stale.is_empty(), "no case has these snapshots any more: {stale:?}");
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn decode_stream(kind: Upstream, chunks: impl IntoIterator<Item = Vec<u8>>) -> Vec<StreamEvent> {
    let mut decoder = upstream(kind).stream_decoder();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(&chunk, &mut events);
    }
    decoder.finish(&mut events);
    events
}

#[test]
fn requests() {
    let mut count = 0;
    for (from, caller_dialect) in CALLER_DIALECTS {
        let fixtures = fixtures("requests", from);
        for (to, kind) in UPSTREAMS {
            let mut cases = BTreeMap::new();
            for (case, body) in &fixtures {
                let request = registry::caller(caller_dialect).decode_request(body);
                let request = request.unwrap_or_else(|error| panic!("{from}/{case}: {error:?}"));
                let encoded = upstream(kind).encode_request(&request, "real-model");
                cases.insert(
                    case.clone(),
                    pretty(&json!({ "body": parse(&encoded.body), "dropped": encoded.dropped })),
                );
                count += 1;
            }
            check("requests", &format!("{from}-to-{to}"), &cases);
        }
    }
    assert!(count >= 200, "{count} request snapshots");
}

#[test]
fn responses() {
    let mut count = 0;
    for (from, kind) in UPSTREAMS {
        let fixtures = fixtures("responses", from);
        for (to, caller_dialect) in CALLER_DIALECTS {
            let mut cases = BTreeMap::new();
            for (case, body) in &fixtures {
                let caller = registry::caller(caller_dialect);
                let body = match upstream(kind).decode_response(body) {
                    Ok(response) => caller.encode_response(&response, &context()),
                    Err(error) => caller.encode_error(&error, "req_1"),
                };
                cases.insert(case.clone(), pretty(&parse(&body)));
                count += 1;
            }
            check("responses", &format!("{from}-to-{to}"), &cases);
        }
    }
    assert!(count >= 150, "{count} response snapshots");
}

#[test]
fn streams() {
    let mut count = 0;
    for (from, kind) in UPSTREAMS {
        let fixtures = streams_of(from);
        for (to, caller_dialect) in CALLER_DIALECTS {
            let mut cases = BTreeMap::new();
            for (case, body) in &fixtures {
                let mut encoder = registry::caller(caller_dialect).stream_encoder(&context(), true);
                let mut out = Vec::new();
                for event in decode_stream(kind, [body.clone()]) {
                    encoder.encode(&event, &mut out);
                }
                let text = String::from_utf8(out).unwrap();
                cases.insert(case.clone(), text);
                count += 1;
            }
            check("streams", &format!("{from}-to-{to}"), &cases);
        }
    }
    assert!(count >= 150, "{count} stream snapshots");
}

#[test]
fn errors() {
    for (from, kind) in UPSTREAMS {
        for (to, caller_dialect) in CALLER_DIALECTS {
            let mut cases = BTreeMap::new();
            for (case, body) in fixtures("errors", from) {
                let status = case.split('_').next().unwrap().parse().unwrap();
                let error = upstream(kind).decode_error(status, &body);
                cases.insert(
                    case,
                    pretty(&parse(&registry::caller(caller_dialect).encode_error(&error, "req_1"))),
                );
            }
            check("errors", &format!("{from}-to-{to}"), &cases);
        }
    }
}

/// The order of events that `canonical/stream.rs` promises, for every recorded stream, however it is cut.
#[test]
fn streams_are_lawful_and_independent_of_their_chunks() {
    for (from, kind) in UPSTREAMS {
        for (case, body) in streams_of(from) {
            let events = decode_stream(kind, [body.clone()]);
            assert_lawful(&format!("{from}/{case}"), &events);
            for size in [1, 2, 3, 7, 64] {
                let chunks = body.chunks(size).map(<[u8]>::to_vec);
                assert_eq!(decode_stream(kind, chunks), events, "{from}/{case} in pieces of {size}");
            }
        }
    }
}

/// A case that is both an unstreamed answer and a stream gives the same in both.
#[test]
fn streamed_and_unstreamed_answers_say_the_same() {
    let mut compared = 0;
    for (from, kind) in UPSTREAMS {
        let streams: BTreeMap<_, _> = streams_of(from).into_iter().collect();
        for (case, body) in fixtures("responses", from) {
            let Some(stream) = streams.get(&case) else { continue };
            let whole = upstream(kind).decode_response(&body);
            let streamed = assemble(decode_stream(kind, [stream.clone()]));
            let (whole, streamed) = match (whole, streamed) {
                (Ok(whole), Ok(streamed)) => (whole, streamed),
                (whole, streamed) => {
                    assert_eq!(streamed.err(), whole.err(), "{from}/{case}");
                    continue;
                }
            };
            assert_eq!(streamed.choices, whole.choices, "{from}/{case}");
            assert_eq!(streamed.usage, whole.usage, "{from}/{case}");
            compared += 1;
        }
    }
    assert!(compared >= 25, "{compared} compared");
}

/// `docs/translation.md` lists what the requests above lose in translation, so that the documentation cannot be wrong.
#[test]
fn the_documented_losses_are_the_real_ones() {
    let mut text = String::from(
        "# What is lost in translation\n\n\
         Parameters that the upstream's dialect cannot say, in the golden requests of this repository. They are named in\n\
         the header `x-nexus-dropped-params`; with `x-nexus-strict: true` the request is refused instead. Where caller and\n\
         upstream speak the same dialect nothing is translated and nothing is lost.\n\n\
         This page is written by `INSTA_UPDATE=always cargo test -p nexus-edge-core --test golden`.\n",
    );
    for (to, kind) in UPSTREAMS {
        text.extend(["\n## To `", to, "`\n\n| from | dropped |\n|---|---|\n"]);
        for (from, caller_dialect) in
            CALLER_DIALECTS.iter().filter(|(_, caller_dialect)| !kind.speaks(*caller_dialect))
        {
            let mut dropped: Vec<String> = Vec::new();
            for (_, body) in fixtures("requests", from) {
                let request = registry::caller(*caller_dialect).decode_request(&body).unwrap();
                dropped.extend(upstream(kind).encode_request(&request, "real-model").dropped);
            }
            let mut names: Vec<String> = dropped.iter().map(|name| without_numbers(name)).collect();
            names.sort();
            names.dedup();
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            text.extend(["| ", *from, " | ", &names, " |\n"]);
        }
    }
    let path = root().join("../../../docs/translation.md");
    if is_update() {
        fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "docs/translation.md is out of date");
}

/// `messages[3].content[0]` as `messages[].content[]`.
fn without_numbers(name: &str) -> String {
    let mut in_brackets = false;
    name.chars()
        .filter(|character| {
            match character {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                _ => return !in_brackets,
            }
            true
        })
        .collect()
}
