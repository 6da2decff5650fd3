//! The part of the history that goes to the model.
//!
//! The newest complete turns, as many as fit. A turn begins with a message of the user and is never cut, because most
//! providers refuse an answer without its question or a tool result without its call. Older turns are replaced by a
//! summary, or left out until there is one.

use super::message::StoredMessage;

/// A part of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Index of the first message that goes to the model.
    pub start: usize,
    /// Estimated tokens of the messages from there on.
    pub tokens: u64,
}

/// The window of at most `budget` tokens over the messages, oldest first. It always contains the newest turn.
#[must_use]
pub fn window(messages: &[StoredMessage], budget: u64) -> Window {
    let mut best = None;
    let mut tokens: u64 = 0;
    for (index, message) in messages.iter().enumerate().rev() {
        tokens += message.prompt_tokens();
        if message.role != "user" {
            continue;
        }
        if best.is_some() && tokens > budget {
            break;
        }
        best = Some(Window { start: index, tokens });
    }
    best.unwrap_or(Window { start: 0, tokens })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn history(roles: &str) -> Vec<StoredMessage> {
        let role = |letter| match letter {
            'u' => "user",
            't' => "tool",
            _ => "assistant",
        };
        roles
            .chars()
            .map(|letter| StoredMessage::new("m".into(), "t", role(letter), json!("word ".repeat(50)), 0))
            .collect()
    }

    #[test]
    fn whole_turns_from_the_end() {
        let messages = history("uauatauau");
        let each = messages[0].prompt_tokens();
        assert_eq!(window(&messages, u64::MAX).start, 0);
        assert_eq!(window(&messages, each).start, 8);
        assert_eq!(window(&messages, each * 3).start, 6);
        assert_eq!(window(&messages, each * 6).start, 6, "the turn with the tool does not fit");
        assert_eq!(window(&messages, each * 7).start, 2);
    }

    #[test]
    fn the_newest_turn_goes_whatever_it_costs() {
        assert_eq!(window(&history("uau"), 1).start, 2);
        assert_eq!(window(&[], 1), Window { start: 0, tokens: 0 });
        assert_eq!(window(&history("aa"), 1).start, 0, "a history without a question is sent as it is");
    }

    #[test]
    fn a_larger_budget_never_shows_less() {
        let messages = history("uauatauauuau");
        let starts: Vec<usize> = (0..900).map(|budget| window(&messages, budget).start).collect();
        assert!(starts.windows(2).all(|pair| pair[1] <= pair[0]));
        assert!(starts.iter().all(|start| messages[*start].role == "user"));
    }
}
