//! What watchers see while requests end: a tail of the request log, or figures of each second.
//!
//! [`Watchers`] holds what each of them has not read yet, as text of Server-Sent Events. Guarantees: a watcher sees what its
//! filters and its scope allow and nothing else; it takes at most [`MAX_WAITING`] events of memory, however slowly it reads, and is
//! told how many it missed; a connection that is silent gets a comment every [`KEEP_ALIVE_MS`]; and a watcher that has read nothing for
//! [`GONE_AFTER_MS`] is forgotten, in case the platform did not say that it left.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};

use nexus_edge_core::stats::UsageEvent;
use serde::{Deserialize, Serialize};

use crate::figures::{Figures, FiguresView};
use crate::request_log::Wanted;
use crate::scope::Scope;
use crate::series::{Dimension, Series};

/// Most watchers at once.
pub const MAX_WATCHERS: usize = 100;
/// Most events that wait for one watcher; one has at most some 4 KB.
pub const MAX_WAITING: usize = 256;
/// Milliseconds after which a silent connection gets a comment.
pub const KEEP_ALIVE_MS: u64 = 15_000;
/// Milliseconds without reading after which a watcher is gone.
pub const GONE_AFTER_MS: u64 = 60_000;

/// What is watched, by whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watch {
    /// What is wanted of it.
    pub subject: Subject,
    /// Whose requests may be seen.
    pub scope: Scope,
}

/// What is watched.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Each request, as a row of the log.
    Requests(Box<Wanted>),
    /// Figures of each second, of requests whose dimensions have one of these values.
    Figures(Vec<(Dimension, Vec<String>)>),
}

/// The figures of a second.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Second {
    /// When it ended, in milliseconds since the epoch.
    pub at: u64,
    /// The requests that were told of in it. They ended up to some seconds before.
    pub figures: FiguresView,
}

/// A request that has ended, with its row of the log in both forms.
pub struct Ended<'a> {
    event: &'a UsageEvent,
    series: OnceCell<Series>,
    render: &'a dyn Fn(&UsageEvent, bool) -> String,
    rows: [OnceCell<String>; 2],
}

impl<'a> Ended<'a> {
    /// `render` gives the row as JSON on one line, for those who see only their own if told so, otherwise for administrators.
    pub fn new(event: &'a UsageEvent, render: &'a dyn Fn(&UsageEvent, bool) -> String) -> Self {
        Self { event, series: OnceCell::new(), render, rows: [const { OnceCell::new() }; 2] }
    }

    fn series(&self) -> &Series {
        self.series.get_or_init(|| Series::of(self.event))
    }

    fn row(&self, is_own: bool) -> &str {
        let [of_admin, of_holder] = &self.rows;
        let row = if is_own { of_holder } else { of_admin };
        row.get_or_init(|| (self.render)(self.event, is_own))
    }
}

struct Watcher {
    watch: Watch,
    waiting: VecDeque<String>,
    /// Events that it missed because it reads too slowly.
    missed: u64,
    figures: Figures,
    last_read_ms: u64,
    last_told_ms: u64,
}

/// See the module documentation. Times are milliseconds since the epoch.
#[derive(Default)]
pub struct Watchers {
    watchers: BTreeMap<u64, Watcher>,
    next_id: u64,
}

