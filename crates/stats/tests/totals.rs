//! Answers about the whole gateway that are made of totals equal those that are made of the rows of series: whatever arrives in
//! whatever order, however far the jobs are, in any time zone, after retention, and if an older release has written rows without
//! totals. The database is a map here, which does what the statements and the trigger do.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it wrote has failed")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "numbers of the database are floats, and a test counts little"
)]

use std::collections::BTreeMap;

use nexus_edge_core::stats::{Outcome, UsageEvent};
use nexus_edge_core::tokens::TokenUsage;
use nexus_edge_stats::answer;
use nexus_edge_stats::batch::Batch;
use nexus_edge_stats::compaction::{delete_before, next_step};
use nexus_edge_stats::counters::{StoredRow, SummedRow};
use nexus_edge_stats::figures::{Grouped, SketchedRow};
use nexus_edge_stats::grain::{Grain, Retention};
use nexus_edge_stats::latency::{Measure, latency};
use nexus_edge_stats::merging::{self, MOST_ROWS};
use nexus_edge_stats::query::{Asked, Query};
use nexus_edge_stats::rollup::{Row, compact};
use nexus_edge_stats::series::{Class, Dimension};
use nexus_edge_stats::sql::{self, Parameter, Statement};
use nexus_edge_stats::totals::{self, Adding, State, series_of};
use nexus_edge_stats::window::{Progress, Totalled};
use proptest::prelude::*;
use serde::Deserialize;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// 2026-10-22T00:00:00Z.
const BEGIN: u64 = 1_792_627_200_000;
const DAYS: u64 = 4;
/// With totals, in the order in which the database tells how far they are.
const COARSE: [Grain; 3] = [Grain::Day, Grain::Hour, Grain::Quarter];

#[derive(Default)]
struct Database {
    rows: BTreeMap<(String, u64, u64, String), StoredRow>,
    series: BTreeMap<u64, Class>,
    progress: Progress,
}

impl Database {
    fn range(&self, letter: &str, from: u64, to: u64) -> impl DoubleEndedIterator<Item = &StoredRow> {
        let at = |start: u64| (letter.to_owned(), start, 0, String::new());
        self.rows.range(at(from)..at(to.max(from))).map(|(_, row)| row)
    }

    fn starts(&self, letter: &str, from: u64, to: u64) -> impl DoubleEndedIterator<Item = u64> {
        self.range(letter, from, to).map(|row| row.start as u64)
    }

    fn add_series(&mut self, json: &str) {
        #[derive(Deserialize)]
        struct Numbered {
            id: u64,
            status: Class,
        }
        let found: Vec<Numbered> = serde_json::from_str(json).unwrap();
        self.series.extend(found.into_iter().map(|of| (of.id, of.status)));
    }

    /// Adds the rows of the list whose beginning is in the range.
    fn insert(&mut self, letter: &str, json: &str, part: &str, (from, to): (u64, u64)) {
        let found: Vec<StoredRow> = serde_json::from_str(json).unwrap();
        for row in found {
            let (start, series) = (row.start as u64, row.series as u64);
            if start < from || start >= to {
                continue;
            }
            let key = (letter.to_owned(), start, series, part.to_owned());
            let row = StoredRow { part: part.to_owned(), ..row };
            assert!(self.rows.insert(key, row).is_none(), "{letter} {start} {series} {part} is there");
            // The trigger.
            let Some(grain) = COARSE.into_iter().find(|grain| grain.letter() == letter) else { continue };
            let (since, until) = self.progress.totals.of(grain);
            let has_totals = Class::ALL.iter().any(|class| {
                let letter = totals::letter(grain).unwrap().to_owned();
                self.rows.contains_key(&(letter, start, series_of(*class).0, part.to_owned()))
            });
            if since <= start && start < until && !has_totals {
                self.set_totalled(grain, (0, 0));
            }
        }
    }

