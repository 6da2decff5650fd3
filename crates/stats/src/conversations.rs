//! Conversations as a batch of events changes them: one row each, however many of their requests are in the batch.
//!
//! A row has what the list shows, the entries of the archive, and the turns by which other isolates recognise the conversation.
//! All of it is added up in one statement ([`upsert`]). When the entries have become long, they are moved to a row of
//! `chat_messages` before new ones are added ([`MOVE_ITEMS`]), so that the row stays within its page of the database.
//!
//! What must not be stored any more, because its conversation was deleted, is left out ([`Deletions`]); [`NOT_DELETED`] makes
//! the transaction fail if a deletion came in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nexus_edge_core::conversation::archive_item::Place;
use nexus_edge_core::conversation::kept::Kept;
use nexus_edge_core::conversation::turns::{MAX_TURNS, TURN};
use nexus_edge_core::stats::UsageEvent;
use nexus_edge_core::tokens::UsageSource;
use serde::Serialize;

use crate::recorded::Recorded;

/// Entries of a row that are longer than this many bytes are moved before others are added. With what else is in a row, it stays
/// below a quarter of a page of 4 KiB, from which on SQLite gives it a page of its own.
pub const MAX_ITEMS_BYTES: usize = 300;
/// Characters of the beginnings of questions and answers that a row keeps, the newest.
pub const SAID_CHARS: usize = 290;

/// Conversations that were deleted, each with its key and the time of the deletion. Times are milliseconds since the epoch.
#[derive(Debug, Default)]
pub struct Deletions {
    deleted: HashMap<(String, String), u64>,
    known_since: u64,
}

impl Deletions {
    /// Those of a list of key, conversation and time, which has all deletions since `known_since`.
    pub fn of(deletions: impl IntoIterator<Item = (String, String, u64)>, known_since: u64) -> Self {
        let deleted = deletions.into_iter().map(|(key, id, at)| ((key, id), at)).collect();
        Self { deleted, known_since }
    }

    /// What may be stored of a request: nothing, if its conversation was deleted after it had begun. A request that is so late
    /// that this is not known any more counts as deleted.
    #[must_use]
    pub fn kept<'a>(&self, recorded: &'a Recorded) -> Option<&'a Kept> {
        let Recorded { event, kept } = recorded;
        let kept = kept.as_deref().filter(|_| event.ts >= self.known_since)?;
        if self.deleted.is_empty() {
            return Some(kept);
        }
        let deleted = self.deleted.get(&(event.key_id.clone(), event.conversation_id.clone()));
        deleted.is_none_or(|at| *at < event.ts).then_some(kept)
    }
}

/// A row, as SQL reads it from JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row<'a> {
    key_id: &'a str,
    id: &'a str,
    first_seen: u64,
    last_seen: u64,
    /// 1 if a request of it used something: then it is one of the conversations in the totals.
    counted: u8,
    /// When the first of its requests began of which something is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<u64>,
    rounds: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    model_name: &'a str,
    parent_id: Option<&'a str>,
    title: Option<&'a str>,
    said: String,
    items: String,
    turns: String,
}

/// The rows of a batch. `places`: where the texts of each of its events were put, in the order of the events.
///
/// # Errors
/// Those of the JSON writer, which do not occur for numbers and texts.
pub fn rows<'a>(
    recorded: &[&'a Recorded],
    deletions: &Deletions,
    places: &[Option<Place>],
) -> serde_json::Result<Vec<Row<'a>>> {
    let mut rows: BTreeMap<(&str, &str), Row<'a>> = BTreeMap::new();
    // However the queue regroups them: the title is that of the first, the model that of the last.
    let mut by_time: Vec<(usize, &Recorded)> = recorded.iter().copied().enumerate().collect();
    by_time.sort_by(|(_, one), (_, other)| {
        (one.event.ts, &one.event.id).cmp(&(other.event.ts, &other.event.id))
    });
    for (index, one) in by_time {
        let event = &one.event;
        let kept = deletions.kept(one);
        let is_counted = event.usage_source != UsageSource::None;
        if kept.is_none() && !is_counted {
            continue;
        }
        let row = rows.entry((&event.key_id, &event.conversation_id)).or_insert_with(|| Row::of(event));
        row.first_seen = row.first_seen.min(event.ts);
        row.last_seen = row.last_seen.max(event.ts);
        row.counted |= u8::from(is_counted);
        if let Some(kept) = kept {
            row.keep(event, kept, places.get(index).cloned().flatten())?;
        }
    }
    Ok(rows.into_values().collect())
}

impl<'a> Row<'a> {
    fn of(event: &'a UsageEvent) -> Self {
        Self {
            key_id: &event.key_id,
            id: &event.conversation_id,
            first_seen: event.ts,
            last_seen: event.ts,
            counted: 0,
            began_at: None,
            rounds: 0,
            prompt_tokens: 0,
            completion_tokens: 0,
            model_name: "",
            parent_id: None,
            title: None,
            said: String::new(),
            items: String::new(),
            turns: String::new(),
        }
    }

