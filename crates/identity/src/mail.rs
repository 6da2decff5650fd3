//! What the gateway writes to users: the messages of registration and of forgotten passwords, and the request that hands one to the
//! operator's mail service.
//!
//! The token of a link stands behind a `#`: browsers keep that part of an address to themselves, so it gets into no log and no
//! `referer`.

use serde_json::json;

/// The page where a new password is chosen.
const RESET_PAGE: &str = "/console/reset-password";
/// The page that confirms a mail address.
const VERIFY_PAGE: &str = "/console/verify-email";

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// With the token of a link to choose a new password.
    ResetPassword(&'a str),
    /// With the token of a link to confirm the address.
    VerifyEmail(&'a str),
    /// Registration was tried with an address that has an account.
    AlreadyRegistered,
    /// An administrator approved the account.
    Approved,
    /// An administrator rejected the account.
    Rejected,
}

/// A message to an address.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// The address.
    pub to: &'a str,
    /// The origin of the gateway's pages, such as `https://gateway.example`.
    pub origin: &'a str,
    /// What it says.
    pub message: Message<'a>,
}

impl Mail<'_> {
    /// What kind of message it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.message {
            Message::ResetPassword(_) => "mail.reset_password",
            Message::VerifyEmail(_) => "mail.verify_email",
            Message::AlreadyRegistered => "mail.already_registered",
            Message::Approved => "mail.account_approved",
            Message::Rejected => "mail.account_rejected",
        }
    }

    /// The address of the link in it.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        let (page, token) = match self.message {
            Message::ResetPassword(token) => (RESET_PAGE, token),
            Message::VerifyEmail(token) => (VERIFY_PAGE, token),
            Message::AlreadyRegistered | Message::Approved | Message::Rejected => return None,
        };
        Some(format!("{}{page}#token={token}", self.origin))
    }

    fn subject(&self) -> &'static str {
        match self.message {
            Message::ResetPassword(_) => "Choose a new password",
            Message::VerifyEmail(_) => "Confirm your mail address",
            Message::AlreadyRegistered => "You have an account already",
            Message::Approved => "Your account is open",
            Message::Rejected => "Your account was not approved",
        }
    }

    /// The text, with its link.
    #[must_use]
    pub fn text(&self) -> String {
        let (origin, link) = (self.origin, self.link().unwrap_or_default());
        match self.message {
            Message::ResetPassword(_) => format!(
                "A new password was asked for, for your account at {origin}. This link is valid for an hour and works once:\n\n\
                 {link}\n\nIf you did not ask for it, nothing has to be done: your password stays as it is."
            ),
            Message::VerifyEmail(_) => format!(
                "An account with this address was made at {origin}. This link confirms that the address is yours. It is valid for \
                 a day and works once:\n\n{link}\n\nIf you did not make the account, nothing has to be done."
            ),
            Message::AlreadyRegistered => format!(
                "An account with this address was to be made at {origin}, but there is one already: sign in, or choose a new \
                 password there. If that was not you, nothing has to be done."
            ),
            Message::Approved => format!("Your account at {origin} was approved: you can sign in."),
            Message::Rejected => format!("Your account at {origin} was not approved, and has been deleted."),
        }
    }

    /// The body of the request to the mail service. `id` names the message; `now_ms` is in milliseconds since the epoch.
    #[must_use]
    pub fn body(&self, id: &str, now_ms: u64) -> String {
        let body = json!({
            "id": id, "type": self.kind(), "created_at": now_ms, "to": self.to, "subject": self.subject(), "text": self.text(),
            "link": self.link(),
        });
        body.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_message_says_what_to_do_and_its_link_keeps_the_token_from_servers() {
        let mail = Mail {
            to: "ada@example.org",
            origin: "https://gw.example",
            message: Message::ResetPassword("u.s"),
        };
        let body: Value = serde_json::from_str(&mail.body("m1", 7)).unwrap();
        let link = "https://gw.example/console/reset-password#token=u.s";
        assert_eq!(body["link"], link);
        assert!(body["text"].as_str().unwrap().contains(link));
        assert_eq!(
            (&body["id"], &body["type"], &body["created_at"], &body["to"]),
            (&"m1".into(), &"mail.reset_password".into(), &7.into(), &"ada@example.org".into())
        );
        for message in [Message::AlreadyRegistered, Message::Approved, Message::Rejected] {
            let mail = Mail { message, ..mail };
            let body: Value = serde_json::from_str(&mail.body("m2", 7)).unwrap();
            assert!(body["link"].is_null() && body["text"].as_str().unwrap().contains("https://gw.example"));
        }
        assert!(
            Mail { message: Message::VerifyEmail("u.s"), ..mail }
                .link()
                .unwrap()
                .contains("verify-email#token=")
        );
    }
}
