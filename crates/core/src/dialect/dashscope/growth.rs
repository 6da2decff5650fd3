//! Distinguishes deltas from repetitions.
//!
//! With `incremental_output`, a server sends deltas; a server that does not know the parameter repeats the text so
//! far with every event. Nothing in the stream says which, so it is inferred from the text: if pieces repeat and
//! extend all earlier text, the text is being repeated. A single such piece may be chance ("ha", "haha"), so a short
//! one is held back until the next piece decides. In a stream of deltas nearly every second piece differs from the
//! first, which decides it at once, without delay.

/// How the stream sends text. Decided once for the whole stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// Not known yet.
    #[default]
    Unknown,
    /// Each piece is a delta.
    Deltas,
    /// Each piece is the whole text so far.
    Snapshots,
}

/// Text of this length is not repeated by chance.
const SURE_CHARS: usize = 16;
/// Most pieces that are held back.
const MAX_HELD: usize = 32;

/// One growing text: the answer, the reasoning, or the arguments of one tool call.
#[derive(Debug, Default)]
pub struct Growth {
    /// The text that was passed on; held only as long as it may be needed.
    seen: String,
    /// Pieces that may be deltas or repetitions.
    held: Vec<String>,
    /// How many of them extend the one before.
    grown: usize,
}

impl Growth {
    /// Processes a piece and returns the new text.
    pub fn add(&mut self, piece: &str, style: &mut Style) -> String {
        match *style {
            Style::Deltas => self.release_deltas() + piece,
            Style::Snapshots => {
                let mut new = self.release_snapshot();
                new.push_str(&self.snapshot(piece));
                new
            }
            Style::Unknown => self.guess(piece, style),
        }
    }

    /// Decides about pieces that are held back, because the text has ended (`finished`) or something else follows.
    pub fn settle(&mut self, finished: bool, style: &mut Style) -> String {
        if self.held.is_empty() {
            return String::new();
        }
        if *style == Style::Unknown {
            let repeats = self.grown > 0 || (finished && self.held.len() == 1);
            *style = if repeats { Style::Snapshots } else { Style::Deltas };
        }
        match style {
            Style::Deltas => self.release_deltas(),
            _ => self.release_snapshot(),
        }
    }

    fn guess(&mut self, piece: &str, style: &mut Style) -> String {
        if piece.is_empty() {
            // A server that repeats would have repeated.
            if self.held.is_empty() {
                return String::new();
            }
            *style = Style::Deltas;
            return self.release_deltas();
        }
        if self.seen.is_empty() {
            piece.clone_into(&mut self.seen);
            return piece.to_owned();
        }
        let last = self.held.last().unwrap_or(&self.seen);
        if !piece.starts_with(last.as_str()) {
            *style = Style::Deltas;
            return self.release_deltas() + piece;
        }
        let is_sure = last.chars().count() >= SURE_CHARS;
        self.grown += usize::from(piece.len() > last.len());
        self.held.push(piece.to_owned());
        let decided = self.grown > 1 || (self.grown > 0 && is_sure);
        if decided || self.held.len() >= MAX_HELD {
            return self.settle(false, style);
        }
        String::new()
    }

    fn release_deltas(&mut self) -> String {
        self.seen = String::new();
        std::mem::take(&mut self.held).concat()
    }

    fn release_snapshot(&mut self) -> String {
        match std::mem::take(&mut self.held).pop() {
            Some(latest) => self.snapshot(&latest),
            None => String::new(),
        }
    }

    /// What a repetition adds to the text so far.
    fn snapshot(&mut self, piece: &str) -> String {
        if let Some(new) = piece.strip_prefix(self.seen.as_str()) {
            let new = new.to_owned();
            self.seen.push_str(&new);
            return new;
        }
        if self.seen.starts_with(piece) {
            return String::new();
        }
        // It is not a repetition after all; losing the text would be worse than a duplicate.
        self.seen.push_str(piece);
        piece.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&str]) -> (String, Style) {
        let (mut growth, mut style) = (Growth::default(), Style::default());
        let mut text: String = pieces.iter().map(|piece| growth.add(piece, &mut style)).collect();
        text += &growth.settle(true, &mut style);
        (text, style)
    }

    #[test]
    fn deltas_stay_and_repetitions_are_cut() {
        for (pieces, text) in [
            (vec!["Hel", "lo", " you", ""], "Hello you"),
            (vec!["Hel", "Hello", "Hello you", "Hello you"], "Hello you"),
            (vec!["你", "你好", "你好！", "你好！"], "你好！"),
            (vec!["1", "12", "3", ""], "1123"),
            (vec!["ha", "ha", "ha", "", ""], "hahaha"),
            (vec!["ha", "ha", "haha", "!", ""], "hahahaha!"),
            (vec!["Hi", "Hi"], "Hi"),
            (
                vec!["A text that is long enough.", "A text that is long enough. And more."],
                "A text that is long enough. And more.",
            ),
            (vec!["", "a", "", "b"], "ab"),
            (vec![], ""),
        ] {
            assert_eq!(read(&pieces).0, text, "{pieces:?}");
        }
    }

    #[test]
    fn deltas_are_passed_on_at_once() {
        let (mut growth, mut style) = (Growth::default(), Style::default());
        assert_eq!(growth.add("Hel", &mut style), "Hel");
        assert_eq!(growth.add("lo", &mut style), "lo");
        assert_eq!((style, growth.seen.as_str()), (Style::Deltas, ""));
    }

    proptest! {
        #[test]
        fn repeated_text_is_never_doubled(words in proptest::collection::vec("[a-e ]{1,4}", 3..20)) {
            let whole = words.concat();
            let mut so_far = String::new();
            let mut pieces: Vec<String> = words.iter().map(|word| { so_far.push_str(word); so_far.clone() }).collect();
            pieces.push(whole.clone());
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(read(&pieces), (whole, Style::Snapshots));
        }

        #[test]
        fn nothing_that_is_sent_as_a_delta_is_lost_where_the_second_differs(words in proptest::collection::vec("[a-e ]{1,4}", 2..20)) {
            prop_assume!(!words[1].starts_with(&words[0]));
            let pieces: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(read(&pieces).0, words.concat());
        }
    }
}
