//! The entry of an archived request in the row of its conversation: who spoke, and where the texts are.
//!
//! Entries are JSON objects in a text, separated by commas, because a database is paid by the row written and not by its
//! length. Texts are not among them: they are lines of packs in an object store.
//!
//! ```json
//! {"r":"01M7…","t":1795200203000,"m":"gpt-5","f":"stop","o":[["u",5,0],["a",6,850]],"p":["01M7…",1203,377]}
//! ```

use serde::{Deserialize, Serialize};

use super::archive::ArchivedMessage;

/// The outline of a message: the first letter of its role, its tokens, and milliseconds from the request to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(char, u64, u64);

impl Mark {
    /// That of a message.
    #[must_use]
    pub fn of(message: &ArchivedMessage) -> Self {
        Self(message.role.chars().next().unwrap_or('u'), message.tokens, message.after_ms)
    }

    /// `system`, `user`, `assistant` or `tool`.
    #[must_use]
    pub fn role(self) -> &'static str {
        match self.0 {
            's' => "system",
            'a' => "assistant",
            't' => "tool",
            _ => "user",
        }
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(self) -> u64 {
        self.1
    }

    /// Milliseconds from the request to the message.
    #[must_use]
    pub fn after_ms(self) -> u64 {
        self.2
    }
}

/// Where the texts of a request are: the pack, and the bytes of one gzip member in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place(pub String, pub u64, pub u64);

impl Place {
    /// The pack.
    #[must_use]
    pub fn pack(&self) -> &str {
        &self.0
    }

    /// Where its bytes begin in the pack.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.1
    }

    /// How many bytes they are.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.2
    }
}

/// An archived request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id of its usage event, a ULID.
    #[serde(rename = "r")]
    pub request: String,
    /// The id under which all messages but the answer are archived, if not that of the request. Regenerated answers share
    /// their question in this way.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// When it began, in milliseconds since the epoch.
    #[serde(rename = "t")]
    pub timestamp: u64,
    /// The model that was asked.
    #[serde(rename = "m")]
    pub model: String,
    /// Why the answer ended.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Its messages, the answer last.
    #[serde(rename = "o")]
    pub outline: Vec<Mark>,
    /// Where their texts are; `None` where none is kept.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A message of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemMessage {
    /// Sorts by time within its conversation.
    pub id: String,
    /// Its index among the texts of the item.
    pub index: usize,
    /// Its outline.
    pub mark: Mark,
    /// Whether it is the answer to the request.
    pub is_answer: bool,
}

impl Item {
    /// Its messages.
    #[must_use]
    pub fn messages(&self) -> Vec<ItemMessage> {
        let last = self.outline.len().saturating_sub(1);
        let asked_by = self.asked_by.as_deref().unwrap_or(&self.request);
        let message = |(index, mark): (usize, &Mark)| {
            let is_answer = index == last;
            let request = if is_answer { &self.request } else { asked_by };
            ItemMessage { id: message_id(request, index), index, mark: *mark, is_answer }
        };
        self.outline.iter().enumerate().map(message).collect()
    }
}

/// The id of a message: that of its request and its index in it, so that ids sort in order.
#[must_use]
pub fn message_id(request: &str, index: usize) -> String {
    format!("{request}.{index:04}")
}

/// The request in the id of a message, as far as ids are compared by it.
#[must_use]
pub fn request_of(message_id: &str) -> &str {
    message_id.split_once('.').map_or(message_id, |(request, _)| request)
}

/// The items of a text, which are separated by commas. Those that cannot be read are left out: one must not hide the others.
#[must_use]
pub fn read(items: &str) -> Vec<Item> {
    let all: Vec<serde_json::Value> = serde_json::from_str(&format!("[{items}]")).unwrap_or_default();
    all.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(asked_by: Option<&str>) -> Item {
        Item {
            request: "R2".into(),
            asked_by: asked_by.map(str::to_owned),
            timestamp: 1_000,
            model: "m".into(),
            finish_reason: Some("stop".into()),
            outline: vec![Mark('s', 1, 0), Mark('u', 2, 0), Mark('a', 3, 850)],
            place: Some(Place("P".into(), 7, 9)),
        }
    }

    #[test]
    fn items_come_back_as_they_were_written() {
        let items = [item(None), Item { place: None, finish_reason: None, ..item(Some("R1")) }];
        let text: Vec<String> = items.iter().map(|item| serde_json::to_string(item).unwrap()).collect();
        assert_eq!(
            text[0],
            r#"{"r":"R2","t":1000,"m":"m","f":"stop","o":[["s",1,0],["u",2,0],["a",3,850]],"p":["P",7,9]}"#
        );
        assert_eq!(read(&text.join(",")), items);
        assert_eq!(read(&format!("{},{{\"r\":1}},{}", text[0], text[1])), items, "one cannot be read");
        assert!(read("").is_empty() && read("{").is_empty());
    }

    #[test]
    fn a_regenerated_answer_leaves_its_question_where_it_is() {
        let ids = |item: Item| item.messages().into_iter().map(|message| message.id).collect::<Vec<_>>();
        assert_eq!(ids(item(None)), ["R2.0000", "R2.0001", "R2.0002"]);
        assert_eq!(ids(item(Some("R1"))), ["R1.0000", "R1.0001", "R2.0002"]);
        let roles: Vec<_> = item(None).messages().iter().map(|message| message.mark.role()).collect();
        assert_eq!(roles, ["system", "user", "assistant"]);
    }
}
