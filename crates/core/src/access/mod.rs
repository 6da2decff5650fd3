//! Who may call: API keys, the principal that a key stands for, the credential of a request; and what people may do in the
//! admin API: permissions, roles, grants, teams, and the decision.

pub mod api_key;
pub mod audit;
pub mod credential;
pub mod custom_role;
pub mod given;
pub mod grant;
pub mod identity_key;
pub mod identity_provider;
pub mod invitation;
pub mod ip_range;
pub mod key_signer;
pub mod permission;
pub mod person;
pub mod principal;
pub mod profile;
pub mod role;
pub mod scim_client;
pub mod signing;
mod store_policy;
pub mod team;
pub mod tool_approval;
pub mod tool_grants;
pub mod user;

pub use api_key::{ApiKey, ApiKeyRecord};
pub use principal::Principal;
pub use store_policy::StorePolicy;
