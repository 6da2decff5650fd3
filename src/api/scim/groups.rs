//! Groups for directories: teams, and who is in them.
//!
//! Users whom a directory puts into a team are members of it; those who are owners there already stay owners. Roles follow from groups where
//! the directory's client says so.

use std::collections::HashMap;

use nexus_edge_core::access::team::TeamRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::row::table::Table as _;
use nexus_edge_scim::group::{Group, Stored, resource};
use nexus_edge_scim::schema::GROUPS_TYPE;
use nexus_edge_scim::{Object, patch, problem, resource as read, version};

use super::{Asked, MAX_SCANNED, answer, base, body, roles, selection};
use crate::api::teams::not_found;
use crate::api::update::next_version;
use crate::exchange::Exchange;
use crate::platform::http::{Headers, Response};
use crate::platform::{new_ulid, now_ms};
use crate::store::scim::{GroupChange, ScimGroup};
use crate::store::{scim, sign_in, snapshot, teams};

/// How often a change is begun anew because the team has been changed by another request.
const MAX_TRIES: usize = 4;

/// Ids and names of the members of teams.
type Members = HashMap<String, Vec<(String, String)>>;

/// `GET /scim/v2/Groups`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let asked = Asked::read(exchange, &GROUPS_TYPE)?;
    let (env, client) = (&exchange.env, &exchange.directory()?.id);
    let shows_members = asked.selection.shows("members");
    let Some(filter) = &asked.filter else {
        let total = scim::count(env, "teams").await?;
        let found = scim::groups(env, client, asked.page.count, asked.page.offset()).await?;
        return Ok(asked.answer(total, all_shown(exchange, &found, shows_members).await?));
    };
    let found = scim::groups(env, client, MAX_SCANNED + 1, 0).await?;
    if found.len() > MAX_SCANNED {
        return Err(problem::too_many(MAX_SCANNED));
    }
    let needs_members = filter.to_string().to_lowercase().contains("members");
    let all = all_shown(exchange, &found, needs_members).await?;
    let fitting = found.into_iter().zip(all).filter(|(_, group)| filter.matches(group, &GROUPS_TYPE));
    let fitting: Vec<(ScimGroup, Object)> = fitting.collect();
    let total = fitting.len();
    let page = asked.page.of(fitting);
    if !shows_members || needs_members {
        return Ok(asked.answer(total, page.into_iter().map(|(_, group)| group).collect()));
    }
    let of_page: Vec<ScimGroup> = page.into_iter().map(|(group, _)| group).collect();
    Ok(asked.answer(total, all_shown(exchange, &of_page, true).await?))
}

/// `GET /scim/v2/Groups/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let group = find(exchange, id).await?;
    let members = if selection(exchange, &GROUPS_TYPE)?.shows("members") {
        Some(members_of(exchange, id).await?)
    } else {
        None
    };
    answer(exchange, &GROUPS_TYPE, 200, shown(exchange, &group, members.as_deref()))
}

/// `POST /scim/v2/Groups`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let client = &exchange.directory()?.id;
    let group = Group::of(&read::read(&GROUPS_TYPE, &body(exchange).await?)?)?;
    check_name(exchange, &group.name, None).await?;
    let added: Vec<&str> = group.members.iter().map(String::as_str).collect();
    check_users(exchange, &added).await?;
    let now = now_ms();
    let team = TeamRecord { id: new_ulid(now), name: group.name.clone(), created_at: now, updated_at: now };
    let external_id = group.external_id.as_deref();
    let change = GroupChange { client, team: &team, external_id, added: &added, removed: &[] };
    scim::put_group(&exchange.env, &change, None).await?;
    exchange.note_change(None, Some(&team));
    exchange.note_setting("members_added", None, Some(&added));
    roles::follow(exchange, &added).await?;
    sign_in::forget();
    let members = members_of(exchange, &team.id).await?;
    answer(exchange, &GROUPS_TYPE, 201, shown(exchange, &find(exchange, &team.id).await?, Some(&members)))
}

/// `PUT /scim/v2/Groups/{id}`
pub async fn replace(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let given = body(exchange).await?;
    change(exchange, id, |_| read::read(&GROUPS_TYPE, &given)).await
}

/// `PATCH /scim/v2/Groups/{id}`
pub async fn patch(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let given = body(exchange).await?;
    change(exchange, id, |before| {
        let mut resource = before.clone();
        patch::apply(&mut resource, &GROUPS_TYPE, &given)?;
        Ok(resource)
    })
    .await
}

/// `DELETE /scim/v2/Groups/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let group = find(exchange, id).await?;
    let members = members_of(exchange, id).await?;
    check_version(exchange, &mut shown(exchange, &group, Some(&members)))?;
    teams::delete(&exchange.env, id, now_ms()).await?;
    exchange.note_change(Some(&group.team), None);
    let gone: Vec<&str> = members.iter().map(|(id, _)| id.as_str()).collect();
    roles::follow(exchange, &gone).await?;
    sign_in::forget();
    snapshot::reload(exchange).await?;
    Ok(Response::empty(204, Headers::new()))
}

