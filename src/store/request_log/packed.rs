//! The rows of the request log that are in packs.

use std::collections::HashSet;

use nexus_edge_api::stats::LoggedRequest;
use nexus_edge_core::id::floor_time_of;
use nexus_edge_packs::descent::{Descent, Step};
use nexus_edge_stats::delivery::OLD_AFTER_MS;
use nexus_edge_stats::log_row::{fits, id_of};
use nexus_edge_stats::moving::{Ages, hour_of};
use nexus_edge_stats::pages::Found;
use nexus_edge_stats::request_log::Wanted;
use nexus_edge_stats::scan::SCANNED;
use worker::Env;

use super::place::{KIND, ages};
use crate::platform::now_ms;
use crate::settings;
use crate::store::packs::{self, Packed};
use crate::store::{StoreError, StoreResult};

/// Blocks after which a page stops, once it has looked at a row: the next page goes on there.
const READS: usize = 60;

/// At most `limit` rows that fit, with ids from one on and below another, the newest first.
pub async fn search(
    env: &Env,
    ages: Ages,
    wanted: &Wanted,
    (from, below): (&str, &str),
    limit: usize,
) -> StoreResult<Found<LoggedRequest>> {
    let from_hour = hour_of(floor_time_of(from)).max(ages.packs_from(now_ms()));
    let mut to_hour = Some(hour_of(floor_time_of(below))).filter(|to| *to >= from_hour);
    let (mut rows, mut looked_at, mut reads) = (Vec::new(), 0, 0);
    let mut looked_to = None;
    while let Some(hour) = to_hour {
        let (listed, next_hour) = packs::list(env, KIND, (from_hour, hour), (from, below)).await?;
        to_hour = next_hour;
        let mut descent = Descent::new(from, below);
        for (number, pack) in listed.iter().enumerate() {
            descent.add(number, &pack.first, &pack.last);
        }
        loop {
            match descent.next() {
                Step::Open(number) => {
                    let Some(pack) = listed.get(number) else { break };
                    descent.opened(number, &pack.manifest(env).await?);
                }
                Step::Read { .. } if reads >= READS && looked_to.is_some() => {
                    return Ok(Found { rows, looked_to });
                }
                Step::Read { pack, block } => {
                    let Some(pack) = listed.get(pack) else { break };
                    reads += 1;
                    let lines = pack.lines(env, &block).await?;
                    descent.read(lines.into_iter().filter_map(|line| Some((id_of(&line)?, line))));
                }
                Step::Row { key, line } => {
                    looked_at += 1;
                    if !wanted.is_filtered() || fits(wanted, &line)? {
                        rows.push(serde_json::from_str(&line)?);
                    }
                    looked_to = Some(key);
                    if rows.len() == limit || looked_at == SCANNED {
                        return Ok(Found { rows, looked_to });
                    }
                }
                Step::End => break,
            }
        }
    }
    Ok(Found { rows, looked_to: None })
}

/// The row with this id.
pub async fn find(env: &Env, ages: Ages, id: &str) -> StoreResult<Option<LoggedRequest>> {
    let lines = lines_of(env, ages, &[id]).await?;
    lines.into_iter().next().map(|line| Ok(serde_json::from_str(&line)?)).transpose()
}

/// Which of these ids are in packs, of those that the database may know nothing of any more.
pub async fn known(env: &Env, ids: &[&str]) -> StoreResult<HashSet<String>> {
    Ok(lines_of_old(env, ids).await?.iter().filter_map(|line| id_of(line)).collect())
}

/// The lines of those of these rows of which the database may know nothing any more: they have left it, and their delivery is no
/// longer noted.
pub async fn lines_of_old(env: &Env, ids: &[&str]) -> StoreResult<Vec<String>> {
    let settings = settings::get(env).map_err(|error| StoreError::Platform(error.message))?;
    let (ages, now) = (ages(&settings), now_ms());
    let known_from = ages.near_from(now).max(now.saturating_sub(OLD_AFTER_MS));
    let old: Vec<&str> = ids.iter().copied().filter(|id| floor_time_of(id) < known_from).collect();
    if old.is_empty() { Ok(Vec::new()) } else { lines_of(env, ages, &old).await }
}

/// The lines of the rows with these ids. A block is read once, however many of them are in it.
async fn lines_of(env: &Env, ages: Ages, ids: &[&str]) -> StoreResult<Vec<String>> {
    let packs_from = ages.packs_from(now_ms());
    let mut wanted: Vec<&str> = ids.iter().copied().filter(|id| floor_time_of(id) >= packs_from).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut lines = Vec::new();
    while let Some(first) = wanted.first().copied() {
        let hour = hour_of(floor_time_of(first));
        let of_hour = wanted.iter().take_while(|id| hour_of(floor_time_of(id)) == hour).count();
        let mut ids: Vec<&str> = wanted.drain(..of_hour).collect();
        let below = format!("{}~", ids.last().copied().unwrap_or_default());
        let (listed, _) = packs::list(env, KIND, (hour, hour), (first, &below)).await?;
        for pack in &listed {
            let inside: Vec<&str> =
                ids.iter().copied().filter(|id| **id >= *pack.first && **id <= *pack.last).collect();
            if !inside.is_empty() {
                let found = lines_in(env, pack, &inside).await?;
                ids.retain(|id| !found.iter().any(|(found, _)| found == id));
                lines.extend(found.into_iter().map(|(_, line)| line));
            }
        }
    }
    Ok(lines)
}

async fn lines_in(env: &Env, pack: &Packed, ids: &[&str]) -> StoreResult<Vec<(String, String)>> {
    let manifest = pack.manifest(env).await?;
    let mut found = Vec::new();
    for block in &manifest.blocks {
        if !ids.iter().any(|id| **id >= *block.first && **id <= *block.last) {
            continue;
        }
        for line in pack.lines(env, block).await? {
            let id = id_of(&line).ok_or_else(|| StoreError::Damaged(pack.name().pack()))?;
            if ids.contains(&id.as_str()) {
                found.push((id, line));
            }
        }
    }
    Ok(found)
}
