//! Services that users can sign in with, for administrators.

use std::collections::BTreeMap;

use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, boolean, credential, object, objects, one_of, text, texts};
use nexus_edge_core::json::error::missing;
use nexus_edge_identity::service::{Kind, Preset, presets};
use nexus_edge_identity::user_info::Fields;
use serde::Serialize;

use crate::declare::operations;
use crate::users::check_roles;
use nexus_edge_core::secrets::Secret;

/// Most groups that can be mapped to roles.
pub(crate) const MAX_MAPPED: usize = 200;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "identity_provider_not_found")];

operations! {
    "Identity providers";

    /// List the services that users can sign in with.
    LIST: Get "/identity-providers" ManageIdentityProviders, |it| it
        .list::<IdentityProviderView>("identity_providers", "The services, without their secrets.");

    /// Add a service that users can sign in with.
    ///
    /// A service vouches for every user who signs in with it, so this needs all permissions. With a `preset` (`google`, `github`,
    /// `linuxdo`, `cloudflare_access`) only the id and the secret of the client are left to say.
    CREATE: Post "/identity-providers" ManageIdentityProviders, |it| it.creates::<IdentityProviderInput>()
        .answer::<IdentityProviderView>(201, "The service.").errors(&[(409, "name_taken, too_many_identity_providers")]);

    /// Show a service.
    GET: Get "/identity-providers/{id}" ManageIdentityProviders, |it| it
        .answer::<IdentityProviderView>(200, "The service, without its secret.").errors(NOT_FOUND);

    /// Change a service.
    ///
    /// What the body does not name stays as it is. `id`, `kind` and `preset` cannot be changed.
    UPDATE: Put "/identity-providers/{id}" ManageIdentityProviders, |it| it.updates::<IdentityProviderInput>()
        .answer::<IdentityProviderView>(200, "The service as it is now.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Remove a service.
    ///
    /// Its users keep their accounts, and sign in with it again if it is added again with the same issuer.
    DELETE: Delete "/identity-providers/{id}" ManageIdentityProviders, |it| it.deleted("string").errors(NOT_FOUND);
}

input! {
    /// The roles that a group of a service gives.
    pub struct MappedGroupInput {
        /// The group, as the service names it.
        pub group: String = text(1..=200).not_null().required(),
        /// Codes of roles.
        pub roles: Vec<String> = texts(1..=40).check(check_roles).not_null().required(),
    }
}

input! {
    /// The names of the fields in what a service says of a user.
    pub struct FieldsInput {
        /// The one that never changes hands: text, or a whole number.
        pub subject: String = text(1..=100).not_null(),
        /// Names for people, the best first.
        pub names: Vec<String> = texts(1..=100).not_null(),
        /// The mail address.
        pub email: String = text(1..=100).not_null(),
        /// True if the service has verified the address; `null`: it always has.
        pub email_verified: String = text(1..=100),
        /// The groups of the user: a list of texts, or one.
        pub groups: String = text(1..=100).not_null(),
    }
}

input! {
    /// What may be said about a service.
    pub struct IdentityProviderInput {
        /// A name that is part of addresses: lower case letters, digits and hyphens. With a preset that is the default.
        pub id: String = text(1..=40).check(check_id).not_null(),
        /// A known service: `google`, `github`, `linuxdo`, `cloudflare_access`.
        pub preset: String = text(1..=40).check(check_preset).not_null(),
        /// How it says who a user is: `oidc` (OpenID Connect), `oauth2` (an API), `access` (Cloudflare Access).
        pub kind: Kind = one_of(Kind::NAMES).not_null(),
        /// A name for people.
        pub name: String = text(1..=100).not_null(),
        /// Whether users can sign in with it.
        pub enabled: bool = boolean().not_null(),
        /// Its issuer, exactly as in its tokens; of Cloudflare Access `https://<team>.cloudflareaccess.com`; of an API a name for it.
        pub issuer: String = credential(1..=500).not_null(),
        /// What it knows the gateway by; of Cloudflare Access the audience tag of the application.
        pub client_id: String = credential(1..=300).not_null().required(),
        /// The gateway's secret there. It is stored sealed.
        pub client_secret: Secret = credential(1..=500).secret(),
        /// The scope that is asked for.
        pub scope: String = text(0..=500).not_null(),
        /// Where users are sent, of an API.
        pub authorization_endpoint: String = credential(1..=500),
        /// Where codes are redeemed, of an API.
        pub token_endpoint: String = credential(1..=500),
        /// Where the user is found, of an API.
        pub user_endpoint: String = credential(1..=500),
        /// Where the user's mail addresses are found, in the form of GitHub's API.
        pub emails_endpoint: String = credential(1..=500),
        /// The names of the fields in what it says of a user.
        pub fields: FieldsInput = object::<FieldsInput>().not_null(),
        /// The roles that its groups give. A group that is not named here gives none.
        pub role_map: BTreeMap<String, Vec<String>> = objects::<MappedGroupInput>(MAX_MAPPED).check(check_map).not_null(),
        /// Codes of the roles that new accounts begin with; `user` is the default.
        pub roles: Vec<String> = texts(1..=40).check(check_roles).not_null(),
        /// Whether it makes accounts for users that the gateway does not know. Otherwise only users who have linked it sign in with it.
        pub makes_accounts: bool = boolean().not_null(),
    }
}

fn check_id(id: String) -> Result<String, ApiError> {
    let is_id = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_id {
        return Ok(id);
    }
    let message = "`id` must consist of lower case letters, digits and hyphens.";
    Err(ApiError::invalid("invalid_value", "id", message))
}

fn check_preset(id: String) -> Result<String, ApiError> {
    if presets().iter().any(|preset| preset.id == id) {
        return Ok(id);
    }
    let known: Vec<&str> = presets().iter().map(|preset| preset.id).collect();
    let message = format!("`preset` must be one of {}.", known.join(", "));
    Err(ApiError::invalid("invalid_value", "preset", message))
}

pub(crate) fn check_map(groups: Vec<MappedGroupInput>) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
    groups
        .into_iter()
        .map(|mapped| Ok((mapped.group.required("group")?, mapped.roles.required("roles")?)))
        .collect()
}

