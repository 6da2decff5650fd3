//! The words of each dialect: those that official packages know, and what becomes of each.
//!
//! `tests/words/words.json` lists them, with the place of the word in a body. Here each is tried:
//! - a caller's word is accepted, and for every upstream it becomes one of the upstream's own words, or is named among what
//!   was dropped;
//! - an upstream's word is read, and every caller gets one of its own dialect's words.
//!
//! What becomes of each is in `tests/golden/words`. `tests/scripts/words.test.mjs` and `tests/e2e/python/words.py` compare the
//! lists with the official packages, so a word that a new version knows fails there first.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot read its values has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nexus_edge_core::dialect::Judged;
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::canonical::{ReplyContext, UpstreamCodec};
use nexus_edge_core::dialect::registry;
use nexus_edge_core::dialect::responses::ResponsesUpstream;
use nexus_edge_core::provider::{ProviderKind, Quirks};
use serde::Deserialize;
use serde_json::{Value, json};

/// One list of words.
#[derive(Deserialize)]
struct Entry {
    /// `requests/…` or `answers/…`.
    name: String,
    dialect: String,
    /// Where the word stands in a body of the dialect; `*` is any element.
    at: Option<String>,
    /// The body, in which `"$"` is replaced by the word's sample. Without a body the words are only written.
    body: Option<Value>,
    words: Words,
    /// Words that are written at this place besides, with the reason why the package lists them elsewhere.
    #[serde(default)]
    only_here: BTreeMap<String, String>,
    /// Words that a caller is told are not accepted, with the reason.
    #[serde(default)]
    refused: BTreeMap<String, String>,
    /// The words are the table's names of media of this kind.
    media: Option<Form>,
    /// Why words may be written in capitals or not.
    any_case: Option<String>,
}

/// A kind of media.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Picture,
    Recording,
    Film,
    Document,
}

/// Words, or words with the value that contains each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Plain(Vec<String>),
    Samples(serde_json::Map<String, Value>),
}

impl Entry {
    fn samples(&self) -> Vec<(&str, Value)> {
        match &self.words {
            Words::Plain(words) => words.iter().map(|word| (word.as_str(), word.as_str().into())).collect(),
            Words::Samples(samples) => {
                samples.iter().map(|(word, sample)| (word.as_str(), sample.clone())).collect()
            }
        }
    }

    fn has(&self, word: &str) -> bool {
        let is_same = |known: &str| match self.any_case {
            Some(_) => known.eq_ignore_ascii_case(word),
            None => known == word,
        };
        self.samples().iter().any(|(known, _)| is_same(known)) || self.only_here.contains_key(word)
    }

    fn body(&self, sample: &Value) -> Vec<u8> {
        let mut body = self.body.clone().unwrap();
        replace(&mut body, sample);
        body.to_string().into_bytes()
    }
}

fn replace(value: &mut Value, sample: &Value) {
    match value {
        Value::String(text) if text == "$" => *value = sample.clone(),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, sample)),
        Value::Object(members) => members.values_mut().for_each(|value| replace(value, sample)),
        _ => {}
    }
}

fn entries(kind: &str) -> Vec<Entry> {
    let all: Vec<Entry> = serde_json::from_str(include_str!("words/words.json")).unwrap();
    all.into_iter().filter(|entry| entry.name.starts_with(kind)).collect()
}

/// The texts at a place with wildcards.
fn texts_at<'a>(value: &'a Value, place: &str) -> Vec<&'a str> {
    let mut found = vec![value];
    for name in place.split('/').skip(1) {
        found = found
            .into_iter()
            .flat_map(|value| match (name, value) {
                ("*", Value::Array(values)) => values.iter().collect(),
                (_, Value::Array(values)) => {
                    name.parse().ok().and_then(|at: usize| values.get(at)).into_iter().collect()
                }
                _ => value.get(name).into_iter().collect::<Vec<_>>(),
            })
            .collect();
    }
    found.into_iter().filter_map(Value::as_str).collect()
}

const CALLERS: [(&str, CallerDialect); 4] = [
    ("openai", CallerDialect::OpenaiChat),
    ("responses", CallerDialect::OpenaiResponses),
    ("anthropic", CallerDialect::Anthropic),
    ("gemini", CallerDialect::Gemini),
];

