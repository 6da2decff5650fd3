//! Submissions of providers: the automatic checks, and the steps that people and the cron make.
//!
//! A step changes the submission and its provider together, and tells those whom it concerns. What cannot be told is logged.

use futures::future::join_all;
use nexus_edge_core::access::permission::Permission;
use nexus_edge_core::billing::PriceBook;
use nexus_edge_core::catalog::notification::Recipients;
use nexus_edge_core::catalog::{ModelRecord, NotificationRecord, ProviderRecord};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::lifecycle::submission::{Action, State, SubmissionRecord};
use nexus_edge_core::lifecycle::suite::{Check, Facts, Prices, Report};
use nexus_edge_core::provider::probe::Probe;
use nexus_edge_core::routing::candidate_facts::Capabilities;
use nexus_edge_counting::request::count;
use nexus_edge_prices::Price;
use worker::Env;

use crate::pipeline::probe;
use crate::platform::{log_error, new_ulid, now_ms};
use crate::settings::{self, Settings};
use crate::store::submissions::{self, Step};
use crate::store::{self, StoreResult, notifications, policies, snapshot, table};

/// How often a step is begun anew because a record has changed meanwhile.
const MAX_TRIES: usize = 8;
/// Who makes the steps of the cron.
const GATEWAY: &str = "gateway";
/// Bytes of a prompt that are counted one by one.
const COUNTED_BYTES: usize = 64 << 10;

/// A step that was made: the records before and after it.
pub struct Made {
    /// The submission.
    pub submission: (Option<SubmissionRecord>, SubmissionRecord),
    /// The provider, unless it is gone.
    pub provider: Option<(ProviderRecord, ProviderRecord)>,
}

/// Runs once a minute: checks a few of those that wait for it.
pub async fn run(env: &Env) {
    let Ok(settings) = settings::get(env) else { return };
    let due = match submissions::due(env).await {
        Ok(due) => due,
        Err(error) => return log_error("submissions", &error),
    };
    for submission in due {
        if let Err(error) = test(env, &settings, &submission, GATEWAY).await {
            log_error("the checks of a submission", &error.message);
        }
    }
    if let Err(error) = notifications::expire(env, now_ms()).await {
        log_error("retention of notifications", &error);
    }
}

/// Runs the checks of a submission and notes what they found.
pub async fn test(
    env: &Env,
    settings: &Settings,
    submission: &SubmissionRecord,
    by: &str,
) -> Result<Made, ApiError> {
    let report = match table::find::<ProviderRecord>(env, submission.provider_id).await? {
        Some(provider) => check(env, settings, provider).await?,
        None => Report::unusable(now_ms(), "The provider was deleted."),
    };
    let find = async || {
        let found: Option<SubmissionRecord> = table::find(env, submission.id.as_str()).await?;
        found.ok_or_else(not_found)
    };
    step(env, find, Action::Tested(report), by).await
}

/// The error for a submission that does not exist.
pub fn not_found() -> ApiError {
    ApiError::not_found("submission_not_found", "There is no submission with this id.")
}

/// Makes a step with the submission that `find` gives.
///
/// # Errors
/// Those of `find` and of the step; `wrong_state` (409) for an approval that a later submission has replaced; `record_busy`
/// (503) where a record changed at every try.
pub async fn step(
    env: &Env,
    find: impl AsyncFn() -> Result<SubmissionRecord, ApiError>,
    action: Action,
    by: &str,
) -> Result<Made, ApiError> {
    for _ in 0..MAX_TRIES {
        let before = find().await?;
        if before.state.is_approved() {
            let latest = submissions::latest(env, &before.owner, before.provider_id).await?;
            if latest.is_some_and(|latest| latest != before.id) {
                let message = "A later submission of the provider has replaced this one.";
                return Err(ApiError::conflict("wrong_state", "id", message));
            }
        }
        let stored: Option<ProviderRecord> = table::find(env, before.provider_id).await?;
        let (mut after, mut changed) = (before.clone(), stored.clone());
        let now = now_ms();
        after.step(action.clone(), changed.as_mut(), by, now)?;
        after.updated_at = now.max(before.updated_at + 1);
        let provider = stored.zip(changed).map(|(stored, mut changed)| {
            changed.updated_at = now.max(stored.updated_at + 1);
            (stored, changed)
        });
        if save(env, Some(&before), &after, provider.as_ref()).await? {
            tell(env, &after).await;
            return Ok(Made { submission: (Some(before), after), provider });
        }
    }
    Err(busy())
}

