//! Backups of the database and of the objects that hold balances, limits and sessions.

use std::collections::BTreeMap;

use nexus_edge_core::input;
use nexus_edge_core::input::boolean;
use serde::Serialize;

use crate::declare::operations;

operations! {
    "Backups";

    /// Make a backup now.
    ///
    /// The cron makes one each hour where `BACKUP_HOURLY` is `true`.
    CREATE: Post "/system/backups" ManageBackups, |it| it.answer::<BackupView>(202, "The backup. It goes on after the answer.");

    /// List the backups.
    LIST: Get "/system/backups" ManageBackups, |it| it.answer::<Backups>(200, "The backups, the newest first.");

    /// Show a backup.
    ///
    /// What it consists of, how far it is, and how far it is restored.
    GET: Get "/system/backups/{id}" ManageBackups, |it| it.answer::<BackupView>(200, "The backup.")
        .errors(&[(404, "backup_not_found"), (422, "backup_damaged")]);

    /// Verify a backup.
    ///
    /// Reads all of it and compares lengths, checksums and numbers of rows.
    VERIFY: Post "/system/backups/{id}/verify" ManageBackups, |it| it.answer::<Verified>(200, "It is whole.")
        .errors(&[(404, "backup_not_found"), (422, "backup_damaged")]);

    /// Restore a backup.
    ///
    /// It is verified first. A database that has rows is refused unless it is to be replaced. Send no requests meanwhile.
    RESTORE: Post "/system/backups/{id}/restore" ManageBackups, |it| it.optional_body::<RestoreInput>()
        .answer::<RestoreView>(202, "The restore. It goes on after the answer: `GET /system/backups/{id}` says how far it is.")
        .errors(&[
            (404, "backup_not_found"), (409, "database_not_empty"), (409, "restore_running"), (422, "backup_damaged"),
            (422, "backup_of_newer_schema"),
        ]);

    /// Delete a backup.
    DELETE: Delete "/system/backups/{id}" ManageBackups, |it| it.deleted("string").errors(&[(404, "backup_not_found")]);

    /// List the files of a backup.
    ///
    /// Its parts, and the records that have left the database and belong to it.
    FILES: Get "/system/backups/{id}/files" ManageBackups, |it| it.answer::<BackupFiles>(200, "The files.")
        .errors(&[(404, "backup_not_found"), (422, "backup_damaged")]);

    /// Download a file of a backup.
    ///
    /// `manifest.json`, or a file of the list.
    GET_FILE: Get "/system/backups/{id}/files/{name...}" ManageBackups, |it| it.file("application/octet-stream", "The file.")
        .errors(&[(404, "backup_not_found"), (404, "backup_file_not_found"), (422, "backup_damaged")]);

    /// Upload a file of a backup.
    ///
    /// The manifest last: the files that it names must be there.
    PUT_FILE: Put "/system/backups/{id}/files/{name...}" ManageBackups, |it| it
        .answer::<UploadedFile>(200, "It is there.").errors(&[(400, "invalid_value"), (422, "backup_damaged")]);
}

input! {
    /// A restore.
    pub struct RestoreInput {
        /// Whether a database that has rows is replaced.
        pub replace: bool = boolean(),
    }
}

/// The backups.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Backups {
    /// The newest first.
    pub backups: Vec<ListedBackup>,
}

/// A backup in the list. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ListedBackup {
    /// Its id.
    pub id: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// When it began.
    pub began_at: u64,
    /// Rows of all tables and objects.
    pub rows: u64,
    /// Bytes, compressed.
    pub bytes: u64,
}

/// A backup. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BackupView {
    /// Its id.
    pub id: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// When it began.
    pub began_at: u64,
    /// The instant of which the tables are that fit into one statement.
    pub snapshot_at: Option<u64>,
    /// When it was complete.
    pub finished_at: Option<u64>,
    /// The name of the last migration.
    pub schema: Option<String>,
    /// Rows of all tables and objects, so far.
    pub rows: u64,
    /// Bytes, compressed.
    pub bytes: u64,
    /// Parts.
    pub parts: usize,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Objects and rows of each class of objects.
    pub objects: BTreeMap<String, ObjectCount>,
    /// Tables whose rows were changed or deleted while they were read.
    pub moved: Vec<MovedTable>,
    /// Why it failed.
    pub error: Option<String>,
    /// The last restore of it.
    pub restore: Option<RestoreView>,
}

/// Objects of a class.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ObjectCount {
    /// Objects that had rows.
    pub objects: u64,
    /// Their rows.
    pub rows: u64,
}

/// A table whose rows were changed or deleted while they were read.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MovedTable {
    /// Its name.
    pub table: String,
    /// Rows that were read.
    pub read: u64,
    /// Rows that it had at the instant of the others.
    pub then: u64,
}

/// A verified backup.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Verified {
    /// Its id.
    pub id: String,
    /// Always `true`: a damaged one is an error.
    pub whole: bool,
    /// Parts that were read.
    pub parts: usize,
    /// Rows that were counted.
    pub rows: u64,
}

/// A restore. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RestoreView {
    /// Its id.
    pub id: String,
    /// The backup.
    pub backup: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// What comes next: `objects` (they are emptied), `tables` (they are emptied), `parts` (they are written), `count`, `finished`.
    pub stage: &'static str,
    /// Parts that are written.
    pub written: usize,
    /// All parts.
    pub parts: usize,
    /// When it was asked for.
    pub created_at: u64,
    /// When it went on last.
    pub updated_at: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// The files of a backup.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BackupFiles {
    /// The files.
    pub files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BackupFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// A file that was uploaded.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UploadedFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: usize,
}
