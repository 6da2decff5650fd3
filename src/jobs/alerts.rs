//! The cron: evaluates the alert rules, and makes a delivery for each webhook that is to be told.
//!
//! Without enabled rules and open alerts a run is one query. What cannot be measured is logged, and its rules stay as they
//! are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nexus_edge_alerts::alert::Alert;
use nexus_edge_alerts::budgets::Budgets;
use nexus_edge_alerts::event::body_for;
use nexus_edge_alerts::measured::{Measured, Value};
use nexus_edge_alerts::plan::{Look, Selection};
use nexus_edge_alerts::round::Round;
use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::catalog::measure::{Measure, Source};
use nexus_edge_core::catalog::notification::Recipients;
use nexus_edge_core::catalog::{AlertRuleRecord, NotificationRecord, ProviderRecord, WebhookRecord};
use nexus_edge_core::limits::policy::LimitRecord;
use nexus_edge_core::limits::subject::Subject;
use nexus_edge_core::routing::health::{SharedKind, SharedState};
use nexus_edge_stats::window::Progress;
use worker::Env;

use crate::objects::account::{Call, Standing};
use crate::objects::circuits;
use crate::platform::{log_error, log_info, new_ulid, now_ms, queue};
use crate::settings::{self, Settings};
use crate::store::webhooks::NewDelivery;
use crate::store::{
    StoreResult, alerts, credits, dead_letters, policies, statistics, table, usage, webhooks,
};

/// Most dead letters that are counted.
const MAX_DEAD_LETTERS: u32 = 1_000;

/// Runs once a minute.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    if let Err(error) = evaluate(env, &settings).await {
        log_error("alerts", &error);
    }
}

async fn evaluate(env: &Env, settings: &Settings) -> StoreResult<()> {
    let now = now_ms();
    let (rules, current) = alerts::load(env).await?;
    if rules.is_empty() && current.is_empty() {
        return Ok(());
    }
    let measured = measure(env, settings, &rules, now).await?;
    let round = Round::of(&rules, current.clone(), &measured, now, || new_ulid(now));
    if round.is_empty() {
        return Ok(());
    }
    let deliveries = deliveries_of(env, &round, now).await?;
    let told = notifications_of(&round, now);
    alerts::apply(env, &current, &round, &deliveries, &told, now).await?;
    for (event, told) in [("an alert fires", &round.firing), ("an alert ended", &round.resolved)] {
        for alert in told {
            log_info(event, &format_args!("{} {} {}", alert.rule.name, alert.instance, alert.id));
        }
    }
    Ok(())
}

/// A notification for each alert that begins to fire or ended, for those who see alerts. Webhooks have events of their own for it.
fn notifications_of(round: &Round, now: u64) -> Vec<NotificationRecord> {
    let to = Recipients::Holders(Permission::ViewAlerts);
    let told = [("alert.firing", "fires", &round.firing), ("alert.resolved", "ended", &round.resolved)];
    told.into_iter()
        .flat_map(|(topic, what, alerts)| alerts.iter().map(move |alert| (topic, what, alert)))
        .map(|(topic, what, alert)| {
            let of =
                if alert.instance.is_empty() { String::new() } else { format!(" for {}", alert.instance) };
            let title = format!("The alert {} {what}{of}.", alert.rule.name);
            NotificationRecord {
                level: alert.rule.severity,
                link: Some(format!("/alerts/{}", alert.id)),
                ..NotificationRecord::new(new_ulid(now), &to, topic, title, String::new(), now)
            }
        })
        .collect()
}

