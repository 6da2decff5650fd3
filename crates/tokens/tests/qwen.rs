//! Our tokens of Qwen against those of the crate `tiktoken`: `cargo test -p nexus-edge-tokens --features qwen --test qwen`.

#![cfg(feature = "qwen")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says how much it compared"
)]

mod support;

use nexus_edge_tokens::{Encoding, ModelTokens};
use support::Random;

fn reference() -> &'static tiktoken::CoreBpe {
    tiktoken::get_encoding("qwen2").unwrap()
}

fn compare(text: &str) {
    let expected = reference().encode(text);
    assert_eq!(Encoding::Qwen2.encode(text), expected, "{text:?}");
    assert_eq!(Encoding::Qwen2.count(text), expected.len(), "{text:?}");
}

#[test]
fn texts_have_the_reference_tokens() {
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
    ] {
        compare(text);
    }
    let mut random = Random::new(11);
    let mut bytes = 0;
    for longest in std::iter::repeat_n(80, 20_000).chain(std::iter::repeat_n(20_000, 100)) {
        let length = random.below(longest);
        let text = support::text(&mut random, length);
        compare(&text);
        bytes += text.len();
    }
    eprintln!("{bytes} bytes: no difference");
}

#[test]
fn every_token_has_the_bytes_of_the_reference() {
    let all: Vec<u32> = (0..=151_664).collect();
    for tokens in all.chunks(100).chain(all.chunks(1).step_by(499)) {
        assert_eq!(Encoding::Qwen2.decode_bytes(tokens).unwrap(), reference().decode(tokens), "{tokens:?}");
    }
    assert!(Encoding::Qwen2.decode_bytes(&[151_665]).is_err());
}

#[test]
fn special_tokens_stand_for_themselves_only_where_asked() {
    let text = "<|im_start|>user\n<tool_call> 1 < 2 </tool_call><|im_end|>";
    let special = Encoding::Qwen2.encode_with_special_tokens(text);
    assert_eq!(special, reference().encode_with_special_tokens(text));
    assert!(Encoding::Qwen2.encode(text).len() > special.len());
}

#[test]
fn models_of_qwen_are_counted_with_it() {
    for name in ["qwen2.5-72b-instruct", "Qwen/Qwen3-235B-A22B", "qwq-32b"] {
        assert_eq!(ModelTokens::for_model(name).encoding, Encoding::Qwen2, "{name}");
    }
    for name in ["qwen3.5-plus", "qwen-max", "qwen-turbo"] {
        assert!(!ModelTokens::for_model(name).exact, "{name}");
    }
}
