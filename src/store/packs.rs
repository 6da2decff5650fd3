//! Packs in R2, and the table of those that count.
//!
//! A pack is written, read back and compared before [`write`] returns, and counts only once its row of `packs` is there, which
//! the caller writes in one transaction with what the pack replaces ([`insert`]). A writer that is cut off before leaves an
//! object without a row; the next attempt with the same rows writes the same name.

use nexus_edge_core::hash::sha256_hex;
use nexus_edge_packs::builder::Builder;
use nexus_edge_packs::damage::Damage;
use nexus_edge_packs::layout::{self, BLOCK_BYTES, Row};
use nexus_edge_packs::manifest::{Block, Manifest};
use nexus_edge_packs::name::{HOUR_MS, Name, prefix_of_hour};
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Range};

use super::{StoreError, StoreResult, rows, text, unsigned, write as write_sql};
use crate::platform::gzip;

/// Digits of the checksum in a name.
const CHECKSUM_DIGITS: usize = 12;
/// Packs that one question lists.
const LISTED: usize = 200;
/// Objects that one call deletes: R2 takes 1000.
const DELETED_AT_ONCE: u32 = 500;

/// A row of `packs`.
#[derive(Debug, Clone, Deserialize)]
pub struct Packed {
    /// What its rows are.
    pub kind: String,
    /// The hour of its rows, in milliseconds since the epoch.
    pub hour: u64,
    /// Its id within the hour.
    pub id: String,
    /// The smallest key.
    pub first: String,
    /// The largest key.
    pub last: String,
    /// How many rows.
    pub rows: u64,
    /// How many bytes, compressed.
    pub bytes: u64,
    /// How many bytes of text.
    pub text_bytes: u64,
    /// How many blocks.
    pub blocks: u64,
    /// The SHA-256 of the object.
    pub sha256: String,
}

/// The columns of [`Packed`], in the order in which [`Packed::parameters`] gives them.
pub const COLUMNS: &str = "kind, hour, id, first, last, rows, bytes, text_bytes, blocks, sha256";

impl Packed {
    /// The values of [`COLUMNS`].
    pub fn parameters(&self) -> [JsValue; 10] {
        [
            text(&self.kind),
            unsigned(self.hour),
            text(&self.id),
            text(&self.first),
            text(&self.last),
            unsigned(self.rows),
            unsigned(self.bytes),
            unsigned(self.text_bytes),
            unsigned(self.blocks),
            text(&self.sha256),
        ]
    }

    /// The row of a pack with this name and manifest; `None` if it has no rows.
    pub fn of(name: &Name, manifest: &Manifest) -> Option<Self> {
        Some(Self {
            kind: name.kind().to_owned(),
            hour: name.hour_ms(),
            id: name.id().to_owned(),
            first: manifest.first()?.to_owned(),
            last: manifest.last()?.to_owned(),
            rows: manifest.rows,
            bytes: manifest.bytes,
            text_bytes: manifest.text_bytes,
            blocks: manifest.blocks.len() as u64,
            sha256: manifest.sha256.clone(),
        })
    }

    /// The name of its objects.
    pub fn name(&self) -> Name {
        Name::new(&self.kind, self.hour, &self.id)
    }

    fn damaged(&self, damage: impl std::fmt::Display) -> StoreError {
        StoreError::Damaged(format!("{}: {damage}", self.name().pack()))
    }

    /// Its blocks. Of a pack with one block its row says all that there is to know.
    pub async fn manifest(&self, env: &Env) -> StoreResult<Manifest> {
        if self.blocks == 1 {
            let block = Block {
                offset: 0,
                length: self.bytes,
                text_bytes: self.text_bytes,
                rows: self.rows,
                first: self.first.clone(),
                last: self.last.clone(),
                sha256: self.sha256.clone(),
            };
            return Ok(Manifest {
                version: nexus_edge_packs::manifest::VERSION,
                kind: self.kind.clone(),
                from_ms: self.hour,
                to_ms: self.hour + HOUR_MS,
                rows: self.rows,
                bytes: self.bytes,
                text_bytes: self.text_bytes,
                sha256: self.sha256.clone(),
                blocks: vec![block],
            });
        }
        let json = self.object(env, &self.name().manifest(), None).await?;
        Manifest::read(&json).map_err(|damage| self.damaged(damage))
    }

