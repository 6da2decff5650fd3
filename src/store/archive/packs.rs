//! Packs of the archive: texts of many requests as one object of R2, `packs/archive/<day>/<hour>/<pack>.ndjson.gz`, a gzip member
//! for each request.
//!
//! A batch with few texts would cost more as an object than as a row: such a pack waits in D1, and [`super::upkeep`] makes one
//! object of many. The table `archive_packs` has a row for each pack that a committed batch refers to, so an object without one
//! was left behind by a batch that failed.
//!
//! Texts that are too large for a message of the queue are put before their event is sent, as packs of the kind `archive-large`:
//! their event may be recorded much later. Those of requests that end at about the same time are one pack, and their events one message:
//! they are recorded together, or none is, and then nothing refers to the pack.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, StreamExt as _};
use nexus_edge_core::conversation::archive_item::Place;
use nexus_edge_core::conversation::kept;
use nexus_edge_core::id;
use nexus_edge_packs::name::Name;
use nexus_edge_stats::recorded::Recorded;
use serde::{Deserialize, Serialize};
use worker::{D1Database, D1PreparedStatement, Env, Range};

use super::super::{StoreError, StoreResult, rows, statement, text};
use crate::platform::gzip;
use crate::platform::{log_error, new_ulid, now_ms};

/// Kind of the packs that batches make.
pub const KIND: &str = "archive";
/// Kind of the packs that are put before their event is sent.
pub const LARGE_KIND: &str = "archive-large";
/// What their names end with.
const LARGE: char = 'L';
/// A pack of so many bytes or requests is an object at once: putting it costs as much as 4.5 rows of D1, and a row that waits
/// is written twice.
const OBJECT_BYTES: usize = 16 << 10;
const OBJECT_REQUESTS: usize = 8;
/// Most bytes of the texts of one request: a request over 4 MiB is not archived.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// Characters of a ULID.
const ULID: usize = 26;
/// Objects that are read at once.
const READ_AT_ONCE: usize = 6;

/// A pack as `archive_packs` records it.
#[derive(Debug, Clone, Serialize)]
pub struct Registered {
    name: String,
    /// Its bytes in base64, if it waits to become part of an object.
    staged: Option<String>,
}

impl Registered {
    /// The pack of a place, which is an object already.
    fn of_object(place: &Place) -> Self {
        Self { name: place.pack().to_owned(), staged: None }
    }
}

/// The texts of an event in a pack that was put before.
#[derive(Debug, Serialize)]
struct Placed<'a> {
    key_id: &'a str,
    conversation_id: &'a str,
    pack: &'a str,
    at: u64,
    length: u64,
}

impl<'a> Placed<'a> {
    fn of(recorded: &'a Recorded) -> Option<Self> {
        let (event, place) = (&recorded.event, recorded.place()?);
        Some(Self {
            key_id: &event.key_id,
            conversation_id: &event.conversation_id,
            pack: place.pack(),
            at: place.offset(),
            length: place.length(),
        })
    }
}

/// Notes texts to be erased to which no entry refers. Parameter: a JSON list of [`Placed`].
const ERASE: &str = "INSERT OR IGNORE INTO archive_erasures (pack, at, length) \
    SELECT e.value ->> 'pack', e.value ->> 'at', e.value ->> 'length' FROM json_each(?1) AS e WHERE NOT EXISTS \
    (SELECT 1 FROM conversations AS c, json_each('[' || c.items || ']') AS i \
    WHERE c.key_id = e.value ->> 'key_id' AND c.id = e.value ->> 'conversation_id' \
    AND i.value ->> '$.p[0]' = e.value ->> 'pack' AND i.value ->> '$.p[1]' = e.value ->> 'at') AND NOT EXISTS \
    (SELECT 1 FROM chat_messages AS m, json_each('[' || m.items || ']') AS i \
    WHERE m.key_id = e.value ->> 'key_id' AND m.conversation_id = e.value ->> 'conversation_id' \
    AND i.value ->> '$.p[0]' = e.value ->> 'pack' AND i.value ->> '$.p[1]' = e.value ->> 'at')";

/// Adds packs. Parameter: a JSON list of [`Registered`].
pub const REGISTER: &str = "INSERT INTO archive_packs (name, staged) SELECT value ->> 'name', value ->> 'staged' FROM json_each(?1) \
    WHERE true ON CONFLICT (name) DO NOTHING";

/// When a pack was made, in milliseconds since the epoch. `None` if the text is no name of a pack.
pub fn time_of(pack: &str) -> Option<u64> {
    id::time_of(pack.strip_suffix(LARGE).unwrap_or(pack))
}

/// The name of the object of a pack.
pub fn object_of(pack: &str) -> String {
    let kind = if pack.ends_with(LARGE) && pack.len() > ULID { LARGE_KIND } else { KIND };
    Name::new(kind, time_of(pack).unwrap_or_default(), pack).pack()
}

/// Puts texts that are too large for a message, as a pack of their own with a block for each line. The result is where they are.
pub async fn put_large(env: &Env, lines: Vec<Option<String>>) -> StoreResult<Vec<Option<Place>>> {
    let pack = Pack::of(format!("{}{LARGE}", new_ulid(now_ms())), lines).await?;
    env.bucket("BUCKET")?.put(object_of(&pack.name), pack.bytes).execute().await?;
    Ok(pack.places)
}

/// A pack that is not stored yet.
struct Pack {
    name: String,
    bytes: Vec<u8>,
    /// Where each of the lines is.
    places: Vec<Option<Place>>,
}

