//! Notifications: what the gateway or an administrator tells a user, those with a role or a permission, or all users.
//!
//! A notification is stored once, with the group that it is for; whether a user has read it is stored by user. It never contains a
//! secret: its texts are made of names and of what administrators write.

use serde::{Deserialize, Serialize};

use super::severity::Severity;
use crate::access::permission::{Permission, Permissions};
use crate::error::ApiError;
use crate::input;
use crate::input::{Rule, integer_u32, one_of, text};

/// Days for which a notification is kept, unless it says otherwise.
pub const DEFAULT_DAYS: u32 = 90;
const DAY_MS: u64 = 86_400_000;
/// The permissions whose holders the gateway notifies. Each is one more group in which a user's notifications are looked for.
pub const NOTIFIED: &[Permission] = &[Permission::ReviewProviders, Permission::ViewAlerts];

/// For whom a notification is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// All users.
    All,
    /// The user with this id.
    User(String),
    /// The users with this role, by its code.
    Role(String),
    /// The users with this permission, one of [`NOTIFIED`].
    Holders(Permission),
}

impl Recipients {
    /// The form in which it is stored and shown: `all`, `user:<id>`, `role:<code>`, `permission:<code>`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::User(id) => format!("user:{id}"),
            Self::Role(code) => format!("role:{code}"),
            Self::Holders(permission) => format!("permission:{}", permission.code()),
        }
    }

    /// The group of a name; `None` if the text is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.split_once(':') {
            None if name == "all" => Some(Self::All),
            Some(("user", id)) if !id.is_empty() => Some(Self::User(id.to_owned())),
            Some(("role", code)) if !code.is_empty() => Some(Self::Role(code.to_owned())),
            Some(("permission", code)) => {
                let permission = Permission::of_code(code).filter(|of| NOTIFIED.contains(of))?;
                Some(Self::Holders(permission))
            }
            _ => None,
        }
    }

    /// The names of all groups that a user belongs to.
    #[must_use]
    pub fn of_user(id: &str, roles: &[String], permissions: Permissions) -> Vec<String> {
        let held = NOTIFIED.iter().filter(|permission| permissions.has(**permission));
        [Self::All, Self::User(id.to_owned())]
            .into_iter()
            .chain(roles.iter().map(|code| Self::Role(code.clone())))
            .chain(held.map(|permission| Self::Holders(*permission)))
            .map(|group| group.name())
            .collect()
    }
}

/// A notification as it is stored. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Notification"))]
pub struct NotificationRecord {
    /// Its id, which sorts by time.
    pub id: String,
    /// For whom it is: `all`, `user:<id>`, `role:<code>` or `permission:<code>`.
    pub recipients: String,
    /// How urgent it is.
    pub level: Severity,
    /// What it is about, in a word: `announcement`, `submission.approved` …
    pub topic: String,
    /// What it says, in a line.
    pub title: String,
    /// What it says besides.
    pub body: String,
    /// Where there is more.
    pub link: Option<String>,
    /// When it was made.
    pub created_at: u64,
    /// Until when it is kept.
    pub expires_at: u64,
}

impl NotificationRecord {
    /// A notification of the gateway's own, made at `now_ms`.
    #[must_use]
    pub fn new(id: String, to: &Recipients, topic: &str, title: String, body: String, now_ms: u64) -> Self {
        Self {
            id,
            recipients: to.name(),
            level: Severity::Info,
            topic: topic.to_owned(),
            title,
            body,
            link: None,
            created_at: now_ms,
            expires_at: now_ms + u64::from(DEFAULT_DAYS) * DAY_MS,
        }
    }
}

