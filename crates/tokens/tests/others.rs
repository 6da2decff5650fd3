//! Our tokens of others than OpenAI, for the vocabularies of this build:
//! `cargo test -p nexus-edge-tokens --features all-vocabularies --test others`.
//!
//! Texts are compared with a short reference implementation, which uses the vendors' patterns; tokens and special
//! tokens with the crate `tiktoken`, which the vocabularies come from.

#![cfg(feature = "others")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says how much it compared"
)]

#[path = "support/reference.rs"]
mod reference;
mod support;

use std::fmt::Write as _;

use nexus_edge_tokens::{Counter, Encoding};
use reference::Reference;
use support::Random;
use tiktoken::CoreBpe;

/// The encodings of this build, and the reference for each.
fn encodings() -> Vec<(Encoding, &'static CoreBpe)> {
    let names = |name| if name == "tekken" { "mistral_v3" } else { name };
    let openai = [Encoding::O200kBase, Encoding::O200kHarmony, Encoding::Cl100kBase];
    let others = Encoding::ALL.iter().filter(|encoding| !openai.contains(encoding));
    others.map(|&encoding| (encoding, tiktoken::get_encoding(names(encoding.name())).unwrap())).collect()
}

#[test]
fn texts_have_the_reference_tokens() {
    let references: Vec<Reference> = encodings().into_iter().map(Reference::new).collect();
    let compare = |text: &str| references.iter().for_each(|reference| reference.compare(text));
    for text in [
        "",
        "a",
        "12345",
        "  \n  ",
        "x\n\n  \n y",
        "it's  I'LL",
        "\u{3000}\u{3000}中文 12 个",
        "<|endoftext|>",
        "!!\r\n\r\n  ",
        "漢字〇〇と々、カタカナ・ひらがな  2024年 ",
        "\0\0\0\0\0\0a \u{200b}\u{200b}b\u{200b}1\u{3040}\u{3040}あ",
        "[INST] user@example.com /etc/passwd -café \"Ünïcode\"",
    ] {
        compare(text);
    }
    let mut random = Random::new(11);
    let mut bytes = 0;
    for longest in std::iter::repeat_n(80, 4000).chain(std::iter::repeat_n(3000, 100)) {
        let length = random.below(longest);
        let text = support::text(&mut random, length);
        compare(&text);
        bytes += text.len();
    }
    eprintln!("{bytes} bytes: no difference");
}

/// Runs of the vocabulary's own tokens without a border between them: what merging finds hardest.
#[test]
fn tokens_in_a_row_have_the_reference_tokens() {
    for (encoding, crate_) in encodings() {
        let reference = Reference::new((encoding, crate_));
        let mut random = Random::new(12);
        for _ in 0..800 {
            let tokens: Vec<u32> = (0..=random.below(12))
                .map(|_| u32::try_from(1000 + random.below(crate_.vocab_size() - 1000)).unwrap())
                .collect();
            reference.compare(&String::from_utf8_lossy(&crate_.decode(&tokens)).replace('\u{fffd}', ""));
        }
    }
}

/// What class each character has shows in the pieces.
#[test]
fn characters_have_the_classes_of_the_reference() {
    let references: Vec<Reference> = encodings().into_iter().map(Reference::new).collect();
    // Those which Unicode has had for long: what was added later the reference may not know.
    let characters =
        ('\0'..'\u{3400}').chain(('\u{3400}'..'\u{1e000}').step_by(53)).chain('\u{1f300}'..'\u{1f400}');
    let characters: Vec<char> = characters.collect();
    for some in characters.chunks(200) {
        let mut text = String::new();
        for c in some {
            let _ = write!(text, "{c}a A{c}b {c}{c}1 {c}\n!{c} a{c}中{c}あ{c}.{c} ");
        }
        for reference in &references {
            reference.compare(&text);
        }
    }
}

#[test]
fn every_token_has_the_bytes_of_the_reference() {
    for (encoding, reference) in encodings() {
        let end = u32::try_from(reference.vocab_size() + reference.num_special_tokens() + 300).unwrap();
        let known = |token: &u32| !reference.decode(&[*token]).is_empty();
        let (all, unknown): (Vec<u32>, Vec<u32>) = (0..end).partition(known);
        assert!(all.len() >= reference.vocab_size(), "{}", encoding.name());
        for tokens in all.chunks(5000).chain(all.chunks(1).step_by(4999)) {
            assert_eq!(
                encoding.decode_bytes(tokens).unwrap(),
                reference.decode(tokens),
                "{}",
                encoding.name()
            );
        }
        for token in unknown.into_iter().step_by(37) {
            assert!(encoding.decode_bytes(&[token]).is_err(), "{}: {token}", encoding.name());
        }
    }
}

