//! The error of the estimate without tables against exact counts, with the bounds that its module and
//! `docs/tokens.md` state.
//!
//! The texts are this repository's own: prose that was written for this test, documentation, source code and JSON.
//! `node bench/tokens/run.mjs` measures the same on megabytes of others.

#![cfg(feature = "exact-tokens")]
#![expect(
    clippy::cast_precision_loss,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may panic, compares shares of small counts, and says what it measured"
)]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use nexus_edge_core::tokens::estimate_tokens;
use nexus_edge_counting::Tokenizer;

const PASSAGE: usize = 1000;

/// The error of the whole, and those of its passages in ascending order, in percent.
struct Errors {
    whole: f64,
    passages: Vec<f64>,
}

impl Errors {
    fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        let passages = characters.chunks(PASSAGE).filter(|passage| passage.len() * 2 > PASSAGE);
        let mut passages: Vec<f64> =
            passages.map(|passage| error(&passage.iter().collect::<String>())).collect();
        passages.sort_by(f64::total_cmp);
        Self { whole: error(text), passages }
    }

    /// Asserts the bound of the whole, and that of all passages but one of twenty.
    fn check(&self, name: &str, whole: f64, passage: f64) {
        let outside = self.passages.iter().filter(|error| error.abs() > passage).count();
        let (first, last) = (self.passages.first().unwrap(), self.passages.last().unwrap());
        eprintln!("{name}: {:+.1} %, passages {first:+.1} to {last:+.1} %", self.whole);
        assert!(self.whole.abs() <= whole, "{name}: {:+.1} %", self.whole);
        assert!(outside * 20 <= self.passages.len(), "{name}: {:?}", self.passages);
    }
}

fn error(text: &str) -> f64 {
    let exact = Tokenizer::for_model("gpt-4o").count(text) as f64;
    (estimate_tokens(text) as f64 / exact - 1.0) * 100.0
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

fn files_below(folder: &Path, extension: &str, texts: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, extension, texts);
        } else if path.extension().is_some_and(|found| found == extension) {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

fn all(folder: &str, extension: &str) -> String {
    let mut texts = Vec::new();
    files_below(&repository().join(folder), extension, &mut texts);
    texts.concat()
}

#[test]
fn prose_in_english_and_chinese_and_both() {
    for name in ["en", "zh", "mixed"] {
        Errors::of(&read(&format!("crates/counting/tests/texts/{name}.txt"))).check(name, 10.0, 15.0);
    }
    Errors::of(&all("docs", "md")).check("documentation", 10.0, 15.0);
}

#[test]
fn code_and_json() {
    Errors::of(&all("crates/core/src", "rs")).check("Rust", 10.0, 15.0);
    Errors::of(&all("tests/support", "mjs")).check("JavaScript", 10.0, 15.0);
    Errors::of(&all("crates/core/tests/fixtures", "json")).check("JSON", 10.0, 15.0);
}

#[test]
fn other_languages() {
    let text = read("crates/counting/tests/texts/others.txt");
    Errors::of(&text).check("others", 15.0, 25.0);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let error = error(line);
        let beginning: String = line.chars().take(20).collect();
        assert!(error.abs() <= 25.0, "{beginning}: {error:+.1} %");
    }
}

/// Texts that nothing was fitted on: `ESTIMATE_TEXTS` names files and folders, parted by colons. Of HTML the text of its
/// `<main>` counts. It only measures:
///
/// ```sh
/// ESTIMATE_TEXTS=a.md:folder cargo test -p nexus-edge-counting --test estimate named -- --ignored --nocapture
/// ```
#[test]
#[ignore = "measures files that ESTIMATE_TEXTS names"]
fn named_texts() {
    for name in env::var("ESTIMATE_TEXTS").unwrap_or_default().split(':').filter(|name| !name.is_empty()) {
        let path = Path::new(name);
        let mut texts = Vec::new();
        if path.is_dir() {
            files_below(path, "html", &mut texts);
            for html in &mut texts {
                *html = text_of(html);
            }
        } else {
            texts.push(fs::read_to_string(path).unwrap());
        }
        let text = texts.concat();
        let Errors { whole, passages } = Errors::of(&text);
        let at = |share: usize| passages.get(passages.len() * share / 100).copied().unwrap_or(f64::NAN);
        let (least, most) = (at(0), passages.last().copied().unwrap_or(f64::NAN));
        eprintln!(
            "{name}: {} bytes, whole {whole:+.1} %, {} passages: {least:+.1} {:+.1} {:+.1} {:+.1} {most:+.1} %",
            text.len(),
            passages.len(),
            at(5),
            at(50),
            at(95),
        );
    }
}

/// The text of a page's `<main>`, without tags.
fn text_of(html: &str) -> String {
    let main = html.split_once("<main>").map_or("", |(_, rest)| rest);
    let main = main.split_once("</main>").map_or(main, |(main, _)| main);
    let text: String =
        main.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// JSON of other kinds than the fixtures, which no weight was fitted on.
#[test]
fn generated_json() {
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let words =
        ["order", "customer", "shipped", "pending", "Berlin", "blue", "invoice", "total", "the", "returned"];
    let (mut rows, mut pretty, mut numbers, mut logs) =
        (String::new(), String::new(), String::new(), String::new());
    for id in 0..300 {
        let mut word = || words[usize::try_from(random(10)).unwrap()];
        let (first, second, third) = (word(), word(), word());
        let (price, day) = (random(100_000), random(28) + 1);
        write!(
            rows,
            r#"{{"id":{id},"status":"{first}","note":"{second} {third}","price":{price},"active":true}},"#
        )
        .unwrap();
        write!(
            pretty,
            concat!(
                "  {{\n    \"customerName\": \"{first} {second}\",\n    \"created_at\": \"2024-03-{day:02}T10:00:00Z\",\n",
                "    \"tags\": [\n      \"{third}\",\n      null\n    ]\n  }},\n"
            ),
            first = first,
            second = second,
            third = third,
            day = day,
        )
        .unwrap();
        write!(numbers, "[{}.{:04},-{}.{}],", random(180), random(10_000), random(90), random(1000)).unwrap();
        writeln!(
            logs,
            r#"{{"level":"info","trace":"{:08x}-{:04x}","ms":{},"msg":"{first} {second} {third}"}}"#,
            random(1 << 31),
            random(1 << 16),
            random(5000)
        )
        .unwrap();
    }
    for (name, text) in [("rows", rows), ("indented", pretty), ("numbers", numbers), ("log", logs)] {
        Errors::of(&text).check(name, 15.0, 20.0);
    }
}
