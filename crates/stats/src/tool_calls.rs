//! Calls of tools as they are recorded, and questions about them.
//!
//! A record says who called which tool, how that ended, how long it took and how many bytes went each way; never what the call said or
//! what it returned. Guarantees: a record that is delivered twice is one row; a page looks at no more than [`SCANNED`](crate::scan::SCANNED) rows and
//! says where the next one goes on.

use std::fmt::Write as _;

use nexus_edge_core::access::person::Scope;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input::query_number;
use serde::{Deserialize, Serialize};

use crate::scan::{MAX_NUMBER, Scan, check_cursor};
use crate::sql::{Parameter, Statement};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// With a result.
    Ok,
    /// With a result that is an error of the tool, or with an error of its server.
    ToolError,
    /// With a question for input.
    InputRequired,
    /// It was not made: by the rules of the key, the pins or a limit.
    Refused,
    /// Without a result: the server or the agent did not answer.
    Failed,
    /// The caller left before its end.
    #[default]
    Cancelled,
}

impl CallStatus {
    const NAMES: [(&'static str, Self); 6] = [
        ("ok", Self::Ok),
        ("tool_error", Self::ToolError),
        ("input_required", Self::InputRequired),
        ("refused", Self::Refused),
        ("failed", Self::Failed),
        ("cancelled", Self::Cancelled),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, status)| *status == self).map_or("", |(name, _)| name)
    }
}

/// A call that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ToolCall {
    /// The id, which sorts by time.
    pub id: String,
    /// When it began, in milliseconds since the epoch.
    pub ts: u64,
    /// The API key.
    pub key_id: String,
    /// The owner of the key.
    pub owner: Option<String>,
    /// What called: `mcp`, a client at `/mcp` and the addresses below it; `chat`, a request whose tools the gateway runs; `bridge`,
    /// `POST /v1/bridge/invoke`.
    pub caller: String,
    /// The server as it is called in grants; for `bridge` the agent, as `agent/{id}`.
    pub server: String,
    /// The tool as the server calls it; for `bridge` as the agent does.
    pub tool: String,
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// The conversation, of a call in a chat.
    pub conversation_id: Option<String>,
    /// How it ended.
    pub status: CallStatus,
    /// Why it has no result, as a code of the gateway.
    pub error_code: Option<String>,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Bytes of its arguments.
    pub bytes_in: u64,
    /// Bytes of its result.
    pub bytes_out: u64,
}

/// Adds calls that are not there yet. Parameter: a JSON list of them.
pub const INSERT: &str = "INSERT OR IGNORE INTO tool_calls \
    (id, ts, key_id, owner, caller, server, tool, request_id, conversation_id, status, error_code, duration_ms, bytes_in, bytes_out) \
    SELECT value ->> 'id', value ->> 'ts', value ->> 'key_id', value ->> 'owner', value ->> 'caller', value ->> 'server', \
    value ->> 'tool', value ->> 'request_id', value ->> 'conversation_id', value ->> 'status', value ->> 'error_code', \
    value ->> 'duration_ms', value ->> 'bytes_in', value ->> 'bytes_out' FROM json_each(?1)";

/// What is wanted of the calls. Texts are compared exactly.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// From this time on, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// Before this time.
    pub to: Option<u64>,
    /// What a column must be: its name, and the text.
    columns: Vec<(&'static str, String)>,
    /// The end of the page before.
    pub cursor: Option<String>,
    /// Whose calls may be seen.
    pub scope: Scope,
}

/// The parameters that compare a column with a text, and the columns.
const COMPARED: [(&str, &str); 7] = [
    ("server", "server"),
    ("tool", "tool"),
    ("key", "key_id"),
    ("owner", "owner"),
    ("caller", "caller"),
    ("request_id", "request_id"),
    ("conversation", "conversation_id"),
];