impl IdentityProviderInput {
    /// A new record at `now_ms` (milliseconds since the epoch), without its secret.
    ///
    /// # Errors
    /// `missing_required_parameter` for what neither the input nor the preset says.
    pub fn new_record(&self, now_ms: u64) -> Result<IdentityProviderRecord, ApiError> {
        let preset =
            self.preset.as_set().and_then(|id| presets().into_iter().find(|preset| preset.id == *id));
        let of_preset =
            |of: fn(&Preset) -> Option<&'static str>| preset.as_ref().and_then(of).map(str::to_owned);
        let kind = preset.as_ref().map(|preset| preset.kind).or(self.kind.as_set().copied());
        let kind = kind.ok_or_else(|| missing("kind"))?;
        let id = self
            .id
            .as_set()
            .cloned()
            .or_else(|| of_preset(|preset| Some(preset.id)).map(|id| id.replace('_', "-")));
        let endpoint = |index: usize| {
            preset.as_ref().and_then(|preset| *preset.endpoints.get(index)?).map(str::to_owned)
        };
        let fields = preset.as_ref().map_or_else(Fields::default, |preset| preset.fields.clone());
        let mut record = IdentityProviderRecord {
            id: id.ok_or_else(|| missing("id"))?,
            kind: kind.name().to_owned(),
            name: of_preset(|preset| Some(preset.name)).unwrap_or_default(),
            enabled: true,
            issuer: of_preset(|preset| preset.issuer).unwrap_or_default(),
            client_id: String::new(),
            client_secret_sealed: None,
            scope: of_preset(|preset| Some(preset.scope)).unwrap_or_else(|| kind.scope().to_owned()),
            authorization_endpoint: endpoint(0),
            token_endpoint: endpoint(1),
            user_endpoint: endpoint(2),
            emails_endpoint: endpoint(3),
            fields: written(&fields),
            role_map: BTreeMap::new(),
            roles: vec!["user".to_owned()],
            makes_accounts: false,
            created_at: now_ms,
            updated_at: now_ms,
        };
        self.apply(&mut record);
        if record.name.is_empty() {
            record.name.clone_from(&record.id);
        }
        Ok(record)
    }

    /// Applies the change, except for the secret, which must be sealed first.
    pub fn apply(&self, record: &mut IdentityProviderRecord) {
        self.name.clone().apply_or(&mut record.name, String::new());
        self.enabled.clone().apply_or(&mut record.enabled, true);
        self.issuer.clone().apply_or(&mut record.issuer, String::new());
        self.client_id.clone().apply_or(&mut record.client_id, String::new());
        self.scope.clone().apply_or(&mut record.scope, String::new());
        self.authorization_endpoint.clone().apply_to(&mut record.authorization_endpoint);
        self.token_endpoint.clone().apply_to(&mut record.token_endpoint);
        self.user_endpoint.clone().apply_to(&mut record.user_endpoint);
        self.emails_endpoint.clone().apply_to(&mut record.emails_endpoint);
        self.role_map.clone().apply_or(&mut record.role_map, BTreeMap::new());
        self.roles.clone().apply_or(&mut record.roles, Vec::new());
        self.makes_accounts.clone().apply_or(&mut record.makes_accounts, false);
        if let Some(input) = self.fields.as_set() {
            let mut fields = fields_of(record);
            input.subject.clone().apply_or(&mut fields.subject, String::new());
            input.names.clone().apply_or(&mut fields.names, Vec::new());
            input.email.clone().apply_or(&mut fields.email, String::new());
            input.email_verified.clone().apply_to(&mut fields.email_verified);
            input.groups.clone().apply_or(&mut fields.groups, String::new());
            record.fields = written(&fields);
        }
    }
}

