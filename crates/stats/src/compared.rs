//! The columns of `request_log` that are compared, and the rows that are not in the database: an event, and a line of a pack.
//!
//! The columns are declared once; both rows have a field of the same name for each.

use std::borrow::Cow;

use nexus_edge_core::stats::{AttemptRecord, Outcome, UsageEvent};
use serde::Deserialize;

/// What is compared of a row.
pub trait Row {
    /// The text of a column; `None` if it has none.
    fn text(&self, column: Text) -> Option<Cow<'_, str>>;
    /// The number of a column. A flag is 0 or 1.
    fn number(&self, column: Number) -> u64;
}

/// A field that is compared as text.
trait TextField {
    fn text(&self) -> Option<Cow<'_, str>>;
}

impl TextField for str {
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self))
    }
}

impl TextField for String {
    fn text(&self) -> Option<Cow<'_, str>> {
        self.as_str().text()
    }
}

impl TextField for Cow<'_, str> {
    fn text(&self) -> Option<Cow<'_, str>> {
        self.as_ref().text()
    }
}

impl<T: TextField> TextField for Option<T> {
    fn text(&self) -> Option<Cow<'_, str>> {
        self.as_ref()?.text()
    }
}

impl TextField for Outcome {
    fn text(&self) -> Option<Cow<'_, str>> {
        self.as_str().text()
    }
}

impl TextField for Vec<AttemptRecord> {
    fn text(&self) -> Option<Cow<'_, str>> {
        if self.is_empty() { None } else { serde_json::to_string(self).ok().map(Cow::Owned) }
    }
}

macro_rules! columns {
    (rows { $($row:ty),+ } texts $texts:tt numbers $numbers:tt) => {
        columns!(@names $texts $numbers);
        $(columns!(@row $row, $texts $numbers);)+
    };
    (@names { $($text:ident: $text_field:ident,)+ } { $($number:ident: $number_field:ident,)+ }) => {
        /// A column of `request_log` with text that is compared.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the columns are described in `nexus_edge_api::stats::LoggedRequest`")]
        pub enum Text {
            $($text,)+
        }

        impl Text {
            /// Its name in the table.
            pub(crate) const fn column(self) -> &'static str {
                match self {
                    $(Self::$text => stringify!($text_field),)+
                }
            }
        }

        /// A column with a number that is compared. A flag is 0 or 1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the columns are described in `nexus_edge_api::stats::LoggedRequest`")]
        pub enum Number {
            $($number,)+
        }

        impl Number {
            /// Its name in the table.
            pub(crate) const fn column(self) -> &'static str {
                match self {
                    $(Self::$number => stringify!($number_field),)+
                }
            }
        }
    };
    (@row $row:ty, { $($text:ident: $text_field:ident,)+ } { $($number:ident: $number_field:ident,)+ }) => {
        impl Row for $row {
            fn text(&self, column: Text) -> Option<Cow<'_, str>> {
                match column {
                    $(Text::$text => TextField::text(&self.$text_field),)+
                }
            }

            fn number(&self, column: Number) -> u64 {
                match column {
                    $(Number::$number => self.$number_field.into(),)+
                }
            }
        }
    };
}

columns! {
    rows { UsageEvent, LineOfLog<'_> }
    texts {
        Key: key_id,
        Owner: owner,
        Provider: provider_name,
        Model: model,
        UpstreamModel: upstream_model,
        LogicalModel: logical_model,
        App: app,
        Dialect: dialect,
        Conversation: conversation_id,
        RequestId: request_id,
        Outcome: outcome,
        ErrorCode: error_code,
        Attempts: attempts,
    }
    numbers {
        Stream: stream,
        Status: status,
        DurationMs: duration_ms,
        CostMicros: cost_micros,
    }
}

/// What is compared of a line of a pack.
#[derive(Debug, Deserialize)]
pub struct LineOfLog<'a> {
    #[serde(borrow)]
    key_id: Cow<'a, str>,
    #[serde(borrow)]
    owner: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    upstream_model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    logical_model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    app: Option<Cow<'a, str>>,
    #[serde(borrow)]
    dialect: Cow<'a, str>,
    #[serde(borrow)]
    conversation_id: Cow<'a, str>,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attempts: Option<Cow<'a, str>>,
    stream: u64,
    status: u64,
    duration_ms: u64,
    cost_micros: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_attempts_or_names_has_no_text_there() {
        let event = UsageEvent { key_id: "k".into(), stream: true, status: 200, ..UsageEvent::default() };
        assert_eq!(event.text(Text::Key).as_deref(), Some("k"));
        assert_eq!(event.text(Text::Outcome).as_deref(), Some(event.outcome.as_str()));
        assert_eq!((event.text(Text::Owner), event.text(Text::Attempts)), (None, None));
        assert_eq!((event.number(Number::Stream), event.number(Number::Status)), (1, 200));
        let with = UsageEvent { attempts: vec![AttemptRecord::default()], ..event };
        assert!(with.text(Text::Attempts).unwrap().starts_with('['));
    }

    #[test]
    fn names_of_columns_are_those_of_the_table() {
        assert_eq!((Text::Provider.column(), Number::CostMicros.column()), ("provider_name", "cost_micros"));
    }
}
