//! The ranking of providers: who answers, how reliably, how fast and at what price.
//!
//! A request counts for the provider that answered it or failed last. What a provider failed and another one then answered
//! counts for the other one: such attempts are the retries in the figures.

use std::collections::BTreeMap;

use nexus_edge_core::routing::health::Phase;
use serde::Serialize;

use crate::counters::{SummedRow, whole};
use crate::figures::{Figures, FiguresView, Grouped, SketchedRow, WindowView};
use crate::query::Query;

/// Points of a trend.
const TREND_POINTS: usize = 24;
/// The part of the score that is the success rate; the rest is the speed.
const WEIGHT_OF_SUCCESS: f64 = 0.7;
/// Taken from the score of a provider that is not asked at the moment, and of one that is on trial.
const PENALTY_OPEN: f64 = 20.0;
const PENALTY_HALF_OPEN: f64 = 10.0;
/// How the score is worked out, as the answer says it.
pub const FORMULA: &str = "100 * (0.7 * reliability + 0.3 * fastest_p95 / p95) - penalty. reliability: the lower end of the 95 % \
    Wilson interval of success_rate. fastest_p95: the lowest p95 of the duration among the providers. penalty: 20 while the \
    circuit is open, 10 while it is half open.";

/// Providers, the best first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProviderRanking {
    /// The window.
    pub window: WindowView,
    /// How `score` is worked out.
    pub formula: &'static str,
    /// The beginning of each point of the trends, in milliseconds since the epoch.
    pub trend_from: Vec<u64>,
    /// The providers that were asked in the window.
    pub providers: Vec<RankedProvider>,
    /// All requests for which a provider was asked.
    pub total_requests: u64,
}

/// A provider with its figures.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RankedProvider {
    /// Its place, from 1 on.
    pub rank: usize,
    /// Its name.
    pub name: String,
    /// From 0 to 100; `null` if no request says anything about it.
    pub score: Option<f64>,
    /// Complete answers among the requests that say something about it: callers' mistakes and callers who left do not. From 0
    /// to 1; `null` without such requests.
    pub success_rate: Option<f64>,
    /// The success rate over time.
    pub trend: Vec<Option<f64>>,
    /// By how much the success rate changed from the beginning of the window to its end, along the line that fits the trend
    /// best; `null` with less than two points.
    pub trend_change: Option<f64>,
    /// Its share of the requests for which a provider was asked, from 0 to 1.
    pub share: f64,
    /// Its circuit, as the isolate that answers knows it: at most some seconds old.
    pub circuit: Phase,
    /// Its figures.
    pub figures: FiguresView,
    /// What it was in the window before, of equal length.
    pub before: ProviderBefore,
}

/// A provider in the window before.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProviderBefore {
    /// Requests.
    pub requests: u64,
    /// The success rate.
    pub success_rate: Option<f64>,
    /// The share of the requests for which a provider was asked, from 0 to 1; `null` if there were none.
    pub share: Option<f64>,
    /// The 95th percentile of the duration of complete answers, in milliseconds.
    pub duration_p95_ms: Option<u64>,
    /// Tokens of prompts and answers.
    pub total_tokens: u64,
    /// The cost in millionths of a dollar.
    pub cost_micros: u64,
}

/// Complete answers, and the requests that say something about the provider.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    ok: f64,
    all: f64,
}

impl Tally {
    fn add(&mut self, row: &SummedRow) {
        self.ok += row.ok;
        self.all += row.ok + row.limited + row.timeout + row.server;
    }

    fn rate(self) -> Option<f64> {
        (self.all > 0.0).then(|| self.ok / self.all)
    }

    /// The lower end of the 95 % Wilson score interval: one success of one is worth less than 999 of 1,000.
    fn reliability(self) -> Option<f64> {
        const Z: f64 = 1.96;
        let (n, rate) = (self.all, self.rate()?);
        let middle = rate + Z * Z / (2.0 * n);
        let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some(((middle - spread) / (1.0 + Z * Z / n)).clamp(0.0, 1.0))
    }
}

