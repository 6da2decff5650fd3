//! The name of a cached response: made of what is sent upstream and who may see it.
//!
//! Two requests have the same name only if they mean the same to the upstream: the same key asks the same model of the same
//! provider, as it is configured now, with the same body, query and headers. A candidate that stands in for another has
//! names of its own, so an answer of a fallback is never taken for one of the first choice.
//!
//! Bodies are compared as text, so no number is rounded, no text normalised and no spelling unified. Only these differences
//! are ignored, because no upstream sees a meaning in them: white space between tokens; how the answer is delivered; and the
//! order of fields in the request itself, in its messages and in their parts. In any other object (schemas, arguments, tools) the
//! order may steer the model, so it counts.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::dialect::caller::CallerDialect;
use crate::hash::hex;
use crate::http::passing::changes_answer;
use crate::json::object::{JsonObject, Kind};
use crate::json::splice::quote;

/// Fields that determine how an answer is delivered, not its content.
const DELIVERY: &[&str] = &["stream", "stream_options"];
/// The field of fallback models; of no meaning once the gateway has taken it.
const FALLBACKS: &str = "models";
/// Fields that name a state at the provider which every request changes: the answer to an equal request would be another.
const STATEFUL: &[&str] = &["container", "conversation", "previous_response_id"];
/// Fields with the list of messages, and within these with the list of parts.
const LISTS: [&[&str]; 2] = [&["messages", "contents"], &["content", "parts"]];

/// A request whose response may be cached.
pub struct Request<'a> {
    /// Public id of the key, which alone may see the response.
    pub key_id: &'a str,
    /// The caller's dialect, in which the response is stored.
    pub caller_dialect: CallerDialect,
    /// The model that the caller named, which the response may repeat.
    pub model: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Whether the gateway takes the list of fallback models, so that no upstream sees it.
    pub fallbacks_taken: bool,
    /// Whether the caller accepts no dropped parameters.
    pub is_strict: bool,
}

/// Where a request is sent.
pub struct Destination<'a> {
    /// The `uid` of the provider.
    pub provider_uid: &'a str,
    /// When the provider was configured last, in milliseconds since the epoch.
    pub configured_at: u64,
    /// The provider's name of the model.
    pub model: &'a str,
    /// The caller's query, if it is forwarded.
    pub query: &'a str,
}

/// What all names of one request have in common, whatever upstream it is sent to.
#[derive(Clone)]
pub struct Naming {
    hash: Sha256,
}

impl Naming {
    /// The naming of a request with these headers; `None` if its response cannot be cached: the body is not a JSON object without
    /// duplicate fields, or it continues something that the provider stores.
    #[must_use]
    pub fn of<'h>(request: &Request<'_>, headers: impl Iterator<Item = (&'h str, &'h str)>) -> Option<Self> {
        let fields: JsonObject<'_> = serde_json::from_slice(request.body).ok()?;
        if STATEFUL.iter().any(|name| fields.get_set(name).is_some()) {
            return None;
        }
        let is_ignored =
            |name: &str| DELIVERY.contains(&name) || (request.fallbacks_taken && name == FALLBACKS);
        let mut body = String::new();
        write_sorted(&mut body, &fields, is_ignored, &LISTS);
        let mut sent: Vec<(&str, &str)> =
            headers.filter(|(name, value)| changes_answer(name, value)).collect();
        sent.sort_unstable();
        let mut naming = Self { hash: Sha256::new() };
        for part in [
            request.key_id,
            request.caller_dialect.name(),
            request.model,
            if request.is_strict { "strict" } else { "" },
            &body,
        ] {
            naming.add(part);
        }
        for (name, value) in sent {
            naming.add(name);
            naming.add(value);
        }
        Some(naming)
    }

    /// The name for this destination, in hexadecimal.
    #[must_use]
    pub fn name(&self, destination: &Destination<'_>) -> String {
        let mut naming = self.clone();
        let configured_at = destination.configured_at.to_string();
        for part in [destination.provider_uid, &configured_at, destination.model, destination.query] {
            naming.add(part);
        }
        hex(&naming.hash.finalize())
    }

    /// Adds a part, with its length before it: no two lists of parts add up to the same bytes.
    fn add(&mut self, part: &str) {
        self.hash.update((part.len() as u64).to_le_bytes());
        self.hash.update(part);
    }
}

