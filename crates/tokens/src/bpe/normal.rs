//! Unicode normalisation form NFC, which Qwen's tokenizer applies first.

use alloc::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The text in form NFC; itself if it is in that form already, as nearly all text is.
///
/// Cutting a text at [`crate::bpe::scan::last_cut`] and bringing the parts into form is the same: a mark or a letter that
/// what stands before it might be composed with never begins a part after a letter, and numbers and white space are
/// composed with nothing.
pub fn form(text: &str) -> Cow<'_, str> {
    // A character below U+0300 is as it should be, and these are its bytes.
    if text.bytes().all(|byte| byte < 0xcc) {
        return Cow::Borrowed(text);
    }
    // Those that are surely so do not depend on each other either, and need not be looked up.
    match is_nfc_quick(text.chars().filter(|&character| !is_sure(character))) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

/// Characters of form NFC which no character before them is composed with or changes places with: most of those that
/// most texts are of.
const fn is_sure(character: char) -> bool {
    matches!(
        character,
        '\0'..'\u{300}'
            | '\u{400}'..='\u{482}'
            | '\u{2010}'..='\u{20cf}'
            | '\u{3001}'..='\u{3029}'
            | '\u{3041}'..='\u{3098}'
            | '\u{309b}'..='\u{a66e}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{ff01}'..='\u{ff9d}'
            | '\u{1f300}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use unicode_normalization::char::canonical_combining_class;

    use super::*;

    #[test]
    fn what_is_sure_is_in_form_and_depends_on_nothing() {
        for character in ('\0'..=char::MAX).filter(|&character| is_sure(character)) {
            assert_eq!(canonical_combining_class(character), 0, "{character:?}");
            assert_eq!(is_nfc_quick(core::iter::once(character)), IsNormalized::Yes, "{character:?}");
        }
    }

    #[test]
    fn texts_are_brought_into_form() {
        for (text, expected) in [
            ("", ""),
            ("caf\u{e9}", "caf\u{e9}"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("\u{1100}\u{1161}\u{11a8}", "\u{ac01}"),
            ("a\u{323}\u{302}", "\u{1ead}"),
            ("a\u{302}\u{323}", "\u{1ead}"),
            ("a\u{5b0}\u{5b4}x\u{5b4}\u{5b0}", "a\u{5b0}\u{5b4}x\u{5b0}\u{5b4}"),
            ("\u{212b} \u{2126}", "\u{c5} \u{3a9}"),
            ("\u{304b}\u{3099}", "\u{304c}"),
            ("\u{4e2d}\u{6587}", "\u{4e2d}\u{6587}"),
        ] {
            assert_eq!(form(text), expected);
        }
        let every_character: String = ('\0'..=char::MAX).collect();
        assert_eq!(form(&every_character), every_character.nfc().collect::<String>());
    }
}
