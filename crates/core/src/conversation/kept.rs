//! What is kept of a request beside its usage event, and travels with it.
//!
//! Guarantees: nothing of a text is in it under a policy other than `full`; the line of a pack can be read without the
//! database, by exports and backups.

use serde::{Deserialize, Serialize};

use super::archive::ArchivedMessage;
use super::archive_item::{Item, Mark, Place};
use crate::access::StorePolicy;
use crate::json::quote;
use crate::stats::UsageEvent;

/// Characters of the question and of the answer that the search looks at.
const SAID_CHARS: usize = 70;

/// What a request adds to the archive.
pub struct Entry {
    /// How much the key wants archived.
    pub policy: StorePolicy,
    /// The messages, the answer last.
    pub messages: Vec<ArchivedMessage>,
    /// The id under which all messages but the answer are archived, if not that of the request.
    pub asked_by: Option<String>,
    /// The title of a new conversation.
    pub title: Option<String>,
    /// The conversation that it branched off.
    pub parent: Option<String>,
    /// The turn, as [`super::turns`] writes it; empty where none is remembered.
    pub turn: String,
}

/// What is kept of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The turn by which the conversation is recognised, as [`super::turns`] writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub turn: String,
    /// What the archive gets; `None` under the policy `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Archived>,
}

/// What the archive gets of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// The messages, the answer last.
    pub outline: Vec<Mark>,
    /// Their texts; empty where none is kept, and where they are in a pack already.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "quote::texts")]
    pub texts: Vec<String>,
    /// Where the texts are, if they are in a pack already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// See [`Entry::asked_by`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The title of a new conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The conversation that it branched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The beginnings of question and answer, for the search.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

impl Kept {
    /// What is kept of an entry. `None` if there is nothing.
    #[must_use]
    pub fn of(entry: Entry) -> Option<Self> {
        let Entry { policy, messages, asked_by, title, parent, turn } = entry;
        let archived = (policy != StorePolicy::None).then(|| {
            let keeps = policy.keeps_texts();
            let outline = messages.iter().map(Mark::of).collect();
            let said = if keeps {
                said(messages.iter().map(|message| (message.role, message.content.as_str())))
            } else {
                String::new()
            };
            let texts = if keeps {
                messages.into_iter().map(|message| message.content).collect()
            } else {
                Vec::new()
            };
            Archived { outline, texts, place: None, asked_by, title: title.filter(|_| keeps), parent, said }
        });
        (archived.is_some() || !turn.is_empty()).then_some(Self { turn, archived })
    }

    /// Replaces every text by what `clean` makes of it; `None` is as it is.
    pub fn clean(&mut self, clean: impl Fn(&str) -> Option<String>) {
        let Some(archived) = &mut self.archived else { return };
        let mut is_changed = false;
        for text in &mut archived.texts {
            if let Some(cleaned) = clean(text) {
                *text = cleaned;
                is_changed = true;
            }
        }
        if is_changed {
            let texts = archived.texts.iter().map(String::as_str);
            archived.said = said(archived.outline.iter().map(|mark| mark.role()).zip(texts));
            archived.title =
                archived.title.as_ref().map(|title| clean(title).unwrap_or_else(|| title.clone()));
        }
    }
}

/// The beginnings of the last question and of the answer, a line each.
fn said<'a>(messages: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let (mut asked, mut last) = (None, None);
    for (role, content) in messages {
        if role == "user" {
            asked = Some(content);
        }
        last = Some((role, content));
    }
    let answered = last.filter(|(role, _)| *role == "assistant").map(|(_, content)| content);
    let mut said = String::new();
    for content in asked.into_iter().chain(answered) {
        let mut words = content.split_whitespace();
        // Words are joined until there are enough characters: most of a long text is never looked at.
        let mut line = words.next().unwrap_or_default().to_owned();
        for word in words {
            if line.len() >= SAID_CHARS * 4 {
                break;
            }
            line.push(' ');
            line.push_str(word);
        }
        said.extend(line.chars().take(SAID_CHARS));
        said.push('\n');
    }
    said
}

/// A request as a line of a pack.
#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    id: &'a str,
    ts: u64,
    key_id: &'a str,
    conversation_id: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_by: Option<&'a str>,
    messages: Vec<LineMessage<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LineMessage<'a> {
    role: &'a str,
    #[serde(serialize_with = "quote::text")]
    content: std::borrow::Cow<'a, str>,
}

impl<'a> LineMessage<'a> {
    fn of((text, mark): (&'a String, &'a Mark)) -> Self {
        Self { role: mark.role(), content: text.into() }
    }
}

impl Archived {
    /// Its line in a pack, without a line break. `None` if it has no texts.
    ///
    /// # Errors
    /// Those of the JSON writer, which do not occur for texts.
    pub fn line(&self, event: &UsageEvent) -> serde_json::Result<Option<String>> {
        if self.texts.is_empty() {
            return Ok(None);
        }
        let line = Line {
            id: &event.id,
            ts: event.ts,
            key_id: &event.key_id,
            conversation_id: &event.conversation_id,
            model: &event.model,
            asked_by: self.asked_by.as_deref(),
            messages: self.texts.iter().zip(&self.outline).map(LineMessage::of).collect(),
        };
        serde_json::to_string(&line).map(Some)
    }