    fn keep(
        &mut self,
        event: &'a UsageEvent,
        kept: &'a Kept,
        place: Option<Place>,
    ) -> serde_json::Result<()> {
        self.began_at = Some(self.began_at.map_or(event.ts, |before| before.min(event.ts)));
        self.turns.push_str(&kept.turn);
        let Some(archived) = &kept.archived else { return Ok(()) };
        self.rounds += archived.answers();
        self.prompt_tokens = self.prompt_tokens.saturating_add(event.usage.prompt);
        self.completion_tokens = self.completion_tokens.saturating_add(event.usage.completion);
        self.model_name = &event.model;
        self.parent_id = self.parent_id.or(archived.parent.as_deref());
        self.title = self.title.or(archived.title.as_deref());
        self.said.push_str(&archived.said);
        if !self.items.is_empty() {
            self.items.push(',');
        }
        self.items.push_str(&serde_json::to_string(&archived.item(event, place))?);
        Ok(())
    }
}

/// The conversations of a batch that were answered, as a JSON list of pairs of key and id; `None` if there are none.
#[must_use]
pub fn answered(recorded: &[&Recorded]) -> Option<String> {
    let of = |one: &&Recorded| {
        let event = &one.event;
        (event.usage_source != UsageSource::None)
            .then(|| (event.key_id.clone(), event.conversation_id.clone()))
    };
    let pairs: BTreeSet<(String, String)> = recorded.iter().filter_map(of).collect();
    if pairs.is_empty() { None } else { serde_json::to_string(&pairs).ok() }
}

/// The deletions that concern a batch. Parameter: a JSON list of objects with `key_id` and `id`.
pub const DELETIONS: &str = "SELECT d.key_id, d.id, d.deleted_at FROM json_each(?1) AS e CROSS JOIN deleted_conversations AS d \
    WHERE d.key_id = e.value ->> 'key_id' AND d.id = e.value ->> 'id'";

/// Fails if a conversation of the batch was deleted after one of its requests had begun. Parameter: [`Row`]s.
pub const NOT_DELETED: &str = "SELECT json(CASE WHEN EXISTS (SELECT 1 FROM json_each(?1) AS e CROSS JOIN deleted_conversations AS d \
    WHERE d.key_id = e.value ->> 'key_id' AND d.id = e.value ->> 'id' AND d.deleted_at >= e.value ->> 'began_at') \
    THEN 'a conversation was deleted meanwhile' ELSE '1' END)";

/// How many of the rows are conversations that the totals do not have yet. Parameter: [`Row`]s. Rows of earlier releases whose
/// key is not known have an empty one.
pub const UNCOUNTED: &str = "SELECT COUNT(*) FROM json_each(?1) AS e WHERE e.value ->> 'counted' = 1 AND NOT EXISTS \
    (SELECT 1 FROM conversations AS c WHERE c.key_id IN (e.value ->> 'key_id', '') AND c.id = e.value ->> 'id' AND c.counted = 1)";

/// Moves the entries of rows that are long into rows of `chat_messages`, if the batch adds others. Parameter: [`Row`]s.
pub const MOVE_ITEMS: &str = "INSERT INTO chat_messages (key_id, conversation_id, first_id, last_id, items) \
    SELECT c.key_id, c.id, (SELECT MIN(i.value ->> 'r') FROM json_each('[' || c.items || ']') AS i), \
    (SELECT MAX(i.value ->> 'r') FROM json_each('[' || c.items || ']') AS i), c.items \
    FROM json_each(?1) AS e CROSS JOIN conversations AS c WHERE c.key_id = e.value ->> 'key_id' AND c.id = e.value ->> 'id' \
    AND length(c.items) > 300 AND e.value ->> 'items' <> ''";

