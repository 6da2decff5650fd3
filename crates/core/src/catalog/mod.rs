//! Records of providers, their keys and models, and logical models, and the validated input of the admin API.

pub mod cache_rule;
pub mod key_input;
pub mod logical_model;
pub mod model;
pub mod operation;
pub mod operation_input;
pub mod pattern;
pub mod presets;
pub mod probe;
pub mod probe_input;
pub mod provider;
pub mod provider_input;
pub mod provider_key;
mod sealed;
pub mod strategy;

pub use logical_model::{CandidateSpec, LogicalModelRecord};
pub use model::ModelRecord;
pub use operation::OperationStatus;
pub use provider::ProviderRecord;
pub use provider_key::ProviderKeyRecord;

pub use crate::provider::ProviderKind;
