//! Work outside of requests: the queue's consumer and the cron.

pub mod agents;
pub mod alerts;
pub mod audit_heads;
pub mod backups;
pub mod credits;
pub mod exports;
pub mod heartbeat;
pub mod ingest;
pub mod key_health;
pub mod long;
pub mod metrics;
pub mod probe_tasks;
pub mod probes;
pub mod replay;
pub mod request_log;
pub mod restores;
pub mod retention;
pub mod statistics;
pub mod submissions;
pub mod webhooks;
