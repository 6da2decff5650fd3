//! API keys. A key is shown once, in the answer that creates or rotates it.

use std::collections::BTreeMap;

use nexus_edge_core::access::StorePolicy;
use nexus_edge_core::access::api_key::{ApiKeyRecord, shown_prefix};
use nexus_edge_core::access::permission::Permissions;
use nexus_edge_core::access::signing::SignatureUse;
use nexus_edge_core::access::tool_approval::ToolApproval;
#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::key_input::{KeyInput, RotateKeyInput};
use nexus_edge_core::secrets::pii::KeyRedaction;
use nexus_edge_stats::per_key::KeyUsage;
use serde::Serialize;

use crate::declare::operations;
use crate::limits::PolicyView;

operations! {
    "API keys";

    /// List the API keys.
    ///
    /// The newest first; without `limit` all of them. Secrets are not among them.
    LIST: Get "/keys" ViewAllApiKeys / ManageOwnApiKeys, |it| it
        .text("search", "Only those whose name, id or owner contains this, whatever the case.")
        .text("owner", "Only those of this owner.").choice("enabled", &["true", "false"], "Only those that are enabled, or not.")
        .choice("with", &["usage"], "What each was used for today and on the six days before, in UTC; needs `view_all_statistics`, of own keys `view_own_statistics`.")
        .number("limit", 1..=200, "Rows of a page.").text("cursor", "`next_cursor` of the page before.")
        .answer::<Keys<'_>>(200, "The keys.");

    /// Create an API key.
    ///
    /// The answer is the only one that ever shows the key itself.
    CREATE: Post "/keys" ManageAllApiKeys / ManageOwnApiKeys, |it| it.creates::<KeyInput>().answer::<KeyView<'_>>(201, "The key, with its secret in `key`.");

    /// Show an API key.
    GET: Get "/keys/{id}" ViewAllApiKeys / ManageOwnApiKeys, |it| it.answer::<KeyView<'_>>(200, "The key.").errors(&[(404, "key_not_found")]);

    /// Change an API key.
    ///
    /// What the body does not name stays as it is.
    UPDATE: Put "/keys/{id}" ManageAllApiKeys / ManageOwnApiKeys, |it| it.updates::<KeyInput>().answer::<KeyView<'_>>(200, "The key as it is now.")
        .errors(&[(404, "key_not_found"), (503, "record_busy")]);

    /// Delete an API key.
    DELETE: Delete "/keys/{id}" ManageAllApiKeys / ManageOwnApiKeys, |it| it.deleted("string").errors(&[(404, "key_not_found")]);

    /// Give an API key a new secret.
    ///
    /// The old secret stays valid for `overlap_seconds`, so that clients can be changed one after the other.
    ROTATE: Post "/keys/{id}/rotate" ManageAllApiKeys / ManageOwnApiKeys, |it| it.optional_body::<RotateKeyInput>()
        .answer::<KeyView<'_>>(200, "The key, with its new secret in `key`.")
        .errors(&[(404, "key_not_found"), (503, "record_busy")]);

    /// Give an API key a new secret for signatures.
    ///
    /// A random one, which the answer shows this once and the gateway keeps sealed. It is independent of the key's own secret and
    /// stays when that is rotated. It takes the place of the one before it, or of a `signing_public_key`, at once.
    SIGNING_SECRET: Post "/keys/{id}/signing-secret" ManageAllApiKeys / ManageOwnApiKeys, |it| it
        .answer::<KeyView<'_>>(200, "The key, with the secret of its signatures in `signing_secret`.")
        .errors(&[(404, "key_not_found"), (503, "record_busy")]);
}

