//! Stored responses, and the API for them.
//!
//! A response is stored with its own input only. Earlier turns are found by following `previous_response_id`, so a
//! long conversation is stored once, not once per turn.
//!
//! <https://platform.openai.com/docs/api-reference/responses/get>

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::input_items::id_of;
use crate::dialect::canonical::Json;

/// A stored response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// Its id.
    pub id: String,
    /// The response that it continues.
    pub previous_response_id: Option<String>,
    /// The model that answered.
    pub model: String,
    /// Seconds since the epoch.
    pub created_at: u64,
    /// The items of its own input.
    pub input_items: Vec<Json>,
    /// The response as it was returned.
    pub response: Json,
    /// Its answer took several rounds: what it says is in the history of the response that it continues, which is that of the last round.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_joined: bool,
}

/// A response that its provider stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptElsewhere {
    /// Its id, given by the provider.
    pub id: String,
    /// The `uid` of the provider.
    pub kept_by: String,
}

/// The stored record of a response.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// The response.
    Here(Box<StoredResponse>),
    /// The provider that stores it.
    Elsewhere(KeptElsewhere),
}

impl Kept {
    /// Parses a record.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        // Only this form names a provider.
        match serde_json::from_str(json) {
            Ok(elsewhere) => Ok(Self::Elsewhere(elsewhere)),
            Err(_) => serde_json::from_str(json).map(|stored| Self::Here(Box::new(stored))),
        }
    }
}

impl KeptElsewhere {
    /// The record of an answer of the provider with this `uid`: from its body, or just `{"id": …}`.
    #[must_use]
    pub fn of(provider_uid: &str, body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let Named { id } = serde_json::from_slice(body).ok()?;
        Some(Self { id, kept_by: provider_uid.to_owned() })
    }
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<'a> {
    /// Begins after the item with this id.
    pub after: Option<&'a str>,
    /// Most items.
    pub limit: usize,
    /// Oldest item first; otherwise newest first.
    pub is_ascending: bool,
}

impl Default for Page<'_> {
    fn default() -> Self {
        Self { after: None, limit: 20, is_ascending: false }
    }
}

#[derive(Deserialize)]
struct Head {
    id: String,
    model: String,
    created_at: u64,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    output: Vec<Json>,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<&'a Json>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

impl StoredResponse {
    /// The record of an answer (the body of an unstreamed one or the final state of a streamed one) to a request that
    /// continued `previous_response_id` with these items; `None` if it is not a response.
    #[must_use]
    pub fn of(previous_response_id: Option<&str>, input_items: &[Json], response: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(response).ok()?;
        let head: Head = serde_json::from_str(text).ok()?;
        Some(Self {
            id: head.id,
            previous_response_id: previous_response_id.map(str::to_owned),
            model: head.model,
            created_at: head.created_at,
            input_items: input_items.to_vec(),
            response: Json::parse(text)?,
            is_joined: false,
        })
    }

    /// The record of an answer of several rounds, under the id that its caller was told. `last`: the response of the last round, whose
    /// input has the rounds before it. `items`: what belongs to the conversation after it.
    #[must_use]
    pub fn joined(last: &str, items: &[Json], response: &[u8]) -> Option<Self> {
        let stored = Self::of(Some(last), items, response)?;
        Some(Self { is_joined: true, ..stored })
    }

    /// The items of the answer.
    #[must_use]
    pub fn output_items(&self) -> Vec<Json> {
        serde_json::from_str::<Output>(self.response.text()).map(|body| body.output).unwrap_or_default()
    }

    /// The item with this id, of the input or the answer.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<Json> {
        let is_it = |item: &Json| id_of(item).as_deref() == Some(id);
        let in_input = self.input_items.iter().find(|item| is_it(item)).cloned();
        in_input.or_else(|| self.output_items().into_iter().find(is_it))
    }

    /// The body of `GET /v1/responses/{id}`.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.response.text().as_bytes().to_vec()
    }

    /// The body of `GET /v1/responses/{id}/input_items`. `None` if the item to begin after does not exist.
    #[must_use]
    pub fn input_items_body(&self, page: Page<'_>) -> Option<Vec<u8>> {
        let mut items: Vec<&Json> = self.input_items.iter().collect();
        if !page.is_ascending {
            items.reverse();
        }
        let start = match page.after {
            None => 0,
            Some(after) => items.iter().position(|item| id_of(item).as_deref() == Some(after))? + 1,
        };
        let rest = items.split_off(start);
        let has_more = rest.len() > page.limit;
        let data: Vec<&Json> = rest.into_iter().take(page.limit).collect();
        let list = List {
            object: "list",
            first_id: data.first().and_then(|item| id_of(item)),
            last_id: data.last().and_then(|item| id_of(item)),
            data,
            has_more,
        };
        serde_json::to_vec(&list).ok()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The body of `DELETE /v1/responses/{id}`.
#[must_use]
pub fn deleted_body(id: &str) -> Vec<u8> {
    json!({ "id": id, "object": "response", "deleted": true }).to_string().into_bytes()
}

/// The items of a conversation: input and answer of every earlier response, oldest first, then the new input.
#[must_use]
pub fn history(chain: &[StoredResponse], new_input: &[Json]) -> Vec<Json> {
    let mut items = Vec::new();
    for stored in chain {
        items.extend_from_slice(&stored.input_items);
        if !stored.is_joined {
            items.extend(stored.output_items());
        }
    }
    items.extend_from_slice(new_input);
    items
}