    /// The lines of one of its blocks.
    pub async fn lines(&self, env: &Env, block: &Block) -> StoreResult<Vec<String>> {
        let range = Range::OffsetWithLength { offset: block.offset, length: block.length };
        let member = self.object(env, &self.name().pack(), Some(range)).await?;
        self.unpacked(block, &member).await
    }

    /// All of its lines.
    pub async fn all_lines(&self, env: &Env) -> StoreResult<Vec<String>> {
        let mut lines = Vec::new();
        for block in &self.manifest(env).await?.blocks {
            lines.extend(self.lines(env, block).await?);
        }
        Ok(lines)
    }

    async fn unpacked(&self, block: &Block, member: &[u8]) -> StoreResult<Vec<String>> {
        block.check(member).map_err(|damage| self.damaged(damage))?;
        let text = gzip::decompress(member, block.text_bytes).await.map_err(|error| self.damaged(error))?;
        let text =
            String::from_utf8(text).map_err(|_| self.damaged(Damage::Checksum { offset: block.offset }))?;
        let lines = block.lines(&text).map_err(|damage| self.damaged(damage))?;
        Ok(lines.into_iter().map(str::to_owned).collect())
    }

    async fn object(&self, env: &Env, name: &str, range: Option<Range>) -> StoreResult<Vec<u8>> {
        let bucket = env.bucket("BUCKET")?;
        let mut get = bucket.get(name);
        if let Some(range) = range {
            get = get.range(range);
        }
        let missing = || StoreError::Damaged(format!("{name} is missing"));
        let object = get.execute().await?.ok_or_else(missing)?;
        Ok(object.body().ok_or_else(missing)?.bytes().await?)
    }
}

/// Writes rows of one hour as a pack, and reads it back. It does not count yet.
pub async fn write(env: &Env, kind: &str, hour_ms: u64, rows: Vec<Row<'_>>) -> StoreResult<Packed> {
    let blocks =
        layout::blocks(rows, BLOCK_BYTES).map_err(|error| StoreError::Platform(error.to_string()))?;
    let no_rows = || StoreError::Platform("a pack of no rows".to_owned());
    let first = blocks.first().ok_or_else(no_rows)?.first.clone();
    let mut checksums = String::new();
    let mut pack = Builder::new(kind, hour_ms, hour_ms + HOUR_MS);
    for block in &blocks {
        checksums.push_str(&sha256_hex(&block.text));
        pack.push(block, &gzip::compress(block.text.as_bytes()).await?);
    }
    let pack = pack.finish();
    let checksum: String = sha256_hex(&checksums).chars().take(CHECKSUM_DIGITS).collect();
    let name = Name::new(kind, hour_ms, &format!("{first}-{checksum}"));
    let manifest = &pack.manifest;
    let packed = Packed::of(&name, manifest).ok_or_else(no_rows)?;
    let bucket = env.bucket("BUCKET")?;
    bucket.put(name.manifest(), manifest.to_json()).execute().await?;
    bucket.put(name.pack(), pack.bytes).execute().await?;
    let stored = packed.object(env, &name.pack(), None).await?;
    manifest.check(&stored).map_err(|damage| packed.damaged(damage))?;
    for (block, written) in manifest.blocks.iter().zip(&blocks) {
        let begin = usize::try_from(block.offset).unwrap_or(usize::MAX);
        let length = usize::try_from(block.length).unwrap_or(usize::MAX);
        let member = stored.get(begin..begin.saturating_add(length)).unwrap_or_default();
        let lines = packed.unpacked(block, member).await?;
        if !lines.iter().map(String::as_str).eq(written.text.split_terminator('\n')) {
            return Err(packed.damaged("its rows are not those that were written"));
        }
    }
    Ok(packed)
}

