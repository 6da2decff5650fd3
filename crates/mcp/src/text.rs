//! Invisible characters: code points that are not displayed, but that models read.

/// Why a text must not be shown to a model unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// A tag character: text that no font shows.
    Tag,
    /// A character of no width, or one that changes the direction of what follows.
    Invisible,
    /// A control code other than tab, line feed and carriage return; escape sequences of terminals among them.
    Control,
}

/// What a character is hidden by, if it is.
#[must_use]
pub const fn unseen(character: char) -> Option<Unseen> {
    match character {
        '\t' | '\n' | '\r' => None,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some(Unseen::Control),
        '\u{e0000}'..='\u{e0fff}' => Some(Unseen::Tag),
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' => Some(Unseen::Invisible),
        _ => None,
    }
}

/// A text without what is unseen, for results that go to a model. Joiners within emoji and scripts that need them are lost
/// with the rest: a model reads the text without them.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            skip_escape(&mut characters);
        } else if unseen(character).is_none() {
            out.push(character);
        }
    }
    out
}

/// Passes over the rest of an escape sequence of a terminal.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.peek() {
        // A control sequence ends with a letter or one of a few marks.
        Some('[') => {
            characters.next();
            while let Some(character) = characters.next_if(|next| matches!(next, ' '..='?')) {
                let _ = character;
            }
            characters.next_if(|next| matches!(next, '@'..='~'));
        }
        // An operating system command ends with a bell or another escape.
        Some(']') => {
            while characters.next_if(|next| !matches!(next, '\u{7}' | '\u{1b}' | '\n')).is_some() {}
            characters.next_if(|next| *next == '\u{7}');
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_hidden_is_taken_out_and_the_rest_stays() {
        assert_eq!(visible("a\u{200b}b\u{e0041}c\u{202e}d\n\te"), "abcd\n\te");
        assert_eq!(visible("\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link"), "red link");
        assert_eq!(visible("Grüße, 世界 😀"), "Grüße, 世界 😀");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(visible(&text).chars().all(|character| unseen(character).is_none()));
        }
    }
}