    fn set_totalled(&mut self, grain: Grain, range: (u64, u64)) {
        let totals = &mut self.progress.totals;
        match grain {
            Grain::Minute => {}
            Grain::Quarter => totals.quarter = range,
            Grain::Hour => totals.hour = range,
            Grain::Day => totals.day = range,
        }
    }

    fn ingest(&mut self, events: &[&UsageEvent], now: u64, knows_totals: bool) {
        let batch = Batch::of(events, now, None).unwrap();
        self.add_series(&batch.series);
        self.insert("m", &batch.minutes, &batch.part, (0, u64::MAX));
        for late in &batch.late {
            if knows_totals {
                let range = self.progress.totals.of(late.grain);
                self.insert(totals::letter(late.grain).unwrap(), &late.totals, &batch.part, range);
            }
            let range = (0, self.progress.of(late.grain));
            self.insert(late.grain.letter(), &late.rows, &batch.part, range);
        }
    }

    /// The job, once. `most`: of how many spans it makes totals.
    fn run(&mut self, now: u64, retention: Retention, most: usize) {
        let coarser = |grain: Grain| COARSE.into_iter().find(|of| of.finer() == Some(grain)).unwrap();
        loop {
            let first =
                |grain: Grain| self.starts(grain.letter(), self.progress.of(coarser(grain)), u64::MAX).next();
            let Some(step) = next_step(self.progress, first, now) else { break };
            let read = self.range(step.from.letter(), step.start_ms, step.end_ms).map(Row::of);
            let made = compact(&read.collect::<Vec<_>>(), step.grain);
            self.insert(step.grain.letter(), &serde_json::to_string(&made).unwrap(), "", (0, u64::MAX));
            match step.grain {
                Grain::Minute => {}
                Grain::Quarter => self.progress.quarter = step.end_ms,
                Grain::Hour => self.progress.hour = step.end_ms,
                Grain::Day => self.progress.day = step.end_ms,
            }
        }
        for _ in 0..most {
            self.total();
        }
        for grain in Grain::ALL {
            let before = delete_before(grain, self.progress, retention, now);
            let letters = [Some(grain.letter()), totals::letter(grain)];
            self.rows.retain(|(letter, start, ..), _| *start >= before || !letters.contains(&Some(letter)));
        }
    }

    /// Makes the totals of the next span.
    fn total(&mut self) {
        let states = COARSE.map(|grain| {
            let (totals, until) = (self.progress.totals.of(grain), self.progress.of(grain));
            let is_there = totals.0 < totals.1;
            let next = is_there.then(|| self.starts(grain.letter(), totals.1, until).next()).flatten();
            let end = if is_there { totals.0 } else { until };
            State { grain, until, totals, next, before: self.starts(grain.letter(), 0, end).next_back() }
        });
        let Some(step) = totals::next_step(&states, &[]) else { return };
        let mut sums = Adding::default();
        for row in self.range(step.grain.letter(), step.from_ms, step.to_ms) {
            sums.add(self.series[&(row.series as u64)], &Row::of(row));
        }
        let letter = totals::letter(step.grain).unwrap();
        self.rows.retain(|(of, start, ..), _| of != letter || *start < step.from_ms || *start >= step.to_ms);
        self.series.extend(Class::ALL.map(|class| (series_of(class).0, class)));
        self.insert(letter, &serde_json::to_string(&sums.rows()).unwrap(), "", (0, u64::MAX));
        self.set_totalled(step.grain, step.after);
    }

    /// Merges rows of totals, as in all minutes of an hour.
    fn merge(&mut self, now: u64, retention: Retention) {
        let minutes = (0..60).map(|minute| now - now % HOUR + minute * MINUTE);
        for (grain, letter, from, to) in minutes.flat_map(|now| merging::looked_at(retention, now)) {
            let (since, until) = self.progress.totals.of(grain);
            let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
            for start in self.starts(letter, from.max(since), to.min(until)) {
                *rows.entry(start).or_default() += 1;
            }
            for start in rows.into_iter().filter(|(_, rows)| *rows > MOST_ROWS).map(|(start, _)| start) {
                let mut sums = Adding::default();
                for row in self.range(letter, start, start + 1) {
                    sums.add(self.series[&(row.series as u64)], &Row::of(row));
                }
                self.rows.retain(|(of, at, ..), _| of != letter || *at != start);
                self.insert(letter, &serde_json::to_string(&sums.rows()).unwrap(), "", (0, u64::MAX));
            }
        }
    }

