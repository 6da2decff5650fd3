//! `elicitation/create`: what a server asks a person, and the answer.
//!
//! A question is a form of flat fields, or an address that the person opens in a browser. Guarantee: what is shown of a question has
//! neither control codes nor more than [`MAX_MESSAGE_CHARS`] characters of text, its schema is within the limits of
//! [`schema`], and its address is one of `https` or `http`.

mod form;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json::{Members, string, to_raw};
use crate::schema;

pub use form::{Fault, Form, Wrong};

/// The method.
pub const METHOD: &str = "elicitation/create";
/// Most characters of a message that are shown.
pub const MAX_MESSAGE_CHARS: usize = 4_000;
/// Longest address, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// The ways in which a client can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// With forms.
    pub form: bool,
    /// With addresses.
    pub url: bool,
}

impl Modes {
    /// Both.
    pub const ALL: Self = Self { form: true, url: true };

    /// Those of the capability `elicitation` of a client. An empty object stands for forms.
    #[must_use]
    pub fn read(elicitation: &RawValue) -> Self {
        let modes = Members::parse(elicitation.get()).unwrap_or_default();
        Self { form: modes.is_empty() || modes.get("form").is_some(), url: modes.get("url").is_some() }
    }

    /// Whether there is one.
    #[must_use]
    pub const fn are_any(self) -> bool {
        self.form || self.url
    }

    /// `ClientCapabilities` that say this and no more: the same text for all clients that can be asked in the same ways.
    #[must_use]
    pub fn capabilities(self) -> Box<RawValue> {
        let (mut capabilities, mut modes) = (Members::default(), Members::default());
        for (name, can) in [("form", self.form), ("url", self.url)] {
            if can {
                modes.set(name, Members::default().write());
            }
        }
        if self.are_any() {
            capabilities.set("elicitation", modes.write());
        }
        capabilities.write()
    }
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Elicitation {
    /// What the server says of it.
    pub message: String,
    /// How it is answered.
    pub mode: Mode,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// With values for the fields of a form.
    Form(Form),
    /// At an address, beside the protocol.
    Url(String),
}

impl Elicitation {
    /// Reads the parameters of a question; `None` where no person can be asked it.
    #[must_use]
    pub fn read(params: Option<&RawValue>) -> Option<Self> {
        let params = Members::of(params).ok()?;
        let message = shown(&params.text("message")?);
        let mode = match params.text("mode").as_deref() {
            None | Some("form") => {
                let schema = params.get("requestedSchema")?;
                schema::check(schema).ok()?;
                Mode::Form(Form::read(schema)?)
            }
            Some("url") => Mode::Url(params.text("url").filter(|url| may_be_opened(url))?),
            Some(_) => return None,
        };
        Some(Self { message, mode })
    }
}

/// What a person did with a question: a member `action` of an `ElicitResult`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answered it.
    Accept,
    /// Refused to answer it.
    Decline,
    /// Did neither.
    Cancel,
}

impl Action {
    /// The word of the protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
        }
    }

    /// The action of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Accept, Self::Decline, Self::Cancel].into_iter().find(|action| action.as_str() == word)
    }
}

/// The `ElicitResult` of an action; only an accepted form has content.
#[must_use]
pub fn result(action: Action, content: Option<&Map<String, Value>>) -> Box<RawValue> {
    let mut result = Members::default();
    result.set("action", string(action.as_str()));
    if let Some(content) = content {
        result.set("content", to_raw(content));
    }
    result.write()
}

fn shown(text: &str) -> String {
    let is_shown = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    text.chars().filter(is_shown).take(MAX_MESSAGE_CHARS).collect()
}

fn may_be_opened(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
    url.len() <= MAX_URL_BYTES && host.is_some_and(|rest| !rest.is_empty()) && url.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::raw;

    fn read(params: &str) -> Option<Elicitation> {
        Elicitation::read(Some(&raw(params.to_owned()).unwrap()))
    }

    #[test]
    fn a_question_is_a_form_or_an_address() {
        let form = read(r#"{"message":"Who\u001b[1m?","requestedSchema":{"type":"object"}}"#).unwrap();
        assert_eq!(form.message, "Who[1m?");
        assert!(matches!(form.mode, Mode::Form(_)));
        let url =
            read(r#"{"mode":"url","message":"Sign in","url":"https://a.example/x","elicitationId":"1"}"#);
        assert_eq!(url.unwrap().mode, Mode::Url("https://a.example/x".to_owned()));
        for unusable in [
            r#"{"message":"Who?"}"#,
            r#"{"requestedSchema":{"type":"object"}}"#,
            r#"{"message":"a","requestedSchema":[]}"#,
            r#"{"message":"a","requestedSchema":{"$ref":"http://169.254.169.254/"}}"#,
            r#"{"mode":"url","message":"a","url":"javascript:alert(1)"}"#,
            r#"{"mode":"url","message":"a","url":"https://"}"#,
            r#"{"mode":"url","message":"a","url":"https://a b"}"#,
            r#"{"mode":"dance","message":"a","requestedSchema":{"type":"object"}}"#,
        ] {
            assert_eq!(read(unusable), None, "{unusable}");
        }
        let long = format!(r#"{{"message":"{}","requestedSchema":{{}}}}"#, "é".repeat(5_000));
        assert_eq!(read(&long).unwrap().message.chars().count(), MAX_MESSAGE_CHARS);
    }

    #[test]
    fn an_answer_is_written_as_the_protocol_has_it() {
        assert_eq!(result(Action::Decline, None).get(), r#"{"action":"decline"}"#);
        let content = serde_json::json!({ "name": "Ada" });
        assert_eq!(
            result(Action::Accept, content.as_object()).get(),
            r#"{"action":"accept","content":{"name":"Ada"}}"#
        );
        assert_eq!(Action::parse("accept"), Some(Action::Accept));
        assert_eq!(Action::parse("Accept"), None);
        assert_eq!(Modes::ALL.capabilities().get(), r#"{"elicitation":{"form":{},"url":{}}}"#);
        for (declared, told) in [
            ("{}", r#"{"elicitation":{"form":{}}}"#),
            (r#"{"form":{"applyDefaults":true},"more":1}"#, r#"{"elicitation":{"form":{}}}"#),
            (r#"{ "url" : {} }"#, r#"{"elicitation":{"url":{}}}"#),
            (r#"{"more":{}}"#, "{}"),
        ] {
            let modes = Modes::read(&raw(declared.to_owned()).unwrap());
            assert_eq!(modes.capabilities().get(), told, "{declared}");
        }
    }
}
