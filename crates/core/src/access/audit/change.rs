//! What an operation changed, without secrets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::row::table::{SqlValue, Table};

/// What stands for the value of a secret.
const SECRET: &str = "(secret)";
/// Longest value that is shown, in characters.
const MAX_SHOWN: usize = 500;

/// A column with its value before and after; `null` for a record that did not, or does not, exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AuditChange"))]
pub struct Change {
    /// The column.
    pub field: String,
    /// The value before.
    pub before: Value,
    /// The value after.
    pub after: Value,
}

/// The changes of an entry.
pub type Changes = Vec<Change>;

/// The columns in which a record differs from what it was; all of them for one that is new or deleted.
#[must_use]
pub fn between<R: Table>(before: Option<&R>, after: Option<&R>) -> Changes {
    let id = (!R::HAS_GENERATED_ID).then_some(&R::ID);
    id.into_iter()
        .chain(R::FIXED)
        .chain(R::CHANGING)
        .filter_map(|column| {
            let was = before.map(|record| (column.value)(record));
            let is = after.map(|record| (column.value)(record));
            let changed = was.as_ref().unwrap_or(&SqlValue::Null) != is.as_ref().unwrap_or(&SqlValue::Null);
            changed.then(|| Change {
                field: column.name.to_owned(),
                before: shown(column.name, was.as_ref()),
                after: shown(column.name, is.as_ref()),
            })
        })
        .collect()
}

/// A value that is named, for things that are not records.
#[must_use]
pub fn of_value(field: &str, before: Value, after: Value) -> Changes {
    if before == after { Vec::new() } else { vec![Change { field: field.to_owned(), before, after }] }
}

/// Sealed values and hashes of secrets are named by their columns.
fn is_secret(column: &str) -> bool {
    column.ends_with("_sealed") || column.ends_with("_hash")
}

fn shown(column: &str, value: Option<&SqlValue<'_>>) -> Value {
    match value {
        None | Some(SqlValue::Null) => Value::Null,
        Some(_) if is_secret(column) => SECRET.into(),
        Some(SqlValue::Integer(number)) => (*number).into(),
        Some(SqlValue::Text(text)) => match text.char_indices().nth(MAX_SHOWN) {
            None => text.as_ref().into(),
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::api_key::test_record;

    #[test]
    fn only_what_differs_is_named() {
        let before = test_record();
        let after = crate::access::ApiKeyRecord { owner: Some("ada".into()), ..before.clone() };
        let changes = between(Some(&before), Some(&after));
        assert_eq!(changes, of_value("owner", Value::Null, "ada".into()));
        assert!(between(Some(&before), Some(&before.clone())).is_empty());
    }

    #[test]
    fn a_new_record_changes_from_nothing() {
        let changes = between(None, Some(&test_record()));
        assert!(changes.iter().all(|change| change.before.is_null() && !change.after.is_null()));
        assert!(changes.iter().any(|change| change.field == "id"));
    }

    #[test]
    fn secrets_are_named_and_not_shown() {
        assert_eq!(shown("server_key_sealed", Some(&SqlValue::Text("v1.k.AAAA".into()))), SECRET);
        assert_eq!(shown("key_hash", Some(&SqlValue::Text("ab".into()))), SECRET);
        assert_eq!(shown("key_sealed", None), Value::Null);
        let long = "é".repeat(MAX_SHOWN + 1);
        assert_eq!(
            shown("name", Some(&SqlValue::Text(long.into()))).as_str().unwrap().chars().count(),
            MAX_SHOWN + 1
        );
    }
}
