//! Who may call: API keys, the principal that a key stands for, and the credential of a request.

pub mod api_key;
pub mod credential;
pub mod ip_range;
pub mod principal;
mod store_policy;

pub use api_key::{ApiKey, ApiKeyRecord};
pub use principal::Principal;
pub use store_policy::StorePolicy;
