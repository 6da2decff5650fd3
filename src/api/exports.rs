//! Exports: as the body of an answer, or as jobs whose files are downloaded later.

use std::rc::Rc;

use nexus_edge_api::exports::{ExportInput, ExportView, Exports, Kind};
use nexus_edge_core::access::person;
use nexus_edge_core::error::{ApiError, ErrorKind};
use nexus_edge_core::hash::sha256_hex;
use nexus_edge_core::time::DAY_MS;
use nexus_edge_exports::format::Format;
use nexus_edge_exports::link;
use nexus_edge_exports::statistics::{GROUPS, POINTS, of_ranking, of_timeseries};
use nexus_edge_exports::writer::Writer;
use nexus_edge_stats::scope::Scope;
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;

use super::statistics;
use super::{answer_deleted, input, query};
use crate::exchange::{self, Exchange};
use crate::exports::{self, Asked, Source};
use crate::jobs::exports::{KEPT_FOR_MS, KIND, Progress, Spec, delete as delete_export, part_name};
use crate::jobs::long;
use crate::platform::http::Response;
use crate::platform::{log_error, now_ms};
use crate::store::bucket;
use crate::store::jobs::{self, Job};

/// For how long a link to an export is valid, in milliseconds.
const LINK_FOR_MS: u64 = DAY_MS;
/// Most exports in the list: those of a week.
const LISTED: u32 = 500;

/// `GET /export/requests`
pub async fn requests(exchange: &Exchange) -> Result<Response, ApiError> {
    rows(exchange, Kind::Requests, &Scope::ALL).await
}

/// `GET /export/conversations`
pub async fn conversations(exchange: &Exchange) -> Result<Response, ApiError> {
    rows(exchange, Kind::Conversations, &Scope::ALL).await
}

/// `GET /export/statistics`
pub async fn statistics(exchange: &Exchange) -> Result<Response, ApiError> {
    statistics_of(exchange, Scope::ALL).await
}

/// `GET /v1/export/requests`
pub async fn my_requests(exchange: &Exchange) -> Result<Response, ApiError> {
    rows(exchange, Kind::Requests, &statistics::own(exchange).await?).await
}

/// `GET /v1/export/conversations`
pub async fn my_conversations(exchange: &Exchange) -> Result<Response, ApiError> {
    rows(exchange, Kind::Conversations, &statistics::own(exchange).await?).await
}

/// `GET /v1/export/statistics`
pub async fn my_statistics(exchange: &Exchange) -> Result<Response, ApiError> {
    statistics_of(exchange, statistics::own(exchange).await?).await
}

async fn rows(exchange: &Exchange, kind: Kind, scope: &Scope) -> Result<Response, ApiError> {
    let (format, bom) = form(exchange)?;
    let given = |name: &str| exchange.query(name);
    let key = match scope {
        Scope::Person(person::Scope::All) => None,
        Scope::Key(id) => Some(id.as_str()),
        // Exports of some owners are not offered: the permission is for all.
        Scope::Person(person::Scope::Owners(_)) => return Err(ApiError::internal()),
    };
    let source = Source::read(&Asked { kind, key, given: &given })?;
    exports::streamed(&exchange.env, source, format, bom).await
}

async fn statistics_of(exchange: &Exchange, scope: Scope) -> Result<Response, ApiError> {
    let (format, bom) = form(exchange)?;
    let unwritten = |error: serde_json::Error| {
        log_error("export", &error);
        ApiError::internal()
    };
    let (name, mut writer) = if let Some(by) = query::text(exchange, "by") {
        let ranking = statistics::ranking(exchange, &by, scope).await?;
        let mut writer = Writer::new(format, GROUPS, bom);
        for row in of_ranking(&ranking) {
            writer.row(&row).map_err(unwritten)?;
        }
        ("statistics-by-group", writer)
    } else {
        let series = statistics::series(exchange, scope).await?;
        let mut writer = Writer::new(format, POINTS, bom);
        for row in of_timeseries(&series) {
            writer.row(&row).map_err(unwritten)?;
        }
        ("statistics", writer)
    };
    let mut bytes = writer.take();
    bytes.extend(writer.finish(None).last);
    Ok(exports::answer(format, name, bytes))
}

/// The format that the parameters ask for, and whether it begins with a byte order mark.
pub(super) fn form(exchange: &Exchange) -> Result<(Format, bool), ApiError> {
    let format = Format::read(query::text(exchange, "format").as_deref())?;
    let bom = query::boolean(exchange, "bom")?.unwrap_or(false);
    checked(format, bom)
}

fn checked(format: Format, bom: bool) -> Result<(Format, bool), ApiError> {
    if bom && format != Format::Csv {
        let message = "Only CSV may begin with a byte order mark: JSON must not (RFC 8259).";
        return Err(ApiError::invalid("invalid_value", "bom", message));
    }
    Ok((format, bom))
}

