//! What holds for every text, whatever the reference says: ways to the same result agree, and everything comes back.

#![expect(clippy::string_slice, reason = "a test may panic")]

mod support;

use nexus_edge_tokens::{Counter, DecodeError, Encoding, OverLimit};
use support::Random;
use unicode_normalization::UnicodeNormalization;

const TEXTS: usize = 4000;

fn texts(seed: u64, longest: usize) -> impl Iterator<Item = String> {
    let mut random = Random::new(seed);
    (0..TEXTS).map(move |_| {
        let length = random.below(longest);
        support::text(&mut random, length)
    })
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    let texts: Vec<String> = texts(1, 300).collect();
    for encoding in Encoding::ALL.iter().copied() {
        // To decode is to look at the whole vocabulary, whatever the tokens: better many texts at once.
        for texts in texts.chunks(200) {
            let (mut whole, mut tokens) = (String::new(), Vec::new());
            for text in texts {
                let some = encoding.encode(text);
                assert_eq!(encoding.count(text), some.len());
                tokens.extend(some);
                // Qwen's tokens are those of the text in form NFC.
                if encoding.name() == "qwen2" { whole.extend(text.nfc()) } else { whole += text }
            }
            assert_eq!(encoding.decode_bytes(&tokens).as_deref(), Ok(whole.as_bytes()));
            assert_eq!(encoding.decode(&tokens), Ok(whole));
        }
    }
}

#[test]
fn a_counter_agrees_however_the_text_is_split() {
    let mut random = Random::new(2);
    for (index, text) in texts(3, 5000).enumerate() {
        for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
            let most = 1 << random.below(11);
            let mut counter = Counter::new(encoding);
            let mut from = 0;
            while from < text.len() {
                let mut to = text.len().min(from + 1 + random.below(most));
                while !text.is_char_boundary(to) {
                    to += 1;
                }
                counter.push(&text[from..to]);
                from = to;
                // What is counted so far is what the text so far counts.
                if index % 100 == 0 && random.below(10) == 0 {
                    assert_eq!(counter.count(), encoding.count(&text[..to]));
                }
            }
            assert_eq!(counter.finish(), encoding.count(&text), "{text:?}");
        }
    }
}

#[test]
fn counting_against_a_limit_agrees_with_counting() {
    for text in texts(4, 600) {
        for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
            let count = encoding.count(&text);
            for limit in [0, 1, count / 2, count.saturating_sub(1), count, count + 1, usize::MAX] {
                let expected = if count <= limit { Ok(count) } else { Err(OverLimit { limit }) };
                assert_eq!(encoding.count_until(&text, limit), expected);
            }
        }
    }
}

#[test]
fn special_tokens_stand_for_themselves_only_where_asked() {
    for encoding in [Encoding::O200kBase, Encoding::O200kHarmony, Encoding::Cl100kBase] {
        let special = encoding.encode_with_special_tokens("<|endoftext|>");
        assert_eq!(special.len(), 1);
        assert_eq!(encoding.decode(&special).as_deref(), Ok("<|endoftext|>"));
        assert!(encoding.encode("<|endoftext|>").len() > 3);
        assert_eq!(encoding.decode(&encoding.encode("<|endoftext|>")).as_deref(), Ok("<|endoftext|>"));
    }
}

#[test]
fn tokens_that_do_not_exist_are_named() {
    for encoding in Encoding::ALL.iter().copied() {
        assert_eq!(encoding.decode(&[0, u32::MAX]), Err(DecodeError::UnknownToken(u32::MAX)));
    }
    // Between the last ordinary token of cl100k_base and its first special one.
    assert_eq!(Encoding::Cl100kBase.decode(&[100_256]), Err(DecodeError::UnknownToken(100_256)));
    let half_a_character = Encoding::O200kBase.encode("\u{1f9ff}");
    assert!(half_a_character.len() > 1);
    assert_eq!(Encoding::O200kBase.decode(&half_a_character[..1]), Err(DecodeError::NotUtf8));
}

#[test]
fn names_lead_to_encodings_and_back() {
    for encoding in Encoding::ALL.iter().copied() {
        assert_eq!(Encoding::from_name(encoding.name()), Some(encoding));
    }
    assert_eq!(Encoding::from_name("p50k_base"), None);
}