impl Wanted {
    /// Reads the parameters of a query string; `given` is the value of one by its name.
    ///
    /// # Errors
    /// `invalid_value`, which names the parameter.
    pub fn read(given: impl Fn(&str) -> Option<String>, scope: Scope) -> Result<Self, ApiError> {
        let text = |name: &str| given(name).filter(|text| !text.is_empty());
        let mut columns: Vec<(&'static str, String)> =
            COMPARED.iter().filter_map(|(name, column)| Some((*column, text(name)?))).collect();
        if let Some(status) = text("status") {
            if !CallStatus::NAMES.iter().any(|(name, _)| *name == status) {
                let names = CallStatus::NAMES.map(|(name, _)| name).join(", ");
                let message = format!("`status` must be one of {names}.");
                return Err(ApiError::invalid("invalid_value", "status", message));
            }
            columns.push(("status", status));
        }
        let cursor = text("cursor");
        check_cursor(cursor.as_deref())?;
        let number = |name: &str| query_number(name, given(name), 0..=MAX_NUMBER);
        Ok(Self { from: number("from")?, to: number("to")?, columns, cursor, scope })
    }

    /// A page of rows, the newest first.
    #[must_use]
    pub fn page(&self, limit: u64) -> Statement {
        let mut parameters = self.scan().parameters();
        let mut condition = String::from("1");
        for (column, value) in &self.columns {
            parameters.push(Parameter::Text(value.clone()));
            // Writing to a string does not fail.
            let _ = write!(condition, " AND {column} = ?{}", parameters.len());
        }
        if let Scope::Owners(owners) = &self.scope {
            parameters.push(Parameter::Text(serde_json::json!(owners).to_string()));
            let place = parameters.len();
            let _ = write!(condition, " AND owner IN (SELECT value FROM json_each(?{place}))");
        }
        Scan::page("tool_calls", &condition, parameters, limit)
    }

    /// Up to where a page has looked: see [`Scan::scanned`].
    #[must_use]
    pub fn scanned(&self) -> Statement {
        self.scan().scanned("tool_calls")
    }

    fn scan(&self) -> Scan {
        Scan::new(self.from, self.to, self.cursor.as_deref())
    }
}

/// Deletes the oldest calls of before an id. Parameters: the id, and how many at most.
pub const DELETE_OLD: &str =
    "DELETE FROM tool_calls WHERE id IN (SELECT id FROM tool_calls WHERE id < ?1 ORDER BY id LIMIT ?2)";

#[cfg(test)]
mod tests {
    use nexus_edge_core::id::ulid;

    use super::*;

    fn wanted(query: &[(&str, &str)], scope: Scope) -> Result<Wanted, ApiError> {
        let given =
            |name: &str| query.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Wanted::read(given, scope)
    }

    #[test]
    fn every_value_of_a_caller_is_a_parameter() {
        let odd = "x' OR 1=1 --";
        let scope = Scope::Owners(vec![odd.to_owned()]);
        let page =
            wanted(&[("server", odd), ("key", odd), ("status", "ok"), ("from", "5")], scope).unwrap().page(9);
        assert!(!page.sql.contains("OR 1=1"), "{}", page.sql);
        assert!(
            page.sql.contains("server = ?4 AND key_id = ?5 AND status = ?6 AND owner IN"),
            "{}",
            page.sql
        );
        assert_eq!(page.parameters.len(), 8);
        assert_eq!(page.parameters[7], Parameter::Number(9));
        let all = wanted(&[], Scope::All).unwrap().page(9);
        assert!(all.sql.contains("WHERE 1 ORDER BY"), "{}", all.sql);
    }

    #[test]
    fn what_cannot_be_asked_names_its_parameter() {
        for (name, value) in [("status", "good"), ("cursor", "a'b"), ("from", "x"), ("to", "-1")] {
            let error = wanted(&[(name, value)], Scope::All).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_cursor_never_leaves_the_time_that_is_asked_about() {
        let early = ulid(1_000, [0; 10]);
        let stretch = |query: &[(&str, &str)]| wanted(query, Scope::All).unwrap().scan().parameters();
        let end = |query: &[(&str, &str)]| stretch(query).into_iter().next();
        assert_eq!(end(&[("cursor", &early), ("to", "2000")]), Some(Parameter::Text(early.clone())));
        assert_eq!(end(&[("cursor", "zzz"), ("to", "1000")]), Some(Parameter::Text(early)));
    }

    #[test]
    fn names_are_those_of_json() {
        for (name, status) in CallStatus::NAMES {
            assert_eq!(serde_json::to_value(status).unwrap(), name);
            assert_eq!(status.name(), name);
        }
    }
}
