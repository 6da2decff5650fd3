//! A token estimate that needs no tables, for answers whose upstream reported no usage.
//!
//! Byte-pair vocabularies give one token to most common words, to about three digits and to a pair of punctuation
//! marks, and somewhat less than one to a Chinese, Japanese or Korean character. The weights below follow that; the
//! result is an estimate and is recorded as one.

/// Thousandths of a token per character of a script that byte-pair vocabularies know well, but not word by word.
const OTHER_LETTER_MILLI: u64 = 400;
/// Thousandths of a token per Chinese, Japanese or Korean character.
const CJK_MILLI: u64 = 750;
/// Thousandths of a token per emoji or other symbol outside the Basic Multilingual Plane.
const SYMBOL_MILLI: u64 = 2000;
/// Letters of a Latin word that its first token covers, and that each further token covers.
const LETTERS_PER_TOKEN: u64 = 7;
/// Digits per token.
const DIGITS_PER_TOKEN: u64 = 3;
/// Punctuation marks in a row per token.
const MARKS_PER_TOKEN: u64 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Mark,
    Space,
    Newline,
    Cjk,
    OtherLetter,
    Symbol,
}

fn class_of(character: char) -> Class {
    match character {
        'a'..='z' | 'A'..='Z' => Class::Letter,
        '0'..='9' => Class::Digit,
        '\n' | '\r' => Class::Newline,
        character if character.is_ascii_punctuation() => Class::Mark,
        character if character.is_ascii() => Class::Space,
        '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ffef}'
        | '\u{20000}'..='\u{3ffff}' => Class::Cjk,
        '\u{10000}'.. => Class::Symbol,
        _ => Class::OtherLetter,
    }
}

/// Thousandths of a token for `length` characters of one class in a row.
fn run_milli(class: Class, length: u64) -> u64 {
    match class {
        Class::Letter => length.div_ceil(LETTERS_PER_TOKEN) * 1000,
        Class::Digit => length.div_ceil(DIGITS_PER_TOKEN) * 1000,
        Class::Mark => length.div_ceil(MARKS_PER_TOKEN) * 1000,
        // One space belongs to the word after it; an indentation is a token.
        Class::Space => u64::from(length > 1) * 1000,
        Class::Newline => 1000,
        Class::Cjk => length * CJK_MILLI,
        Class::OtherLetter => length * OTHER_LETTER_MILLI,
        Class::Symbol => length * SYMBOL_MILLI,
    }
}

/// About how many tokens `text` is. Linear in its length; zero only for the empty text.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    let mut milli = 0;
    let mut run: Option<(Class, u64)> = None;
    for character in text.chars() {
        let class = class_of(character);
        run = match run {
            Some((current, length)) if current == class => Some((class, length + 1)),
            Some((ended, length)) => {
                milli += run_milli(ended, length);
                Some((class, 1))
            }
            None => Some((class, 1)),
        };
    }
    if let Some((ended, length)) = run {
        milli += run_milli(ended, length).max(1);
    }
    milli.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The right-hand numbers are the counts that the estimate is meant to come near to, within a factor of two.
    #[test]
    fn stays_near_the_real_vocabulary() {
        let cases: [(&str, u64); 5] = [
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("Hello, world!", 4),
            ("今天天气很好，我们去公园散步吧。", 11),
            ("fn main() { println!(\"{}\", 42); }", 12),
            ("Привет, как дела?", 6),
        ];
        for (text, real) in cases {
            let estimate = estimate_tokens(text);
            assert!(estimate >= real / 2 && estimate <= real * 2, "{text}: {estimate} against {real}");
        }
    }

    #[test]
    fn empty_is_zero_and_anything_else_is_not() {
        assert_eq!(estimate_tokens(""), 0);
        for text in ["a", " ", "\n", "é", "。", "🎉"] {
            assert!(estimate_tokens(text) >= 1, "{text:?}");
        }
    }
}
