//! Backups: made, listed, verified, restored, and as files for a copy elsewhere.

use std::collections::HashMap;

use nexus_edge_api::backups::{
    BackupFile, BackupFiles, BackupView, Backups, ListedBackup, MovedTable, ObjectCount, RestoreInput,
    RestoreView, UploadedFile, Verified,
};
use nexus_edge_backups::manifest::{Manifest, Objects};
use nexus_edge_backups::restore::Stage;
use nexus_edge_core::error::{ApiError, ErrorKind};

use super::{answer_deleted, input};
use crate::exchange::{self, Exchange};
use crate::jobs::{backups, long, restores};
use crate::platform::http::{Headers, Response};
use crate::store::jobs::{self, Job};
use crate::store::{self, bucket};

/// Jobs that are looked at for those that run.
const RECENT: u32 = 200;
/// The name of the manifest among the files.
const MANIFEST: &str = "manifest.json";

/// `POST /system/backups`
pub async fn create(exchange: &Exchange) -> Result<Response, ApiError> {
    let added = jobs::add(&exchange.env, backups::KIND, "{}", None).await?;
    let id = added.ok_or_else(ApiError::internal)?;
    long::go_on(exchange, id.clone());
    let job = jobs::find(&exchange.env, backups::KIND, &id).await?.ok_or_else(not_found)?;
    exchange::json(202, &of_job(&job))
}

/// `GET /system/backups`
pub async fn list(exchange: &Exchange) -> Result<Response, ApiError> {
    let complete = backups::list(&exchange.env).await?;
    let jobs = jobs::list(&exchange.env, backups::KIND, RECENT).await?;
    let incomplete = jobs.iter().filter(|job| job.state != "done").map(|job| {
        let view = of_job(job);
        ListedBackup {
            id: view.id,
            state: view.state,
            began_at: view.began_at,
            rows: view.rows,
            bytes: view.bytes,
        }
    });
    let complete = complete.into_iter().map(|backup| ListedBackup {
        id: backup.id,
        state: "done".to_owned(),
        began_at: backup.began_at,
        rows: backup.rows,
        bytes: backup.bytes,
    });
    exchange::json(200, &Backups { backups: incomplete.chain(complete).collect() })
}

/// `GET /system/backups/{id}`
pub async fn get(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let Some(found) = backups::manifest(&exchange.env, id).await? else {
        let job = jobs::find(&exchange.env, backups::KIND, id).await?.ok_or_else(not_found)?;
        return exchange::json(200, &of_job(&job));
    };
    let manifest = found.map_err(damaged)?;
    let restores = jobs::list(&exchange.env, restores::KIND, RECENT).await?;
    let last = restores.iter().map(of_restore).find(|restore| restore.backup == id);
    exchange::json(200, &BackupView { restore: last, ..of_manifest(&manifest) })
}

/// `POST /system/backups/{id}/verify`
pub async fn verify(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let manifest = whole(exchange, id).await?;
    let (parts, rows) = (manifest.parts.len(), manifest.rows());
    exchange::json(200, &Verified { id: manifest.id, whole: true, parts, rows })
}

/// `POST /system/backups/{id}/restore`: `{"replace"}`.
pub async fn restore(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let input = input::optional::<RestoreInput>(exchange).await?;
    let env = &exchange.env;
    let running = jobs::list(env, restores::KIND, RECENT).await?;
    if running.iter().any(|job| job.state == "running") {
        let message = "A restore is running: `GET /system/backups/{id}` says how far it is.";
        return Err(ApiError::new(409, ErrorKind::InvalidRequest, "restore_running", message));
    }
    let manifest = whole(exchange, id).await?;
    if manifest.schema > store::backups::schema(env).await? {
        let message = format!("The backup is of the schema {}: update the gateway first.", manifest.schema);
        return Err(ApiError::new(422, ErrorKind::InvalidRequest, "backup_of_newer_schema", message));
    }
    let found = store::backups::table_with_rows(env).await?;
    if let Some(table) = found.as_ref().filter(|_| !input.replace.into_set().unwrap_or(false)) {
        let message = format!(
            "The table {table} has rows: restore into an empty database, or send `{{\"replace\": true}}` to replace it."
        );
        let error = ApiError::new(409, ErrorKind::InvalidRequest, "database_not_empty", message);
        return Err(error.with_param("replace"));
    }
    let spec = serde_json::json!({ "backup": id, "goes_on": found.is_some() }).to_string();
    let added = jobs::add(env, restores::KIND, &spec, None).await?.ok_or_else(ApiError::internal)?;
    long::go_on(exchange, added.clone());
    let job = jobs::find(env, restores::KIND, &added).await?.ok_or_else(not_found)?;
    exchange::json(202, &of_restore(&job))
}