/// A delivery for each webhook that wants to know of what begins to fire, and one of what ended.
async fn deliveries_of(env: &Env, round: &Round, now: u64) -> StoreResult<Vec<NewDelivery>> {
    let told: [(&'static str, &[Alert]); 2] =
        [("alert.firing", &round.firing), ("alert.resolved", &round.resolved)];
    if told.iter().all(|(_, alerts)| alerts.is_empty()) {
        return Ok(Vec::new());
    }
    let mut deliveries = Vec::new();
    for webhook in table::list::<WebhookRecord>(env).await? {
        for (event, alerts) in told {
            let event_id = format!("evt_{}", new_ulid(now));
            if let Some(body) = body_for(&webhook, &event_id, event, alerts, now) {
                let webhook_id = webhook.id.clone();
                deliveries.push(NewDelivery { id: new_ulid(now), webhook_id, event_id, event, body });
            }
        }
    }
    Ok(deliveries)
}

/// The values of each rule that could be measured, by its id.
async fn measure(
    env: &Env,
    settings: &Settings,
    rules: &[AlertRuleRecord],
    now: u64,
) -> StoreResult<HashMap<String, Vec<Value>>> {
    let progress = statistics::progress(env).await?;
    let began_ms = now_ms();
    let mut found = HashMap::new();
    for look in Look::all(rules) {
        let measured = match read(env, &look, now, progress).await {
            Ok(measured) => measured,
            Err(error) => {
                log_error("alerts", &error);
                continue;
            }
        };
        let of_window = |rule: &&AlertRuleRecord| {
            rule.window_minutes == look.window_minutes && rule.measure.source() != Source::State
        };
        for rule in rules.iter().filter(of_window) {
            // A rule whose names are no longer known is not measured.
            if let Ok(selection) = Selection::of(rule) {
                found.insert(rule.id.clone(), measured.values(rule, &selection, &look));
            }
        }
    }
    let database_ms = now_ms().saturating_sub(began_ms);
    let mut states: HashMap<(Measure, Option<&str>), Vec<Value>> = HashMap::new();
    for rule in rules.iter().filter(|rule| rule.measure.source() == Source::State) {
        let asked = (rule.measure, rule.subject.as_deref());
        if let Entry::Vacant(place) = states.entry(asked) {
            match state(env, settings, rule, database_ms, progress).await {
                Ok(values) => _ = place.insert(values),
                Err(error) => log_error("alerts", &error),
            }
        }
        if let Some(values) = states.get(&asked) {
            found.insert(rule.id.clone(), values.clone());
        }
    }
    Ok(found)
}

async fn read(env: &Env, look: &Look, now: u64, progress: Progress) -> StoreResult<Measured> {
    let sums = statistics::sums(env, &look.sums(now, progress)).await?;
    let sketches = match look.sketches(now, progress) {
        Some(statement) => statistics::sketches(env, &statement).await?,
        None => Vec::new(),
    };
    Ok(Measured::of(&sums, &sketches))
}

/// The values of a measure of the gateway's state.
async fn state(
    env: &Env,
    settings: &Settings,
    rule: &AlertRuleRecord,
    database_ms: u64,
    progress: Progress,
) -> StoreResult<Vec<Value>> {
    let now = now_ms();
    let one = |value: u64| vec![(String::new(), number(value))];
    Ok(match rule.measure {
        Measure::CircuitOpen => open_circuits(env, now).await?,
        Measure::BudgetUsed => budgets(env, now, progress).await?,
        Measure::Credits => {
            let account = rule.subject.as_deref().unwrap_or_default();
            let standing: Standing = credits::call(env, settings, account, Call::Look).await?;
            #[expect(clippy::cast_precision_loss, reason = "a balance is below 2^53")]
            let credits = standing.balance as f64 / 1e6;
            vec![(account.to_owned(), credits)]
        }
        Measure::ActiveSessions => one(usage::totals(env, now).await?.active_sessions),
        Measure::DatabaseMs => one(database_ms),
        Measure::QueueLag => one(queue_lag(env, now).await?),
        Measure::DeadLetters => one(dead_letters::list(env, MAX_DEAD_LETTERS, None).await?.0.len() as u64),
        Measure::DeadDeliveries => one(webhooks::dead(env).await?),
        _ => Vec::new(),
    })
}

/// How long the longest waiting message of the usage queue has waited, in milliseconds.
async fn queue_lag(env: &Env, now: u64) -> StoreResult<u64> {
    let waiting = queue::backlog(env, "USAGE_QUEUE").await.and_then(|backlog| backlog.oldest_ms);
    let waits_ms = waiting.map_or(0, |oldest_ms| now.saturating_sub(oldest_ms));
    Ok(waits_ms.max(usage::queue_lag(env).await?.longest(now)))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

/// 1 for each provider with an open circuit, by its name.
async fn open_circuits(env: &Env, now: u64) -> StoreResult<Vec<Value>> {
    let is_open = |state: &SharedState| state.kind == SharedKind::Open && state.until_ms > now;
    let states = circuits::exchange(env, &[]).await?.states;
    let open: Vec<SharedState> = states.into_iter().filter(is_open).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let providers: Vec<ProviderRecord> = table::list(env).await?;
    // A target is a provider, or one of its models or keys behind its uid.
    let is_of = |state: &SharedState, uid: &str| {
        state.target.strip_prefix(uid).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']))
    };
    let blocked =
        providers.into_iter().filter(|provider| open.iter().any(|state| is_of(state, &provider.uid)));
    Ok(blocked.map(|provider| (provider.name, 1.0)).collect())
}

/// The spent share of the budget of each key and owner that has one.
async fn budgets(env: &Env, now: u64, progress: Progress) -> StoreResult<Vec<Value>> {
    let keys: Vec<ApiKeyRecord> = table::list(env).await?;
    let mut policies: Vec<_> =
        keys.into_iter().filter(|key| key.enabled).map(|key| (Subject::key(key.id), key.policy)).collect();
    for (name, policy) in policies::limits(env).await?.into_iter().map(LimitRecord::read) {
        policies.extend(Subject::from_name(&name).map(|subject| (subject, policy)));
    }
    let budgets = Budgets::of(policies.iter().map(|(subject, policy)| (subject, policy)));
    let mut sums = Vec::new();
    for statement in budgets.statements(now, progress) {
        sums.push(statistics::sums(env, &statement).await?);
    }
    Ok(budgets.values(&sums))
}
