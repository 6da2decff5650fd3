//! The sealed columns of the catalog: what a rotation of the master key must reach. A column that is missing here stays
//! under the old key and is lost with it, so a test compares this list with the columns of the database.

use super::{GuardRecord, McpServerRecord, ProviderKeyRecord, ProviderRecord, WebhookRecord};
use crate::secrets::rotation::{SealedField, SealedRecord};

impl SealedRecord for ProviderRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        let contexts = [self.seal_context("server_key"), self.seal_context("headers")];
        let values = [("server_key", &mut self.server_key_sealed), ("headers", &mut self.headers_sealed)];
        present(values, contexts)
    }
}

/// The fields that have a value, with their contexts.
fn present<'a, const N: usize>(
    values: [(&'static str, &'a mut Option<String>); N],
    contexts: [String; N],
) -> Vec<SealedField<'a>> {
    values
        .into_iter()
        .zip(contexts)
        .filter_map(|((name, value), context)| Some(SealedField { name, context, value: value.as_mut()? }))
        .collect()
}

impl SealedRecord for ProviderKeyRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        vec![SealedField { name: "key", context: self.seal_context(), value: &mut self.key_sealed }]
    }
}

impl SealedRecord for WebhookRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        vec![SealedField { name: "secret", context: self.seal_context(), value: &mut self.secret_sealed }]
    }
}

impl SealedRecord for GuardRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        let context = self.seal_context();
        let value = self.secret_sealed.as_mut();
        value.map(|value| SealedField { name: "secret", context, value }).into_iter().collect()
    }
}

impl SealedRecord for McpServerRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        let contexts = [self.seal_context("token"), self.seal_context("headers")];
        let values = [("token", &mut self.token_sealed), ("headers", &mut self.headers_sealed)];
        present(values, contexts)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::access::ApiKeyRecord;
    use crate::access::identity_key::IdentityKeyRecord;
    use crate::access::identity_provider::IdentityProviderRecord;

    fn columns(table: &str, record: &mut impl SealedRecord) -> Vec<(String, String)> {
        let column = |field: &SealedField<'_>| (table.to_owned(), format!("{}_sealed", field.name));
        record.sealed_fields().iter().map(column).collect()
    }

    /// `(table, column)` of every column whose name ends in `_sealed`, in any migration.
    fn columns_of_the_database() -> BTreeSet<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../d1-migrations");
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let sql = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let mut table = String::new();
            for line in sql.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                if let ["CREATE" | "ALTER", "TABLE", name, ..] = words[..] {
                    name.clone_into(&mut table);
                }
                let column = words.iter().find(|word| word.ends_with("_sealed"));
                found.extend(column.map(|column| (table.clone(), (*column).to_owned())));
            }
        }
        found
    }

    #[test]
    fn every_sealed_column_of_the_database_is_listed() {
        let mut provider = ProviderRecord::new("uid".into(), "name".into(), 1);
        provider.server_key_sealed = Some("sealed".into());
        provider.headers_sealed = Some("sealed".into());
        let mut key = ProviderKeyRecord::new("id".into(), 1, 1);
        let mut of_sign_in = IdentityKeyRecord {
            id: "id".into(),
            purpose: String::new(),
            public_key: None,
            secret_sealed: String::new(),
            created_at: 1,
            updated_at: 1,
        };
        let mut service: IdentityProviderRecord = serde_json::from_value(serde_json::json!({
            "id": "id", "kind": "oidc", "name": "n", "enabled": 1, "issuer": "i", "client_id": "c",
            "client_secret_sealed": "sealed", "scope": "s", "fields": "{}", "role_map": "{}", "roles": "[]",
            "makes_accounts": 0, "created_at": 1, "updated_at": 1,
        }))
        .unwrap();
        let mut signing = ApiKeyRecord::new("id".into(), 1);
        signing.signing_secret_sealed = Some("sealed".into());
        let listed: BTreeSet<_> = columns("providers", &mut provider)
            .into_iter()
            .chain(columns("provider_keys", &mut key))
            .chain(columns("webhooks", &mut WebhookRecord::new("id".into(), 1)))
            .chain(columns(
                "guards",
                &mut GuardRecord { secret_sealed: Some(String::new()), ..GuardRecord::new("id".into(), 1) },
            ))
            .chain(columns(
                "mcp_servers",
                &mut McpServerRecord {
                    token_sealed: Some(String::new()),
                    headers_sealed: Some(String::new()),
                    ..McpServerRecord::new("id".into(), 1)
                },
            ))
            .chain(columns("identity_keys", &mut of_sign_in))
            .chain(columns("identity_providers", &mut service))
            .chain(columns("api_keys", &mut signing))
            .collect();
        assert_eq!(listed, columns_of_the_database());
    }
}