/// Upstreams with a model that has as many settings as any.
const UPSTREAMS: [(&str, &str); 6] = [
    ("openai", "gpt-5.6"),
    ("responses", "gpt-5.6"),
    ("anthropic", "claude-opus-4-7"),
    ("bedrock", "anthropic.claude-opus-4-7-v1:0"),
    ("cohere", "command-a-reasoning-08-2025"),
    ("gemini", "gemini-4-hydrogen"),
];

fn upstream(dialect: &str) -> Judged {
    let kind = match dialect {
        "openai" => ProviderKind::Openai,
        "anthropic" => ProviderKind::Anthropic,
        "bedrock" => ProviderKind::Bedrock,
        "cohere" => ProviderKind::Cohere,
        "gemini" => ProviderKind::Gemini,
        "responses" => {
            return Judged::new(Box::new(ResponsesUpstream {
                host: "api.example".to_owned(),
                body_model: None,
            }));
        }
        _ => panic!("{dialect} is no upstream"),
    };
    Judged::new(kind.provider().codec(Quirks::NONE))
}

fn caller(dialect: &str) -> CallerDialect {
    CALLERS.iter().find(|(name, _)| *name == dialect).unwrap().1
}

/// What a word became, for each dialect: the words at each place, and what was dropped.
type Rows = Vec<(String, Vec<(&'static str, BTreeMap<String, String>)>)>;

/// The table of a list. What is the same for all its words is left out.
fn table(rows: &Rows) -> String {
    let is_constant = |dialect: &str, place: &str, text: &str| {
        let mut others = rows.iter().flat_map(|(_, row)| row).filter(|(other, _)| *other == dialect);
        rows.len() > 1 && others.all(|(_, found)| found.get(place).is_some_and(|other| other == text))
    };
    let mut table = String::new();
    for (word, row) in rows {
        writeln!(table, "{word}").unwrap();
        for (dialect, found) in row {
            let told: Vec<String> = found
                .iter()
                .filter(|(place, text)| !is_constant(dialect, place, text))
                .map(|(place, text)| format!("{place} {text}"))
                .collect();
            writeln!(table, "  {dialect}: {}", told.join(", ")).unwrap();
        }
    }
    table
}

/// Compares a table with its snapshot.
fn check(name: &str, table: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/words"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name.replace('/', "_"), table));
}

/// The words in a body at every place of a list of this dialect; those that the list does not have are strange.
fn written(
    lists: &[Entry],
    dialect: &str,
    body: &Value,
    strange: &mut BTreeSet<String>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for list in lists.iter().filter(|list| list.dialect == dialect) {
        let Some(place) = &list.at else { continue };
        let texts = texts_at(body, place);
        for text in &texts {
            if !list.has(text) {
                strange.insert(format!("{}: {text}", list.name));
            }
        }
        if !texts.is_empty() {
            found.insert(place.clone(), texts.join(" "));
        }
    }
    found
}

/// One limit.
#[derive(Deserialize)]
struct Limit {
    name: String,
    dialect: String,
    field: String,
    /// Marks that a name may contain besides letters and digits.
    marks: Option<String>,
    max: usize,
}

/// What a request becomes in which this field has more than is accepted.
fn longest_sent(limit: &Limit) -> usize {
    let long = "x".repeat(limit.max + 9);
    let stops = vec!["x"; limit.max + 9];
    let file =
        json!({"filename": format!("{long}.pdf"), "file_data": "data:application/pdf;base64,JVBERi0="});
    let content = json!([{"type": "text", "text": "q"}, {"type": "file", "file": file}]);
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
    match limit.field.as_str() {
        "stops" => body["stop"] = json!(stops),
        "user" => body["user"] = json!(long),
        "document_name" => {}
        other => panic!("{other} is no limit"),
    }
    let request =
        registry::caller(CallerDialect::OpenaiChat).decode_request(body.to_string().as_bytes()).unwrap();
    // The model without reasoning has the parameter.
    let encoded = upstream(&limit.dialect).encode_request(&request, "gpt-4o");
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let length = |place: &str| {
        sent.pointer(place)
            .map(|value| value.as_array().map_or_else(|| value.as_str().unwrap().len(), Vec::len))
    };
    let places = [
        "/stop",
        "/stop_sequences",
        "/inferenceConfig/stopSequences",
        "/safety_identifier",
        "/user",
        "/messages/0/content/1/document/name",
    ];
    let field = match limit.field.as_str() {
        "stops" => &places[..3],
        "user" => &places[3..5],
        _ => &places[5..],
    };
    field.iter().find_map(|place| length(place)).unwrap_or_default()
}

#[test]
fn names_and_numbers_are_within_the_documented_limits() {
    let limits: Vec<Limit> = serde_json::from_str(include_str!("words/limits.json")).unwrap();
    for limit in limits {
        let name = &limit.name;
        let upstream = upstream(&limit.dialect);
        let spelling = match limit.field.as_str() {
            "tool_name" => upstream.limits().tool_name,
            "call_id" => upstream.limits().call_id,
            _ => {
                assert!(longest_sent(&limit) <= limit.max, "{name}");
                continue;
            }
        };
        let marks = limit.marks.unwrap();
        assert!(
            spelling.accepts(&"x".repeat(limit.max)) && !spelling.accepts(&"x".repeat(limit.max + 1)),
            "{name}"
        );
        for byte in 0x20..0x7f {
            let letter = char::from(byte);
            let is_accepted = letter.is_ascii_alphanumeric() || marks.contains(letter);
            assert_eq!(spelling.accepts(&format!("x{letter}")), is_accepted, "{name}: {letter:?}");
        }
    }
}

#[test]
fn media_are_sent_under_the_names_of_the_service() {
    for list in entries("requests/").iter().filter(|list| list.media.is_some()) {
        let media = upstream(&list.dialect).limits().media;
        let names = match list.media.unwrap() {
            Form::Picture => media.pictures.unwrap(),
            Form::Recording => media.recordings.unwrap(),
            Form::Film => media.films,
            Form::Document => media.documents.unwrap(),
        };
        let plain = media.plain_text.filter(|_| list.media == Some(Form::Document));
        let sent: BTreeSet<&str> = names.iter().map(|(_, name)| *name).chain(plain).collect();
        assert_eq!(sent, list.samples().into_iter().map(|(word, _)| word).collect(), "{}", list.name);
    }
}

#[test]
fn callers_words_become_words_of_the_upstream() {
    let lists = entries("requests/");
    let mut strange = BTreeSet::new();
    let mut refused = Vec::new();
    for list in lists.iter().filter(|list| list.body.is_some()) {
        let mut rows = Rows::new();
        for (word, sample) in list.samples() {
            let request = registry::caller(caller(&list.dialect)).decode_request(&list.body(&sample));
            if request.is_ok() == list.refused.contains_key(word) {
                refused.push(format!("{} {word}", list.name));
            }
            let row = request.iter().flat_map(|request| {
                UPSTREAMS.map(|(dialect, model)| {
                    let encoded = upstream(dialect).encode_request(request, model);
                    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
                    let mut found = written(&lists, dialect, &body, &mut strange);
                    if !encoded.dropped.is_empty() {
                        found.insert("dropped".to_owned(), encoded.dropped.join(" "));
                    }
                    (dialect, found)
                })
            });
            rows.push((word.to_owned(), row.collect()));
        }
        check(&list.name, &table(&rows));
    }
    assert_eq!((refused, strange), (Vec::new(), BTreeSet::new()), "refused, and strange to the upstream");
}

#[test]
fn upstreams_words_become_words_of_the_caller() {
    let lists = entries("answers/");
    let context =
        ReplyContext { unique: "01unique".into(), created: 1_700_000_000, model: "asked-model".into() };
    let mut strange = BTreeSet::new();
    for list in &lists {
        let mut rows = Rows::new();
        for (word, sample) in list.samples() {
            let row = match upstream(&list.dialect).decode_response(&list.body(&sample)) {
                Ok(response) => CALLERS.map(|(dialect, kind)| {
                    let body = registry::caller(kind).encode_response(&response, &context);
                    let body: Value = serde_json::from_slice(&body).unwrap();
                    (dialect, written(&lists, dialect, &body, &mut strange))
                }),
                Err(error) => CALLERS.map(|(dialect, _)| {
                    let code = error.code.clone().unwrap_or_default();
                    (dialect, BTreeMap::from([("error".to_owned(), format!("{} {code}", error.status))]))
                }),
            };
            rows.push((word.to_owned(), row.to_vec()));
        }
        check(&list.name, &table(&rows));
    }
    assert_eq!(strange, BTreeSet::new(), "strange to the caller");
}