impl Watchers {
    /// Adds a watcher and gives its number; `None` if there are too many.
    pub fn open(&mut self, watch: Watch, now_ms: u64) -> Option<u64> {
        if self.watchers.len() >= MAX_WATCHERS {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        // Headers reach a caller with the first bytes of the body.
        let waiting = VecDeque::from(["retry: 1000\n\n".to_owned()]);
        let watcher = Watcher {
            watch,
            waiting,
            missed: 0,
            figures: Figures::default(),
            last_read_ms: now_ms,
            last_told_ms: now_ms,
        };
        self.watchers.insert(id, watcher);
        Some(id)
    }

    /// Forgets a watcher.
    pub fn close(&mut self, id: u64) {
        self.watchers.remove(&id);
    }

    /// Number of watchers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watchers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Tells all watchers of a request that has ended.
    pub fn tell(&mut self, ended: &Ended<'_>, now_ms: u64) {
        for watcher in self.watchers.values_mut().filter(|watcher| watcher.watch.wants(ended)) {
            match &watcher.watch.subject {
                Subject::Figures(_) => watcher.figures.record(ended.event),
                Subject::Requests(_) => {
                    let row = ended.row(watcher.watch.scope.is_own());
                    let text = format!("id: {}\nevent: request\ndata: {row}\n\n", ended.event.id);
                    watcher.push(text, now_ms);
                }
            }
        }
    }

    /// A second has passed: those who watch figures get them, silent connections a comment, and watchers that are gone are
    /// forgotten.
    pub fn tick(&mut self, now_ms: u64) {
        self.watchers.retain(|_, watcher| now_ms.saturating_sub(watcher.last_read_ms) < GONE_AFTER_MS);
        for watcher in self.watchers.values_mut() {
            if let Subject::Figures(_) = watcher.watch.subject {
                let second = Second { at: now_ms, figures: std::mem::take(&mut watcher.figures).view() };
                let json = serde_json::to_string(&second).unwrap_or_default();
                watcher.push(format!("event: second\ndata: {json}\n\n"), now_ms);
            } else if now_ms.saturating_sub(watcher.last_told_ms) >= KEEP_ALIVE_MS {
                watcher.push(": keep-alive\n\n".to_owned(), now_ms);
            }
        }
    }

    /// Everything that waits for a watcher, as text; `None` if it is not watching any more. Empty if nothing waits.
    pub fn take(&mut self, id: u64, now_ms: u64) -> Option<String> {
        let watcher = self.watchers.get_mut(&id)?;
        watcher.last_read_ms = now_ms;
        let mut text = String::with_capacity(watcher.waiting.iter().map(String::len).sum());
        text.extend(watcher.waiting.drain(..));
        let missed = std::mem::take(&mut watcher.missed);
        if missed > 0 {
            text.push_str("event: missed\ndata: {\"events\":");
            text.push_str(&missed.to_string());
            text.push_str("}\n\n");
        }
        Some(text)
    }

    /// The numbers of the watchers for which something waits.
    pub fn waited_for(&self) -> impl Iterator<Item = u64> {
        self.watchers.iter().filter(|(_, watcher)| !watcher.waiting.is_empty()).map(|(id, _)| *id)
    }
}

impl Watcher {
    fn push(&mut self, text: String, now_ms: u64) {
        if self.waiting.len() >= MAX_WAITING {
            self.missed += 1;
            return;
        }
        self.waiting.push_back(text);
        self.last_told_ms = now_ms;
    }
}

impl Watch {
    /// Whether a request is seen by this watcher.
    fn wants(&self, ended: &Ended<'_>) -> bool {
        let UsageEvent { key_id, owner, .. } = ended.event;
        self.scope.has(key_id, owner.as_deref())
            && match &self.subject {
                Subject::Requests(wanted) => wanted.has_time(ended.event.ts) && wanted.fits(ended.event),
                Subject::Figures(filters) => filters.iter().all(|(dimension, values)| {
                    let value = ended.series().value(*dimension);
                    values.iter().any(|one| one == value)
                }),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::stats::Outcome;
    use proptest::prelude::*;

    fn event(id: &str, key: &str, provider: &str) -> UsageEvent {
        UsageEvent {
            id: id.into(),
            key_id: key.into(),
            provider_name: Some(provider.into()),
            model: "m".into(),
            status: 200,
            outcome: Outcome::Completed,
            duration_ms: 50,
            cost_micros: 7,
            ..UsageEvent::default()
        }
    }

    fn rendered(event: &UsageEvent, is_own: bool) -> String {
        format!("{{\"id\":\"{}\",\"own\":{is_own}}}", event.id)
    }

    fn tail(only_key: Option<&str>, wanted: Wanted) -> Watch {
        Watch {
            subject: Subject::Requests(Box::new(wanted)),
            scope: only_key.map_or(Scope::ALL, |key| Scope::Key(key.to_owned())),
        }
    }

    fn told(watchers: &mut Watchers, id: u64) -> String {
        watchers.take(id, 0).unwrap()
    }

    #[test]
    fn a_watcher_sees_what_it_may_and_wants_to_see() {
        let mut watchers = Watchers::default();
        let all = watchers.open(tail(None, Wanted::default()), 0).unwrap();
        let own = watchers.open(tail(Some("k"), Wanted::default()), 0).unwrap();
        // A filter for another key shows nothing of it.
        let prying = Wanted { key: Some("other".into()), ..Wanted::default() };
        let pried = watchers.open(tail(Some("k"), prying), 0).unwrap();
        let of_provider = Wanted { provider: Some("b".into()), ..Wanted::default() };
        let filtered = watchers.open(tail(None, of_provider), 0).unwrap();
        let figures = |filters| Watch { subject: Subject::Figures(filters), scope: Scope::ALL };
        let seconds = watchers.open(figures(vec![]), 0).unwrap();
        let values = vec!["b".to_owned(), "c".to_owned()];
        let of_b = watchers.open(figures(vec![(Dimension::Provider, values)]), 0).unwrap();
        for (id, key, provider) in [("1", "k", "a"), ("2", "other", "b")] {
            watchers.tell(&Ended::new(&event(id, key, provider), &rendered), 5);
        }
        watchers.tick(1_000);
        let row = |id: &str, own: bool| {
            format!("id: {id}\nevent: request\ndata: {{\"id\":\"{id}\",\"own\":{own}}}\n\n")
        };
        let greeting = "retry: 1000\n\n".to_owned();
        assert_eq!(told(&mut watchers, all), greeting.clone() + &row("1", false) + &row("2", false));
        assert_eq!(told(&mut watchers, own), greeting.clone() + &row("1", true));
        assert_eq!(told(&mut watchers, pried), greeting);
        assert_eq!(told(&mut watchers, filtered), greeting + &row("2", false));
        let of_second = |text: &str| {
            let json = text.split("event: second\ndata: ").nth(1).unwrap().trim();
            serde_json::from_str::<serde_json::Value>(json).unwrap()
        };
        let second = of_second(&told(&mut watchers, seconds));
        assert_eq!((&second["at"], &second["figures"]["requests"]), (&1_000.into(), &2.into()));
        assert_eq!(second["figures"]["cost_micros"], 14);
        assert_eq!(of_second(&told(&mut watchers, of_b))["figures"]["requests"], 1);
        // The next second begins anew.
        watchers.tick(2_000);
        assert_eq!(of_second(&told(&mut watchers, seconds))["figures"]["requests"], 0);
    }

    #[test]
    fn a_silent_tail_is_kept_alive_and_a_reader_that_is_gone_is_forgotten() {
        let mut watchers = Watchers::default();
        let id = watchers.open(tail(None, Wanted::default()), 0).unwrap();
        watchers.take(id, 0);
        watchers.tick(KEEP_ALIVE_MS - 1);
        assert_eq!(watchers.waited_for().count(), 0);
        watchers.tick(KEEP_ALIVE_MS);
        assert_eq!(watchers.take(id, KEEP_ALIVE_MS).unwrap(), ": keep-alive\n\n");
        watchers.tick(KEEP_ALIVE_MS + GONE_AFTER_MS - 1);
        assert_eq!(watchers.len(), 1);
        watchers.tick(KEEP_ALIVE_MS + GONE_AFTER_MS);
        assert!(watchers.is_empty());
        assert_eq!(watchers.take(id, 0), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut watchers = Watchers::default();
        let ids: Vec<_> =
            (0..MAX_WATCHERS).map(|_| watchers.open(tail(None, Wanted::default()), 0).unwrap()).collect();
        assert_eq!(watchers.open(tail(None, Wanted::default()), 0), None);
        watchers.close(ids[3]);
        assert!(watchers.open(tail(None, Wanted::default()), 0).is_some());
    }

    proptest! {
        /// Reads at any moments: nothing is seen twice, everything is seen or counted as missed, and little waits.
        #[test]
        fn a_slow_reader_misses_events_and_takes_no_memory(steps in proptest::collection::vec(0_usize..400, 1..12)) {
            let mut watchers = Watchers::default();
            let id = watchers.open(tail(None, Wanted::default()), 0).unwrap();
            let (mut sent, mut seen, mut missed) = (0_u64, 0_u64, 0_u64);
            for step in steps {
                for _ in 0..step {
                    sent += 1;
                    watchers.tell(&Ended::new(&event(&sent.to_string(), "k", "a"), &rendered), 0);
                    prop_assert!(watchers.watchers[&id].waiting.len() <= MAX_WAITING);
                }
                let text = watchers.take(id, 0).unwrap();
                seen += text.matches("event: request").count() as u64;
                if let Some((_, count)) = text.split_once("{\"events\":") {
                    missed += count.split('}').next().unwrap().parse::<u64>().unwrap();
                }
            }
            prop_assert_eq!(sent, seen + missed);
        }
    }
}
