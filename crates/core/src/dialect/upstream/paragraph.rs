//! Joining texts for services that take only one.
//!
//! Text blocks of a user, of instructions or of a result are pieces of their own: put together without anything
//! between, the last word of one and the first of the next become one word. Blocks of the model's own answer are
//! pieces of one text, which is cut wherever a citation begins; they are joined as they are.

/// Appends a text as a paragraph of its own, unless white space separates the two already.
pub fn paragraph(text: &mut String, more: &str) {
    let is_apart = text.is_empty()
        || more.is_empty()
        || text.ends_with(char::is_whitespace)
        || more.starts_with(char::is_whitespace);
    if !is_apart {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_apart() {
        for (pieces, joined) in [
            (vec!["a", "b"], "a\n\nb"),
            (vec!["a\n", "b"], "a\nb"),
            (vec!["a", " b"], "a b"),
            (vec!["", "a", "", "b"], "a\n\nb"),
            (vec![], ""),
        ] {
            let mut text = String::new();
            for piece in pieces {
                paragraph(&mut text, piece);
            }
            assert_eq!(text, joined);
        }
    }
}
