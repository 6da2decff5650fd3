//! What runs besides requests: the queue's consumer and the cron.

pub mod ingest;
pub mod probes;
pub mod replay;
pub mod retention;
