//! The rows that one page looks at, of a table whose ids begin with their time: the newest first, and at most [`SCANNED`] of them, so that
//! a filter that few rows fit never holds the database. The page says up to where it has looked, and the next one goes on there.

use nexus_edge_core::error::ApiError;
use nexus_edge_core::id::ulid;

use crate::sql::{Parameter, Statement};

/// Rows that one page looks at.
pub const SCANNED: u64 = 20_000;
/// The largest whole number that a JSON number holds exactly: of what is asked for with a page, the most.
pub const MAX_NUMBER: u64 = 1 << 53;

/// From the first id on, and below the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The first id.
    pub begin: String,
    /// The id after the last.
    pub end: String,
}

impl Scan {
    /// The rows of a time, in milliseconds since the epoch, that are after the page which ended at the cursor.
    #[must_use]
    pub fn new(from: Option<u64>, to: Option<u64>, cursor: Option<&str>) -> Self {
        // `~` sorts after every id.
        let end = to.map_or_else(|| "~".to_owned(), |to| ulid(to, [0; 10]));
        let end = cursor.filter(|cursor| **cursor < *end).map(str::to_owned).unwrap_or(end);
        Self { begin: from.map(|from| ulid(from, [0; 10])).unwrap_or_default(), end }
    }

    /// The parameters with which every statement over it begins; those of a condition follow.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let text = |id: &String| Parameter::Text(id.clone());
        vec![text(&self.end), text(&self.begin), Parameter::Number(SCANNED)]
    }

    /// A page: the newest `limit` rows of the scan that fit `condition`. `parameters` are its own and those of the condition.
    #[must_use]
    pub fn page(table: &str, condition: &str, mut parameters: Vec<Parameter>, limit: u64) -> Statement {
        parameters.push(Parameter::Number(limit));
        let limit = parameters.len();
        let sql = format!(
            "SELECT * FROM (SELECT * FROM {table} WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3) \
             WHERE {condition} ORDER BY id DESC LIMIT ?{limit}"
        );
        Statement { sql, parameters }
    }

    /// Up to where a page has looked: `scanned_to`, the id of the last row, and `rows`, how many there were.
    #[must_use]
    pub fn scanned(&self, table: &str) -> Statement {
        let sql = format!(
            "SELECT MIN(id) AS scanned_to, COUNT(*) AS rows FROM \
             (SELECT id FROM {table} WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3)"
        );
        Statement { sql, parameters: self.parameters() }
    }
}

/// Checks that a cursor can be one of a page before.
///
/// # Errors
/// `invalid_value` of `cursor`.
pub fn check_cursor(cursor: Option<&str>) -> Result<(), ApiError> {
    let is_id = |id: &str| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if cursor.is_none_or(is_id) {
        return Ok(());
    }
    Err(ApiError::invalid("invalid_value", "cursor", "`cursor` is not one of a page before."))
}
