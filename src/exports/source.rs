//! Where the rows of an export come from: pages of the request log or of the archive.
//!
//! The place between two pages is a text, so that an export can be continued by another request or run.

use nexus_edge_api::conversations::ConversationRow;
use nexus_edge_api::exports::{ExportedMessage, Kind, MESSAGE_COLUMNS, REQUEST_COLUMNS};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::query_number;
use nexus_edge_exports::writer::{Sheet, Writer};
use nexus_edge_stats::request_log::Wanted;
use worker::Env;

use super::redaction::Redaction;
use crate::settings;
use crate::store::archive::list::{Query, in_order};
use crate::store::{StoreError, StoreResult, archive, request_log};

/// Rows of the request log that are read at once.
const REQUESTS: u64 = 2_000;
/// Conversations that are read at once, and messages of one.
const CONVERSATIONS: u64 = 100;
const MESSAGES: u64 = 200;
/// The largest time that a JSON number holds exactly, in milliseconds.
const MAX_TIME_MS: u64 = 1 << 53;

/// What is asked for.
pub struct Asked<'a> {
    /// What is exported.
    pub kind: Kind,
    /// The only API key whose rows may be exported; `None`: all.
    pub key: Option<&'a str>,
    /// The value of a parameter by its name.
    pub given: &'a dyn Fn(&str) -> Option<String>,
}

/// Pages of rows, without the personal data that is not to be exported.
pub struct Source {
    pages: Pages,
    /// Loaded with the first page.
    redaction: Option<Redaction>,
}

enum Pages {
    /// The request log.
    Requests(Box<Wanted>),
    /// The archive.
    Conversations(Box<Conversations>),
}

/// Pages of the archive, by API key and conversation: an order that does not change while conversations go on.
struct Conversations {
    wanted: Query,
    /// The key and the id of the conversation after which the next ones follow.
    done: (String, String),
    /// Conversations that were read and whose messages were not, the next one last.
    waiting: Vec<ConversationRow>,
    /// The message after which those of the next conversation follow.
    after: Option<String>,
    /// Whether there are no others than those that wait.
    is_last: bool,
}

impl Source {
    /// The rows that are asked for.
    ///
    /// # Errors
    /// `invalid_value`, which names the parameter.
    pub fn read(asked: &Asked<'_>) -> Result<Self, ApiError> {
        let given = asked.given;
        let text = |name: &str| given(name).filter(|text| !text.is_empty());
        if asked.kind == Kind::Requests {
            let mut wanted = Wanted::read(given)?;
            if let Some(key) = asked.key {
                wanted.key = Some(key.to_owned());
            }
            return Ok(Self::new(Pages::Requests(Box::new(wanted))));
        }
        let cursor = match text("cursor") {
            None => None,
            Some(cursor) => Some(place(&cursor).ok_or_else(|| {
                ApiError::invalid("invalid_value", "cursor", "`cursor` is not one of an export before.")
            })?),
        };
        let (done, after) = cursor.unwrap_or_default();
        let number = |name: &str| query_number(name, given(name), 0..=MAX_TIME_MS);
        let wanted = Query {
            search: text("search"),
            key_id: asked.key.map(str::to_owned).or_else(|| text("key_id")),
            model: text("model"),
            from: number("from")?,
            to: number("to")?,
            after: None,
            limit: CONVERSATIONS,
        };
        let conversations = Conversations { wanted, done, waiting: Vec::new(), after, is_last: false };
        Ok(Self::new(Pages::Conversations(Box::new(conversations))))
    }

    const fn new(pages: Pages) -> Self {
        Self { pages, redaction: None }
    }

    /// The messages of one conversation.
    pub fn of_conversation(row: ConversationRow) -> Self {
        Self::new(Pages::Conversations(Box::new(Conversations {
            wanted: Query::default(),
            done: Default::default(),
            waiting: vec![row],
            after: None,
            is_last: true,
        })))
    }

    /// What the rows are.
    pub fn sheet(&self) -> Sheet {
        match self.pages {
            Pages::Requests(_) => Sheet { name: "requests", columns: REQUEST_COLUMNS },
            Pages::Conversations(_) => Sheet { name: "messages", columns: MESSAGE_COLUMNS },
        }
    }

    /// Writes the rows of the next page. The place after it, or `None` if it was the last.
    pub async fn write(&mut self, env: &Env, writer: &mut Writer) -> StoreResult<Option<String>> {
        let redaction = match &mut self.redaction {
            Some(redaction) => redaction,
            none => none.insert(Redaction::load(env).await?),
        };
        match &mut self.pages {
            Pages::Requests(wanted) => {
                let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message))?;
                let ages = request_log::ages(&settings);
                let (rows, next) = request_log::search(env, ages, wanted, REQUESTS).await?;
                for row in rows {
                    match redaction.of(&row.key_id) {
                        Some(pii) => writer.row(&row.cleaned(|text| pii.clean(text)))?,
                        None => writer.row(&row)?,
                    }
                }
                wanted.cursor.clone_from(&next);
                Ok(next)
            }
            Pages::Conversations(of) => of.write(env, redaction, writer).await,
        }
    }
}

impl Conversations {
    async fn write(
        &mut self,
        env: &Env,
        redaction: &Redaction,
        writer: &mut Writer,
    ) -> StoreResult<Option<String>> {
        if self.waiting.is_empty() && !self.is_last {
            self.waiting = in_order(env, &self.wanted, (&self.done.0, &self.done.1)).await?;
            self.waiting.reverse();
        }
        let Some(of) = self.waiting.last() else { return Ok(None) };
        let messages =
            archive::messages(env, &of.key_id, &of.conversation_id, self.after.as_deref(), MESSAGES).await?;
        let pii = redaction.of(&of.key_id);
        let cleaned = |text: &str| pii.and_then(|pii| pii.clean(text));
        let (id, title) = (cleaned(&of.conversation_id), of.title.as_deref().and_then(cleaned));
        for message in &messages {
            let content = message.content.as_deref().and_then(cleaned);
            writer.row(&ExportedMessage {
                conversation_id: id.as_deref().unwrap_or(&of.conversation_id),
                key_id: &of.key_id,
                parent_id: of.parent_id.as_deref(),
                title: title.as_deref().or(of.title.as_deref()),
                first_seen: of.first_seen,
                last_seen: of.last_seen,
                message_id: &message.id,
                timestamp: message.timestamp,
                role: &message.role,
                content: content.as_deref().or(message.content.as_deref()),
                tokens_count: message.tokens,
                model: &message.model_name,
                finish_reason: message.finish_reason.as_deref(),
            })?;
        }
        if messages.len() as u64 == MESSAGES {
            self.after = messages.last().map(|message| message.id.clone());
        } else {
            self.after = None;
            self.done = (of.key_id.clone(), of.conversation_id.clone());
            self.waiting.pop();
        }
        Ok(Some(format!("{}.{}|{}", self.done.0, self.done.1, self.after.as_deref().unwrap_or_default())))
    }
}

/// After this conversation, by its key and id, and in the next one after this message.
type Place = ((String, String), Option<String>);

fn place(cursor: &str) -> Option<Place> {
    // The id of a conversation may contain either sign, that of a key or of a message does not.
    let (conversation, message) = cursor.rsplit_once('|')?;
    let (key_id, id) = conversation.split_once('.')?;
    let after = Some(message.to_owned()).filter(|message| !message.is_empty());
    Some(((key_id.to_owned(), id.to_owned()), after))
}
