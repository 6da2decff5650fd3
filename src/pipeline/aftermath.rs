//! Step 7: what is done with a request once its caller has been served.
//!
//! Nothing here is waited for by anybody, and nothing here may fail the request: it has been answered. It runs once for
//! each request, however that ended.

use nexus_edge_core::access::Principal;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::stats::UsageEvent;
use worker::Env;

use crate::store::usage;

/// What is left of a request.
#[expect(
    dead_code,
    reason = "who asked and what was said is for counting and conversations, which come next"
)]
pub struct Aftermath {
    /// What is recorded of it.
    pub event: UsageEvent,
    /// Who asked.
    pub principal: Principal,
    /// What was asked and answered, if that was a chat.
    pub transcript: Transcript,
}

/// Does what is to be done, and leaves the event last: it may still be completed here.
pub async fn run(env: &Env, aftermath: Aftermath) {
    let Aftermath { event, .. } = aftermath;
    usage::record(env, event).await;
}