/// Checks that a record has what its kind needs, at addresses that may be asked.
///
/// # Errors
/// `missing_required_parameter` or `invalid_value`, with the field.
pub fn check_complete(
    record: &IdentityProviderRecord,
    may_ask: impl Fn(&str) -> bool,
) -> Result<(), ApiError> {
    let is_api = record.kind == Kind::Oauth2.name();
    let endpoints = [
        ("authorization_endpoint", &record.authorization_endpoint),
        ("token_endpoint", &record.token_endpoint),
        ("user_endpoint", &record.user_endpoint),
        ("emails_endpoint", &record.emails_endpoint),
    ];
    let missing = endpoints.iter().take(3).filter(|_| is_api).find(|(_, address)| address.is_none());
    let missing = if record.issuer.is_empty() { Some("issuer") } else { missing.map(|(name, _)| *name) };
    if let Some(name) = missing {
        let message = format!("`{name}` is needed.");
        return Err(ApiError::invalid("missing_required_parameter", name, message));
    }
    let issuer = Some(record.issuer.clone()).filter(|_| !is_api);
    let addresses = endpoints.into_iter().chain([("issuer", &issuer)]);
    let wrong =
        addresses.into_iter().find(|(_, address)| address.as_ref().is_some_and(|address| !may_ask(address)));
    match wrong {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("`{name}` must be an https address, and neither private nor local.");
            Err(ApiError::invalid("invalid_value", name, message))
        }
    }
}

/// The names of the fields in what a service says.
#[must_use]
pub fn fields_of(record: &IdentityProviderRecord) -> Fields {
    serde_json::from_str(&record.fields).unwrap_or_default()
}

fn written(fields: &Fields) -> String {
    // Texts and lists of texts can be written.
    serde_json::to_string(fields).unwrap_or_default()
}

/// The roles that a group gives.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MappedGroup {
    /// The group, as the service names it.
    pub group: String,
    /// Codes of roles.
    pub roles: Vec<String>,
}

/// The names of the fields in what a service says of a user.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FieldsView {
    /// The one that never changes hands.
    pub subject: String,
    /// Names for people, the best first.
    pub names: Vec<String>,
    /// The mail address.
    pub email: String,
    /// True if the service has verified the address; `null`: it always has.
    pub email_verified: Option<String>,
    /// The groups of the user.
    pub groups: String,
}

/// A service that users can sign in with. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct IdentityProviderView {
    /// Its name in addresses.
    pub id: String,
    /// How it says who a user is.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// Whether users can sign in with it.
    pub enabled: bool,
    /// Its issuer.
    pub issuer: String,
    /// What it knows the gateway by.
    pub client_id: String,
    /// Whether the gateway has a secret there.
    pub has_client_secret: bool,
    /// The address that the service sends users back to: it has to be registered there.
    pub redirect_uri: String,
    /// The scope that is asked for.
    pub scope: String,
    /// Where users are sent, of an API.
    pub authorization_endpoint: Option<String>,
    /// Where codes are redeemed, of an API.
    pub token_endpoint: Option<String>,
    /// Where the user is found, of an API.
    pub user_endpoint: Option<String>,
    /// Where the user's mail addresses are found.
    pub emails_endpoint: Option<String>,
    /// The names of the fields in what it says of a user.
    pub fields: FieldsView,
    /// The roles that its groups give.
    pub role_map: Vec<MappedGroup>,
    /// Codes of the roles that new accounts begin with.
    pub roles: Vec<String>,
    /// Whether it makes accounts.
    pub makes_accounts: bool,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

impl IdentityProviderView {
    /// The view of a record. `redirect_uri` is where the service sends users back to.
    #[must_use]
    pub fn of(record: IdentityProviderRecord, redirect_uri: String) -> Self {
        let Fields { subject, names, email, email_verified, groups } = fields_of(&record);
        Self {
            id: record.id,
            kind: record.kind,
            name: record.name,
            enabled: record.enabled,
            issuer: record.issuer,
            client_id: record.client_id,
            has_client_secret: record.client_secret_sealed.is_some(),
            redirect_uri,
            scope: record.scope,
            authorization_endpoint: record.authorization_endpoint,
            token_endpoint: record.token_endpoint,
            user_endpoint: record.user_endpoint,
            emails_endpoint: record.emails_endpoint,
            fields: FieldsView { subject, names, email, email_verified, groups },
            role_map: record
                .role_map
                .into_iter()
                .map(|(group, roles)| MappedGroup { group, roles })
                .collect(),
            roles: record.roles,
            makes_accounts: record.makes_accounts,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}
