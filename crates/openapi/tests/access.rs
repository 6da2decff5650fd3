//! Who may call what: the table in docs/access.md is made from the code, every permission is needed by an operation, and the
//! operations that anyone may call are listed here.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use nexus_edge_api::{ALL, Audience, Operation};
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::access::role::Role;

/// What anyone may call, without any credential.
const PUBLIC: &[&str] = &[
    // Agents have a token of their own, and a ticket that is made with it.
    "POST /bridge/ticket",
    "GET /bridge/tunnel",
    "GET /exports/{id}/download",
    // Who is signed in by its cookies, sign-in with the admin token in the body, sign-out, and the page itself.
    "GET /console/session",
    "POST /console/session",
    "DELETE /console/session",
    "GET /console",
    "GET /console/{path...}",
    "POST /auth/login",
    "POST /auth/refresh",
    "GET /.well-known/jwks.json",
    "POST /auth/password/forgot",
    "POST /auth/password/reset",
    "POST /auth/email/verification",
    "POST /auth/email/verify",
    "GET /auth/options",
    "GET /auth/with/{id}",
    "GET /auth/with/{id}/callback",
    "POST /auth/with/{id}/assertion",
    "POST /auth/passkeys/sign-in/options",
    "POST /auth/passkeys/sign-in",
    "POST /auth/register",
    "GET /health",
];

fn operations() -> impl Iterator<Item = &'static Operation> {
    ALL.iter().copied().flatten()
}

#[test]
fn only_listed_operations_are_public() {
    let public: Vec<String> = operations()
        .filter(|operation| operation.audience == Audience::Public)
        .map(|operation| format!("{} {}", operation.method.name(), operation.path))
        .collect();
    assert_eq!(public, PUBLIC);
}

#[test]
fn every_permission_opens_an_operation() {
    let needed: BTreeSet<Permission> = operations()
        .filter_map(|operation| match operation.audience {
            Audience::Person(need) => Some([Some(need.all), need.own]),
            _ => None,
        })
        .flatten()
        .flatten()
        .collect();
    let useless: Vec<&str> =
        Permission::ALL.iter().filter(|one| !needed.contains(one)).map(|one| one.code()).collect();
    assert!(useless.is_empty(), "no operation needs {useless:?}");
}

fn table() -> String {
    let roles = Role::ALL.into_iter().rev().filter(|role| *role != Role::Admin).collect::<Vec<_>>();
    let mut table = String::from("| | allows to |");
    for role in &roles {
        write!(table, " `{}` |", role.code()).unwrap();
    }
    table.push_str("\n|---|---|");
    table.push_str(&":-:|".repeat(roles.len()));
    for permission in Permission::ALL {
        let mut text = permission.description().trim_end_matches('.').to_owned();
        text.get_mut(..1).unwrap().make_ascii_lowercase();
        write!(table, "\n| `{}` | {text} |", permission.code()).unwrap();
        for role in &roles {
            table.push_str(if role.permissions().has(*permission) { " ✓ |" } else { " |" });
        }
    }
    table
}

/// `UPDATE_OPENAPI=1 cargo test -p nexus-edge-openapi` writes the table anew.
#[test]
fn the_table_in_the_docs_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/access.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- permissions -->\n").expect("the beginning of the table");
    let (_, after) = rest.split_once("<!-- /permissions -->").expect("the end of the table");
    let expected = format!("{before}<!-- permissions -->\n{}\n<!-- /permissions -->{after}", table());
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, expected).unwrap();
    } else {
        assert!(
            page == expected,
            "docs/access.md is out of date: UPDATE_OPENAPI=1 cargo test -p nexus-edge-openapi"
        );
    }
}
