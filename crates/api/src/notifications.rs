//! Notifications of users, and those that administrators send.

use nexus_edge_core::catalog::NotificationRecord;
#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::notification::NotificationInput;
use serde::{Deserialize, Serialize};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "notification_not_found")];

operations! {
    "Notifications";

    /// List one's notifications.
    ///
    /// Those for the user, for their roles and permissions, and for all, the newest first.
    LIST: Get "/notifications" SignedIn, |it| it.text("unread", "`true`: only those that are not read.")
        .number("limit", 1..=200, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<Notifications>(200, "A page.");

    /// Send a notification.
    ///
    /// To a user, to those with a role or a permission, or to all. Webhooks that want the event `notification` are told as well.
    SEND: Post "/notifications" ManageNotifications, |it| it.creates::<NotificationInput>()
        .answer::<NotificationRecord>(201, "The notification.");

    /// List all notifications.
    ///
    /// For all recipients, those of the gateway included, the newest first.
    SENT: Get "/notifications/sent" ManageNotifications, |it| it
        .number("limit", 1..=200, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<SentNotifications>(200, "A page.");

    /// Mark all of one's notifications as read.
    READ_ALL: Post "/notifications/read-all" SignedIn, |it| it.answer::<Unread>(200, "How many are left.");

    /// Mark one of one's notifications as read.
    READ: Post "/notifications/{id}/read" SignedIn, |it| it.answer::<Unread>(200, "How many are left.").errors(NOT_FOUND);

    /// Take a notification back.
    DELETE: Delete "/notifications/{id}" ManageNotifications, |it| it.deleted("string").errors(NOT_FOUND);
}

/// A page of a user's notifications.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Notifications {
    /// The notifications.
    pub notifications: Vec<UserNotification>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
    /// Notifications that are not read, of each group at most the latest 100.
    pub unread: u32,
}

/// A notification as its recipient sees it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UserNotification {
    /// The notification.
    #[serde(flatten)]
    pub notification: NotificationRecord,
    /// Whether the user has read it.
    #[serde(deserialize_with = "nexus_edge_core::row::flag")]
    pub read: bool,
}

/// A page of all notifications.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SentNotifications {
    /// The notifications.
    pub notifications: Vec<NotificationRecord>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// How many notifications a user has not read.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Unread {
    /// Of each group at most the latest 100.
    pub unread: u32,
}
