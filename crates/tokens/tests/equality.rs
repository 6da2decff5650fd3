//! Our tokens against those of `tiktoken-rs`, the reference.
//!
//! The amount is a few megabytes by default. `cargo test --release -p nexus-edge-tokens --test equality -- --ignored`
//! compares more than 50 MB and a million texts; `TOKENS_SCALE` multiplies the amount, `TOKENS_SEED` changes the texts.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may panic, and says how much it compared"
)]

mod support;

use std::{env, fmt::Write as _};

use nexus_edge_tokens::{DecodeError, Encoding};
use support::Random;
use tiktoken_rs::CoreBPE;

/// Those that `tiktoken-rs` has; `qwen.rs` compares the other one.
const ENCODINGS: [Encoding; 3] = [Encoding::O200kBase, Encoding::O200kHarmony, Encoding::Cl100kBase];

fn reference(encoding: Encoding) -> &'static CoreBPE {
    if encoding == Encoding::O200kBase {
        tiktoken_rs::o200k_base_singleton()
    } else if encoding == Encoding::O200kHarmony {
        tiktoken_rs::o200k_harmony_singleton()
    } else {
        tiktoken_rs::cl100k_base_singleton()
    }
}

/// Compares one text in both vocabularies. The reference gives up on some texts; those do not count.
fn compare(text: &str) -> usize {
    let mut compared = 0;
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
        let Ok((expected, _)) = reference(encoding).encode(text, &std::collections::HashSet::new()) else {
            continue;
        };
        let tokens = encoding.encode(text);
        if tokens != expected {
            let at = tokens.iter().zip(&expected).take_while(|(ours, theirs)| ours == theirs).count();
            let before = encoding.decode_bytes(&expected[..at]).unwrap().len();
            let near: String = String::from_utf8_lossy(&text.as_bytes()[before.saturating_sub(20)..])
                .chars()
                .take(60)
                .collect();
            panic!(
                "{} at byte {before} of {}: {near:?}: {:?} is not {:?}",
                encoding.name(),
                text.len(),
                &tokens[at..tokens.len().min(at + 6)],
                &expected[at..expected.len().min(at + 6)]
            );
        }
        assert_eq!(encoding.count(text), tokens.len(), "{}: count of {text:?}", encoding.name());
        compared += 1;
    }
    compared
}

fn variable(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Compares texts of up to `longest` bytes until it is `bytes` of them.
fn compare_generated(bytes: usize, texts: usize, longest: usize) {
    let bytes = bytes * variable("TOKENS_SCALE", 1) as usize;
    let texts = texts * variable("TOKENS_SCALE", 1) as usize;
    let mut random = Random::new(variable("TOKENS_SEED", 7));
    let (mut done, mut count, mut compared) = (0, 0, 0);
    while done < bytes || count < texts {
        let most = 1 + random.below(longest);
        let length = 1 + random.below(most);
        let text = support::text(&mut random, length);
        compared += compare(&text);
        done += text.len();
        count += 1;
    }
    assert!(compared * 10 > count * 19, "the reference gave up on {} of {}", 2 * count - compared, 2 * count);
    eprintln!("{done} bytes in {count} texts, {compared} of {} comparisons: no difference", 2 * count);
}

/// Texts with special tokens in them, some of them broken.
fn text_with_specials(random: &mut Random) -> String {
    let names = [
        "<|endoftext|>",
        "<|endofprompt|>",
        "<|fim_prefix|>",
        "<|start|>",
        "<|message|>",
        "<|reserved_200000|>",
        "<|reserved_201087|>",
        "<|reserved_201088|>",
        "<|reserved_0200000|>",
        "<|reserved_200018|>",
        "<|reserved_|>",
        "<|channel",
        "<|",
        "|>",
        "<|end|>",
    ];
    let mut text = String::new();
    for _ in 0..random.below(8) {
        let length = random.below(30);
        text += &support::text(random, length);
        text += random.pick(&names);
    }
    text
}

#[test]
fn special_tokens_are_those_of_the_reference() {
    let mut random = Random::new(variable("TOKENS_SEED", 8));
    for _ in 0..5000 {
        let text = text_with_specials(&mut random);
        for encoding in ENCODINGS {
            let expected = reference(encoding).encode_with_special_tokens(&text);
            assert_eq!(encoding.encode_with_special_tokens(&text), expected, "{}: {text:?}", encoding.name());
            assert_eq!(
                encoding.encode(&text),
                reference(encoding).encode_ordinary(&text),
                "{}: {text:?}",
                encoding.name()
            );
            assert_eq!(encoding.decode_bytes(&expected).unwrap(), text.as_bytes());
        }
    }
}

#[test]
fn every_token_has_the_bytes_of_the_reference() {
    for encoding in ENCODINGS {
        let (known, unknown): (Vec<u32>, Vec<u32>) = (0..=201_100)
            .chain([u32::MAX])
            .partition(|&token| reference(encoding).decode_bytes(&[token]).is_ok());
        for tokens in known.chunks(100).chain(known.chunks(1).step_by(499)) {
            let expected = reference(encoding).decode_bytes(tokens).unwrap();
            assert_eq!(encoding.decode_bytes(tokens).unwrap(), expected, "{}: {tokens:?}", encoding.name());
        }
        for token in unknown.into_iter().step_by(101) {
            let error = Err(DecodeError::UnknownToken(token));
            assert_eq!(encoding.decode_bytes(&[0, token]), error, "{}", encoding.name());
        }
    }
}

/// Characters between letters, numbers, white space and marks: what class each has shows in the pieces.
fn compare_characters(characters: impl Iterator<Item = char>) {
    let mut text = String::new();
    for character in characters {
        let next = char::from_u32(u32::from(character) + 1).unwrap_or('a');
        let _ = write!(
            text,
            "{character}a A{character}b {character}{character}1 {character}\n!{character} a{character}'s{next}B"
        );
        if text.len() > 60_000 {
            assert_eq!(compare(&text), 2);
            text.clear();
        }
    }
    assert_eq!(compare(&text), 2);
}

#[test]
fn characters_have_the_classes_of_the_reference() {
    // Few characters above have a class of their own; all are compared below.
    compare_characters(
        ('\0'..'\u{20000}').chain('\u{e0000}'..'\u{e0200}').chain(('\u{20000}'..=char::MAX).step_by(101)),
    );
}

#[test]
#[ignore = "takes minutes"]
fn all_characters_have_the_classes_of_the_reference() {
    compare_characters('\0'..=char::MAX);
}

#[test]
fn short_texts_have_the_reference_tokens() {
    compare_generated(400_000, 10_000, 80);
}

#[test]
fn long_texts_have_the_reference_tokens() {
    compare_generated(2_000_000, 100, 40_000);
}

#[test]
#[ignore = "takes minutes"]
fn a_million_texts_have_the_reference_tokens() {
    compare_generated(20_000_000, 1_000_000, 100);
}

#[test]
#[ignore = "takes minutes"]
fn fifty_megabytes_have_the_reference_tokens() {
    compare_generated(50_000_000, 1000, 100_000);
}