#[test]
fn special_tokens_stand_for_themselves_only_where_asked() {
    let text = "<|im_start|>user\n<tool_call> 1 < 2 </tool_call><|im_end|> [gMASK]<sop><|user|>/nothink \
        <｜begin▁of▁sentence｜><｜User｜>｜<｜place▁holder▁no▁0｜><｜place▁holder▁no▁799｜><｜place▁holder▁no▁00｜>\
        <｜place▁holder▁no▁800｜> [INST]x[/INST]</s><s>[BOS]<|im_user|>user<|im_middle|>[EOT";
    for (encoding, reference) in encodings() {
        let special = encoding.encode_with_special_tokens(text);
        assert_eq!(special, reference.encode_with_special_tokens(text), "{}", encoding.name());
        assert!(encoding.encode(text).len() >= special.len());
        assert_eq!(encoding.decode(&special).unwrap(), text);
    }
}

#[test]
fn a_counter_agrees_however_the_text_is_split() {
    let mut random = Random::new(13);
    let han = [
        "中",
        "〇",
        "々",
        "⺀",
        "〡",
        "文",
        "1",
        "あ",
        "・",
        "e\u{301}",
        " ",
        "\u{1100}\u{1161}\u{11a8}",
        "，",
    ];
    for round in 0..400 {
        let length = random.below(6000);
        let mut text = support::text(&mut random, length);
        if round % 2 == 0 {
            text = (0..length / 3).map(|_| random.pick(&han)).collect();
        }
        for (encoding, _) in encodings() {
            let mut counter = Counter::new(encoding);
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (part, after) = rest.split_at(rest.ceil_char_boundary(1 + random.below(500)));
                counter.push(part);
                rest = after;
            }
            assert_eq!(counter.finish(), encoding.count(&text), "{}: {text:?}", encoding.name());
        }
    }
}

#[cfg(feature = "all-vocabularies")]
#[test]
fn models_are_counted_with_their_own_vocabulary() {
    for (encoding, names) in [
        (Encoding::Qwen2, ["qwen2.5-72b-instruct", "Qwen/Qwen3-235B-A22B", "qwq-32b"].as_slice()),
        (Encoding::DeepSeekV3, &["deepseek-chat", "deepseek-ai/DeepSeek-R1", "deepseek-v3.2-exp"]),
        (Encoding::KimiK2, &["kimi-k2-0905-preview", "moonshotai/Kimi-K2-Instruct", "kimi-k2.5"]),
        (Encoding::Glm4, &["glm-4.6", "zai-org/GLM-4.5-Air"]),
        (Encoding::Glm5, &["glm-5", "z-ai/glm-5.1"]),
        (Encoding::Tekken, &["open-mistral-nemo", "pixtral-12b-2409"]),
        (Encoding::MiniMaxM2, &["MiniMax-M2.1"]),
    ] {
        for name in names {
            let tokens = nexus_edge_tokens::ModelTokens::for_model(name);
            assert_eq!((tokens.encoding, tokens.exact), (encoding, true), "{name}");
        }
    }
    for name in [
        "qwen3.5-plus",
        "qwen-max",
        "deepseek-r1-distill-qwen-32b",
        "deepseek-coder",
        "kimi-k3",
        "moonshot-v1-8k",
        "glm-4-plus",
        "mistral-large-latest",
        "mistral-small-2402",
        "open-mixtral-8x22b",
    ] {
        assert!(!nexus_edge_tokens::ModelTokens::for_model(name).exact, "{name}");
    }
}

/// Qwen brings a text into form NFC before it looks at it.
#[cfg(feature = "qwen")]
#[test]
fn decomposed_characters_are_to_qwen_what_composed_ones_are() {
    let (composed, decomposed) =
        ("caf\u{e9} \u{ac01}\u{304c}", "cafe\u{301} \u{1100}\u{1161}\u{11a8}\u{304b}\u{3099}");
    let tokens = Encoding::Qwen2.encode(composed);
    assert_eq!(Encoding::Qwen2.encode(decomposed), tokens);
    assert_eq!(Encoding::Qwen2.count(decomposed), tokens.len());
    assert_eq!(Encoding::Qwen2.count_until(decomposed, tokens.len()), Ok(tokens.len()));
    assert_eq!(Encoding::Qwen2.decode(&tokens).unwrap(), composed);
}