#[derive(Default)]
struct Provider {
    figures: Figures,
    tally: Tally,
    trend: Vec<Tally>,
}

/// What the database says: the window over time, its sketches, and the window before.
#[derive(Debug, Default)]
pub struct Rows {
    /// Sums of every provider over time.
    pub sums: Vec<SummedRow>,
    /// Sketches of every provider.
    pub sketches: Vec<SketchedRow>,
    /// Sums of every provider in the window before.
    pub sums_before: Vec<SummedRow>,
    /// Its sketches.
    pub sketches_before: Vec<SketchedRow>,
}

/// The ranking. `circuit` gives the state of a provider's circuit by its name.
#[must_use]
pub fn ranking(query: &Query, tz: String, rows: &Rows, circuit: impl Fn(&str) -> Phase) -> ProviderRanking {
    let buckets = query.window.buckets();
    let per_point = buckets.len().div_ceil(TREND_POINTS).max(1);
    let trend_from: Vec<u64> = buckets.iter().copied().step_by(per_point).collect();
    let mut providers: BTreeMap<&str, Provider> = BTreeMap::new();
    for row in rows.sums.iter().filter(|row| !row.name.is_empty()) {
        let Some(bucket) = query.window.bucket_of(whole(row.start)) else { continue };
        let provider = providers.entry(&row.name).or_default();
        provider.trend.resize(trend_from.len(), Tally::default());
        provider.figures.add(row);
        provider.tally.add(row);
        if let Some(point) = provider.trend.get_mut(bucket / per_point) {
            point.add(row);
        }
    }
    for row in &rows.sketches {
        if let Some(provider) = providers.get_mut(row.name.as_str()) {
            provider.figures.add_sketches(row);
        }
    }
    let before = Before::of(rows);
    let total: u64 = providers.values().map(|provider| provider.figures.requests()).sum();
    let p95 = |provider: &Provider| provider.figures.durations().quantile(0.95);
    let fastest = providers.values().filter_map(p95).fold(f64::INFINITY, f64::min);
    let ranked = providers.iter().map(|(name, provider)| {
        let circuit = circuit(name);
        let speed = p95(provider).map_or(0.0, |own| fastest / own);
        RankedProvider {
            rank: 0,
            name: (*name).to_owned(),
            score: provider.tally.reliability().map(|reliability| score(reliability, speed, circuit)),
            success_rate: provider.tally.rate(),
            trend: provider.trend.iter().map(|point| point.rate()).collect(),
            trend_change: change(&provider.trend),
            share: ratio(provider.figures.requests(), total).unwrap_or_default(),
            circuit,
            figures: provider.figures.view(),
            before: before.get(name),
        }
    });
    let mut ranked: Vec<RankedProvider> = ranked.collect();
    let worth = |one: &RankedProvider| one.score.unwrap_or(-1.0);
    ranked.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(b.figures.requests.cmp(&a.figures.requests)));
    for (place, provider) in ranked.iter_mut().enumerate() {
        provider.rank = place + 1;
    }
    ranked.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    ProviderRanking {
        window: WindowView::of(query, tz),
        formula: FORMULA,
        trend_from,
        providers: ranked,
        total_requests: total,
    }
}

/// See [`FORMULA`].
fn score(reliability: f64, speed: f64, circuit: Phase) -> f64 {
    let penalty = match circuit {
        Phase::Closed => 0.0,
        Phase::Open { .. } => PENALTY_OPEN,
        Phase::HalfOpen { .. } => PENALTY_HALF_OPEN,
    };
    let score = 100.0 * (WEIGHT_OF_SUCCESS * reliability + (1.0 - WEIGHT_OF_SUCCESS) * speed) - penalty;
    (score.max(0.0) * 100.0).round() / 100.0
}