/// A page of keys.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Keys<'a> {
    /// The keys.
    pub keys: Vec<KeyView<'a>>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// A key as the admin API shows it. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct KeyView<'a> {
    /// The public id.
    pub id: &'a str,
    /// A name for people.
    pub name: &'a str,
    /// The key itself, only in the answer that creates or rotates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// How the key begins.
    pub prefix: String,
    /// Whether requests with the key are served.
    pub enabled: bool,
    /// When it expires; `null`: never.
    pub expires_at: Option<u64>,
    /// Models that it may use; `null`: all.
    pub allowed_models: Option<&'a [String]>,
    /// Providers that it may use, by id; `null`: all.
    pub allowed_providers: Option<&'a [i64]>,
    /// Addresses and networks that it may be used from; `null`: all.
    pub allowed_ips: Option<&'a [String]>,
    /// Caller dialects in which it may be used; `null`: all.
    pub allowed_dialects: Option<&'a [String]>,
    /// Tools that it may use, as patterns of `server/tool`; `null`: none.
    pub allow_tools: Option<&'a [String]>,
    /// Tools that it may not use, whatever is allowed.
    pub deny_tools: Option<&'a [String]>,
    /// The set whose tools its chat requests have that name none.
    pub default_toolset: Option<&'a str>,
    /// Which calls of tools in its chats a person must agree to.
    pub tool_approval: ToolApproval,
    /// Calls of tools in any 24 hours; `null`: unlimited.
    pub max_tool_calls_per_day: Option<u32>,
    /// Whose key it is.
    pub owner: Option<&'a str>,
    /// What it may do in the admin API, by codes of permissions.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<String>"))]
    pub permissions: Permissions,
    /// Whether requests with it are signed.
    pub signature: SignatureUse,
    /// What its signatures are checked with: `hmac-sha256`, `ed25519`; `null`: nothing.
    pub signature_algorithm: Option<&'static str>,
    /// The Ed25519 key that checks its signatures, in base64url.
    pub signing_public_key: Option<&'a str>,
    /// The secret of its signatures, only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<&'a str>,
    /// Labels.
    pub tags: &'a BTreeMap<String, String>,
    /// Limits and budget.
    #[serde(flatten)]
    pub policy: PolicyView<'a>,
    /// Why the gateway disabled it.
    pub disabled_reason: Option<&'a str>,
    /// Until when the secret before the last rotation is valid as well.
    pub previous_expires_at: Option<u64>,
    /// What is kept of its conversations.
    pub store: StorePolicy,
    /// Whether personal data is replaced in the archive, in exports and in errors of its requests.
    pub redact_pii: KeyRedaction,
    /// Seconds for which answers are cached for it.
    pub cache_ttl_s: Option<u32>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
    /// When it was last used, to within a few minutes.
    pub last_used_at: Option<u64>,
    /// What it was used for today and on the six days before, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<KeyUsage>,
}

impl<'a> KeyView<'a> {
    /// The view of a record, without the key itself.
    #[must_use]
    pub fn of(record: &'a ApiKeyRecord) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            key: None,
            prefix: shown_prefix(&record.id),
            enabled: record.enabled,
            expires_at: record.expires_at,
            allowed_models: record.allowed_models.as_deref(),
            allowed_providers: record.allowed_providers.as_deref(),
            allowed_ips: record.allowed_ips.as_deref(),
            allowed_dialects: record.allowed_dialects.as_deref(),
            allow_tools: record.allow_tools.as_deref(),
            deny_tools: record.deny_tools.as_deref(),
            default_toolset: record.default_toolset.as_deref(),
            tool_approval: record.tool_approval,
            max_tool_calls_per_day: record.max_tool_calls_per_day,
            owner: record.owner.as_deref(),
            permissions: record.permissions,
            signature: record.signature,
            signature_algorithm: record.signer().map(|signer| signer.algorithm()),
            signing_public_key: record.signing_public_key.as_deref(),
            signing_secret: None,
            tags: &record.tags,
            policy: PolicyView::of(&record.policy),
            disabled_reason: record.disabled_reason.as_deref(),
            previous_expires_at: record.previous_expires_at,
            store: record.store,
            redact_pii: record.redact_pii,
            cache_ttl_s: record.cache_ttl_s,
            created_at: record.created_at,
            updated_at: record.updated_at,
            last_used_at: record.last_used_at,
            usage: None,
        }
    }
}
