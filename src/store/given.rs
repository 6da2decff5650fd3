//! What users were given beyond the built-in roles: roles of the deployment's own, and grants.

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::access::custom_role::RoleRecord;
use nexus_edge_core::access::given::Given;
use nexus_edge_core::access::grant::GrantRecord;
use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::access::user::{UserRecord, UserStatus};
use nexus_edge_core::bounded::{BoundedMap, Worth};
use serde::Deserialize;
use worker::Env;

use super::{StoreResult, row, rows, text, write};
use crate::platform::now_ms;

/// Milliseconds for which an isolate believes what it has read of the owner of a key.
const BELIEVED_MS: u64 = 30_000;
/// Most owners that an isolate keeps.
const MAX_CACHED: usize = 5_000;

/// A user with what they were given.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// The user.
    #[serde(flatten)]
    pub user: UserRecord,
    /// What they were given.
    #[serde(flatten)]
    pub given: Given,
}

impl Account {
    /// What the user may do at `now_ms` (milliseconds since the epoch): nothing unless the account is active.
    fn permissions(&self, now_ms: u64) -> Permissions {
        match self.user.status {
            UserStatus::Active => self.given.permissions(&self.user, now_ms),
            UserStatus::Pending | UserStatus::Disabled => Permissions::NONE,
        }
    }
}

#[derive(Clone)]
struct Cached {
    account: Option<Rc<Account>>,
    read_at: u64,
}

thread_local! {
    static OWNERS: RefCell<BoundedMap<String, Cached>> = RefCell::new(BoundedMap::new(MAX_CACHED));
}

/// The columns of a [`Given`], for a user of whom these SQL expressions are the id and the list of roles.
pub fn columns(user_id: &str, roles: &str) -> String {
    format!(
        "(SELECT json_group_array(json(r.permissions)) FROM roles AS r \
          WHERE r.code IN (SELECT value FROM json_each({roles}))) AS of_roles, \
         (SELECT json_group_array(json_object('permissions', json(g.permissions), 'expires_at', g.expires_at)) \
          FROM grants AS g WHERE g.user_id = {user_id}) AS grants, \
         (SELECT json_group_array(json_object('id', t.id, 'name', t.name, 'role', m.role)) \
          FROM team_members AS m JOIN teams AS t ON t.id = m.team_id WHERE m.user_id = {user_id}) AS teams"
    )
}

/// What a user was given who has the roles of this record, whether or not they are stored.
pub async fn of_record(env: &Env, user: &UserRecord) -> StoreResult<Given> {
    let sql = format!("SELECT {}", columns("?1", "?2"));
    let roles = serde_json::to_string(&user.roles)?;
    Ok(row(env, &sql, &[text(&user.id), text(&roles)]).await?.unwrap_or_default())
}

/// What the owner of a key may do, at most half a minute old; `None` if the owner is no user.
pub async fn permissions_of_owner(env: &Env, owner: &str) -> StoreResult<Option<Permissions>> {
    let now = now_ms();
    let cached = OWNERS.with_borrow_mut(|cache| cache.get(owner).cloned());
    let believed = cached.filter(|cached| now.saturating_sub(cached.read_at) < BELIEVED_MS);
    let account = if let Some(cached) = believed {
        cached.account
    } else {
        let sql = format!("SELECT u.*, {} FROM users AS u WHERE u.id = ?1", columns("u.id", "u.roles"));
        let account = row::<Account>(env, &sql, &[text(owner)]).await?.map(Rc::new);
        let cached = Cached { account: account.clone(), read_at: now };
        OWNERS.with_borrow_mut(|cache| {
            cache.insert(owner.to_owned(), cached, |old| Worth::until(old.read_at + BELIEVED_MS, now));
        });
        account
    };
    Ok(account.map(|account| account.permissions(now)))
}

/// Forgets what this isolate believes of owners.
pub fn forget() {
    OWNERS.set(BoundedMap::new(MAX_CACHED));
}

/// Those of these codes that are roles of the deployment's own.
pub async fn roles_of(env: &Env, codes: &[String]) -> StoreResult<Vec<RoleRecord>> {
    let sql = "SELECT * FROM roles WHERE code IN (SELECT value FROM json_each(?1))";
    rows(env, sql, &[text(&serde_json::to_string(codes)?)]).await
}

/// Where a role is in use: with users, and wherever it is given to users to come.
const IN_USE: [(&str, &str); 5] = [
    ("a user", "SELECT 1 FROM users AS u, json_each(u.roles) AS had WHERE had.value = ?1"),
    (
        "the rules of registration",
        "SELECT 1 FROM sign_in_settings AS s, json_each(s.value, '$.roles') AS had \
         WHERE s.id = 'registration' AND had.value = ?1",
    ),
    ("an invitation", "SELECT 1 FROM invitations AS i, json_each(i.roles) AS had WHERE had.value = ?1"),
    (
        "an identity provider",
        "SELECT 1 FROM identity_providers AS p, json_tree(json_array(json(p.roles), json(p.role_map))) AS had \
         WHERE had.type = 'text' AND had.value = ?1",
    ),
    (
        "a directory",
        "SELECT 1 FROM scim_clients AS c, json_tree(json_array(json(c.roles), json(c.role_map))) AS had \
         WHERE had.type = 'text' AND had.value = ?1",
    ),
];

/// Deletes a role that is not in use; false if there is none, or it is.
pub async fn delete_role(env: &Env, code: &str) -> StoreResult<bool> {
    let unused = IN_USE.map(|(_, question)| format!("NOT EXISTS ({question})")).join(" AND ");
    Ok(write(env, &format!("DELETE FROM roles WHERE code = ?1 AND {unused}"), &[text(code)]).await?.changes
        > 0)
}

/// What uses a role, in words; `None` if nothing does.
pub async fn use_of_role(env: &Env, code: &str) -> StoreResult<Option<&'static str>> {
    #[derive(Deserialize)]
    struct Row {
        n: usize,
    }
    let each = IN_USE
        .iter()
        .enumerate()
        .map(|(n, (_, question))| format!("SELECT {n} AS n WHERE EXISTS ({question})"));
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
    let found: Option<Row> = row(env, &sql, &[text(code)]).await?;
    Ok(found.and_then(|row| IN_USE.get(row.n)).map(|(name, _)| *name))
}

/// The grants of a user, the newest first.
pub async fn grants(env: &Env, user_id: &str) -> StoreResult<Vec<GrantRecord>> {
    rows(env, "SELECT * FROM grants WHERE user_id = ?1 ORDER BY id DESC", &[text(user_id)]).await
}

/// Takes a grant of a user back; false if there is none.
pub async fn revoke(env: &Env, user_id: &str, id: &str) -> StoreResult<bool> {
    let sql = "DELETE FROM grants WHERE user_id = ?1 AND id = ?2";
    Ok(write(env, sql, &[text(user_id), text(id)]).await?.changes > 0)
}
