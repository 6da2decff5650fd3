//! After a restore: packs that the backup names may have been merged since. Their rows are in packs that it does not name.

use std::collections::BTreeSet;

use nexus_edge_packs::manifest::Manifest;
use nexus_edge_packs::name::{Name, prefix_of_hour};
use nexus_edge_stats::moving::{MERGED_WITHIN_MS, hour_of};
use serde::Deserialize;
use worker::Env;

use super::place::KIND;
use crate::store::packs::{COLUMNS, Packed};
use crate::store::{StoreResult, bucket, database, rows, statement, text, unsigned};

/// Makes the table of packs name what the bucket has, for the hours of which packs may have been merged after a backup of this
/// time, in milliseconds since the epoch: at most 49. A pack that is neither there nor part of another stays named, so that
/// a question which needs it is an error and not a gap.
///
/// Rows of such an hour that were recorded after the backup can be found as well, where they were merged with older ones.
pub async fn recover(env: &Env, backed_up_at_ms: u64) -> StoreResult<()> {
    #[derive(Deserialize)]
    struct Hour {
        hour: u64,
    }
    let from = hour_of(backed_up_at_ms.saturating_sub(MERGED_WITHIN_MS));
    let sql = "SELECT DISTINCT hour FROM packs WHERE kind = ?1 AND hour >= ?2 ORDER BY hour";
    let hours: Vec<Hour> = rows(env, sql, &[text(KIND), unsigned(from)]).await?;
    for Hour { hour } in hours {
        recover_hour(env, hour).await?;
    }
    Ok(())
}

async fn recover_hour(env: &Env, hour: u64) -> StoreResult<()> {
    let sql = format!("SELECT {COLUMNS} FROM packs WHERE kind = ?1 AND hour = ?2");
    let named: Vec<Packed> = rows(env, &sql, &[text(KIND), unsigned(hour)]).await?;
    let listed = bucket::list(env, &prefix_of_hour(KIND, hour)).await?;
    let there: BTreeSet<&str> = listed.iter().map(|object| object.name.as_str()).collect();
    let missing: Vec<&Packed> =
        named.iter().filter(|pack| !there.contains(pack.name().pack().as_str())).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut others = Vec::new();
    for name in there.iter().filter_map(|object| Name::parse(object)).collect::<BTreeSet<Name>>() {
        let is_whole = there.contains(name.pack().as_str()) && there.contains(name.manifest().as_str());
        if is_whole && !named.iter().any(|pack| pack.id == name.id()) {
            let json = bucket::get(env, &name.manifest()).await?.unwrap_or_default();
            others.extend(Manifest::read(&json).ok().and_then(|manifest| Packed::of(&name, &manifest)));
        }
    }
    let is_in_another =
        |pack: &Packed| others.iter().any(|other| other.first <= pack.first && pack.last <= other.last);
    let gone: Vec<&str> =
        missing.iter().filter(|pack| is_in_another(pack)).map(|pack| pack.id.as_str()).collect();
    let database = database(env)?;
    let insert =
        format!("INSERT OR IGNORE INTO packs ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    let mut statements = Vec::with_capacity(others.len() + 1);
    for other in &others {
        statements.push(statement(&database, &insert, &other.parameters())?);
    }
    let delete =
        "DELETE FROM packs WHERE kind = ?1 AND hour = ?2 AND id IN (SELECT value FROM json_each(?3))";
    let gone = text(&serde_json::to_string(&gone)?);
    statements.push(statement(&database, delete, &[text(KIND), unsigned(hour), gone])?);
    database.batch(statements).await?;
    Ok(())
}