/// Packs of a kind with keys below one and not below another, of hours in a range, the newest hours first; and the hour up
/// to which the next question goes on, if there may be more. All packs of an hour are in one answer.
pub async fn list(
    env: &Env,
    kind: &str,
    (from_hour, to_hour): (u64, u64),
    (from, below): (&str, &str),
) -> StoreResult<(Vec<Packed>, Option<u64>)> {
    let question = |limit: &str| {
        format!(
            "SELECT {COLUMNS} FROM packs WHERE kind = ?1 AND hour >= ?2 AND hour <= ?3 AND replaced = 0 \
             AND last >= ?4 AND first < ?5 ORDER BY hour DESC {limit}"
        )
    };
    let parameters =
        |from_hour| [text(kind), unsigned(from_hour), unsigned(to_hour), text(from), text(below)];
    let limit = format!("LIMIT {LISTED}");
    let mut found: Vec<Packed> = rows(env, &question(&limit), &parameters(from_hour)).await?;
    let Some(last) = found.last().filter(|_| found.len() == LISTED).map(|pack| pack.hour) else {
        return Ok((found, None));
    };
    let next = last.checked_sub(HOUR_MS).filter(|next| *next >= from_hour);
    if found.first().is_some_and(|pack| pack.hour == last) {
        // All were of one hour, the newest: the question is asked for it alone.
        return Ok((rows(env, &question(""), &parameters(last)).await?, next));
    }
    found.retain(|pack| pack.hour > last);
    Ok((found, Some(last)))
}

/// Deletes all packs of a kind from before an hour: of one hour, and true if there was one.
pub async fn expire(env: &Env, kind: &str, before_hour_ms: u64) -> StoreResult<bool> {
    #[derive(Deserialize)]
    struct Hour {
        hour: u64,
    }
    let sql = "SELECT hour FROM packs WHERE kind = ?1 AND hour < ?2 ORDER BY hour LIMIT 1";
    let found: Vec<Hour> = rows(env, sql, &[text(kind), unsigned(before_hour_ms)]).await?;
    let Some(Hour { hour }) = found.into_iter().next() else { return Ok(false) };
    // By their prefix: what a writer left that was cut off goes with them.
    let bucket = env.bucket("BUCKET")?;
    loop {
        let listed =
            bucket.list().prefix(prefix_of_hour(kind, hour)).limit(DELETED_AT_ONCE).execute().await?;
        let names: Vec<String> = listed.objects().iter().map(worker::Object::key).collect();
        if names.is_empty() {
            break;
        }
        bucket.delete_multiple(names).await?;
    }
    write_sql(env, "DELETE FROM packs WHERE kind = ?1 AND hour = ?2", &[text(kind), unsigned(hour)]).await?;
    Ok(true)
}

/// Deletes the objects of packs that others have replaced, and then their rows.
pub async fn delete_replaced(env: &Env, kind: &str, from_hour_ms: u64) -> StoreResult<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM packs WHERE kind = ?1 AND hour >= ?2 AND replaced = 1 LIMIT {}",
        DELETED_AT_ONCE / 2
    );
    let found: Vec<Packed> = rows(env, &sql, &[text(kind), unsigned(from_hour_ms)]).await?;
    if found.is_empty() {
        return Ok(());
    }
    let names = found.iter().flat_map(|pack| [pack.name().pack(), pack.name().manifest()]);
    env.bucket("BUCKET")?.delete_multiple(names.collect::<Vec<String>>()).await?;
    let ids: Vec<&str> = found.iter().map(|pack| pack.id.as_str()).collect();
    let sql = "DELETE FROM packs WHERE kind = ?1 AND hour >= ?2 AND replaced = 1 \
        AND id IN (SELECT value FROM json_each(?3))";
    write_sql(env, sql, &[text(kind), unsigned(from_hour_ms), text(&serde_json::to_string(&ids)?)]).await?;
    Ok(())
}
