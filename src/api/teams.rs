//! The admin API for teams.

use nexus_edge_api::teams::{MemberInput, TeamDetail, TeamInput, TeamView};
use nexus_edge_core::access::team::TeamRecord;
use nexus_edge_core::error::ApiError;

use super::update::change as change_record;
use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::{new_ulid, now_ms};
use crate::store::{sign_in, snapshot, table, teams};

/// `GET /teams`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let teams = teams::list(&exchange.env, exchange.scope()).await?;
    answer_list("teams", &teams.iter().map(TeamView::of).collect::<Vec<_>>())
}

/// `GET /teams/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let team = find(exchange, id).await?;
    let members = teams::members(&exchange.env, id).await?;
    exchange::json(200, &TeamDetail { team: TeamView::of(&team), members })
}

/// `POST /teams`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<TeamInput>(exchange).await?;
    let now = now_ms();
    let mut team = TeamRecord { id: new_ulid(now), name: String::new(), created_at: now, updated_at: now };
    input.apply(&mut team);
    table::insert(&exchange.env, &team, &[]).await?;
    exchange.note_change(None, Some(&team));
    exchange::json(201, &TeamView::of(&team))
}

/// `PUT /teams/{id}`
pub async fn update(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::change::<TeamInput>(exchange).await?;
    let change = async |team: &mut TeamRecord| {
        input.apply(team);
        Ok(())
    };
    let write = async |team: &TeamRecord, read_at: u64| table::update(&exchange.env, team, read_at).await;
    let team = change_record(exchange, async || find(exchange, id).await, change, write).await?;
    sign_in::forget();
    exchange::json(200, &TeamView::of(&team))
}

/// `DELETE /teams/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let team = find(exchange, id).await?;
    teams::delete(&exchange.env, id, now_ms()).await?;
    exchange.note_change(Some(&team), None);
    sign_in::forget();
    snapshot::reload(exchange).await?;
    answer_deleted(id)
}

/// `PUT /teams/{id}/members/{user}`
pub async fn put_member(exchange: &Exchange, id: &str, user_id: &str) -> Result<Response, ApiError> {
    let role = input::new::<MemberInput>(exchange).await?.role.required("role")?;
    find(exchange, id).await?;
    let before = teams::member(&exchange.env, id, user_id).await?.map(|member| member.role);
    teams::put_member(&exchange.env, id, user_id, role, now_ms()).await?;
    let member = teams::member(&exchange.env, id, user_id).await?;
    let member =
        member.ok_or_else(|| ApiError::not_found("user_not_found", "There is no user with this id."))?;
    exchange.note_setting("role", before.as_ref(), Some(&member.role));
    sign_in::forget();
    exchange::json(200, &member)
}

/// `DELETE /teams/{id}/members/{user}`
pub async fn remove_member(exchange: &Exchange, id: &str, user_id: &str) -> Result<Response, ApiError> {
    find(exchange, id).await?;
    let before = teams::member(&exchange.env, id, user_id).await?.map(|member| member.role);
    if !teams::remove_member(&exchange.env, id, user_id).await? {
        return Err(ApiError::not_found("member_not_found", "The user is not in this team."));
    }
    exchange.note_setting("role", before.as_ref(), None);
    sign_in::forget();
    answer_deleted(user_id)
}

async fn find(exchange: &Exchange, id: &str) -> Result<TeamRecord, ApiError> {
    let found: Option<TeamRecord> = table::find(&exchange.env, id).await?;
    found.filter(|team| exchange.scope().has(Some(&team.id))).ok_or_else(not_found)
}

pub(in crate::api) fn not_found() -> ApiError {
    ApiError::not_found("team_not_found", "There is no team with this id.")
}