/// `POST /exports`: `{"kind", "format", "bom", "filters"}`.
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let input = input::new::<ExportInput>(exchange).await?;
    let kind = input.kind.required("kind")?;
    let name = Kind::NAMES.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name);
    let (format, bom) =
        checked(input.format.into_set().unwrap_or(Format::Ndjson), input.bom.into_set().unwrap_or(false))?;
    let filters = input.filters.into_set().unwrap_or_default();
    let spec = Spec { kind: name.to_owned(), format, bom, filters };
    // Filters that fit nothing are refused now, and not by the job.
    spec.source(None)?;
    let spec = serde_json::to_string(&spec).map_err(|error| {
        log_error("export", &error);
        ApiError::internal()
    })?;
    let id = jobs::add(&exchange.env, KIND, &spec, None).await?.ok_or_else(ApiError::internal)?;
    long::go_on(exchange, id.clone());
    exchange::json(202, &view(exchange, &find(exchange, &id).await?))
}

/// `GET /exports`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let jobs = jobs::list(&exchange.env, KIND, LISTED).await?;
    exchange::json(200, &Exports { exports: jobs.iter().map(|job| view(exchange, job)).collect() })
}

/// `GET /exports/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    exchange::json(200, &view(exchange, &find(exchange, id).await?))
}

/// `DELETE /exports/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    if !delete_export(&exchange.env, id).await? {
        return Err(not_found());
    }
    answer_deleted(id)
}

/// `GET /exports/{id}/download?expires=&signature=`
pub async fn download(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let expires = query::number(exchange, "expires", 0..=query::MAX_TIME_MS)?.unwrap_or_default();
    let signature = query::text(exchange, "signature").unwrap_or_default();
    link::check(&secret(exchange), id, expires, &signature, now_ms())?;
    let job = find(exchange, id).await?;
    if job.state != "done" {
        let message = "The export is not complete: `GET /exports/{id}` says how far it is.";
        return Err(ApiError::new(409, ErrorKind::InvalidRequest, "export_not_complete", message));
    }
    let (spec, progress) = read(&job);
    let (env, id, count) = (exchange.env.clone(), Rc::<str>::from(id), progress.parts);
    let parts = futures::stream::unfold(0, move |part| {
        let (env, id) = (env.clone(), Rc::clone(&id));
        async move {
            if part >= count {
                return None;
            }
            let piece = match bucket::get(&env, &part_name(&id, part)).await {
                Ok(Some(bytes)) => Ok(JsValue::from(Uint8Array::from(bytes.as_slice()))),
                Ok(None) => Err(JsValue::from_str("a part of the export is gone")),
                Err(error) => {
                    log_error("download", &error);
                    Err(JsValue::from_str("the download breaks off"))
                }
            };
            Some((piece, part + 1))
        }
    });
    let response = exports::answer(spec.format, &spec.kind, Vec::new());
    let headers = response.into_headers();
    if let Some(sha256) = &progress.sha256 {
        headers.set("x-nexus-sha256", sha256);
    }
    headers.set("x-nexus-rows", &progress.rows.to_string());
    Ok(Response::stream(200, headers, wasm_streams::ReadableStream::from_stream(parts).into_raw()))
}

async fn find(exchange: &Exchange, id: &str) -> Result<Job, ApiError> {
    jobs::find(&exchange.env, KIND, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("export_not_found", "There is no export with this id. It may have expired.")
}

fn read(job: &Job) -> (Spec, Progress) {
    let spec = serde_json::from_str(&job.spec).unwrap_or(Spec {
        kind: String::new(),
        format: Format::Ndjson,
        bom: false,
        filters: String::new(),
    });
    (spec, serde_json::from_str(&job.progress).unwrap_or_default())
}

fn view(exchange: &Exchange, job: &Job) -> ExportView {
    let (spec, progress) = read(job);
    let expires = now_ms() + LINK_FOR_MS;
    let download = (job.state == "done").then(|| {
        let signature = link::sign(&secret(exchange), &job.id, expires);
        format!("/exports/{}/download?expires={expires}&signature={signature}", job.id)
    });
    ExportView {
        id: job.id.clone(),
        kind: spec.kind,
        format: spec.format.name(),
        filters: spec.filters,
        state: job.state.clone(),
        created_at: job.created_at,
        updated_at: job.updated_at,
        deleted_at: job.created_at + KEPT_FOR_MS,
        rows: progress.rows,
        bytes: progress.bytes,
        sha256: progress.sha256,
        error: progress.error,
        download,
    }
}

/// What links are signed with. It changes with the admin token.
fn secret(exchange: &Exchange) -> Vec<u8> {
    sha256_hex(&format!("export links of {}", exchange.settings.admin_token.expose())).into_bytes()
}
