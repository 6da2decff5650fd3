//! The master key that seals secrets, and its rotation.

use nexus_edge_core::input;
use nexus_edge_core::input::integer;
use nexus_edge_core::secrets::rotation::Census;
use serde::Serialize;

use crate::declare::operations;

/// Most records that one call of the rotation writes.
const MAX_LIMIT: u64 = 500;

operations! {
    "System";

    /// Show the state of the master keys.
    ///
    /// How many values are sealed with which key, and what no configured key opens.
    STATE: Get "/system/secret-key" ViewSystemStatus, |it| it.answer::<Census<SealedPlace>>(200, "The state.");

    /// Make a new master key.
    ///
    /// The key is answered and stored nowhere. Set it as `MASTER_KEY`, and the one before as `MASTER_KEY_PREVIOUS`; then rotate.
    GENERATE: Post "/system/secret-key/generate" RotateSystemSecretKey, |it| it.answer::<GeneratedKey>(200, "The key, this once.");

    /// Seal secrets anew under the current master key.
    ///
    /// A call writes at most `limit` records. Call it until `left` is 0; then the previous key can be removed.
    ROTATE: Post "/system/secret-key/rotate" RotateSystemSecretKey, |it| it.optional_body::<RotateSecretKeyInput>()
        .answer::<RotatedSecretKey>(200, "What this call did, and the state after it.");
}

input! {
    /// How much one call of the rotation does.
    pub struct RotateSecretKeyInput {
        /// Most records that are written; 25 is the default. Each is a query, of which the smallest plan of the platform
        /// grants an invocation 50.
        pub limit: u64 = integer(1..=MAX_LIMIT),
    }
}

/// A new master key.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct GeneratedKey {
    /// The base64 of 32 random bytes.
    pub master_key: String,
}

/// A record with a sealed value.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SealedPlace {
    /// The provider, where it is one of its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<i64>,
    /// The key, where it is a further key of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The key of sign-in, where it is one of the deployment's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_key_id: Option<String>,
    /// The service that users sign in with, where it is the gateway's secret there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider_id: Option<String>,
    /// The API key, where it is the secret of its signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    /// The server of tools, where it is its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_server_id: Option<String>,
    /// The webhook, where it is its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// The guard, where it is its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard_id: Option<String>,
}

/// What a call of the rotation did, and the state after it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RotatedSecretKey {
    /// Values that this call sealed anew.
    pub resealed: usize,
    /// The state.
    #[serde(flatten)]
    pub state: Census<SealedPlace>,
}
