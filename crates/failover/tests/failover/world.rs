//! A virtual clock, and upstreams that answer by script.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use nexus_edge_core::catalog::ProviderRecord;
use nexus_edge_core::dialect::canonical::ErrorInfo;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::routing::guard::Guard;
use nexus_edge_core::routing::health::{Caller, HealthRegistry, RegistrySettings};
use nexus_edge_core::routing::retry::Failure;
use nexus_edge_core::routing::{Candidate, Route, Upstream, UpstreamKey};
use nexus_edge_core::secrets::Secret;
use nexus_edge_failover::{
    Answer, AttemptError, Failed, Health, Hold, Platform, Question, Refused, Trail, serve,
};

pub const START: u64 = 1_800_000_000_000;

thread_local! {
    static NOW_MS: Cell<u64> = const { Cell::new(START) };
    /// The times that sleeping futures wait for.
    static TIMERS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static SLOTS: Cell<usize> = const { Cell::new(0) };
    static GIVEN_BACK: Cell<usize> = const { Cell::new(0) };
}

pub fn now_ms() -> u64 {
    NOW_MS.get()
}

/// Lets time pass between two requests.
pub fn pass(ms: u64) {
    NOW_MS.set(NOW_MS.get() + ms);
}

pub async fn sleep(ms: u64) {
    let until = now_ms() + ms;
    TIMERS.with_borrow_mut(|timers| timers.push(until));
    poll_fn(|_| if now_ms() >= until { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Runs a future to its end. Whenever it waits, the clock jumps to the next time that something waits for.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            TIMERS.with_borrow_mut(Vec::clear);
            return output;
        }
        let next = TIMERS.with_borrow_mut(|timers| {
            timers.retain(|until| *until > now_ms());
            timers.iter().copied().min()
        });
        NOW_MS.set(next.expect("the request waits for nothing"));
    }
}

/// How an upstream treats a request.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Answers after so many milliseconds.
    Answers(u64),
    /// An error of this status after 20 ms; with so many milliseconds of `retry-after`.
    Fails(u16, Option<u64>),
    /// Refuses the connection.
    Refuses,
    /// Is silent until the time-out of the candidate.
    Silent,
    /// Its concurrency limiter is full.
    Busy,
    /// A limit on its model is reached, for so many seconds if that is known.
    Limited(Option<u32>),
}

/// A place in a concurrency limiter; `World::slots` counts those that are taken.
#[derive(Debug)]
pub struct Slot;

impl Slot {
    fn take() -> Self {
        SLOTS.set(SLOTS.get() + 1);
        Self
    }
}

impl nexus_edge_failover::Slot for Slot {
    fn give_back(self) {
        GIVEN_BACK.set(GIVEN_BACK.get() + 1);
    }
}

/// How often an attempt has given back what it took, since this was asked last.
pub fn given_back() -> usize {
    GIVEN_BACK.replace(0)
}

impl Drop for Slot {
    fn drop(&mut self) {
        SLOTS.set(SLOTS.get() - 1);
    }
}

#[derive(Debug)]
pub struct Said {
    pub provider: String,
    first_byte_ms: u64,
}

impl Answer for Said {
    fn status(&self) -> u16 {
        200
    }

    fn first_byte_ms(&self) -> u64 {
        self.first_byte_ms
    }
}

/// The error for the caller.
#[derive(Debug)]
pub enum Reply {
    Gateway(ApiError),
    Upstream(u16),
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        Self::Gateway(error)
    }
}

/// Upstreams, their health, and what was asked.
pub struct World {
    pub health: Rc<Health>,
    /// What a provider, or a key of it (`provider#key`), does. Each request takes the next manner; the last one stays.
    manners: RefCell<BTreeMap<String, Vec<Manner>>>,
    /// The providers that were asked, with the key and the time-out for the headers.
    pub asked: RefCell<Vec<(String, String, u32)>>,
    pub caller_leaves_after: Cell<Option<u64>>,
    /// Who asks.
    pub caller: Cell<Caller>,
}

impl World {
    pub fn new(manners: &[(&str, &[Manner])]) -> Self {
        NOW_MS.set(START);
        let manners = manners.iter().map(|(name, manners)| ((*name).to_owned(), manners.to_vec())).collect();
        Self {
            health: Rc::new(Health::new(HealthRegistry::new(RegistrySettings::default(), 7), now_ms)),
            manners: RefCell::new(manners),
            asked: RefCell::default(),
            caller_leaves_after: Cell::new(None),
            caller: Cell::default(),
        }
    }

    /// Changes what a provider does from now on.
    pub fn set(&self, name: &str, manner: Manner) {
        self.manners.borrow_mut().insert(name.to_owned(), vec![manner]);
    }

    pub fn serve(&self, route: &Route) -> (Result<(Said, Hold<Slot>), Reply>, Trail) {
        let mut trail = Trail::default();
        let served = run(serve(self, route, &mut trail));
        (served, trail)
    }

    pub fn names_asked(&self) -> Vec<String> {
        self.asked.borrow().iter().map(|(name, ..)| name.clone()).collect()
    }

