//! Every declared table has exactly the columns that the migrations give it, and of every table it is declared whether a backup
//! contains it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

mod backed_up;
#[path = "../../../backups/src/tables.rs"]
#[expect(dead_code, reason = "the test reads the list of tables and nothing else")]
mod backups;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::custom_role::RoleRecord;
use nexus_edge_core::access::grant::GrantRecord;
use nexus_edge_core::access::identity_key::IdentityKeyRecord;
use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::access::invitation::InvitationRecord;
use nexus_edge_core::access::team::TeamRecord;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::catalog::custom_preset::CustomPresetRecord;
use nexus_edge_core::catalog::{
    AlertRuleRecord, GuardRecord, LogicalModelRecord, McpServerRecord, ModelRecord, ProviderKeyRecord,
    ProviderRecord, ToolsetRecord, WebhookRecord,
};
use nexus_edge_core::lifecycle::probe_task::ProbeTaskRecord;
use nexus_edge_core::lifecycle::submission::SubmissionRecord;
use nexus_edge_core::row::table::{Column, SqlValue, Table, insert, insert_below, update};

/// The columns of each table after all migrations.
fn migrated() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../d1-migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let mut within: Option<String> = None;
        for line in fs::read_to_string(file).unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (within.clone(), words.as_slice()) {
                (None, ["CREATE", "TABLE", name, ..]) => within = Some((*name).to_owned()),
                (None, ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..]) => {
                    tables.get_mut(*name).unwrap().insert((*column).to_owned());
                }
                (None, ["DROP", "TABLE", name]) => {
                    tables.remove(name.trim_end_matches(';'));
                }
                (Some(_), [first, ..]) if first.starts_with(')') => within = None,
                (Some(table), [column, ..]) if column.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    tables.entry(table).or_default().insert((*column).to_owned());
                }
                _ => {}
            }
        }
    }
    tables
}

fn names<R>(columns: &[Column<R>]) -> impl Iterator<Item = String> + '_ {
    columns.iter().map(|column| column.name.to_owned())
}

fn check<R: Table>() {
    let mut declared: Vec<String> = vec![R::ID.name.to_owned()];
    declared.extend(names(R::FIXED).chain(names(R::CHANGING)));
    declared.extend(R::WRITTEN_ELSEWHERE.iter().map(|name| (*name).to_owned()));
    let once: BTreeSet<String> = declared.iter().cloned().collect();
    assert_eq!(once.len(), declared.len(), "{} declares a column twice", R::TABLE);
    let migrated = migrated();
    assert_eq!(migrated.get(R::TABLE), Some(&once), "{}", R::TABLE);
}

#[test]
fn every_declared_table_has_the_columns_of_the_migrations() {
    check::<ApiKeyRecord>();
    check::<IdentityKeyRecord>();
    check::<IdentityProviderRecord>();
    check::<InvitationRecord>();
    check::<UserRecord>();
    check::<RoleRecord>();
    check::<GrantRecord>();
    check::<TeamRecord>();
    check::<ProviderRecord>();
    check::<ProviderKeyRecord>();
    check::<ModelRecord>();
    check::<LogicalModelRecord>();
    check::<WebhookRecord>();
    check::<McpServerRecord>();
    check::<ToolsetRecord>();
    check::<GuardRecord>();
    check::<AlertRuleRecord>();
    check::<SubmissionRecord>();
    check::<CustomPresetRecord>();
    check::<ProbeTaskRecord>();
}

#[test]
fn statements_name_every_column_once_and_bind_as_many_values() {
    let mut model = ModelRecord::new(7, "m".into(), 5);
    model.capabilities = Some(vec!["vision".into(), "tools".into()]);
    let added = insert(&model, &[]);
    assert_eq!(
        added.sql,
        "INSERT INTO provider_models (created_at, provider_id, model_name, upstream_model, description, enabled, slow, \
         context_length, max_output, capabilities, weight, priority, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    );
    assert_eq!(added.parameters.len(), 13);
    assert_eq!(added.parameters[9], SqlValue::Text("vision,tools".into()));
    model.id = 3;
    let changed = update(&model, 4);
    assert!(changed.sql.starts_with("UPDATE provider_models SET provider_id = ?1, model_name = ?2, "));
    assert!(changed.sql.ends_with("updated_at = ?12 WHERE id = ?13 AND updated_at = ?14"), "{}", changed.sql);
    assert_eq!(changed.parameters[12..], [SqlValue::Integer(3), SqlValue::Integer(4)]);
}

#[test]
fn an_insert_under_a_limit_counts_the_rows_that_share_a_value() {
    let model = ModelRecord::new(7, "m".into(), 5);
    let added = insert_below(&model, "provider_id", "enabled = 1", 3);
    assert!(
        added.sql.ends_with(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 \
             WHERE (SELECT COUNT(*) FROM provider_models WHERE provider_id = ?2 AND enabled = 1) < 3"
        ),
        "{}",
        added.sql
    );
    assert_eq!(added.parameters.get(1), Some(&SqlValue::Integer(7)));
}

#[test]
fn columns_that_the_record_does_not_carry_are_added_behind_the_others() {
    let key = ApiKeyRecord::new("abc".into(), 1);
    let added = insert(&key, &[("key_hash", "h")]);
    assert!(added.sql.contains("updated_at, key_hash) VALUES (?1,"), "{}", added.sql);
    assert_eq!(added.parameters.first(), Some(&SqlValue::Text("abc".into())));
    assert_eq!(added.parameters.last(), Some(&SqlValue::Text("h".into())));
}

#[test]
fn a_key_reads_the_same_from_a_row_and_from_a_copy() {
    let row = serde_json::json!({
        "id": "a", "name": "n", "enabled": 1, "expires_at": null, "allowed_models": "[\"m\"]", "allowed_providers": null,
        "created_at": 1, "updated_at": 2, "last_used_at": null, "allowed_ips": "not json", "allowed_dialects": null,
        "owner": null, "tags": "{\"team\":\"x\"}", "policy": "{\"limits\":{\"concurrency\":3}}", "disabled_reason": null,
        "previous_expires_at": null, "key_hash": "h", "store": "unheard of", "cache_ttl_s": 5,
    });
    let key: ApiKeyRecord = serde_json::from_value(row).unwrap();
    assert_eq!(key.allowed_models.as_deref(), Some(&["m".to_owned()][..]));
    assert_eq!(key.allowed_ips.as_deref(), Some(&[][..]), "a damaged list allows nothing");
    assert_eq!(key.tags["team"], "x");
    assert_eq!(key.store.as_str(), "none", "an unknown policy keeps nothing");
    assert_eq!(key.policy.limits.concurrency, Some(3));
    let copy: ApiKeyRecord = serde_json::from_str(&serde_json::to_string(&key).unwrap()).unwrap();
    assert_eq!(copy, key);
}
