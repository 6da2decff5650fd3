//! What is written in two places and would drift apart: error codes and docs/api.md, settings with wrangler.toml and
//! docs/deploy.md, the quirks of presets and the admin API.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its files has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nexus_edge_core::billing::PriceBook;
use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::catalog::presets;
use nexus_edge_core::catalog::provider_input::ProviderInput;
use nexus_edge_core::input::Input;
use nexus_edge_core::provider::Quirk;
use nexus_edge_core::settings::runtime::{RUNTIME, VARIABLES_ONLY};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The folders whose code answers with errors.
const SOURCES: &[&str] = &[
    "src",
    "crates/alerts/src",
    "crates/api/src",
    "crates/core/src",
    "crates/counting/src",
    "crates/exports/src",
    "crates/failover/src",
    "crates/scim/src",
    "crates/stats/src",
    "crates/toolloop/src",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files with this ending below a folder.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// The words in backticks of a text.
fn in_backticks(text: &str) -> BTreeSet<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

// Error codes.

/// The constructors of `ApiError` that take a code, and which of their arguments it is.
const CONSTRUCTORS: &[(&str, usize)] = &[
    ("new", 2),
    ("invalid", 0),
    ("unauthorized", 0),
    ("forbidden", 0),
    ("not_found", 0),
    ("conflict", 0),
    ("bad_gateway", 0),
    ("unavailable", 0),
];

/// What one file says about codes.
#[derive(Default)]
struct Codes {
    /// Given as a literal.
    literal: BTreeSet<String>,
    /// Given by the name of a constant or variable.
    named: BTreeSet<String>,
    constants: BTreeMap<String, String>,
    /// Words that stand where the value of a `match` arm, a block or the first element of a tuple is.
    values: BTreeSet<String>,
}

impl Codes {
    fn read(&mut self, tokens: &[TokenTree]) {
        let mut skip_next = false;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    if inner.first().is_some_and(|first| is_word(first, "cfg"))
                        && group.stream().to_string().contains("test")
                    {
                        skip_next = true;
                    } else if skip_next && group.delimiter() == Delimiter::Brace {
                        skip_next = false;
                    } else {
                        self.read_group(tokens, at, group.delimiter(), &inner);
                    }
                }
                // `const NAME: &str = "value"`
                TokenTree::Ident(word) if word == "const" => {
                    if let (Some(TokenTree::Ident(name)), Some(value)) =
                        (tokens.get(at + 1), tokens.get(at + 6).and_then(text_of))
                    {
                        self.constants.insert(name.to_string(), value);
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '>' => {
                    self.values.extend(tokens.get(at + 1).and_then(text_of).filter(|text| is_code(text)));
                }
                _ => {}
            }
        }
    }

    fn read_group(&mut self, tokens: &[TokenTree], at: usize, delimiter: Delimiter, inner: &[TokenTree]) {
        self.read(inner);
        let name = at.checked_sub(1).and_then(|before| tokens.get(before));
        let owner = at.checked_sub(4).and_then(|before| tokens.get(before));
        let is_of_error = owner.is_some_and(|owner| is_word(owner, "ApiError") || is_word(owner, "Self"));
        let constructor =
            CONSTRUCTORS.iter().find(|(known, _)| name.is_some_and(|name| is_word(name, known)));
        match constructor.filter(|_| is_of_error && delimiter == Delimiter::Parenthesis) {
            Some((_, place)) => {
                let arguments = inner.split(|token| token.to_string() == ",");
                if let Some([only]) = arguments.into_iter().nth(*place) {
                    match (text_of(only), only) {
                        (Some(code), _) => _ = self.literal.insert(code),
                        (None, TokenTree::Ident(name)) => _ = self.named.insert(name.to_string()),
                        _ => {}
                    }
                }
            }
            None => self.values.extend(inner.first().and_then(text_of).filter(|text| is_code(text))),
        }
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(name) if name == word)
}