/// Submits the provider that `find` gives.
///
/// # Errors
/// Those of `find` and of the submission; `record_busy` (503) where the provider changed at every try.
pub async fn submit(
    env: &Env,
    find: impl AsyncFn() -> Result<ProviderRecord, ApiError>,
    description: &str,
    by: &str,
) -> Result<Made, ApiError> {
    for _ in 0..MAX_TRIES {
        let stored = find().await?;
        let mut changed = stored.clone();
        let now = now_ms();
        let made = SubmissionRecord::of(&mut changed, new_ulid(now), description.to_owned(), by, now)?;
        changed.updated_at = now.max(stored.updated_at + 1);
        let provider = (stored, changed);
        if save(env, None, &made, Some(&provider)).await? {
            tell(env, &made).await;
            return Ok(Made { submission: (None, made), provider: Some(provider) });
        }
    }
    Err(busy())
}

fn busy() -> ApiError {
    ApiError::unavailable("record_busy", "The record is being changed by others. Try again.")
        .with_retry_after(1)
}

async fn save(
    env: &Env,
    before: Option<&SubmissionRecord>,
    after: &SubmissionRecord,
    provider: Option<&(ProviderRecord, ProviderRecord)>,
) -> StoreResult<bool> {
    let submission = Step { read_at: before.map(|before| before.updated_at), record: after };
    let provider =
        provider.map(|(stored, changed)| Step { read_at: Some(stored.updated_at), record: changed });
    if !submissions::write(env, &submission, provider.as_ref()).await? {
        return Ok(false);
    }
    snapshot::republish(env).await?;
    Ok(true)
}

/// Asks one model of the provider what the checks ask.
async fn check(env: &Env, settings: &Settings, provider: ProviderRecord) -> StoreResult<Report> {
    let now = now_ms();
    let models = store::models::list_of_provider(env, provider.id).await?;
    let wanted = |model: &&ModelRecord| match &provider.probe_model {
        Some(name) => model.model_name == *name,
        None => model.enabled,
    };
    let Some(model) = models.iter().find(wanted) else {
        return Ok(Report::unusable(now, "The provider has no model to ask."));
    };
    let book = PriceBook::new(
        policies::prices(env).await?,
        policies::price_table_json(env).await?.as_deref(),
        settings.unknown_price,
    );
    let asked = model.asked_for();
    let prices = |price: &Price| Prices { input: price.effective_input(), output: price.effective_output() };
    let facts = Facts {
        declared: Capabilities::of(model),
        counted_prompt: count(asked, &Check::Answer.request(asked), COUNTED_BYTES).tokens,
        price: book.quote(&provider, model.id, &model.model_name, asked).price.as_ref().map(prices),
        list_price: book.list_price(&provider, asked).as_ref().map(prices),
    };
    let upstream = match probe::open(env, settings, provider).await? {
        Ok(upstream) => upstream,
        Err(error) => return Ok(Report::unusable(now, &error.message)),
    };
    let upstream = &upstream;
    let calls = Check::CALLS.map(|check| async move {
        let request = check.request(asked);
        let probe = Probe::asking(upstream.record.kind, &upstream.site(), asked, request);
        (check, probe::observe(env, upstream, &probe, asked).await)
    });
    let observed = join_all(calls).await;
    Ok(Report::of(now, &facts, &observed).cleaned(|text| probe::without_secrets(upstream, text)))
}

/// Tells the owner and the reviewers of the state of a submission.
async fn tell(env: &Env, submission: &SubmissionRecord) {
    let now = now_ms();
    let name = &submission.provider_name;
    let owner = Recipients::User(submission.owner.clone());
    let reviewers = Recipients::Holders(Permission::ReviewProviders);
    let notes = submission.steps.last().and_then(|step| step.notes.clone()).unwrap_or_default();
    let told: Vec<(Recipients, String)> = match submission.state {
        State::Submitted => vec![(reviewers, format!("The provider {name} was submitted."))],
        State::Tested => {
            let passed = submission.report.as_ref().is_some_and(|report| report.passed);
            let how = if passed { "passed its checks" } else { "failed some of its checks" };
            vec![
                (owner, format!("Your provider {name} {how} and waits for a review.")),
                (reviewers, format!("The provider {name} {how} and waits for a review.")),
            ]
        }
        State::Approved => vec![(owner, format!("Your provider {name} was approved and is public."))],
        State::ApprovedLimited => {
            vec![(owner, format!("Your provider {name} was approved within limits and is public."))]
        }
        State::Rejected => vec![(owner, format!("Your provider {name} was refused."))],
        State::Withdrawn => vec![(reviewers, format!("The submission of {name} was withdrawn."))],
    };
    let topic = format!("submission.{}", submission.state.name());
    let records: Vec<NotificationRecord> = told
        .into_iter()
        .map(|(to, title)| NotificationRecord {
            link: Some(format!("/providers/submissions/{}", submission.id)),
            ..NotificationRecord::new(new_ulid(now), &to, &topic, title, notes.clone(), now)
        })
        .collect();
    if let Err(error) = notifications::add(env, &records, now).await {
        log_error("a notification is lost", &error);
    }
}