    /// The rows that a statement reads.
    fn read(&self, statement: &Statement) -> Vec<(&StoredRow, Class)> {
        let spans = statement.parameters.first().and_then(|parameter| match parameter {
            Parameter::Text(spans) => serde_json::from_str::<Vec<(String, u64, u64)>>(spans).ok(),
            Parameter::Number(_) => None,
        });
        let spans = spans.unwrap();
        let rows = spans.iter().flat_map(|(letter, from, to)| self.range(letter, *from, *to));
        rows.map(|row| (row, self.series[&(row.series as u64)])).collect()
    }

    fn sums(&self, query: &Query, statement: &Statement, over_time: bool) -> Vec<SummedRow> {
        let mut found: BTreeMap<(u64, &str), SummedRow> = BTreeMap::new();
        for (row, class) in self.read(statement) {
            let name = if query.group_by.is_some() { class.as_str() } else { "" };
            let start = if over_time { row.start } else { 0.0 };
            let sum = found.entry((start as u64, name)).or_default();
            sum.merge(&SummedRow::of(class, &row.counters()));
            (sum.start, sum.name) = (start, name.to_owned());
        }
        found.into_values().collect()
    }

    fn sketches(&self, query: &Query, statement: &Statement) -> Vec<SketchedRow> {
        let complete = self.read(statement).into_iter().filter(|(_, class)| *class == Class::Ok);
        let rows = complete.map(|(row, class)| {
            let name = if query.group_by.is_some() { class.as_str() } else { "" };
            let json = serde_json::json!({"start": row.start, "name": name, "durations": row.durations,
                "first_bytes": row.first_bytes});
            serde_json::from_value(json).unwrap()
        });
        rows.collect()
    }

    /// Everything that is answered, as text, and how many rows the figures over time take.
    fn answers(&self, query: &Query, progress: Progress) -> (String, usize) {
        let largest: Vec<String> = match query.group_by {
            None => Vec::new(),
            Some(_) => Class::ALL.iter().map(|class| class.as_str().to_owned()).collect(),
        };
        let of_sums = sql::sums_over_time(query, &largest, progress);
        let of_sketches = sql::sketches_over_time(query, &largest, progress);
        let (sums, sketches) = (self.sums(query, &of_sums, true), self.sketches(query, &of_sketches));
        let series = answer::timeseries(query, "z".into(), &largest, &sums, &sketches);
        let heat = latency(query, "z".into(), Measure::FirstByte, &sketches);
        let of_window = |window| {
            let of_sums = sql::sums_by_group(query, window, progress);
            let of_sketches = sql::sketches_by_group(query, window, progress);
            Grouped::of(&self.sums(query, &of_sums, false), &self.sketches(query, &of_sketches))
        };
        let now = of_window((query.window.from_ms(), query.window.to_ms()));
        let sums = answer::Sums { now, before: of_window(query.before()) };
        let told = [
            serde_json::to_string(&series).unwrap(),
            serde_json::to_string(&heat).unwrap(),
            serde_json::to_string(&answer::overview(query, "z".into(), &sums)).unwrap(),
            serde_json::to_string(&answer::ranking(query, Dimension::Status, "z".into(), &sums)).unwrap(),
        ];
        (told.join("\n"), self.read(&of_sums).len())
    }

    /// Fails unless totals say what rows of series say. How many rows figures over time take without and with totals.
    fn compare(&self, query: &Query) -> (usize, usize) {
        let by_series = Progress { totals: Totalled::default(), ..self.progress };
        let (expected, many) = self.answers(query, by_series);
        let (found, few) = self.answers(query, self.progress);
        assert_eq!(found, expected, "{query:?} at {:?}", self.progress);
        (many, few)
    }
}