    /// Its entry in the row of its conversation. `place`: where its texts were put meanwhile.
    #[must_use]
    pub fn item(&self, event: &UsageEvent, place: Option<Place>) -> Item {
        Item {
            request: event.id.clone(),
            asked_by: self.asked_by.clone(),
            timestamp: event.ts,
            model: event.model.clone(),
            finish_reason: event.finish_reason.clone(),
            outline: self.outline.clone(),
            place: place.or_else(|| self.place.clone()),
        }
    }

    /// The answers in it.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.outline.iter().filter(|mark| mark.role() == "assistant").count() as u64
    }
}

/// The texts of a line, in the order of the messages. `None` if it is none.
#[must_use]
pub fn texts(line: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Read {
        messages: Vec<Text>,
    }
    #[derive(Deserialize)]
    struct Text {
        content: String,
    }
    let read: Read = serde_json::from_str(line).ok()?;
    Some(read.messages.into_iter().map(|message| message.content).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> UsageEvent {
        UsageEvent {
            id: "R".into(),
            ts: 1_000,
            key_id: "k".into(),
            conversation_id: "c".into(),
            model: "m".into(),
            finish_reason: Some("stop".into()),
            ..UsageEvent::default()
        }
    }

    fn entry(policy: StorePolicy, texts: &[(&'static str, &str)]) -> Entry {
        let message = |(role, content): &(&'static str, &str)| ArchivedMessage {
            role,
            content: (*content).to_owned(),
            tokens: 1,
            after_ms: 0,
        };
        Entry {
            policy,
            messages: texts.iter().map(message).collect(),
            asked_by: None,
            title: Some("NEEDLE".into()),
            parent: None,
            turn: "t".into(),
        }
    }

    #[test]
    fn what_is_cleaned_is_cleaned_everywhere() {
        let mut kept =
            Kept::of(entry(StorePolicy::Full, &[("user", "NEEDLE one"), ("assistant", "two")])).unwrap();
        kept.clean(|text| text.contains("NEEDLE").then(|| text.replace("NEEDLE", "[x]")));
        let archived = kept.archived.as_ref().unwrap();
        assert_eq!(archived.said, "[x] one\ntwo\n");
        assert!(!serde_json::to_string(&kept).unwrap().contains("NEEDLE"));
        let mut bare = Kept::of(entry(StorePolicy::Metadata, &[("user", "NEEDLE")])).unwrap();
        bare.clean(|_| Some(String::new()));
        assert_eq!(bare, Kept::of(entry(StorePolicy::Metadata, &[("user", "NEEDLE")])).unwrap());
    }

    #[test]
    fn only_the_full_policy_keeps_texts() {
        for (policy, has_archive, has_text) in [
            (StorePolicy::None, false, false),
            (StorePolicy::Metadata, true, false),
            (StorePolicy::Full, true, true),
        ] {
            let kept = Kept::of(entry(policy, &[("user", "NEEDLE"), ("assistant", "NEEDLE")])).unwrap();
            assert_eq!(kept.archived.is_some(), has_archive);
            assert_eq!(serde_json::to_string(&kept).unwrap().contains("NEEDLE"), has_text);
        }
        assert_eq!(Kept::of(Entry { turn: String::new(), ..entry(StorePolicy::None, &[]) }), None);
    }

    #[test]
    fn a_line_of_a_pack_gives_the_texts_back() {
        let said = [("system", "Be\nbrief."), ("user", "\"a\""), ("assistant", "b")];
        let kept = Kept::of(entry(StorePolicy::Full, &said)).unwrap();
        let archived = kept.archived.unwrap();
        let line = archived.line(&event()).unwrap().unwrap();
        assert!(
            !line.contains('\n')
                && line.starts_with(r#"{"id":"R","ts":1000,"key_id":"k","conversation_id":"c""#)
        );
        assert_eq!(texts(&line).unwrap(), ["Be\nbrief.", "\"a\"", "b"]);
        assert_eq!(texts("{}"), None);
        let item = archived.item(&event(), Some(Place("P".into(), 0, 9)));
        assert_eq!((item.request.as_str(), item.outline.len(), archived.answers()), ("R", 3, 1));
        let metadata = Kept::of(entry(StorePolicy::Metadata, &said)).unwrap().archived.unwrap();
        assert_eq!(metadata.line(&event()).unwrap(), None);
    }

    #[test]
    fn the_search_sees_the_beginnings_of_question_and_answer() {
        let long = "word ".repeat(100_000);
        let kept = Kept::of(entry(
            StorePolicy::Full,
            &[("user", "one"), ("user", "two\n three"), ("assistant", &long)],
        ));
        let said = kept.unwrap().archived.unwrap().said;
        assert!(
            said.starts_with("two three\nword word") && said.chars().count() <= 2 * SAID_CHARS + 2,
            "{said}"
        );
    }
}
