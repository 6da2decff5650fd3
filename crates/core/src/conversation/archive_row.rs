//! Rows of the archive: messages of one request share rows, because D1 charges by the row.
//!
//! Guarantees: messages come back one by one, in order, under the ids that they would have in rows of their own; no
//! shared row has more text than it was allowed.

use serde::{Deserialize, Serialize};

use super::archive::ArchivedMessage;

/// The role of a row with several messages.
pub const SEVERAL: &str = "several";

/// Consecutive messages that share a row. Never empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The index of the first of them among the messages of the request.
    pub first: usize,
    /// In the order of the history.
    pub messages: Vec<ArchivedMessage>,
}

impl Bundle {
    /// Number of answers in it.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.messages.iter().filter(|message| message.role == "assistant").count()
    }

    /// Tokens of all of them.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.messages.iter().map(|message| message.tokens).sum()
    }

    /// Milliseconds from the request to the row's time: that of its message, or 0 for several.
    #[must_use]
    pub fn after_ms(&self) -> u64 {
        match self.messages.as_slice() {
            [only] => only.after_ms,
            _ => 0,
        }
    }

    /// The outline of each message, if there are several.
    #[must_use]
    pub fn outline(&self) -> Option<Vec<Item>> {
        (self.messages.len() > 1).then(|| self.messages.iter().map(Item::of).collect())
    }

    /// The role of the row.
    #[must_use]
    pub fn role(&self) -> &'static str {
        match self.messages.as_slice() {
            [only] => only.role,
            _ => SEVERAL,
        }
    }
}

/// The outline of a message in a shared row: the first letter of its role, its tokens, and milliseconds from the
/// row's time to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item(char, u64, u64);

impl Item {
    fn of(message: &ArchivedMessage) -> Self {
        Self(message.role.chars().next().unwrap_or('u'), message.tokens, message.after_ms)
    }

    fn role(self) -> &'static str {
        match self.0 {
            's' => "system",
            'a' => "assistant",
            't' => "tool",
            _ => "user",
        }
    }
}

/// Lays messages out in rows: as many in each as fit into `max_bytes` of text. A larger one has a row of its own.
#[must_use]
pub fn bundles(messages: Vec<ArchivedMessage>, first: usize, max_bytes: usize) -> Vec<Bundle> {
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut bytes = 0;
    for (index, message) in messages.into_iter().enumerate() {
        let size = message.content.len();
        match bundles.last_mut() {
            Some(bundle) if bytes + size <= max_bytes => {
                bytes += size;
                bundle.messages.push(message);
            }
            _ => {
                bytes = size;
                bundles.push(Bundle { first: first + index, messages: vec![message] });
            }
        }
    }
    bundles
}

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
    let items: Vec<Item> = serde_json::from_str(outline).ok()?;
    let mut contents = match content {
        Some(content) => serde_json::from_str::<Vec<String>>(content).ok()?.into_iter().map(Some).collect(),
        None => vec![None; items.len()],
    };
    contents.resize(items.len(), None);
    let messages = items.into_iter().zip(contents).enumerate().map(|(index, (item, content))| Unbundled {
        id: row_id(request, first + index),
        role: item.role(),
        content,
        tokens: item.1,
        after_ms: item.2,
    });
    Some(messages.collect())
}

/// The id of a message: that of its request and its index in it, so that ids sort in order.
#[must_use]
pub fn row_id(request: &str, index: usize) -> String {
    format!("{request}.{index:04}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &'static str, content: &str) -> ArchivedMessage {
        ArchivedMessage { role, content: content.to_owned(), tokens: content.len() as u64, after_ms: 0 }
    }

    #[test]
    fn what_is_put_into_rows_comes_back() {
        let answer = ArchivedMessage { after_ms: 850, ..message("assistant", "\"yes\"\n") };
        let asked = vec![message("system", "s"), message("user", "a"), message("tool", "r"), answer];
        let rows = bundles(asked.clone(), 3, 64_000);
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.first, row.answers(), row.tokens(), row.role()), (3, 1, 9, SEVERAL));
        let outline = serde_json::to_string(&row.outline()).unwrap();
        assert_eq!(outline, r#"[["s",1,0],["u",1,0],["t",1,0],["a",6,850]]"#);
        let contents: Vec<&str> = row.messages.iter().map(|message| message.content.as_str()).collect();
        let content = serde_json::to_string(&contents).unwrap();
        let found = unbundle("R.0003", &outline, Some(&content)).unwrap();
        let ids: Vec<&str> = found.iter().map(|message| message.id.as_str()).collect();
        assert_eq!(ids, ["R.0003", "R.0004", "R.0005", "R.0006"]);
        for (found, asked) in found.into_iter().zip(asked) {
            let content = found.content.unwrap();
            let found =
                ArchivedMessage { role: found.role, content, tokens: found.tokens, after_ms: found.after_ms };
            assert_eq!(found, asked);
        }
        let without = unbundle("R.0003", &outline, None).unwrap();
        assert!(without.iter().all(|message| message.content.is_none()));
        assert_eq!(without.len(), 4);
    }

    #[test]
    fn a_row_takes_no_more_than_it_may() {
        let sizes = [40, 60, 1, 200, 10, 20];
        let messages = sizes.map(|size| message("user", &"x".repeat(size))).to_vec();
        let rows = bundles(messages, 0, 100);
        let laid_out: Vec<(usize, usize)> = rows.iter().map(|row| (row.first, row.messages.len())).collect();
        assert_eq!(laid_out, [(0, 2), (2, 1), (3, 1), (4, 2)]);
        assert!(
            rows.iter()
                .filter(|row| row.messages.len() == 1)
                .all(|row| row.outline().is_none() && row.role() == "user")
        );
    }

    #[test]
    fn what_is_no_shared_row_is_refused() {
        assert_eq!(unbundle("R", "[]", None), None);
        assert_eq!(unbundle("R.0000", "{}", None), None);
        assert_eq!(unbundle("R.0000", r#"[["u",1,0]]"#, Some("text")), None);
    }
}