fn event(id: usize, ts: u64, which: u8) -> UsageEvent {
    let (status, outcome) = match which % 5 {
        0 => (502, Outcome::Failed),
        1 => (429, Outcome::Rejected),
        2 => (499, Outcome::Cancelled),
        _ => (200, Outcome::Completed),
    };
    let number = id as u64;
    UsageEvent {
        id: format!("e{id}"),
        ts,
        provider_name: Some(format!("p{}", which % 3)),
        key_id: format!("k{}", which % 7),
        status,
        outcome,
        usage: TokenUsage { prompt: number, completion: 3 * number, ..TokenUsage::default() },
        cost_micros: 7 * number + 1,
        duration_ms: 13 * number + 5,
        first_byte_ms: Some(number),
        request_bytes: number,
        ..UsageEvent::default()
    }
}

/// A zone whose clocks are changed at a time: its offsets before and after that, in quarters of an hour.
type Zone = (u64, i64, i64);

fn query(range: &str, bucket: &str, group_by: Option<&str>, (at, before, after): Zone, now: u64) -> Query {
    let offset = move |time: u64| 15 * 60_000 * if time < at { before } else { after };
    let asked = Asked {
        range: Some(range.to_owned()),
        bucket: Some(bucket.to_owned()),
        group_by: group_by.map(str::to_owned),
        ..Asked::default()
    };
    Query::read(&asked, &offset, now, Retention::default()).unwrap()
}

/// When events are, after how many minutes they arrive, and what they are like: most come at once, others hours or days later.
fn arrivals() -> impl Strategy<Value = Vec<(u64, u64, u8)>> {
    let delay = prop_oneof![3 => 0_u64..3, 2 => 0_u64..30, 2 => 0_u64..3_000];
    proptest::collection::vec((0..DAYS * DAY, delay, any::<u8>()), 1..150)
}

fn zones() -> impl Strategy<Value = Zone> {
    let change = prop_oneof![Just(0_i64), Just(4), Just(-4), Just(2), Just(-2)];
    (BEGIN..BEGIN + DAYS * DAY, -48_i64..53, change)
        .prop_map(|(at, before, change)| (at, before, before + change))
}

const QUESTIONS: [(&str, &str); 5] =
    [("30d", "day"), ("7d", "hour"), ("24h", "quarter"), ("7d", "auto"), ("1h", "minute")];

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn totals_say_what_rows_of_series_say(
        arrivals in arrivals(),
        zone in zones(),
        most in proptest::collection::vec(0_usize..9, 24),
        from_the_beginning in any::<bool>(),
        old in proptest::option::of(0_usize..150),
        quarter_days in 1_u32..3,
    ) {
        let retention = Retention { quarter_days, hour_days: 4, day_days: 365 };
        let at = |(id, (ts, delay, _)): (usize, &(u64, u64, u8))| (BEGIN + ts + delay * MINUTE, id);
        let mut order: Vec<(u64, usize)> = arrivals.iter().enumerate().map(at).collect();
        order.sort_unstable();
        let events = arrivals.iter().enumerate().map(|(id, (ts, _, which))| event(id, BEGIN + ts, *which));
        let events: Vec<UsageEvent> = events.collect();
        let mut database = Database::default();
        let mut arrived = 0;
        let runs = (DAYS + 3) * DAY / (20 * MINUTE);
        for run in 0..runs {
            let now = BEGIN + run * 20 * MINUTE;
            let came = order[arrived..].iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id);
            let came: Vec<usize> = came.collect();
            arrived += came.len();
            if !came.is_empty() {
                let batch: Vec<&UsageEvent> = came.iter().map(|id| &events[*id]).collect();
                // An older release may write one of the batches.
                database.ingest(&batch, now, old.is_none_or(|old| !came.contains(&old)));
            }
            let is_on = from_the_beginning || run > runs / 4;
            let most = if is_on { most[run as usize % most.len()] } else { 0 };
            database.run(now, retention, most);
            if run % 9 == 0 {
                database.merge(now, retention);
            }
            for (place, (range, bucket)) in QUESTIONS.into_iter().enumerate().filter(|_| run % 80 == 0) {
                let group_by = (place as u64 % 2 == run / 80 % 2).then_some("status");
                let (many, few) = database.compare(&query(range, bucket, group_by, zone, now));
                prop_assert!(few <= many, "{} rows instead of {}", few, many);
            }
        }
        // In the end there are totals of everything that was added up, and nothing is missing.
        for _ in 0..1_000 {
            database.total();
        }
        for grain in COARSE {
            let until = database.progress.of(grain);
            prop_assert_eq!(database.progress.totals.of(grain).1, until, "{:?}", grain);
        }
        let query = query("30d", "day", None, (0, 0, 0), BEGIN + runs * 20 * MINUTE);
        database.compare(&query);
        let sums = database.sums(&query, &sql::sums_over_time(&query, &[], database.progress), true);
        prop_assert_eq!(sums.iter().map(|row| row.requests as usize).sum::<usize>(), events.len());
        let cost = events.iter().map(|event| event.cost_micros).sum::<u64>();
        prop_assert_eq!(sums.iter().map(|row| row.cost_micros as u64).sum::<u64>(), cost);
    }
}

