//! Rows of the archive as releases before packs wrote them: messages of one request share a row, with their texts in it.
//!
//! They are only read. Guarantee: messages come back one by one, in order, under the ids that they would have in rows of their
//! own.

use super::archive_item::{Mark, message_id};

/// A message from a shared row.
#[derive(Debug, PartialEq, Eq)]
pub struct Unbundled {
    /// As of a message in a row of its own.
    pub id: String,
    /// `system`, `user`, `assistant` or `tool`.
    pub role: &'static str,
    /// `None` where no content is stored.
    pub content: Option<String>,
    /// Estimated tokens.
    pub tokens: u64,
    /// Milliseconds from the row's time to the message.
    pub after_ms: u64,
}

/// The messages of a shared row, from its `id` (`<request>.<index of the first message>`), its outline and its
/// content, both as JSON. `None` if they are not those of such a row.
#[must_use]
pub fn unbundle(id: &str, outline: &str, content: Option<&str>) -> Option<Vec<Unbundled>> {
    let (request, first) = id.rsplit_once('.')?;
    let first: usize = first.parse().ok()?;
    let marks: Vec<Mark> = serde_json::from_str(outline).ok()?;
    let mut contents = match content {
        Some(content) => serde_json::from_str::<Vec<String>>(content).ok()?.into_iter().map(Some).collect(),
        None => vec![None; marks.len()],
    };
    contents.resize(marks.len(), None);
    let messages = marks.into_iter().zip(contents).enumerate().map(|(index, (mark, content))| Unbundled {
        id: message_id(request, first + index),
        role: mark.role(),
        content,
        tokens: mark.tokens(),
        after_ms: mark.after_ms(),
    });
    Some(messages.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_shared_row_come_back_one_by_one() {
        let outline = r#"[["s",1,0],["u",1,0],["t",1,0],["a",6,850]]"#;
        let found = unbundle("R.0003", outline, Some(r#"["s","a","r","\"yes\"\n"]"#)).unwrap();
        let ids: Vec<&str> = found.iter().map(|message| message.id.as_str()).collect();
        assert_eq!(ids, ["R.0003", "R.0004", "R.0005", "R.0006"]);
        let last = found.last().unwrap();
        assert_eq!((last.role, last.tokens, last.after_ms), ("assistant", 6, 850));
        assert_eq!(last.content.as_deref(), Some("\"yes\"\n"));
        let without = unbundle("R.0003", outline, None).unwrap();
        assert!(without.len() == 4 && without.iter().all(|message| message.content.is_none()));
    }

    #[test]
    fn what_is_no_shared_row_is_refused() {
        assert_eq!(unbundle("R", "[]", None), None);
        assert_eq!(unbundle("R.0000", "{}", None), None);
        assert_eq!(unbundle("R.0000", r#"[["u",1,0]]"#, Some("text")), None);
    }
}
