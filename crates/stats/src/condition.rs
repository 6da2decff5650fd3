//! What a row of the request log must fit, stated once: as a condition of the database, and as a comparison with a row that is
//! not in it, because its request has just ended or because it is in a pack.
//!
//! Both mean the same for every row, the absence of a value included, which fits no text.

use std::fmt::Write as _;

use crate::compared::{Number, Row, Text};
use crate::series::Class;
use crate::sql::Parameter;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<'a> {
    /// One of these columns has exactly this text.
    Is(&'static [Text], &'a str),
    /// The column has exactly one of these texts.
    IsOneOf(Text, &'a [String]),
    /// These columns, joined by spaces, contain this text, whatever the case of ASCII letters.
    Contains([Text; 2], &'a str),
    /// The column has this number.
    Equals(Number, u64),
    /// The column has at least this number.
    AtLeast(Number, u64),
    /// The request ended so.
    Ended(Class),
}

impl Condition<'_> {
    /// The condition of the database. What callers give is added to the parameters.
    #[must_use]
    pub fn sql(&self, parameters: &mut Vec<Parameter>) -> String {
        let mut parameter = |value: Parameter| {
            parameters.push(value);
            format!("?{}", parameters.len())
        };
        match self {
            Self::Is(columns, text) => {
                let columns: Vec<&str> = columns.iter().map(|column| column.column()).collect();
                format!("{} IN ({})", parameter(Parameter::Text((*text).to_owned())), columns.join(", "))
            }
            Self::IsOneOf(column, texts) => {
                let texts = serde_json::to_string(texts).unwrap_or_default();
                let texts = parameter(Parameter::Text(texts));
                format!("{} IN (SELECT value FROM json_each({texts}))", column.column())
            }
            Self::Contains([first, second], part) => format!(
                "instr(lower(COALESCE({}, '') || ' ' || COALESCE({}, '')), lower({})) > 0",
                first.column(),
                second.column(),
                parameter(Parameter::Text((*part).to_owned()))
            ),
            Self::Equals(column, number) => {
                format!("{} = {}", column.column(), parameter(Parameter::Number(*number)))
            }
            Self::AtLeast(column, least) => {
                format!("{} >= {}", column.column(), parameter(Parameter::Number(*least)))
            }
            Self::Ended(class) => format!("{} = '{}'", class_of_row(), class.as_str()),
        }
    }

    /// Whether a row fits.
    #[must_use]
    pub fn holds(&self, row: &impl Row) -> bool {
        match self {
            Self::Is(columns, text) => {
                columns.iter().any(|column| row.text(*column).as_deref() == Some(*text))
            }
            Self::IsOneOf(column, texts) => {
                row.text(*column).is_some_and(|value| texts.iter().any(|text| *text == value))
            }
            Self::Contains(columns, part) => {
                let [first, second] = columns.map(|column| row.text(column).unwrap_or_default());
                format!("{first} {second}").to_ascii_lowercase().contains(&part.to_ascii_lowercase())
            }
            Self::Equals(column, number) => row.number(*column) == *number,
            Self::AtLeast(column, least) => row.number(*column) >= *least,
            Self::Ended(class) => {
                let outcome = row.text(Text::Outcome).unwrap_or_default();
                let status = u16::try_from(row.number(Number::Status)).unwrap_or(u16::MAX);
                Class::of_row(&outcome, status, row.text(Text::ErrorCode).as_deref()) == *class
            }
        }
    }
}

/// The class of a row in SQL: the cases of [`Class::RULES`].
fn class_of_row() -> String {
    let mut sql = "CASE".to_owned();
    for rule in Class::RULES {
        let mut conditions = Vec::new();
        conditions.extend(rule.outcome.map(|outcome| format!("outcome = '{}'", outcome.as_str())));
        conditions.extend(rule.error_code.map(|code| format!("error_code = '{code}'")));
        if !rule.statuses.is_empty() {
            let ranges =
                rule.statuses.iter().map(|(least, most)| format!("status BETWEEN {least} AND {most}"));
            conditions.push(format!("({})", ranges.collect::<Vec<_>>().join(" OR ")));
        }
        // Writing to a text does not fail.
        let _ = if conditions.is_empty() {
            write!(sql, " ELSE '{}' END", rule.class.as_str())
        } else {
            write!(sql, " WHEN {} THEN '{}'", conditions.join(" AND "), rule.class.as_str())
        };
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_core::stats::{Outcome, UsageEvent};

    #[test]
    fn the_class_in_sql_ends_with_a_case_for_all_others() {
        let sql = class_of_row();
        assert!(sql.starts_with("CASE WHEN outcome = 'cancelled' THEN 'cancelled' "), "{sql}");
        assert!(sql.ends_with(" ELSE 'server' END") && sql.matches("ELSE").count() == 1, "{sql}");
        for class in Class::ALL {
            assert!(sql.contains(&format!(" '{}'", class.as_str())), "{sql}");
        }
    }

    #[test]
    fn what_is_absent_fits_no_text() {
        let event = UsageEvent { outcome: Outcome::Completed, ..UsageEvent::default() };
        assert!(!Condition::Is(&[Text::Owner], "").holds(&event));
        assert!(!Condition::IsOneOf(Text::Owner, &[String::new()]).holds(&event));
        assert!(Condition::Contains([Text::ErrorCode, Text::Attempts], " ").holds(&event));
    }
}
