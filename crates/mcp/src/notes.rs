//! What a server says of a request before its end: progress and log lines. Which of it the caller is told, and how.
//!
//! Guarantees: progress is told under the caller's token and only where it asked for it; a caller of the modern era is told no log line
//! below the level that it asked for, and none without one. Of all else that a server may say nothing is passed on.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::envelope::{self, PROGRESS_TOKEN};
use crate::json::{JsonFault, Members, to_raw};
use crate::method::{LOG_MESSAGE, PROGRESS};
use crate::progress::{Progress, with_token};
use crate::rpc::{Id, Notification};
use crate::server::Caller;
use crate::version::Era;

/// The importance of log lines (RFC 5424), least first.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// Which log lines are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Lines {
    /// All that the server writes: callers of the legacy era set the level for a connection, and there is none here.
    All,
    /// Those of this importance and above.
    From(usize),
    /// None.
    None,
}

/// What a caller is told of one request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wanted {
    token: Option<Id>,
    lines: Lines,
    ours: Id,
}

impl Wanted {
    /// What a caller asked for. The server is asked for progress under `ours`, which no other request in progress has.
    #[must_use]
    pub fn by(caller: &Caller, ours: Id) -> Self {
        let lines = match (caller.version.era(), &caller.log_level) {
            (Era::Legacy, _) => Lines::All,
            (Era::Modern, Some(level)) => rank(level).map_or(Lines::None, Lines::From),
            (Era::Modern, None) => Lines::None,
        };
        Self { token: caller.progress_token.clone(), lines, ours }
    }

    /// Progress alone, told under the token that the server is asked for it under.
    #[must_use]
    pub fn of_progress(ours: Id) -> Self {
        Self { token: Some(ours.clone()), lines: Lines::None, ours }
    }

    /// The parameters of the request to the server: with our token where the caller has one.
    ///
    /// # Errors
    /// `params` or `_meta` is no object, or has a member twice.
    pub fn params(&self, params: &RawValue) -> Result<Box<RawValue>, JsonFault> {
        match &self.token {
            Some(_) => with_token(Some(params), &self.ours),
            None => without_token(params),
        }
    }

    /// The least important log lines that a modern server is asked for.
    #[must_use]
    pub fn level(&self) -> Option<&'static str> {
        match self.lines {
            // What legacy servers write of their own accord.
            Lines::All => Some("info"),
            Lines::From(rank) => LEVELS.get(rank).copied(),
            Lines::None => None,
        }
    }

    /// Whether the caller asked for something that is said before the end.
    #[must_use]
    pub const fn is_asked_for(&self) -> bool {
        self.token.is_some() || matches!(self.lines, Lines::From(_))
    }

    /// A notification of the server as the caller is told it; `None` where it is not.
    #[must_use]
    pub fn told(&self, notification: Notification) -> Option<Notification> {
        match notification.method.as_str() {
            PROGRESS => {
                let progress =
                    Progress::read(&notification).filter(|progress| progress.token == self.ours)?;
                Some(progress.under(self.token.as_ref()?))
            }
            LOG_MESSAGE => self.is_told(notification.params.as_deref()?).then_some(notification),
            _ => None,
        }
    }

    /// A notification that another request of the same call was told, as the caller of this one is told it: under its own token, and
    /// only what it asked for.
    #[must_use]
    pub fn told_anew(&self, notification: Notification) -> Option<Notification> {
        match notification.method.as_str() {
            PROGRESS => Some(Progress::read(&notification)?.under(self.token.as_ref()?)),
            LOG_MESSAGE => self.is_told(notification.params.as_deref()?).then_some(notification),
            _ => None,
        }
    }

    /// The same with all log lines: for what is [told anew](Self::told_anew).
    #[must_use]
    pub fn with_all_lines(&self) -> Self {
        Self { lines: Lines::All, ..self.clone() }
    }

    /// Progress of which only the numbers are known, under the caller's token: `progress`, and `total` and `message` if they are not
    /// null.
    #[must_use]
    pub fn progress(&self, said: &RawValue) -> Option<Notification> {
        let said = Members::parse(said.get()).ok()?;
        let mut params = Members::default();
        params.set(PROGRESS_TOKEN, to_raw(self.token.as_ref()?));
        params.set("progress", said.get("progress")?.to_owned());
        for name in ["total", "message"] {
            if let Some(value) = said.get(name).filter(|value| value.get() != "null") {
                params.set(name, value.to_owned());
            }
        }
        Some(Notification { method: PROGRESS.to_owned(), params: Some(params.write()) })
    }

    /// A log line by its parameters.
    #[must_use]
    pub fn line(&self, params: &RawValue) -> Option<Notification> {
        let told = || Notification { method: LOG_MESSAGE.to_owned(), params: Some(params.to_owned()) };
        self.is_told(params).then(told)
    }

    fn is_told(&self, params: &RawValue) -> bool {
        let Ok(members) = Members::parse(params.get()) else { return false };
        match self.lines {
            Lines::All => true,
            // A line of a level that is not known is not known to be unimportant.
            Lines::From(least) => {
                members.text("level").and_then(|level| rank(&level)).is_none_or(|rank| rank >= least)
            }
            Lines::None => false,
        }
    }
}