input! {
    /// A notification that an administrator sends.
    pub struct NotificationInput {
        /// For whom it is: `all`, `user:<id>`, `role:<code>`, or the holders of a permission that the gateway notifies:
        /// `permission:review_shared_provider`, `permission:view_alerts`.
        pub recipients: String = text(1..=120).check(check_recipients).not_null().required(),
        /// How urgent it is; `info` is the default.
        pub level: Severity = one_of(Severity::NAMES).not_null(),
        /// What it says, in a line.
        pub title: String = text(1..=200).not_null().required(),
        /// What it says besides.
        pub body: String = text(0..=4000).not_null(),
        /// Where there is more: an `https` or `http` address, or a path of the console that begins with `/`.
        pub link: String = text(1..=2000).check(check_link),
        /// Days for which it is kept; 90 is the default.
        pub days: u32 = integer_u32(1..=365),
    }
}

impl NotificationInput {
    /// The notification, sent at `now_ms`.
    ///
    /// # Errors
    /// `missing_required_parameter`, which [`input::Input::parse_new`] has checked.
    pub fn record(self, id: String, now_ms: u64) -> Result<NotificationRecord, ApiError> {
        let days = self.days.into_set().unwrap_or(DEFAULT_DAYS);
        Ok(NotificationRecord {
            id,
            recipients: self.recipients.required("recipients")?,
            level: self.level.into_set().unwrap_or(Severity::Info),
            topic: "announcement".to_owned(),
            title: self.title.required("title")?,
            body: self.body.into_set().unwrap_or_default(),
            link: self.link.into_set(),
            created_at: now_ms,
            expires_at: now_ms + u64::from(days) * DAY_MS,
        })
    }
}

fn check_recipients(name: String) -> Result<String, ApiError> {
    if Recipients::named(&name).is_some() {
        return Ok(name);
    }
    let message = "`recipients` must be `all`, `user:<id>`, `role:<code>` or `permission:<code>`.";
    Err(ApiError::invalid("invalid_value", "recipients", message))
}

/// A link must not run a script in the page that shows it.
fn check_link(link: String) -> Result<String, ApiError> {
    let is_path = link.starts_with('/') && !link.starts_with("//");
    let is_address = link.starts_with("https://") || link.starts_with("http://");
    let is_plain = link.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && (is_path || is_address) {
        return Ok(link);
    }
    let message = "`link` must be an http or https address, or a path that begins with one `/`.";
    Err(ApiError::invalid("invalid_value", "link", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::role::Role;
    use crate::input::Input;

    #[test]
    fn groups_read_back() {
        for group in [
            Recipients::All,
            Recipients::User("u".into()),
            Recipients::Role("user".into()),
            Recipients::Holders(Permission::ReviewProviders),
        ] {
            assert_eq!(Recipients::named(&group.name()), Some(group));
        }
        for none in ["", "world", "user:", "role:", "permission:manage_users", "permission:", "key:1"] {
            assert_eq!(Recipients::named(none), None, "{none}");
        }
    }

    #[test]
    fn a_user_belongs_to_the_groups_of_their_roles_and_permissions() {
        let groups = |role: Role| Recipients::of_user("u", &[role.code().to_owned()], role.permissions());
        assert_eq!(groups(Role::User), ["all", "user:u", "role:user"]);
        assert!(groups(Role::Viewer).contains(&"permission:view_alerts".to_owned()));
        assert!(groups(Role::Admin).contains(&"permission:review_shared_provider".to_owned()));
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, param) in [
            (r#"{"title":"t"}"#, "recipients"),
            (r#"{"recipients":"world","title":"t"}"#, "recipients"),
            (r#"{"recipients":"all"}"#, "title"),
            (r#"{"recipients":"all","title":"t","link":"javascript:alert(1)"}"#, "link"),
            (r#"{"recipients":"all","title":"t","link":"//evil.example"}"#, "link"),
            (r#"{"recipients":"all","title":"t","days":0}"#, "days"),
            (r#"{"recipients":"all","title":"t","level":"loud"}"#, "level"),
        ] {
            let error = NotificationInput::parse_new(body.as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
        let body = br#"{"recipients":"role:user","title":"Tonight","link":"/status","days":2}"#;
        let sent = NotificationInput::parse_new(body).unwrap().record("N".into(), 1_000).unwrap();
        assert_eq!((sent.topic.as_str(), sent.expires_at), ("announcement", 1_000 + 2 * DAY_MS));
    }
}
