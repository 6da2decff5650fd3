//! The history before the last turn as one text, for an app that does not have it.

use std::fmt::Write as _;

use crate::dialect::canonical::{Message, Part, Role};
use crate::dialect::upstream::paragraph::paragraph;

/// Index of the user's last turn: after the last message with another role.
pub fn last_turn(messages: &[Message]) -> usize {
    let last_user = messages.iter().rposition(|message| message.role == Role::User);
    let Some(last_user) = last_user else { return messages.len() };
    let before = messages.get(..last_user).unwrap_or_default();
    before.iter().rposition(|message| message.role != Role::User).map_or(0, |index| index + 1)
}

/// Instructions and earlier turns, to be prepended to the query; empty if there are none.
pub fn preamble(messages: &[Message]) -> String {
    let (mut text, has_turns) = retold(messages);
    if has_turns {
        paragraph(&mut text, "Go on with it. The next message is:");
    }
    text
}

/// Instructions and turns as a text, and whether there are turns.
pub fn retold(messages: &[Message]) -> (String, bool) {
    let mut instructions = String::new();
    let mut turns = String::new();
    for message in messages {
        let who = match message.role {
            Role::System | Role::Developer => {
                paragraph(&mut instructions, &paragraphs(&message.parts));
                continue;
            }
            Role::User => "User",
            Role::Assistant => "Assistant",
            Role::Tool => "Tool",
        };
        let said = spoken(message);
        if !said.is_empty() {
            paragraph(&mut turns, &format!("{who}: {said}"));
        }
    }
    let mut text = instructions;
    if !turns.is_empty() {
        paragraph(&mut text, "The conversation so far:");
        paragraph(&mut text, &turns);
    }
    (text, !turns.is_empty())
}

/// The texts of parts, each a paragraph.
pub fn paragraphs(parts: &[Part]) -> String {
    let mut text = String::new();
    parts.iter().filter_map(Part::as_text).for_each(|more| paragraph(&mut text, more));
    text
}

/// The text of a message, with tool calls and results described.
fn spoken(message: &Message) -> String {
    if message.role == Role::User {
        return paragraphs(&message.parts);
    }
    let mut text = String::new();
    for part in &message.parts {
        match part {
            Part::Text { text: words, .. } | Part::Refusal { text: words } => text.push_str(words),
            Part::ToolCall { name, arguments, .. } => {
                // Writing to a string cannot fail.
                let _ = write!(text, "[calls {name} with {arguments}]");
            }
            Part::ToolResult { parts, .. } => {
                paragraph(&mut text, &paragraphs(parts));
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(role: Role, text: &str) -> Message {
        Message::new(role, vec![Part::text(text)])
    }

    #[test]
    fn the_last_turn_is_all_that_the_user_said_last() {
        let [system, user, assistant] = [(Role::System, "s"), (Role::User, "u"), (Role::Assistant, "a")]
            .map(|(role, text)| said(role, text));
        for (messages, at) in [
            (vec![], 0),
            (vec![&system], 1),
            (vec![&user], 0),
            (vec![&system, &user, &user], 1),
            (vec![&user, &assistant, &user], 2),
            (vec![&user, &assistant], 0),
        ] {
            let messages: Vec<Message> = messages.into_iter().cloned().collect();
            assert_eq!(last_turn(&messages), at);
        }
    }

    #[test]
    fn instructions_come_before_the_turns() {
        let messages =
            [said(Role::User, "Hi"), said(Role::Assistant, "Hello"), said(Role::System, "Be brief.")];
        assert_eq!(
            preamble(&messages),
            "Be brief.\n\nThe conversation so far:\n\nUser: Hi\n\nAssistant: Hello\n\nGo on with it. The next message is:"
        );
        assert_eq!(preamble(&[]), "");
    }
}