/// Changes a team as `next` makes of the resource before.
async fn change(
    exchange: &Exchange,
    id: &str,
    next: impl Fn(&Object) -> Result<Object, ApiError>,
) -> Result<Response, ApiError> {
    let client = &exchange.directory()?.id;
    for _ in 0..MAX_TRIES {
        let found = find(exchange, id).await?;
        let members = members_of(exchange, id).await?;
        let mut before = shown(exchange, &found, Some(&members));
        check_version(exchange, &mut before)?;
        let (was, group) = (Group::of(&before)?, Group::of(&next(&before)?)?);
        if group.name != was.name {
            check_name(exchange, &group.name, Some(id)).await?;
        }
        let added: Vec<&str> = group.members.difference(&was.members).map(String::as_str).collect();
        let removed: Vec<&str> = was.members.difference(&group.members).map(String::as_str).collect();
        check_users(exchange, &added).await?;
        let read_at = found.team.version();
        let mut team = TeamRecord { name: group.name.clone(), ..found.team.clone() };
        team.set_version(next_version(read_at));
        let external_id = group.external_id.as_deref();
        let change = GroupChange { client, team: &team, external_id, added: &added, removed: &removed };
        if !scim::put_group(&exchange.env, &change, Some(read_at)).await? {
            continue;
        }
        exchange.note_change(Some(&found.team), Some(&team));
        note_members(exchange, &added, &removed);
        // By another name a group gives other roles, to all who are in it.
        let affected: Vec<&str> = if (&was.name, &was.external_id) == (&group.name, &group.external_id) {
            added.iter().chain(&removed).copied().collect()
        } else {
            was.members.union(&group.members).map(String::as_str).collect()
        };
        roles::follow(exchange, &affected).await?;
        sign_in::forget();
        let members = members_of(exchange, id).await?;
        return answer(
            exchange,
            &GROUPS_TYPE,
            200,
            shown(exchange, &find(exchange, id).await?, Some(&members)),
        );
    }
    let message = "The group is being changed by others. Try again.";
    Err(ApiError::unavailable("record_busy", message).with_retry_after(1))
}

fn note_members(exchange: &Exchange, added: &[&str], removed: &[&str]) {
    for (name, ids) in [("members_added", added), ("members_removed", removed)] {
        if !ids.is_empty() {
            exchange.note_setting(name, None, Some(&ids));
        }
    }
}

/// Checks that no other team has a name: directories find their groups by it.
async fn check_name(exchange: &Exchange, name: &str, id: Option<&str>) -> Result<(), ApiError> {
    let found = scim::groups(&exchange.env, &exchange.directory()?.id, MAX_SCANNED, 0).await?;
    let is_taken = |group: &ScimGroup| {
        Some(group.team.id.as_str()) != id && group.team.name.to_lowercase() == name.to_lowercase()
    };
    if !found.iter().any(is_taken) {
        return Ok(());
    }
    Err(ApiError::conflict("name_taken", "displayName", "Another group has this `displayName` already."))
}

async fn check_users(exchange: &Exchange, ids: &[&str]) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Ok(());
    }
    match scim::unknown_users(&exchange.env, ids).await?.first() {
        None => Ok(()),
        Some(unknown) => {
            let shown: String = unknown.chars().take(50).collect();
            Err(problem::invalid_value(
                "members",
                &format!("must be users: there is none with the id `{shown}`"),
            ))
        }
    }
}

fn check_version(exchange: &Exchange, resource: &mut Object) -> Result<(), ApiError> {
    version::check_match(exchange.header("if-match").as_deref(), &version::stamp(resource))
}

fn shown(exchange: &Exchange, of: &ScimGroup, members: Option<&[(String, String)]>) -> Object {
    let stored = Stored {
        id: &of.team.id,
        name: &of.team.name,
        external_id: of.external_id.as_deref(),
        members,
        created_at: of.team.created_at,
        updated_at: of.team.updated_at,
    };
    resource(&stored, &base(exchange))
}

async fn all_shown(
    exchange: &Exchange,
    groups: &[ScimGroup],
    with_members: bool,
) -> Result<Vec<Object>, ApiError> {
    let ids: Vec<&str> = groups.iter().map(|group| group.team.id.as_str()).collect();
    let members: Members = if with_members && !ids.is_empty() {
        scim::members(&exchange.env, &ids).await?.into_iter().collect()
    } else {
        Members::new()
    };
    let of = |group: &ScimGroup| members.get(&group.team.id).map(Vec::as_slice);
    Ok(groups.iter().map(|group| shown(exchange, group, of(group))).collect())
}

async fn members_of(exchange: &Exchange, id: &str) -> Result<Vec<(String, String)>, ApiError> {
    let found = scim::members(&exchange.env, &[id]).await?;
    Ok(found.into_iter().next().map(|(_, members)| members).unwrap_or_default())
}

async fn find(exchange: &Exchange, id: &str) -> Result<ScimGroup, ApiError> {
    scim::group(&exchange.env, &exchange.directory()?.id, id).await?.ok_or_else(not_found)
}
