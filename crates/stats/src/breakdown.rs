//! The sums of a window by several dimensions at once: what many questions about one window are answered from together.
//!
//! The name of a group is the JSON list of its values, in the order of the dimensions.

use crate::grain::Grain;
use crate::series::Dimension;
use crate::sql::{Builder, LISTED, Statement, added_up, group_of};
use crate::totals;
use crate::window::{Progress, cover};

/// The sums of each combination of values in a window whose ends are whole minutes.
#[must_use]
pub fn sums(dimensions: &[Dimension], window: (u64, u64), progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = source(&mut builder, dimensions, window, progress);
    builder.done(format!("SELECT {} AS name, {} {source} GROUP BY 1", names(dimensions), added_up()))
}

/// The sketches of complete answers of the same groups. A group may have several rows.
#[must_use]
pub fn sketches(dimensions: &[Dimension], window: (u64, u64), progress: Progress) -> Statement {
    let mut builder = Builder::default();
    let source = source(&mut builder, dimensions, window, progress);
    let names = names(dimensions);
    builder.done(format!(
        "SELECT {names} AS name, {LISTED} {source} WHERE s.status = 'ok' GROUP BY 1, r.series % 16"
    ))
}

/// The values of the group with this name; `None` if it is none of these statements'.
#[must_use]
pub fn values_of(name: &str) -> Option<Vec<String>> {
    serde_json::from_str(name).ok()
}

fn names(dimensions: &[Dimension]) -> String {
    let values: Vec<String> = dimensions.iter().map(|dimension| group_of(Some(*dimension))).collect();
    format!("json_array({})", values.join(", "))
}

fn source(
    builder: &mut Builder,
    dimensions: &[Dimension],
    (from_ms, to_ms): (u64, u64),
    progress: Progress,
) -> String {
    let stretches = cover(Grain::Minute, from_ms, to_ms, progress);
    builder.rows(&totals::spans(dimensions.iter().copied(), &stretches, progress))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Parameter;

    #[test]
    fn a_group_is_named_by_its_values() {
        let progress = Progress { quarter: 900_000, hour: 0, day: 0, ..Progress::default() };
        let statement = sums(&[Dimension::Provider, Dimension::Stream], (0, 960_000), progress);
        let begin = "SELECT json_array(s.provider, CASE s.stream WHEN 1 THEN 'true' ELSE 'false' END) AS name, \
            total(r.requests) AS requests, ";
        assert!(statement.sql.starts_with(begin), "{}", statement.sql);
        assert!(statement.sql.ends_with("GROUP BY 1"));
        let spans = r#"[["q",0,900000],["m",900000,960000]]"#;
        assert_eq!(
            statement.parameters,
            [Parameter::Text(spans.into())],
            "a quarter of an hour and a minute"
        );
        assert!(sketches(&[], (0, 60_000), progress).sql.starts_with("SELECT json_array() AS name, "));
        assert_eq!(values_of(r#"["a","true"]"#), Some(vec!["a".to_owned(), "true".to_owned()]));
        assert_eq!(values_of("a"), None);
    }
}
