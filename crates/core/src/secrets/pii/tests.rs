use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Written by us: a line each, with the personal data between `<kind:` and `>`. No line is of a real person.
const SET: &str = include_str!("set.txt");

/// A line without its marks, and the spans that are marked.
fn unmarked(line: &str) -> (String, Vec<(usize, usize, String)>) {
    let (mut text, mut spans, mut rest) = (String::new(), Vec::new(), line);
    while let Some((before, marked)) = rest.split_once('<') {
        let (mark, after) = marked.split_once('>').unwrap();
        let (kind, said) = mark.split_once(':').unwrap();
        text.push_str(before);
        spans.push((text.len(), text.len() + said.len(), kind.to_owned()));
        text.push_str(said);
        rest = after;
    }
    text.push_str(rest);
    (text, spans)
}

/// The spans that the search replaces, by replacing them one after the other.
fn found(text: &str) -> Vec<(usize, usize, String)> {
    found_by(&Pii::default(), text)
}

/// The same, of a search with patterns of its own.
fn found_by(pii: &Pii, text: &str) -> Vec<(usize, usize, String)> {
    let bytes = text.as_bytes();
    let (mut spans, mut at, mut copied) = (Vec::new(), 0, 0);
    while let Some(byte) = bytes.get(at) {
        match pii.at(bytes, at, *byte, copied) {
            Some((start, end, kind)) => {
                spans.push((start, end, kind.to_owned()));
                (at, copied) = (end, end);
            }
            None => at += 1,
        }
    }
    spans
}

#[test]
fn precision_and_recall_on_the_set_are_as_documented() {
    let (mut right, mut wrong, mut missed) = (0, String::new(), String::new());
    for line in SET.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let (text, marked) = unmarked(line);
        let spans = found(&text);
        for span in &spans {
            if marked.contains(span) {
                right += 1;
            } else {
                let _ = writeln!(wrong, "{} {:?} in {text}", span.2, &text[span.0..span.1]);
            }
        }
        for span in marked.iter().filter(|span| !spans.contains(span)) {
            let _ = writeln!(missed, "{} {:?} in {text}", span.2, &text[span.0..span.1]);
        }
    }
    let told = (right, wrong.lines().count(), missed.lines().count());
    assert_eq!(
        told,
        (RIGHT, WRONG, MISSED),
        "docs/operations.md has these numbers.\nwrong:\n{wrong}missed:\n{missed}"
    );
}

/// What docs/operations.md says.
const RIGHT: usize = 53;
/// See [`RIGHT`].
const WRONG: usize = 2;
/// See [`RIGHT`].
const MISSED: usize = 3;

#[test]
fn placeholders_say_the_kind() {
    let pii = Pii::new(Pattern::list("customer=C-######, bad, x=none, ticket=@@-####"));
    let text = "mail ada@example.com, card 4111 1111 1111 1111, C-123456, xC-123456 and AB-1234.";
    let cleaned = "mail [email], card [card], [customer], xC-123456 and [ticket].";
    assert_eq!(pii.clean(text).as_deref(), Some(cleaned));
    assert_eq!(pii.clean(cleaned), None);
    assert_eq!(pii.clean("nothing here: 12, 3.14, v1.2.3, 2026-11-29T17:26:00Z"), None);
}

proptest! {
    /// What is found is gone, and what surrounds it stays.
    #[test]
    fn any_text_is_cleaned_once(text in "[ -~\u{e9}\u{4e2d}\n]{0,200}") {
        let pii = Pii::new(Pattern::list("c=C-##"));
        if let Some(cleaned) = pii.clean(&text) {
            prop_assert!(cleaned.contains('['));
        }
    }

    #[test]
    fn a_card_is_found_in_any_sentence(before in "[a-z .,]{0,40} ", after in " [a-z .,]{0,40}") {
        let text = format!("{before}5555-5555-5555-4444{after}");
        prop_assert_eq!(Pii::default().clean(&text), Some(format!("{before}[card]{after}")));
    }
}

/// The search looks at each byte a bounded number of times: a text that begins many candidates takes as long as any other.
#[test]
fn hostile_texts_take_linear_time() {
    for unit in ["@", "a@a", "+1", "1-", "1.1.1.", "DE89 ", "a:b:", "(("] {
        let text = unit.repeat(400_000 / unit.len());
        let _ = Pii::default().clean(&text);
    }
}

/// The spans that a search finds which waits at every open place until `chunk` more bytes have come.
fn found_in_pieces(pii: &Pii, text: &str, chunk: usize) -> Vec<(usize, usize, String)> {
    let bytes = text.as_bytes();
    let (mut spans, mut at, mut copied, mut known) = (Vec::new(), 0, 0, 0);
    while at < bytes.len() {
        if at >= known {
            known = (known + chunk).min(bytes.len());
            continue;
        }
        let earlier = &bytes[copied.max(at.saturating_sub(LOOK_BACK))..at];
        match pii.search(earlier, &bytes[at..known], known == bytes.len()) {
            Search::Open => {
                assert!(known - at <= MAX_OPEN, "{text:?} is open at {at} for too long");
                known = (known + chunk).min(bytes.len());
            }
            Search::Nothing => at += 1,
            Search::Found { before, length, kind } => {
                spans.push((at - before, at + length, kind.to_owned()));
                (at, copied) = (at + length, at + length);
            }
        }
    }
    spans
}

#[test]
fn texts_in_pieces_have_the_same_things_found() {
    for line in SET.lines().filter(|line| !line.starts_with("//")) {
        let (text, _) = unmarked(line);
        for chunk in [1, 2, 3, 7, 1000] {
            assert_eq!(found_in_pieces(&Pii::default(), &text, chunk), found(&text), "{text} by {chunk}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_in_pieces_has_the_same_things_found(
        text in "(ada@|ex\\.com|@|4111|1111 |-|\\+49 |170|DE89 3704 0044 0532 0130 00|X1234567L|::1|2001:db8:|1\\.2\\.3\\.4|C-12|[ -~]|é){0,30}",
        chunk in 1_usize..9,
    ) {
        let pii = Pii::new(Pattern::list("c=C-##, d=@@-?"));
        prop_assert_eq!(found_in_pieces(&pii, &text, chunk), found_by(&pii, &text));
    }
}