/// The text of a string literal.
fn text_of(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    let text = literal.to_string();
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn is_code(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Every error code in the code, with the file that it is in.
fn codes() -> BTreeMap<String, PathBuf> {
    let mut paths = Vec::new();
    for folder in SOURCES {
        files(&root().join(folder), "rs", &mut paths);
    }
    let read: Vec<(PathBuf, Codes)> = paths
        .into_iter()
        .map(|path| {
            let source: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
            let mut codes = Codes::default();
            codes.read(&source.into_iter().collect::<Vec<_>>());
            (path, codes)
        })
        .collect();
    let constants: BTreeMap<&String, &String> = read.iter().flat_map(|(_, codes)| &codes.constants).collect();
    let mut found = BTreeMap::new();
    for (path, codes) in &read {
        let by_constant = codes.named.iter().filter_map(|name| constants.get(name).copied());
        let is_variable = codes.named.iter().any(|name| !constants.contains_key(name));
        let by_variable = codes.values.iter().filter(|_| is_variable);
        for code in codes.literal.iter().chain(by_constant).chain(by_variable) {
            found.insert(code.clone(), path.clone());
        }
    }
    found
}

#[test]
fn every_error_code_is_documented() {
    let mut paths = Vec::new();
    files(&root().join("docs"), "md", &mut paths);
    let docs: String = paths.iter().map(|path| fs::read_to_string(path).unwrap() + "\n").collect();
    let documented = in_backticks(&docs);
    let codes = codes();
    assert!(codes.len() > 80, "only {} codes found", codes.len());
    let missing: Vec<_> = codes
        .iter()
        .filter(|(code, _)| {
            // The session API writes them in capitals.
            !documented.contains(code.as_str()) && !documented.contains(code.to_ascii_uppercase().as_str())
        })
        .collect();
    assert!(missing.is_empty(), "in no page of docs/: {missing:#?}");
}

#[test]
fn every_documented_error_code_exists() {
    let api = read("docs/api.md");
    let table = api.split("### Errors").nth(1).unwrap().split("\n\n").nth(2).unwrap();
    let mut sources = Vec::new();
    for folder in SOURCES {
        files(&root().join(folder), "rs", &mut sources);
    }
    let sources: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let codes = table.lines().skip(2).flat_map(|row| in_backticks(row.split('|').nth(2).unwrap()));
    let stale: Vec<&str> = codes.filter(|code| !sources.contains(&format!("\"{code}\""))).collect();
    assert!(stale.is_empty(), "documented, but in no code: {stale:?}");
}

// Settings.

/// The names of settings in a text: words of capitals, digits and underscores.
fn setting_names<'a>(words: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let is_name = |word: &&str| {
        word.len() > 3
            && word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    words.filter(is_name).collect()
}

#[test]
fn settings_are_read_configured_and_documented_under_the_same_names() {
    let source = read("crates/core/src/settings.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let in_code = setting_names(source.split('"').skip(1).step_by(2));
    let runtime = RUNTIME.iter().map(|setting| setting.name);
    let known: BTreeSet<&str> = runtime.chain(VARIABLES_ONLY.iter().copied()).collect();
    assert_eq!(in_code, known, "settings.rs and settings/runtime.rs");
    let wrangler = read("wrangler.toml");
    let date = wrangler.lines().find_map(|line| line.strip_prefix("compatibility_date = ")).unwrap();
    assert!(read("src/api/system.rs").contains(&format!("COMPATIBILITY_DATE: &str = {date}")));
    let section = wrangler.split("[vars]").nth(1).unwrap().split("\n[").next().unwrap();
    let words = section.lines().filter_map(|line| line.trim_start_matches("#   ").split([' ', '=']).next());
    assert_eq!(in_code, setting_names(words), "settings.rs and wrangler.toml");
    let deploy = read("docs/deploy.md");
    let rows =
        deploy.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let documented: BTreeSet<&str> = rows.flat_map(in_backticks).collect();
    let documented = setting_names(documented.into_iter());
    let missing: Vec<_> = in_code.difference(&documented).collect();
    assert!(missing.is_empty(), "not in docs/deploy.md: {missing:?}");
    let stale: Vec<_> = documented.difference(&in_code).collect();
    assert!(stale.is_empty(), "in docs/deploy.md only: {stale:?}");
}

// Quirks.

#[test]
fn every_quirk_of_a_preset_is_accepted_and_kept() {
    for preset in presets::all() {
        let body = format!(r#"{{"preset":"{}","server_url":"https://a.example"}}"#, preset.id);
        let mut input = ProviderInput::parse(body.as_bytes()).unwrap();
        input.apply_preset(None).unwrap();
        let mut record = ProviderRecord::new("uid".to_owned(), String::new(), 0);
        input.apply_public(&mut record).unwrap();
        let quirks: Vec<&str> = preset.quirks.iter().map(|quirk| quirk.name()).collect();
        assert_eq!(record.view().quirks, quirks, "{}", preset.id);
    }
    let api = read("docs/api.md");
    let row = api.lines().find(|line| line.starts_with("| `quirks`")).unwrap();
    for (name, quirk) in Quirk::NAMES {
        let input = ProviderInput::parse(format!(r#"{{"quirks":["{name}"]}}"#).as_bytes());
        let mut record = ProviderRecord::new("uid".to_owned(), String::new(), 0);
        record.server_url = "https://a.example".to_owned();
        input.unwrap().apply_public(&mut record).unwrap();
        assert!(record.has_quirk(*quirk), "{name}");
        assert!(in_backticks(row).contains(name), "{name} is not in docs/api.md");
    }
}

#[test]
fn every_model_of_a_preset_has_a_price_or_a_reason() {
    let book = PriceBook::default();
    let mut wrong = Vec::new();
    for preset in presets::all() {
        let body = format!(
            r#"{{"preset":"{}","server_url":"{}"}}"#,
            preset.id,
            preset.server_url.unwrap_or_default()
        );
        let body =
            if preset.server_url.is_some() { body } else { format!(r#"{{"preset":"{}"}}"#, preset.id) };
        let mut input = ProviderInput::parse(body.as_bytes()).unwrap();
        input.apply_preset(None).unwrap();
        let mut provider = ProviderRecord::new("uid".to_owned(), String::new(), 0);
        input.apply_public(&mut provider).unwrap();
        for model in preset.models.iter().filter(|model| !model.is_retired(presets::CHECKED_ON)) {
            let quote = book.quote(&provider, 0, "", model.name);
            let reason = presets::unpriced::reason(preset.id, model.name);
            if quote.is_known() == reason.is_some() {
                wrong.push(format!("{}/{}: {:?}, {reason:?}", preset.id, model.name, quote.source));
            }
        }
    }
    assert!(wrong.is_empty(), "neither a price nor a reason, or both:\n{}", wrong.join("\n"));
}