/// `DELETE /system/backups/{id}`
pub async fn delete(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let is_job = jobs::delete(&exchange.env, backups::KIND, id).await?;
    if backups::manifest(&exchange.env, id).await?.is_none() && !is_job {
        return Err(not_found());
    }
    backups::delete(&exchange.env, id).await?;
    answer_deleted(id)
}

/// `GET /system/backups/{id}/files`
pub async fn files(exchange: &Exchange, id: &str) -> Result<Response, ApiError> {
    let manifest = found(exchange, id).await?;
    let parts = manifest.parts.iter().map(|part| (part.object.clone(), part.pack.bytes));
    let mut files: Vec<(String, u64)> = parts.collect();
    for prefix in &manifest.elsewhere {
        let listed = bucket::list(&exchange.env, prefix).await?;
        files.extend(listed.into_iter().map(|object| (object.name, object.bytes)));
    }
    let files = files.into_iter().map(|(name, bytes)| BackupFile { name, bytes }).collect();
    exchange::json(200, &BackupFiles { files })
}

/// `GET /system/backups/{id}/files/{name...}`
pub async fn get_file(exchange: &Exchange, id: &str, name: &str) -> Result<Response, ApiError> {
    let manifest = found(exchange, id).await?;
    let headers = Headers::new();
    headers.set("content-type", "application/octet-stream");
    headers.set("cache-control", "no-store");
    if name == MANIFEST {
        return Ok(Response::bytes(200, headers, manifest.to_json().into_bytes()));
    }
    let bytes = if belongs(&manifest, name) { bucket::get(&exchange.env, name).await? } else { None };
    let missing =
        || ApiError::not_found("backup_file_not_found", "There is no file of this name in the backup.");
    Ok(Response::bytes(200, headers, bytes.ok_or_else(missing)?))
}

fn belongs(manifest: &Manifest, name: &str) -> bool {
    manifest.parts.iter().any(|part| part.object == name)
        || manifest.elsewhere.iter().any(|prefix| name.starts_with(prefix.as_str()))
}

/// `PUT /system/backups/{id}/files/{name...}`
pub async fn put_file(exchange: &Exchange, id: &str, name: &str) -> Result<Response, ApiError> {
    let bytes = exchange.body().await?.into_bytes();
    let length = bytes.len();
    if name == MANIFEST {
        let manifest = Manifest::read(&bytes).map_err(damaged)?;
        if manifest.id != id {
            return Err(damaged(format!("the manifest is that of the backup {}", manifest.id)));
        }
        let listed = bucket::list(&exchange.env, &backups::folder(id)).await?;
        let is_there =
            |name: &str, bytes: u64| listed.iter().any(|object| object.name == name && object.bytes == bytes);
        if let Some(part) = manifest.parts.iter().find(|part| !is_there(&part.object, part.pack.bytes)) {
            return Err(damaged(format!("{} is missing or of another length", part.object)));
        }
        backups::put_manifest(&exchange.env, &manifest).await?;
    } else if name.starts_with(&backups::folder(id)) || backups::is_elsewhere(name) {
        bucket::put(&exchange.env, name, bytes, HashMap::new()).await?;
    } else {
        let message = "`name` must be that of a file of this backup.";
        return Err(ApiError::invalid("invalid_value", "name", message));
    }
    exchange::json(200, &UploadedFile { name: name.to_owned(), bytes: length })
}