#[test]
fn days_of_a_zone_of_half_hours_are_read_from_a_few_rows_an_hour() {
    let mut database = Database::default();
    let kinds = 35;
    let all = 0..8 * 24 * kinds;
    let events = all.map(|n| event(n, BEGIN + (n / kinds) as u64 * HOUR, u8::try_from(n % kinds).unwrap()));
    let events: Vec<UsageEvent> = events.collect();
    for hour in events.chunks(kinds) {
        database.ingest(&hour.iter().collect::<Vec<_>>(), hour[0].ts, true);
        database.run(hour[0].ts, Retention::default(), 9);
    }
    let now = BEGIN + 8 * DAY + HOUR;
    database.run(now, Retention::default(), 99);
    let (many, few) = database.compare(&query("7d", "day", None, (0, 22, 22), now));
    assert!(many > 5_000 && few <= 8 * 24 * 4, "{few} rows instead of {many}");
}

#[test]
fn totals_of_what_comes_late_all_the_time_have_few_rows() {
    let (mut database, retention) = (Database::default(), Retention::default());
    let events: Vec<UsageEvent> =
        (0..900).map(|n| event(n, BEGIN + n as u64 * 20_000, u8::try_from(n % 35).unwrap())).collect();
    let (in_time, late) = events.split_at(100);
    // Spans are complete when later ones have rows.
    let others = [(900, 30), (901, 40)].map(|(id, hours)| event(id, BEGIN + hours * HOUR, 3));
    let now = BEGIN + 2 * DAY;
    database.ingest(&in_time.iter().chain(&others).collect::<Vec<_>>(), now, true);
    database.run(now, retention, 99);
    let question = query("7d", "day", None, (0, 22, 22), now);
    let most = |database: &Database| {
        let letters = ["Q", "H", "D"].into_iter();
        let starts =
            letters.flat_map(|letter| database.starts(letter, 0, u64::MAX).map(move |at| (letter, at)));
        let mut rows: BTreeMap<(&str, u64), u64> = BTreeMap::new();
        starts.for_each(|at| *rows.entry(at).or_default() += 1);
        rows.into_values().max().unwrap()
    };
    for some in late.chunks(100) {
        let totals = database.progress.totals;
        for event in some {
            database.ingest(&[event], now, true);
        }
        assert_eq!(database.progress.totals, totals, "the totals are not forgotten");
        assert!(most(&database) > 50);
        let (_, many) = database.compare(&question);
        database.merge(now, retention);
        assert!(most(&database) <= MOST_ROWS, "{}", most(&database));
        let (_, few) = database.compare(&question);
        assert!(few < many, "{few} rows after {many}");
        database.run(now, retention, 99);
    }
}