    /// Requests in flight at these providers, by the registry, and places taken in limiters.
    pub fn in_flight(&self, names: &[&str]) -> (u32, usize) {
        let at = |name: &&str| self.health.with_registry(|registry| registry.view(name, now_ms()).in_flight);
        (names.iter().map(at).sum(), SLOTS.get())
    }

    fn manner(&self, candidate: &Candidate) -> Manner {
        let name = &candidate.upstream.record.name;
        let key = candidate.key().map(|key| format!("{name}#{}", key.id)).unwrap_or_default();
        let mut manners = self.manners.borrow_mut();
        let found = if manners.contains_key(&key) { &key } else { name };
        let next = manners.get_mut(found).unwrap_or_else(|| panic!("{found} has no manner"));
        if next.len() > 1 { next.remove(0) } else { next[0] }
    }
}

impl Platform for World {
    type Slot = Slot;

    fn now_ms(&self) -> u64 {
        now_ms()
    }

    fn random_unit(&self) -> f64 {
        0.5
    }

    async fn sleep(&self, ms: u64) {
        sleep(ms).await;
    }

    fn health(&self) -> Rc<Health> {
        Rc::clone(&self.health)
    }

    fn is_caller_gone(&self) -> bool {
        self.caller_leaves_after.get().is_some_and(|ms| now_ms() >= START + ms)
    }
}

impl Question for World {
    type Answer = Said;
    type Reply = Reply;
    type Platform = Self;

    fn platform(&self) -> &Self {
        self
    }

    fn caller(&self) -> Caller {
        self.caller.get()
    }

    fn prompt_tokens(&self) -> u64 {
        12
    }

    async fn admit(&self, candidate: &Candidate) -> Result<Option<Slot>, Refused> {
        let name = &candidate.upstream.record.name;
        match self.manners.borrow().get(name).map(Vec::as_slice) {
            Some([Manner::Busy, ..]) => {
                let error = ApiError::new(429, ErrorKind::RateLimit, "provider_busy", "Busy.");
                Err(Refused::Busy(error.with_retry_after(2)))
            }
            Some([Manner::Limited(wait_s), ..]) => {
                let error =
                    ApiError::new(429, ErrorKind::RateLimit, "requests_per_minute_exceeded", name.as_str());
                Err(Refused::Limited(match wait_s {
                    Some(wait_s) => error.with_retry_after(*wait_s),
                    None => error,
                }))
            }
            _ => Ok(Some(Slot::take())),
        }
    }

    async fn ask(&self, candidate: &Candidate) -> Result<Said, Failed<Reply>> {
        let provider = candidate.upstream.record.name.clone();
        let key = candidate.key().map(|key| key.id.clone()).unwrap_or_default();
        self.asked.borrow_mut().push((provider.clone(), key, candidate.first_byte_timeout_ms));
        let timeout_ms = u64::from(candidate.first_byte_timeout_ms);
        match self.manner(candidate) {
            Manner::Answers(ms) if ms <= timeout_ms => {
                sleep(ms).await;
                Ok(Said { provider, first_byte_ms: ms })
            }
            Manner::Answers(_) | Manner::Silent => {
                sleep(timeout_ms).await;
                let error = ApiError::upstream_timeout("answer", candidate.first_byte_timeout_ms);
                Err(AttemptError::new(Failure::FirstByteTimeout, error).into())
            }
            Manner::Fails(status, retry_after_ms) => {
                sleep(20).await;
                let info = ErrorInfo::of_status(status, "It failed.");
                Err(Failed::of_upstream(status, info, retry_after_ms, Reply::Upstream(status)).after(20))
            }
            Manner::Refuses => Err(AttemptError::unreachable("The provider cannot be reached.").into()),
            Manner::Busy | Manner::Limited(_) => panic!("it is not asked"),
        }
    }
}

/// A route through these providers in this order, each with these keys.
pub fn route(providers: &[(&str, &[&str])]) -> Route {
    let candidates: Vec<Candidate> = providers.iter().map(|(name, keys)| candidate(name, keys)).collect();
    Route {
        usable: candidates.len(),
        candidates,
        max_attempts: 4,
        deadline_ms: 60_000,
        hedge_after_ms: None,
        sticky_key: None,
        logical: None,
    }
}

fn candidate(name: &str, keys: &[&str]) -> Candidate {
    let keys = keys
        .iter()
        .map(|id| UpstreamKey {
            id: (*id).to_owned(),
            target: format!("{name}#{id}"),
            label: (*id).to_owned(),
            weight: 100,
            max_qps: None,
            key: Secret::new("secret"),
        })
        .collect();
    let upstream = Upstream {
        record: ProviderRecord::new(name.to_owned(), name.to_owned(), 0),
        url: None,
        server_key: None,
        keys,
        headers: BTreeMap::new(),
        allow_private: false,
        guard: Guard::default(),
    };
    let mut candidate = Candidate::of_model(&Arc::new(upstream), "m", Arc::default());
    candidate.first_byte_timeout_ms = 10_000;
    candidate
}