/// The change along the straight line that fits the points best, each weighted by its requests.
fn change(trend: &[Tally]) -> Option<f64> {
    let points = || {
        let numbered = (0_u32..).map(f64::from).zip(trend);
        numbered.filter_map(|(at, tally)| Some((at, tally.rate()?, tally.all)))
    };
    let weight: f64 = points().map(|(_, _, weight)| weight).sum();
    let mean = |of: fn((f64, f64, f64)) -> f64| points().map(of).sum::<f64>() / weight;
    let (mean_at, mean_rate) = (mean(|(at, _, weight)| at * weight), mean(|(_, rate, weight)| rate * weight));
    let (mut slope, mut spread) = (0.0, 0.0);
    for (at, rate, weight) in points() {
        slope += weight * (at - mean_at) * (rate - mean_rate);
        spread += weight * (at - mean_at) * (at - mean_at);
    }
    let steps = f64::from(u32::try_from(trend.len().saturating_sub(1)).unwrap_or(u32::MAX));
    (spread > 0.0).then(|| (slope / spread * steps).clamp(-1.0, 1.0))
}

/// The window before, by provider.
struct Before {
    grouped: Grouped,
    tallies: BTreeMap<String, Tally>,
    total: u64,
}

impl Before {
    fn of(rows: &Rows) -> Self {
        let asked: Vec<SummedRow> =
            rows.sums_before.iter().filter(|row| !row.name.is_empty()).cloned().collect();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for row in &asked {
            tallies.entry(row.name.clone()).or_default().add(row);
        }
        let grouped = Grouped::of(&asked, &rows.sketches_before);
        let total = grouped.total.requests();
        Self { grouped, tallies, total }
    }

