//! Roles that a deployment adds to the built-in ones: a name and a set of permissions.

use serde::Deserialize;

use super::permission::Permissions;
use crate::row::json_or_default;
use crate::row::table::{json, table};

/// A role. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoleRecord {
    /// The code under which users have it. It never changes.
    pub code: String,
    /// A name for people.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What it allows. A stored set that cannot be read allows nothing.
    #[serde(deserialize_with = "json_or_default")]
    pub permissions: Permissions,
    /// When it was made.
    pub created_at: u64,
    /// When it was last changed.
    pub updated_at: u64,
}

table! {
    RoleRecord in "roles" unique "code" {
        given code;
        fixed { created_at }
        changing { name, description, permissions = |role| json(&role.permissions) }
        elsewhere {}
    }
}

impl RoleRecord {
    /// A role that allows nothing, made at `now_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn new(code: String, now_ms: u64) -> Self {
        Self {
            code,
            name: String::new(),
            description: String::new(),
            permissions: Permissions::NONE,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }
}

/// Whether a text can be the code of a role: a lower-case letter, then letters, digits, `-` and `_`, at most 40 in all.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let rest = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    text.len() <= 40 && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permission::Permission;

    #[test]
    fn codes_are_words_of_lower_case() {
        for code in ["a", "team-lead", "x_9"] {
            assert!(is_code(code), "{code}");
        }
        for text in ["", "A", "9a", "-a", "a b", "é", "a'--", &"a".repeat(41)] {
            assert!(!is_code(text), "{text}");
        }
    }

    #[test]
    fn a_damaged_set_allows_nothing() {
        let row = |permissions: &str| {
            let row = serde_json::json!({
                "code": "c", "name": "n", "permissions": permissions, "created_at": 1, "updated_at": 1,
            });
            serde_json::from_value::<RoleRecord>(row).unwrap().permissions
        };
        assert_eq!(row(r#"["view_prices"]"#), Permissions::of(&[Permission::ViewPrices]));
        assert_eq!(row("[1]"), Permissions::NONE);
        assert_eq!(row("all"), Permissions::NONE);
    }
}