impl Pack {
    /// A pack of the lines, one block each.
    async fn of(name: String, lines: Vec<Option<String>>) -> StoreResult<Self> {
        let (mut bytes, mut places) = (Vec::new(), Vec::with_capacity(lines.len()));
        for line in lines {
            let Some(mut line) = line else {
                places.push(None);
                continue;
            };
            line.push('\n');
            let member = gzip::compress(line.as_bytes()).await?;
            places.push(Some(Place(name.clone(), bytes.len() as u64, member.len() as u64)));
            bytes.extend(member);
        }
        Ok(Self { name, bytes, places })
    }
}

/// Makes a pack of the lines, one block each. The result is where each of them is, and the pack to be registered together with
/// what refers to it; none if there is no line.
pub async fn write(
    env: &Env,
    lines: Vec<Option<String>>,
) -> StoreResult<(Vec<Option<Place>>, Option<Registered>)> {
    let Pack { name, bytes, places } = Pack::of(new_ulid(now_ms()), lines).await?;
    let requests = places.iter().flatten().count();
    if requests == 0 {
        return Ok((places, None));
    }
    if bytes.len() < OBJECT_BYTES && requests < OBJECT_REQUESTS {
        let staged = Some(encode(&bytes));
        return Ok((places, Some(Registered { name, staged })));
    }
    env.bucket("BUCKET")?.put(object_of(&name), bytes).execute().await?;
    Ok((places, Some(Registered { name, staged: None })))
}

/// The bytes of a pack that waits in D1, as it is stored there.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The reverse of [`encode`].
pub fn decode(staged: &str) -> Option<Vec<u8>> {
    STANDARD.decode(staged).ok()
}

/// What becomes of packs that were put before their events, after everything else that is recorded of these: they are registered, and
/// a text to which nothing refers is noted to be erased, because its conversation was deleted meanwhile or the event had been recorded
/// without it.
pub fn settle(database: &D1Database, placed: &[&Recorded]) -> StoreResult<Vec<D1PreparedStatement>> {
    if placed.is_empty() {
        return Ok(Vec::new());
    }
    let packs: Vec<Registered> =
        placed.iter().filter_map(|one| one.place()).map(Registered::of_object).collect();
    let texts: Vec<Placed<'_>> = placed.iter().filter_map(|one| Placed::of(one)).collect();
    Ok(vec![
        statement(database, REGISTER, &[text(&serde_json::to_string(&packs)?)])?,
        statement(database, ERASE, &[text(&serde_json::to_string(&texts)?)])?,
    ])
}

/// Where the bytes of a pack are.
#[derive(Debug, Deserialize)]
pub struct Whereabouts {
    name: String,
    object: Option<String>,
    base: u64,
    pub staged: Option<String>,
}

impl Whereabouts {
    /// The object, and where the pack begins in it.
    pub fn object(&self) -> (String, u64) {
        (self.object.clone().unwrap_or_else(|| object_of(&self.name)), self.base)
    }

    /// Its bytes, if it waits in D1.
    pub fn staged_bytes(&self) -> Option<Vec<u8>> {
        decode(self.staged.as_deref()?)
    }
}

/// Where packs are, by their names. Those that have expired are not among them.
pub async fn find(env: &Env, packs: &[&str]) -> StoreResult<HashMap<String, Whereabouts>> {
    let sql = "SELECT name, object, base, staged FROM archive_packs WHERE name IN (SELECT value FROM json_each(?1))";
    let found: Vec<Whereabouts> = rows(env, sql, &[text(&serde_json::to_string(packs)?)]).await?;
    Ok(found.into_iter().map(|pack| (pack.name.clone(), pack)).collect())
}

/// The texts of places, in their order. What has expired, or cannot be read, is `None`; the latter is logged.
pub async fn read(env: &Env, places: &[Place]) -> StoreResult<Vec<Option<Vec<String>>>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: Vec<&str> = places.iter().map(Place::pack).collect();
    names.sort_unstable();
    names.dedup();
    let found = &find(env, &names).await?;
    let texts = stream::iter(places).map(|place| async move {
        let pack = found.get(place.pack())?;
        match texts(env, pack, place).await {
            Ok(texts) => texts,
            Err(error) => {
                log_error("a text of the archive cannot be read", &error);
                None
            }
        }
    });
    Ok(texts.buffered(READ_AT_ONCE).collect().await)
}

async fn texts(env: &Env, pack: &Whereabouts, place: &Place) -> StoreResult<Option<Vec<String>>> {
    let member = if let Some(bytes) = pack.staged_bytes() {
        let (begin, length) = (usize::try_from(place.offset()), usize::try_from(place.length()));
        let (begin, length) = (begin.unwrap_or(usize::MAX), length.unwrap_or(usize::MAX));
        bytes.get(begin..begin.saturating_add(length)).map(<[u8]>::to_vec)
    } else {
        let (object, base) = pack.object();
        let range = Range::OffsetWithLength { offset: base + place.offset(), length: place.length() };
        let object = env.bucket("BUCKET")?.get(object).range(range).execute().await?;
        match object.as_ref().and_then(worker::Object::body) {
            Some(body) => Some(body.bytes().await?),
            None => None,
        }
    };
    let Some(member) = member else { return Ok(None) };
    let line = gzip::decompress(&member, MAX_TEXT_BYTES).await;
    let line = line.map_err(|error| StoreError::Platform(error.to_string()))?;
    Ok(std::str::from_utf8(&line).ok().and_then(kept::texts))
}
