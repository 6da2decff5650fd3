//! What this isolate knows of the upstreams that it asks, and how isolates tell each other.
//!
//! The knowledge is in memory and changes with every attempt. What bars an upstream (an open circuit, a rest that it
//! asked for) is told to the other isolates through one Durable Object, in the background, and heard from there within
//! seconds; everything else each isolate learns for itself.

use std::cell::{Cell, RefCell};

use nexus_edge_core::routing::health::{Blocked, Board, BoardSettings, Permit, SharedState};
use nexus_edge_core::routing::key_pool::{KeyChoice, KeyFacts, KeyPool};
use nexus_edge_core::routing::retry::Outcomes;
use nexus_edge_core::routing::{Upstream, backoff};
use worker::Env;

use super::gate::Admission;
use crate::objects::circuits;
use crate::platform::http::Received;
use crate::platform::{log_error, now_ms, random_u64, random_unit};

/// Milliseconds between two looks at what the others know.
const HEAR_EVERY_MS: u64 = 3_000;

thread_local! {
    static BOARD: RefCell<Option<Board>> = const { RefCell::new(None) };
    static KEY_POOL: RefCell<KeyPool> = RefCell::default();
    static TOLD_REVISION: Cell<u64> = const { Cell::new(0) };
    static HEARD_AT_MS: Cell<u64> = const { Cell::new(0) };
}

/// Looks at, or changes, what is known.
pub fn with_board<T>(work: impl FnOnce(&mut Board) -> T) -> T {
    BOARD.with_borrow_mut(|board| {
        work(board.get_or_insert_with(|| Board::new(BoardSettings::default(), random_u64())))
    })
}

/// The key to ask an upstream with: the preferred one (by its id) if it is well, else whose turn it is.
pub fn choose_key(upstream: &Upstream, preferred: Option<&str>, tried: &[usize]) -> KeyChoice {
    let now = now_ms();
    let facts: Vec<KeyFacts<'_>> = upstream
        .keys
        .iter()
        .map(|key| KeyFacts {
            target: &key.target,
            weight: key.weight,
            max_qps: key.max_qps.map(f64::from),
            active: true,
        })
        .collect();
    let mut random = random_unit;
    with_board(|board| {
        let preferred = preferred.and_then(|id| upstream.keys.iter().position(|key| key.id == id));
        if let Some(index) = preferred
            && !tried.contains(&index)
            && upstream.keys.get(index).is_some_and(|key| board.blocked_until_ms(&key.target, now).is_none())
        {
            return KeyChoice::Use(index);
        }
        KEY_POOL.with_borrow_mut(|pool| pool.choose(&facts, board, now, tried, &mut random))
    })
}

/// How long an upstream asks to be left alone, in milliseconds.
pub fn asked_rest_ms(response: &Received) -> Option<u64> {
    backoff::retry_after_ms(response.header("retry-after-ms"), response.header("retry-after"), now_ms())
}

/// The names under which the parts of an attempt are known.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The provider.
    pub provider: String,
    /// The model at the provider.
    pub model: String,
    /// The key at the provider.
    pub key: String,
}

/// An attempt under way. Dropped without a verdict it says nothing about the upstream: its caller has left.
pub struct Hold {
    targets: Targets,
    permits: Option<[Permit; 3]>,
    /// Our place behind the provider's gate.
    admission: Option<Admission>,
}

impl Hold {
    /// Begins an attempt, unless something bars it.
    pub fn begin(targets: Targets) -> Result<Self, Blocked> {
        let names = [targets.provider.as_str(), targets.model.as_str(), targets.key.as_str()];
        let permits = with_board(|board| board.begin_all(names, now_ms()))?;
        Ok(Self { permits: Some(permits), targets, admission: None })
    }

    /// Begins an attempt although its circuit is open: there is nobody better to ask. Whoever asked to be left alone is
    /// left alone.
    pub fn begin_last_resort(targets: Targets) -> Result<Self, Blocked> {
        let names = [targets.provider.as_str(), targets.model.as_str(), targets.key.as_str()];
        let permits = with_board(|board| board.begin_last_resort(names, now_ms()))?;
        Ok(Self { permits: Some(permits), targets, admission: None })
    }

    /// Whether the attempt is to find out if an upstream that was dead is alive.
    pub fn is_probe(&self) -> bool {
        self.permits.as_ref().is_some_and(|permits| permits.iter().any(Permit::is_probe))
    }

    /// Begins an attempt although something bars it: there is nobody else to ask.
    pub fn begin_anyway(targets: Targets) -> Self {
        let now = now_ms();
        let names = [targets.provider.as_str(), targets.model.as_str(), targets.key.as_str()];
        let permits = with_board(|board| names.map(|name| board.begin_anyway(name, now)));
        Self { permits: Some(permits), targets, admission: None }
    }

    /// The same, with a place behind the provider's gate that is left when the attempt is over.
    pub fn with_admission(mut self, admission: Option<Admission>) -> Self {
        self.admission = admission;
        self
    }

    /// Notes that the answer has begun, so many milliseconds after it was asked for.
    pub fn first_byte(&self, milliseconds: u64) {
        let Some([provider, model, key]) = &self.permits else { return };
        let now = now_ms();
        with_board(|board| {
            board.first_byte(&self.targets.provider, provider, now, milliseconds);
            board.first_byte(&self.targets.model, model, now, milliseconds);
            board.first_byte(&self.targets.key, key, now, milliseconds);
        });
    }

    /// Ends the attempt.
    pub fn end(mut self, outcomes: Outcomes) {
        let Some([provider, model, key]) = self.permits.take() else { return };
        let now = now_ms();
        with_board(|board| {
            board.finish(&self.targets.provider, provider, now, outcomes.provider, None);
            board.finish(&self.targets.model, model, now, outcomes.model, None);
            board.finish(&self.targets.key, key, now, outcomes.key, None);
        });
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some([provider, model, key]) = self.permits.take() else { return };
        let now = now_ms();
        with_board(|board| {
            board.cancel(&self.targets.provider, provider, now);
            board.cancel(&self.targets.model, model, now);
            board.cancel(&self.targets.key, key, now);
        });
    }
}

/// Tells this isolate and all others what is known of an upstream from elsewhere.
pub async fn tell(env: &Env, state: SharedState) {
    let news = [state];
    with_board(|board| board.absorb(&news, now_ms()));
    if let Err(error) = circuits::exchange(env, &news).await {
        log_error("circuits object", &error);
    }
}

/// Tells the other isolates what is new here, and hears what is new there. Costs nothing while nothing is new and the
/// last look was a moment ago.
pub async fn share(env: &Env) {
    let now = now_ms();
    let (revision, news) = with_board(|board| {
        let revision = board.revision();
        (revision, if revision == TOLD_REVISION.get() { Vec::new() } else { board.export(now) })
    });
    if revision == TOLD_REVISION.get() && now < HEARD_AT_MS.get() + HEAR_EVERY_MS {
        return;
    }
    HEARD_AT_MS.set(now);
    TOLD_REVISION.set(revision);
    match circuits::exchange(env, &news).await {
        Ok(known) => with_board(|board| board.absorb(&known, now_ms())),
        Err(error) => log_error("circuits object", &error),
    }
}
