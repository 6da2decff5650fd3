use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::{Place, Redactor, Scrubber};

const KEY: &str = "sk-upstream-Qm7ZxVb2LwT9/RkPd+4HsN8cFy";
const MASK: &str = "sk-…8cFy";

fn redactor() -> Redactor {
    Redactor::new([KEY, "", "abc", "ollama"], Place::Content)
}

fn cleaned(text: &str) -> String {
    redactor().clean_text(text.to_owned())
}

#[test]
fn in_clear_and_in_any_case() {
    assert_eq!(cleaned(&format!("Bearer {KEY}, {KEY}!")), format!("Bearer {MASK}, {MASK}!"));
    assert_eq!(cleaned(&KEY.to_uppercase()), MASK);
    assert_eq!(redactor().clean(b"nothing, not even sk-upstream-Qm7ZxVb2LwT9"), None);
    assert_eq!(redactor().clean(b""), None);
}

#[test]
fn as_base64_and_hexadecimal() {
    for user in ["", "u", "us", "use", "user:", "user-with-a-long-name:"] {
        let text = format!("{user}{KEY}");
        for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let shown = cleaned(&format!("Basic {encoded}."));
            assert!(shown.contains('…') && shown.len() < encoded.len(), "{shown}");
        }
    }
    let hex = super::hex(KEY).to_uppercase();
    assert_eq!(cleaned(&format!("0x{hex}")), "0x…");
}

#[test]
fn words_are_left_in_content_only() {
    let words = ["ollama", "lm-studio", "sk-1", "not-needed"];
    let content = Redactor::new(words, Place::Content);
    assert!(content.is_empty());
    assert_eq!(content.clean(b"ollama and lm-studio"), None);
    let report = Redactor::new(words, Place::Report);
    assert_eq!(report.clean_text("key ollama, or lm-studio or sk-1".to_owned()), "key …, or … or …");
    assert_eq!(Redactor::new(["abc"], Place::Report).clean(b"abc"), None);
}

#[test]
fn of_two_secrets_the_longer_one_is_masked_as_a_whole() {
    let both = Redactor::new(["sk-12345678", "sk-12345678-and-more"], Place::Content);
    assert_eq!(both.clean_text("a sk-12345678-and-more b sk-12345678 c".to_owned()), "a sk-…more b … c");
}

#[test]
fn a_mask_cannot_break_json() {
    let odd = Redactor::new(["a-secret-with-\"quotes\\1"], Place::Content);
    assert_eq!(odd.clean_text("a-secret-with-\"quotes\\1".to_owned()), "…");
}

#[test]
fn hundreds_of_secrets_are_each_found() {
    let secrets: Vec<String> = (1..300_u64).map(|n| format!("sk-{:x}-{n:04}", n * 7_919 * 104_729)).collect();
    let all = Redactor::new(secrets.iter().map(String::as_str), Place::Content);
    for secret in &secrets {
        let text = format!("{{\"a\":\"{}{secret}\"}}", "x".repeat(secret.len() % 3));
        assert!(!all.clean_text(text).contains(secret.as_str()), "{secret}");
    }
}

/// One character, spelled in one of several ways.
fn spelled(byte: u8, way: u8) -> String {
    match way % 9 {
        0 => format!("\\u{byte:04x}"),
        1 => format!("\\\\u{byte:04X}"),
        2 => format!("%{byte:02x}"),
        3 => format!("%25{byte:02X}"),
        4 => format!("&#{byte};"),
        5 => format!("&#x{byte:x};"),
        6 => format!("\\x{byte:02x}"),
        _ => char::from(byte).to_string(),
    }
}

/// Each chunk is the first character of the key: when the second is held, the first is forwarded in its place.
#[test]
fn a_held_byte_can_be_forwarded_in_place_of_an_equal_one() {
    let mut scrubber = Scrubber::new(Arc::new(redactor()));
    let mut pushed = |bytes: &[u8]| {
        let mut chunk = bytes.to_vec();
        (scrubber.push(&mut chunk), chunk)
    };
    let first = KEY.as_bytes().get(..1).unwrap();
    assert_eq!(pushed(first), (true, Vec::new()));
    assert_eq!(pushed(first), (true, first.to_vec()));
    assert_eq!(scrubber.finish(), first);
}

proptest! {
    #[test]
    fn in_any_spelling_and_any_chunks(
        ways in prop::collection::vec(any::<u8>(), KEY.len()),
        before in "[ -~]{0,40}",
        after in "[ -~]{0,40}",
        cuts in prop::collection::vec(1_usize..40, 1..60),
    ) {
        // What stands beside the secret must not be read as a part of its first character.
        let (before, after) = (format!("{before} "), format!(" {after}"));
        let secret: String = KEY.bytes().zip(&ways).map(|(byte, way)| spelled(byte, *way)).collect();
        let text = format!("{before}{secret}{after}");
        prop_assert_eq!(cleaned(&text), format!("{before}{MASK}{after}"));

        let mut scrubber = Scrubber::new(Arc::new(redactor()));
        let (mut streamed, mut rest, mut cut) = (Vec::new(), text.as_bytes(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
            let mut chunk = head.to_vec();
            scrubber.push(&mut chunk);
            streamed.extend(chunk);
            rest = tail;
        }
        streamed.extend(scrubber.finish());
        prop_assert_eq!(String::from_utf8(streamed).unwrap(), format!("{before}{MASK}{after}"));
    }

    #[test]
    fn any_bytes_without_a_secret_pass_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1_usize..50) {
        let redactor = Arc::new(redactor());
        prop_assert_eq!(redactor.clean(&bytes), None);
        let mut scrubber = Scrubber::new(redactor);
        let mut streamed = Vec::new();
        for chunk in bytes.chunks(cut) {
            let mut forwarded = chunk.to_vec();
            let is_changed = scrubber.push(&mut forwarded);
            prop_assert!(is_changed || forwarded == chunk);
            streamed.extend(forwarded);
        }
        streamed.extend(scrubber.finish());
        prop_assert_eq!(streamed, bytes);
    }
}