/// Adds the rows of a batch to those that are stored. Parameter: [`Row`]s.
#[must_use]
pub fn upsert() -> String {
    format!(
        "INSERT INTO conversations (key_id, id, first_seen, last_seen, counted, rounds, prompt_tokens, completion_tokens, \
         model_name, parent_id, title, said, items, turns) SELECT value ->> 'key_id', value ->> 'id', value ->> 'first_seen', \
         value ->> 'last_seen', value ->> 'counted', value ->> 'rounds', value ->> 'prompt_tokens', \
         value ->> 'completion_tokens', value ->> 'model_name', value ->> 'parent_id', value ->> 'title', \
         substr(value ->> 'said', -{SAID_CHARS}), value ->> 'items', substr(value ->> 'turns', -{turns}) \
         FROM json_each(?1) WHERE true ON CONFLICT (key_id, id) DO UPDATE SET \
         first_seen = MIN(first_seen, excluded.first_seen), last_seen = MAX(last_seen, excluded.last_seen), \
         counted = MAX(counted, excluded.counted), rounds = rounds + excluded.rounds, \
         prompt_tokens = MIN(prompt_tokens + excluded.prompt_tokens, 9007199254740991), \
         completion_tokens = MIN(completion_tokens + excluded.completion_tokens, 9007199254740991), \
         model_name = CASE WHEN excluded.model_name = '' OR (model_name <> '' AND excluded.last_seen < last_seen) \
         THEN model_name ELSE excluded.model_name END, parent_id = COALESCE(parent_id, excluded.parent_id), \
         title = CASE WHEN title IS NULL OR excluded.first_seen < first_seen THEN COALESCE(excluded.title, title) ELSE title END, \
         said = substr(said || excluded.said, -{SAID_CHARS}), \
         items = CASE WHEN excluded.items = '' THEN items \
         WHEN items = '' OR length(items) > {MAX_ITEMS_BYTES} THEN excluded.items ELSE items || ',' || excluded.items END, \
         turns = substr(turns || excluded.turns, -{turns})",
        turns = MAX_TURNS * TURN,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::conversation::archive_item::{self, Item};
    use nexus_edge_core::conversation::kept::Archived;
    use nexus_edge_core::tokens::TokenUsage;

    fn recorded(id: &str, conversation: &str, ts: u64, source: UsageSource, kept: bool) -> Recorded {
        let archived = Archived {
            outline: serde_json::from_str(r#"[["u",1,0],["a",2,5]]"#).unwrap(),
            title: Some(format!("title {id}")),
            said: format!("{id}\n"),
            ..Archived::default()
        };
        let kept = kept.then(|| Box::new(Kept { turn: format!("{id:0>48}"), archived: Some(archived) }));
        let event = UsageEvent {
            id: id.into(),
            ts,
            key_id: "k".into(),
            conversation_id: conversation.into(),
            model: format!("model {id}"),
            usage: TokenUsage { prompt: 10, completion: 5, ..TokenUsage::default() },
            usage_source: source,
            ..UsageEvent::default()
        };
        Recorded { event, kept }
    }

    fn rows_of(recorded: &[Recorded], deletions: &Deletions) -> Vec<serde_json::Value> {
        let recorded: Vec<&Recorded> = recorded.iter().collect();
        let places = vec![None; recorded.len()];
        let rows = rows(&recorded, deletions, &places).unwrap();
        rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
    }

    #[test]
    fn the_requests_of_a_conversation_share_a_row() {
        let all = [
            recorded("a", "one", 50, UsageSource::Reported, true),
            recorded("b", "two", 60, UsageSource::Reported, false),
            recorded("c", "one", 70, UsageSource::None, true),
            recorded("d", "three", 80, UsageSource::None, false),
        ];
        let rows = rows_of(&all, &Deletions::default());
        let [one, two] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(
            (&one["first_seen"], &one["last_seen"], &one["rounds"]),
            (&50.into(), &70.into(), &2.into())
        );
        assert_eq!((&one["title"], &one["model_name"]), (&"title a".into(), &"model c".into()));
        let items: Vec<Item> = archive_item::read(one["items"].as_str().unwrap());
        assert_eq!(items.iter().map(|item| item.request.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((one["turns"].as_str().unwrap().len(), &one["began_at"]), (2 * TURN, &50.into()));
        assert_eq!((&two["counted"], &two["rounds"], &two["items"]), (&1.into(), &0.into(), &"".into()));
    }

    #[test]
    fn answered_conversations_are_named_once() {
        let all = [
            recorded("a", "one", 50, UsageSource::Reported, true),
            recorded("b", "one", 60, UsageSource::Estimated, false),
            recorded("c", "t\"wo", 70, UsageSource::Counted, false),
            recorded("d", "three", 80, UsageSource::None, true),
        ];
        let all: Vec<&Recorded> = all.iter().collect();
        assert_eq!(answered(&all).as_deref(), Some(r#"[["k","one"],["k","t\"wo"]]"#));
        assert_eq!(answered(&all[3..]), None);
    }

    #[test]
    fn nothing_is_stored_of_what_was_deleted_but_it_counts() {
        let deletions = Deletions::of([("k".to_owned(), "one".to_owned(), 60)], 50);
        let all = [
            recorded("z", "another", 49, UsageSource::None, true),
            recorded("a", "one", 60, UsageSource::Reported, true),
            recorded("b", "one", 61, UsageSource::Reported, true),
        ];
        let rows = rows_of(&all, &deletions);
        let [one] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((&one["counted"], &one["rounds"], &one["began_at"]), (&1.into(), &1.into(), &61.into()));
        assert!(one["items"].as_str().unwrap().contains(r#""r":"b""#) && one["title"] == "title b");
    }

    #[test]
    fn the_statement_that_moves_entries_knows_their_length() {
        assert!(MOVE_ITEMS.contains(&format!("length(c.items) > {MAX_ITEMS_BYTES} ")));
        assert!(upsert().contains(&format!("length(items) > {MAX_ITEMS_BYTES} ")));
    }
}