/// Parameters that ask for no progress.
///
/// # Errors
/// `params` or `_meta` is no object, or has a member twice.
pub fn without_token(params: &RawValue) -> Result<Box<RawValue>, JsonFault> {
    envelope::change_meta(Some(params), |meta| drop(meta.remove(PROGRESS_TOKEN)))
}

fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;
    use proptest::prelude::*;

    fn raw(text: &str) -> Box<RawValue> {
        crate::json::raw(text.to_owned()).unwrap()
    }

    fn caller(version: Version, token: Option<i64>, level: Option<&str>) -> Caller {
        Caller {
            version,
            info: None,
            capabilities: Members::default(),
            log_level: level.map(str::to_owned),
            progress_token: token.map(Id::Number),
        }
    }

    fn wanted(version: Version, token: Option<i64>, level: Option<&str>) -> Wanted {
        Wanted::by(&caller(version, token, level), Id::from("ours"))
    }

    fn note(method: &str, params: &str) -> Notification {
        Notification { method: method.to_owned(), params: Some(raw(params)) }
    }

    fn text(told: Option<Notification>) -> Option<String> {
        told.and_then(|note| note.params).map(|params| params.get().to_owned())
    }

    #[test]
    fn progress_has_the_token_of_its_caller() {
        let some = wanted(Version::NEWEST, Some(7), None);
        let asked = some.params(&raw(r#"{"name":"a","_meta":{"progressToken":7}}"#)).unwrap();
        assert_eq!(asked.get(), r#"{"name":"a","_meta":{"progressToken":"ours"}}"#);
        let told = some.told(note(PROGRESS, r#"{"progressToken":"ours","progress":0.50}"#));
        assert_eq!(text(told).unwrap(), r#"{"progressToken":7,"progress":0.50}"#);
        assert!(some.told(note(PROGRESS, r#"{"progressToken":7,"progress":1}"#)).is_none());
        let of_agent = some.progress(&raw(r#"{"progress":2,"total":null,"message":"m"}"#));
        assert_eq!(text(of_agent).unwrap(), r#"{"progressToken":7,"progress":2,"message":"m"}"#);
        let none = wanted(Version::NEWEST, None, None);
        assert_eq!(none.params(&raw(r#"{"_meta":{"progressToken":7}}"#)).unwrap().get(), r#"{"_meta":{}}"#);
        assert!(none.told(note(PROGRESS, r#"{"progressToken":"ours","progress":1}"#)).is_none());
        assert!(!none.is_asked_for() && some.is_asked_for());
    }

    #[test]
    fn what_another_request_was_told_is_told_anew_where_it_was_asked_for() {
        let first = wanted(Version::NEWEST, Some(7), None).with_all_lines();
        let progress =
            || first.told(note(PROGRESS, r#"{"progressToken":"ours","progress":1,"x":2}"#)).unwrap();
        let line = || first.told(note(LOG_MESSAGE, r#"{"level":"info","data":1}"#)).unwrap();
        let both = wanted(Version::NEWEST, Some(8), Some("info"));
        assert_eq!(text(both.told_anew(progress())).unwrap(), r#"{"progressToken":8,"progress":1,"x":2}"#);
        assert!(both.told_anew(line()).is_some());
        let neither = wanted(Version::NEWEST, None, Some("error"));
        assert!(neither.told_anew(progress()).is_none() && neither.told_anew(line()).is_none());
        assert!(both.told_anew(note("notifications/x", "{}")).is_none());
    }

    #[test]
    fn lines_are_told_from_the_level_that_was_asked_for() {
        for (version, level, line, expected) in [
            (Version::NEWEST, Some("warning"), "error", true),
            (Version::NEWEST, Some("warning"), "info", false),
            (Version::NEWEST, Some("warning"), "unknown", true),
            (Version::NEWEST, Some("unknown"), "error", false),
            (Version::NEWEST, None, "emergency", false),
            (Version::NEWEST_LEGACY, None, "debug", true),
        ] {
            let wanted = wanted(version, None, level);
            let params = raw(&format!(r#"{{"level":"{line}","data":{{ "x" : 1 }}}}"#));
            assert_eq!(wanted.told(note(LOG_MESSAGE, params.get())).is_some(), expected, "{level:?} {line}");
            assert_eq!(wanted.line(&params).is_some(), expected, "{level:?} {line}");
        }
        assert_eq!(wanted(Version::NEWEST, None, Some("error")).level(), Some("error"));
        assert!(wanted(Version::NEWEST_LEGACY, Some(1), None).told(note("notifications/x", "{}")).is_none());
    }

    proptest! {
        #[test]
        fn nothing_but_the_token_of_progress_changes(progress in 0_u32..1000, message in "\\PC{0,20}") {
            let params = serde_json::json!({ "progressToken": "ours", "progress": progress, "message": message });
            let told = wanted(Version::NEWEST, Some(1), None).told(note(PROGRESS, &params.to_string()));
            let mut expected = params;
            expected["progressToken"] = 1.into();
            let told: serde_json::Value = serde_json::from_str(&text(told).unwrap()).unwrap();
            prop_assert_eq!(told, expected);
        }
    }
}