    fn get(&self, name: &str) -> ProviderBefore {
        let nothing = ProviderBefore { share: ratio(0, self.total), ..ProviderBefore::default() };
        let Some(figures) = self.grouped.get(name) else { return nothing };
        let view = figures.view();
        ProviderBefore {
            requests: view.requests,
            success_rate: self.tallies.get(name).and_then(|tally| tally.rate()),
            share: ratio(view.requests, self.total),
            duration_p95_ms: view.duration_ms.p95,
            total_tokens: view.prompt_tokens + view.completion_tokens,
            cost_micros: view.cost_micros,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums stay below 2^53")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grain::Retention;
    use crate::query::Asked;
    use crate::sketch::Sketch;
    use proptest::prelude::*;

    const NOW: u64 = 1_795_200_203_000;

    fn query(limit: u64) -> Query {
        let asked = Asked {
            range: Some("1h".into()),
            group_by: Some("provider".into()),
            limit: Some(limit),
            ..Asked::default()
        };
        Query::read(&asked, &|_| 0, NOW, Retention::default()).unwrap()
    }

    fn row(name: &str, start: u64, ok: u32, server: u32, client: u32) -> SummedRow {
        SummedRow {
            start: start as f64,
            name: name.into(),
            requests: f64::from(ok + server + client),
            ok: ok.into(),
            server: server.into(),
            client: client.into(),
            ..SummedRow::default()
        }
    }

    fn sketched(name: &str, values: &[u64]) -> SketchedRow {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.record(*value);
        }
        serde_json::from_value(serde_json::json!({"start": 0, "name": name, "durations": sketch.encode()}))
            .unwrap()
    }

    #[test]
    fn the_reliable_and_fast_come_first_and_callers_mistakes_do_not_count() {
        let query = query(10);
        let at = query.window.from_ms();
        let rows = Rows {
            sums: vec![
                row("good", at, 100, 0, 40),
                row("bad", at, 60, 0, 0),
                row("bad", at + 55 * 60_000, 10, 30, 0),
                row("", at, 0, 0, 9),
            ],
            sketches: vec![sketched("good", &[200]), sketched("bad", &[100])],
            sums_before: vec![row("bad", 0, 3, 1, 0), row("gone", 0, 4, 0, 0)],
            sketches_before: vec![sketched("bad", &[400])],
        };
        let found = ranking(&query, "UTC".into(), &rows, |_| Phase::Closed);
        assert_eq!(found.total_requests, 240);
        let [good, bad] = found.providers.as_slice() else { panic!("{found:?}") };
        assert_eq!((good.rank, good.name.as_str(), good.success_rate), (1, "good", Some(1.0)));
        assert_eq!((bad.rank, bad.success_rate), (2, Some(0.7)));
        assert!((good.share - 140.0 / 240.0).abs() < 1e-9);
        // 0.963 is the lower end for 100 of 100; the other one is twice as fast.
        assert!((good.score.unwrap() - (70.0 * 0.963 + 15.0)).abs() < 0.1, "{:?}", good.score);
        assert_eq!((bad.trend.len(), bad.trend[0]), (found.trend_from.len(), Some(1.0)));
        assert_eq!(bad.trend.iter().filter(|point| point.is_some()).count(), 2);
        assert!(bad.trend_change.unwrap() < -0.7, "{:?}", bad.trend_change);
        assert_eq!(good.trend_change, None);
        assert_eq!(
            (bad.before.requests, bad.before.success_rate, bad.before.share),
            (4, Some(0.75), Some(0.5))
        );
        assert_eq!((good.before.requests, good.before.share), (0, Some(0.0)));
        assert!(bad.before.duration_p95_ms.is_some_and(|p95| p95.abs_diff(400) <= 5));

        let open = |name: &str| if name == "good" { Phase::Open { until_ms: 5 } } else { Phase::Closed };
        let found = ranking(&self::query(1), "UTC".into(), &rows, open);
        assert_eq!((found.providers.len(), found.providers[0].name.as_str()), (1, "bad"));
    }

    #[test]
    fn few_requests_prove_little() {
        let reliability = |ok: f64, all: f64| Tally { ok, all }.reliability().unwrap();
        assert!(reliability(1.0, 1.0) < reliability(999.0, 1_000.0));
        assert!(reliability(0.0, 5.0) < 1e-9);
        assert_eq!(Tally::default().reliability(), None);
    }

    #[test]
    fn a_provider_of_which_nothing_is_known_comes_last() {
        let query = query(10);
        let at = query.window.from_ms();
        let rows = Rows { sums: vec![row("a", at, 0, 0, 50), row("b", at, 0, 3, 0)], ..Rows::default() };
        let found = ranking(&query, "UTC".into(), &rows, |_| Phase::Closed);
        let told: Vec<_> = found.providers.iter().map(|one| (one.name.as_str(), one.score)).collect();
        assert_eq!(told, [("b", Some(0.0)), ("a", None)]);
    }

    proptest! {
        #[test]
        fn scores_are_bounded_and_shares_add_up(
            given in proptest::collection::vec((0_usize..5, 0_u64..60, 0_u32..50, 0_u32..50, 0_u32..9), 0..60),
        ) {
            let query = query(10);
            let at = query.window.from_ms();
            let names = ["a", "b", "c", "d", ""];
            let sums = given.iter().map(|(name, minute, ok, server, client)| {
                row(names[*name], at + minute * 60_000, *ok, *server, *client)
            });
            let rows = Rows { sums: sums.collect(), ..Rows::default() };
            let found = ranking(&query, String::new(), &rows, |_| Phase::HalfOpen { probe_until_ms: None });
            prop_assert!(found.providers.iter().all(|one| one.score.is_none_or(|score| (0.0..=100.0).contains(&score))));
            prop_assert!(found.providers.iter().all(|one| one.trend.len() == found.trend_from.len()));
            prop_assert!(found.trend_from.len() <= TREND_POINTS);
            let shares: f64 = found.providers.iter().map(|one| one.share).sum();
            prop_assert!(found.total_requests == 0 || (shares - 1.0).abs() < 1e-9);
            prop_assert!(found.providers.windows(2).all(|pair| pair[0].score.unwrap_or(-1.0) >= pair[1].score.unwrap_or(-1.0)));
        }
    }
}