/// Writes an object with its fields in the order of their names. `lists` names the fields whose elements are written so, too,
/// and those within them.
fn write_sorted(
    out: &mut String,
    fields: &JsonObject<'_>,
    is_ignored: impl Fn(&str) -> bool,
    lists: &[&[&str]],
) {
    let mut sorted: Vec<(&str, &RawValue)> = fields.iter().filter(|(name, _)| !is_ignored(name)).collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    out.push('{');
    for (name, value) in sorted {
        out.push_str(&quote(name));
        out.push(':');
        match lists {
            [names, within @ ..] if names.contains(&name) && Kind::of(value) == Kind::Array => {
                write_list(out, value, within);
            }
            _ => write_plain(out, value),
        }
        out.push(',');
    }
    out.push('}');
}

fn write_list(out: &mut String, list: &RawValue, within: &[&[&str]]) {
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
        return write_plain(out, list);
    };
    out.push('[');
    for element in elements {
        match serde_json::from_str::<JsonObject<'_>>(element.get()) {
            Ok(fields) => write_sorted(out, &fields, |_| false, within),
            // No object, or one with a duplicate field, of which upstreams take the one or the other.
            Err(_) => write_plain(out, element),
        }
        out.push(',');
    }
    out.push(']');
}

/// Writes a value as it is spelled, without the white space between its tokens.
fn write_plain(out: &mut String, value: &RawValue) {
    let (mut in_string, mut is_escaped) = (false, false);
    for character in value.get().chars() {
        if in_string {
            in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        out.push(character);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0}"#;

    fn request(body: &str) -> Request<'_> {
        Request {
            key_id: "k",
            caller_dialect: CallerDialect::OpenaiChat,
            model: "m",
            body: body.as_bytes(),
            fallbacks_taken: false,
            is_strict: false,
        }
    }

    fn destination() -> Destination<'static> {
        Destination { provider_uid: "p", configured_at: 7, model: "up", query: "" }
    }

    fn name_of(request: &Request<'_>, headers: &[(&str, &str)], to: &Destination<'_>) -> Option<String> {
        Naming::of(request, headers.iter().copied()).map(|naming| naming.name(to))
    }

    fn name(body: &str) -> String {
        name_of(&request(body), &[], &destination()).unwrap()
    }

    #[test]
    fn delivery_spaces_and_the_order_of_parameters_make_no_difference() {
        for body in [
            "{ \"temperature\": 0,\n\"messages\":[ {\"content\":\"hi\",\"role\":\"user\"} ], \"model\":\"m\" }",
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0,"stream":true,"stream_options":{"include_usage":true}}"#,
        ] {
            assert_eq!(name(body), name(BODY), "{body}");
        }
        let parts = |part: &str| format!(r#"{{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
        assert_eq!(
            name(&parts(r#"{"type":"text","text":"a b"}"#)),
            name(&parts(r#"{ "text": "a b", "type":"text"}"#))
        );
    }

    #[test]
    fn everything_else_in_the_body_does() {
        let with = |rest: &str| format!(r#"{{"messages":[{{"role":"user","content":"é"}}],{rest}}}"#);
        for (one, other) in [
            (r#""seed":9007199254740993"#, r#""seed":9007199254740992"#),
            (r#""seed":18446744073709551617"#, r#""seed":18446744073709551616"#),
            (r#""temperature":1"#, r#""temperature":1.0"#),
            (r#""temperature":1e0"#, r#""temperature":1.0"#),
            (r#""temperature":0.1"#, r#""temperature":0.10000000000000001"#),
            (r#""temperature":-0"#, r#""temperature":0"#),
            (r#""user":"u""#, r#""user":"u ""#),
            (r#""user":"a\" b""#, r#""user":"a\"b""#),
            // The letter and its decomposition.
            (r#""user":"é""#, "\"user\":\"e\u{301}\""),
            (r#""user":null"#, r#""seed":null"#),
            (r#""models":["a"]"#, r#""models":["b"]"#),
            (
                r#""tools":[{"parameters":{"properties":{"a":{},"b":{}}}}]"#,
                r#""tools":[{"parameters":{"properties":{"b":{},"a":{}}}}]"#,
            ),
            (r#""response_format":{"x":{"a":1,"a":2}}"#, r#""response_format":{"x":{"a":2}}"#),
            (r#""response_format":{"x":{"a":1,"a":2}}"#, r#""response_format":{"x":{"a":2,"a":1}}"#),
            (r#""stop":["a","b"]"#, r#""stop":["b","a"]"#),
        ] {
            assert_ne!(name(&with(one)), name(&with(other)), "{one} and {other}");
        }
        assert_ne!(name(r#"{"a":["b","c"]}"#), name(r#"{"a":["b"],"c":[]}"#));
    }

    #[test]
    fn who_asks_whom_and_how_does() {
        let same = name(BODY);
        let asked = || request(BODY);
        for other in [
            Request { key_id: "other", ..asked() },
            Request { caller_dialect: CallerDialect::Anthropic, ..asked() },
            Request { model: "alias", ..asked() },
            Request { is_strict: true, ..asked() },
        ] {
            assert_ne!(name_of(&other, &[], &destination()).unwrap(), same);
        }
        for to in [
            Destination { provider_uid: "fallback", ..destination() },
            Destination { configured_at: 8, ..destination() },
            Destination { model: "up-mini", ..destination() },
            Destination { query: "beta=true", ..destination() },
        ] {
            assert_ne!(name_of(&asked(), &[], &to).unwrap(), same);
        }
        let with = |headers: &[(&str, &str)]| name_of(&asked(), headers, &destination()).unwrap();
        assert_ne!(with(&[("anthropic-beta", "context-1m")]), same);
        assert_ne!(with(&[("anthropic-beta", "a")]), with(&[("anthropic-beta", "b")]));
        assert_ne!(with(&[("openai-beta", "a"), ("anthropic-beta", "b")]), with(&[("anthropic-beta", "b")]));
        assert_eq!(
            with(&[("openai-beta", "a"), ("anthropic-beta", "b")]),
            with(&[("anthropic-beta", "b"), ("openai-beta", "a")])
        );
        // What never reaches an upstream, or only says who asked, when and with what.
        for header in
            ["authorization", "x-request-id", "user-agent", "traceparent", "x-stainless-lang", "accept"]
        {
            assert_eq!(with(&[(header, "x")]), same, "{header}");
        }
    }

    #[test]
    fn fallback_models_count_as_long_as_an_upstream_sees_them() {
        let body = r#"{"model":"m","messages":[],"models":["a"]}"#;
        let taken = |body| name_of(&Request { fallbacks_taken: true, ..request(body) }, &[], &destination());
        assert_eq!(taken(body), taken(r#"{"model":"m","messages":[],"models":["b"]}"#));
        assert_ne!(taken(body).unwrap(), name(body));
    }

    #[test]
    fn a_body_of_doubtful_meaning_or_with_a_state_has_no_name() {
        for body in [
            "[]",
            "{",
            r#"{"model":"m","model":"n"}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"container":"container_1"}"#,
            r#"{"previous_response_id":"resp_1"}"#,
        ] {
            assert_eq!(name_of(&request(body), &[], &destination()), None, "{body}");
        }
        assert!(name_of(&request(r#"{"container":null}"#), &[], &destination()).is_some());
    }

    /// A JSON text as its tokens.
    #[derive(Debug, Clone)]
    enum Tree {
        Word(String),
        List(Vec<Tree>),
        Fields(Vec<(String, Tree)>),
    }

    fn words() -> impl Strategy<Value = String> {
        let texts = ["", "a", "é", "e\u{301}", "a\\\"b", "a  b", "\\\\", "{\\\"a\\\": 1}", "\\u00e9"];
        let others = ["null", "true", "0", "-0", "1", "1.0", "1e0", "9007199254740992", "9007199254740993"];
        let texts = prop::sample::select(texts.to_vec()).prop_map(|text| format!("\"{text}\""));
        prop_oneof![texts, prop::sample::select(others.to_vec()).prop_map(str::to_owned)]
    }

    fn names() -> impl Strategy<Value = String> {
        let names =
            ["a", "b", "role", "content", "parts", "messages", "contents", "model", "stream", "tools"];
        prop::sample::select(names.to_vec()).prop_map(str::to_owned)
    }

    fn trees() -> impl Strategy<Value = Tree> {
        words().prop_map(Tree::Word).prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                prop::collection::vec((names(), inner), 0..4).prop_map(Tree::Fields),
            ]
        })
    }

    fn bodies() -> impl Strategy<Value = Tree> {
        prop::collection::vec((names(), trees()), 0..6).prop_map(Tree::Fields)
    }

    /// The text of a tree, with `space` between its tokens.
    fn text(tree: &Tree, space: &str) -> String {
        let joined = |items: Vec<String>| items.join(&format!("{space},{space}"));
        match tree {
            Tree::Word(word) => word.clone(),
            Tree::List(items) => {
                format!("[{space}{}{space}]", joined(items.iter().map(|item| text(item, space)).collect()))
            }
            Tree::Fields(fields) => {
                let field =
                    |(name, tree): &(String, Tree)| format!("\"{name}\"{space}:{space}{}", text(tree, space));
                format!("{{{space}{}{space}}}", joined(fields.iter().map(field).collect()))
            }
        }
    }

    fn reversed(tree: &Tree) -> Tree {
        match tree {
            Tree::Fields(fields) => Tree::Fields(fields.iter().rev().cloned().collect()),
            other => other.clone(),
        }
    }

    /// The meaning of a body, by another way than the one above: its tree with the fields of the request, its messages and
    /// their parts sorted.
    fn meaning(tree: &Tree, level: usize) -> String {
        let Tree::Fields(fields) = tree else { return text(tree, "") };
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let has_duplicates = names.windows(2).any(|pair| pair[0] == pair[1]);
        if has_duplicates {
            return text(tree, "");
        }
        let mut written: Vec<String> = fields
            .iter()
            .filter(|(name, _)| level > 0 || name != "stream")
            .map(|(name, value)| match value {
                Tree::List(items) if LISTS.get(level).is_some_and(|lists| lists.contains(&name.as_str())) => {
                    let items: Vec<String> = items.iter().map(|item| meaning(item, level + 1)).collect();
                    format!("{name}=[{}]", items.join("|"))
                }
                value => format!("{name}={}", text(value, "")),
            })
            .collect();
        written.sort_unstable();
        format!("<{}>", written.join("|"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn spelling_does_not_change_a_name(tree in bodies()) {
            let of = |text: String| name_of(&request(&text), &[], &destination());
            let plain = of(text(&tree, ""));
            prop_assert_eq!(&plain, &of(text(&tree, " \n\t")));
            prop_assert_eq!(&plain, &of(text(&reversed(&tree), "")));
        }

        #[test]
        fn requests_of_one_name_mean_the_same(one in bodies(), other in bodies(), at in 0..6_usize, word in words()) {
            let of = |tree: &Tree| name_of(&request(&text(tree, "")), &[], &destination());
            // Random bodies seldom come near each other, so a third is the first with one value changed.
            let mut near = one.clone();
            if let Tree::Fields(fields) = &mut near && let Some((_, value)) = fields.get_mut(at) {
                *value = Tree::Word(word);
            }
            for second in [&other, &near] {
                if let (Some(first_name), Some(second_name)) = (of(&one), of(second)) {
                    prop_assert_eq!(first_name == second_name, meaning(&one, 0) == meaning(second, 0));
                }
            }
        }
    }
}
