//! Services that users can sign in with, as an administrator has configured them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::row::table::{json, table};
use crate::row::{flag, json_list, json_or_default};
use crate::secrets::rotation::{SealedField, SealedRecord};

/// A service. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IdentityProviderRecord {
    /// A name that is part of addresses, and bound into the sealed secret.
    pub id: String,
    /// The name of its kind.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// Whether users can sign in with it.
    #[serde(deserialize_with = "flag")]
    pub enabled: bool,
    /// Its issuer. Users of one issuer are the same, whichever record of it they come by.
    pub issuer: String,
    /// What it knows the gateway by; of Cloudflare Access the audience of the application.
    pub client_id: String,
    /// The gateway's secret there, sealed.
    pub client_secret_sealed: Option<String>,
    /// The scope that is asked for.
    pub scope: String,
    /// Where users are sent, where it is not found by the issuer.
    pub authorization_endpoint: Option<String>,
    /// Where codes are redeemed, where it is not found by the issuer.
    pub token_endpoint: Option<String>,
    /// Where the user is found.
    pub user_endpoint: Option<String>,
    /// Where the user's mail addresses are found.
    pub emails_endpoint: Option<String>,
    /// The names of the fields in what it says, as JSON.
    pub fields: String,
    /// The roles that its groups give.
    #[serde(deserialize_with = "json_or_default")]
    pub role_map: BTreeMap<String, Vec<String>>,
    /// The roles that new accounts begin with.
    #[serde(deserialize_with = "json_list")]
    pub roles: Vec<String>,
    /// Whether it makes accounts for users that the gateway does not know.
    #[serde(deserialize_with = "flag")]
    pub makes_accounts: bool,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    IdentityProviderRecord in "identity_providers" unique "id" {
        given id;
        fixed { kind, created_at }
        changing {
            name, enabled, issuer, client_id, client_secret_sealed, scope, authorization_endpoint, token_endpoint,
            user_endpoint, emails_endpoint, fields,
            role_map = |record| json(&record.role_map),
            roles = |record| json(&record.roles),
            makes_accounts,
        }
        elsewhere {}
    }
}

impl IdentityProviderRecord {
    /// The associated data that binds the sealed secret to this record.
    #[must_use]
    pub fn seal_context(&self) -> String {
        format!("identity_providers/{}/client_secret", self.id)
    }
}

impl SealedRecord for IdentityProviderRecord {
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        let context = self.seal_context();
        let field = |value| SealedField { name: "client_secret", context, value };
        self.client_secret_sealed.as_mut().map(field).into_iter().collect()
    }
}
