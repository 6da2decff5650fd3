//! Step 7: work after the response has been delivered.
//!
//! No caller waits for it, and it cannot fail the request any more. It runs once for each request, however that
//! ended.

use nexus_edge_core::access::{Principal, StorePolicy};
use nexus_edge_core::chat::title::title_of;
use nexus_edge_core::conversation::normalise::last_user_text;
use nexus_edge_core::conversation::{Remembrance, archive};
use nexus_edge_core::dialect::caller::CallerDialect;
use nexus_edge_core::dialect::transcript::Transcript;
use nexus_edge_core::stats::{Outcome, UsageEvent};
use nexus_edge_core::tokens::UsageSource;
use nexus_edge_counting::usage as counting;
use worker::Env;

use super::cache;
use super::recognise::{self, Recognised};
use super::record::RequestRecord;
use super::upstream_health;
use crate::platform::now_ms;
use crate::store::archive::{self as archived, Entry};
use crate::store::sticky::{self, Binding};
use crate::store::usage;

/// The caller, as far as it is needed here.
pub struct Asker {
    /// The key.
    pub principal: Principal,
    /// The dialect of the caller.
    pub caller_dialect: CallerDialect,
    /// In a session, which has its own history: the turn with the question of this answer.
    pub asked_by: Option<String>,
}

/// Runs all of it. The event is completed first; the rest runs concurrently, so that a slow archive does not delay
/// the usage event.
pub async fn run(env: &Env, asker: Asker, record: RequestRecord) {
    let Asker { principal, caller_dialect, asked_by } = asker;
    let RequestRecord { mut event, trail, mut transcript, session, cache, admission, recognised, .. } =
        record;
    if let Some(place) = cache.filter(|_| event.outcome == Outcome::Completed) {
        cache::keep(env, &event, &principal, &mut transcript, caller_dialect, &place).await;
    }
    counting::complete(&mut event, &mut transcript);
    event.cost_micros = trail.price().map_or(0, |price| price.cost(&event.usage));
    let settled = admission.map(|admission| admission.settle(&event)).unwrap_or_default();
    let kept = async {
        let is_wanted = event.status < 400 && !recognise::is_summary(&event.conversation_id);
        if is_wanted && recognise::is_readable(&transcript) {
            keep(env, &event, &principal, &mut transcript, asked_by, recognised).await;
        }
    };
    let binding = bind_session(env, &event, &principal, session.as_deref(), trail.key_id());
    let recording = usage::record(env, event.clone());
    futures::join!(recording, settled.charge(env, &event), upstream_health::share(env), binding, kept);
    settled.tell(env).await;
}

/// Binds the session to the upstream that answered.
async fn bind_session(
    env: &Env,
    event: &UsageEvent,
    principal: &Principal,
    session: Option<&str>,
    upstream_key: Option<&str>,
) {
    let (Some(session), Some(provider_id), Some(model_id), Outcome::Completed) =
        (session, event.provider_id, &event.upstream_model, event.outcome)
    else {
        return;
    };
    let now = now_ms();
    let binding = Binding {
        logical_model: event.model.clone(),
        provider_id,
        model_id: model_id.clone(),
        key_id: upstream_key.map(str::to_owned),
        created_at: now,
        last_used_at: now,
    };
    sticky::bind(env, session, &principal.key_id, binding).await;
}

/// Stores the conversation's state and archives its messages.
async fn keep(
    env: &Env,
    event: &UsageEvent,
    principal: &Principal,
    transcript: &mut Transcript,
    asked_by: Option<String>,
    recognised: Recognised,
) {
    if principal.store == StorePolicy::None && asked_by.is_none() && recognised.is_named() {
        // A caller who names their conversations and archives nothing needs no stored state.
        return;
    }
    let (Some(request), Some(answered)) = (transcript.request(), transcript.answer()) else { return };
    let reply = answered.response.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default();
    if reply.is_empty() {
        return;
    }
    let remembrance = if asked_by.is_some() {
        Remembrance { fresh: archive::Fresh::SinceLastAnswer, parent: None }
    } else {
        recognise::remember(env, principal, &request, reply, &event.conversation_id, recognised).await
    };
    if principal.store == StorePolicy::None {
        return;
    }
    let mut messages = archive::asked(&request, remembrance.fresh);
    // A cached response uses no tokens, but its text counts for the archive.
    let is_used = event.usage_source != UsageSource::None;
    messages.push(archive::answered(reply, is_used.then_some(event.usage.completion), event.duration_ms));
    let title = last_user_text(&request.messages).as_deref().and_then(title_of);
    let entry =
        Entry { event, policy: principal.store, messages, asked_by, title, parent: remembrance.parent };
    archived::record(env, entry).await;
}
