//! Records of providers, their keys and models, logical models, webhooks, alert rules and guards, and the validated input of the admin API.

pub mod alert_rule;
pub mod bridge;
pub mod cache_rule;
pub mod custom_preset;
pub mod guard;
pub mod guard_input;
pub mod key_input;
pub mod logical_model;
pub mod mcp_server;
pub mod measure;
pub mod model;
pub mod notification;
pub mod operation;
pub mod operation_input;
pub mod own_provider;
pub mod pattern;
pub mod presets;
pub mod probe;
pub mod probe_input;
pub mod provider;
pub mod provider_input;
pub mod provider_key;
pub mod reach;
mod sealed;
pub mod severity;
pub mod strategy;
pub mod toolset;
pub mod transfer;
pub mod visibility;
pub mod webhook;

pub use alert_rule::AlertRuleRecord;
pub use guard::GuardRecord;
pub use logical_model::{CandidateSpec, LogicalModelRecord};
pub use mcp_server::McpServerRecord;
pub use model::ModelRecord;
pub use notification::NotificationRecord;
pub use operation::OperationStatus;
pub use provider::ProviderRecord;
pub use provider_key::ProviderKeyRecord;
pub use toolset::ToolsetRecord;
pub use visibility::Visibility;
pub use webhook::WebhookRecord;

pub use crate::provider::ProviderKind;