async fn found(exchange: &Exchange, id: &str) -> Result<Manifest, ApiError> {
    backups::manifest(&exchange.env, id).await?.ok_or_else(not_found)?.map_err(damaged)
}

/// A backup of which everything was read and compared.
async fn whole(exchange: &Exchange, id: &str) -> Result<Manifest, ApiError> {
    let manifest = found(exchange, id).await?;
    match restores::verify(&exchange.env, &manifest).await? {
        None => Ok(manifest),
        Some(damage) => Err(damaged(damage)),
    }
}

fn not_found() -> ApiError {
    ApiError::not_found("backup_not_found", "There is no backup with this id.")
}

fn damaged(reason: impl std::fmt::Display) -> ApiError {
    let message = format!("The backup is damaged: {reason}.");
    ApiError::new(422, ErrorKind::InvalidRequest, "backup_damaged", message)
}

fn of_job(job: &Job) -> BackupView {
    let progress: Option<backups::Progress> = serde_json::from_str(&job.progress).ok();
    let (mut tables, mut objects) = (HashMap::new(), HashMap::new());
    let (mut parts, mut bytes, mut error) = (0, 0, None);
    if let Some(progress) = progress {
        (parts, bytes) = (progress.parts.len(), progress.parts.iter().map(|part| part.pack.bytes).sum());
        tables.extend(progress.tally.tables);
        objects.extend(progress.tally.objects);
        error = progress.error;
    }
    let rows = tables.values().sum::<u64>() + objects.values().map(|of: &Objects| of.rows).sum::<u64>();
    BackupView {
        id: job.id.clone(),
        state: job.state.clone(),
        began_at: job.created_at,
        snapshot_at: None,
        finished_at: None,
        schema: None,
        rows,
        bytes,
        parts,
        tables: tables.into_iter().collect(),
        objects: objects.into_iter().map(|(class, of)| (class, count(of))).collect(),
        moved: Vec::new(),
        error,
        restore: None,
    }
}

fn count(of: Objects) -> ObjectCount {
    ObjectCount { objects: of.objects, rows: of.rows }
}

fn of_manifest(manifest: &Manifest) -> BackupView {
    let moved = manifest.moved.iter();
    BackupView {
        id: manifest.id.clone(),
        state: "done".to_owned(),
        began_at: manifest.began_at,
        snapshot_at: Some(manifest.snapshot_at),
        finished_at: Some(manifest.finished_at),
        schema: Some(manifest.schema.clone()),
        rows: manifest.rows(),
        bytes: manifest.bytes(),
        parts: manifest.parts.len(),
        tables: manifest.tables.clone(),
        objects: manifest.objects.iter().map(|(class, of)| (class.clone(), count(*of))).collect(),
        moved: moved
            .map(|moved| MovedTable { table: moved.table.clone(), read: moved.read, then: moved.then })
            .collect(),
        error: None,
        restore: None,
    }
}

fn of_restore(job: &Job) -> RestoreView {
    let backup =
        serde_json::from_str::<restores::Spec>(&job.spec).map(|spec| spec.backup).unwrap_or_default();
    let progress: Option<restores::Progress> = serde_json::from_str(&job.progress).ok();
    let parts = progress.as_ref().map(|progress| progress.parts).unwrap_or_default();
    let (stage, written) = match progress.as_ref().map(|progress| &progress.stage) {
        None | Some(Stage::Objects { .. }) => ("objects", 0),
        Some(Stage::Tables) => ("tables", 0),
        Some(Stage::Parts(written)) => ("parts", *written),
        Some(Stage::Count) => ("count", parts),
        Some(Stage::Finished) => ("finished", parts),
    };
    RestoreView {
        id: job.id.clone(),
        backup,
        state: job.state.clone(),
        stage,
        written,
        parts,
        created_at: job.created_at,
        updated_at: job.updated_at,
        error: progress.and_then(|progress| progress.error),
    }
}
