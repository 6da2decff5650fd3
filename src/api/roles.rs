//! The admin API for permissions and roles.

use nexus_edge_api::roles::{NewRoleInput, PermissionView, RoleInput, RoleView};
use nexus_edge_core::access::custom_role::RoleRecord;
use nexus_edge_core::access::role::Role;
use nexus_edge_core::error::ApiError;

use super::update::change as change_record;
use super::{answer_deleted, answer_list, input};
use crate::exchange::{self, Exchange};
use crate::platform::http::Response;
use crate::platform::now_ms;
use crate::store::{given, sign_in, table};

/// `GET /permissions`
pub fn permissions() -> Result<Response, ApiError> {
    answer_list("permissions", &PermissionView::all())
}

/// `GET /roles`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let own = table::list::<RoleRecord>(&exchange.env).await?;
    let built_in = Role::ALL.into_iter().map(RoleView::built_in);
    answer_list("roles", &built_in.chain(own.iter().map(RoleView::of)).collect::<Vec<_>>())
}

/// `GET /roles/{code}`
pub async fn get(exchange: &Exchange, code: &str) -> Result<Response, ApiError> {
    match Role::of_code(code) {
        Some(role) => exchange::json(200, &RoleView::built_in(role)),
        None => exchange::json(200, &RoleView::of(&find(exchange, code).await?)),
    }
}

/// `POST /roles`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<NewRoleInput>(exchange).await?;
    let mut role = RoleRecord::new(input.code.required("code")?, now_ms());
    input.role.apply(&mut role);
    exchange.person()?.check_has(role.permissions)?;
    table::insert(&exchange.env, &role, &[]).await?;
    exchange.note_change(None, Some(&role));
    exchange::json(201, &RoleView::of(&role))
}

/// `PUT /roles/{code}`
pub async fn update(exchange: &Exchange, code: &str) -> Result<Response, ApiError> {
    check_not_built_in(code)?;
    let input = input::change::<RoleInput>(exchange).await?;
    let change = async |role: &mut RoleRecord| {
        exchange.person()?.check_has(role.permissions)?;
        input.apply(role);
        exchange.person()?.check_has(role.permissions)
    };
    let write = async |role: &RoleRecord, read_at: u64| table::update(&exchange.env, role, read_at).await;
    let role = change_record(exchange, async || find(exchange, code).await, change, write).await?;
    sign_in::forget();
    exchange::json(200, &RoleView::of(&role))
}

/// `DELETE /roles/{code}`
pub async fn delete(exchange: &Exchange, code: &str) -> Result<Response, ApiError> {
    check_not_built_in(code)?;
    let role = find(exchange, code).await?;
    exchange.person()?.check_has(role.permissions)?;
    if !given::delete_role(&exchange.env, code).await? {
        find(exchange, code).await?;
        let user = given::use_of_role(&exchange.env, code).await?.unwrap_or("a user");
        let message = format!("The role is in use, by {user}. Take it from there first.");
        return Err(ApiError::conflict("role_in_use", "code", message));
    }
    exchange.note_change(Some(&role), None);
    answer_deleted(code)
}

/// Checks that each of these codes is that of a role.
///
/// # Errors
/// `invalid_value` (400), which names the first that is not.
pub(super) async fn check_known(exchange: &Exchange, codes: &[String]) -> Result<(), ApiError> {
    if Role::custom(codes).next().is_none() {
        return Ok(());
    }
    let known = given::roles_of(&exchange.env, codes).await?;
    match Role::custom(codes).find(|code| !known.iter().any(|role| role.code == *code)) {
        None => Ok(()),
        Some(unknown) => Err(nexus_edge_api::users::unknown_role(unknown)),
    }
}

fn check_not_built_in(code: &str) -> Result<(), ApiError> {
    if Role::of_code(code).is_none() {
        return Ok(());
    }
    let message = "Built-in roles cannot be changed. Create one of your own.";
    Err(ApiError::conflict("role_is_built_in", "code", message))
}

async fn find(exchange: &Exchange, code: &str) -> Result<RoleRecord, ApiError> {
    let found = table::find(&exchange.env, code).await?;
    found.ok_or_else(|| ApiError::not_found("role_not_found", "There is no role with this code."))
}
