//! What is asked of the statistics: a window of time, filters, and by what the figures are grouped.

use crate::grain::{Grain, Retention};
use crate::scope::Scope;
use crate::series::Dimension;
use crate::window::{Division, Offset, Window};
use nexus_edge_core::error::ApiError;

/// Groups of an answer: unless said, and at most.
pub const DEFAULT_GROUPS: u64 = 10;
/// See [`DEFAULT_GROUPS`].
pub const MAX_GROUPS: u64 = 200;
/// Values of one filter.
const MAX_VALUES: usize = 50;

/// The ranges that have a name, up to now, with their lengths in milliseconds.
pub const RANGES: [(&str, u64); 8] = [
    ("15m", 900_000),
    ("1h", 3_600_000),
    ("6h", 21_600_000),
    ("24h", 86_400_000),
    ("7d", 604_800_000),
    ("30d", 2_592_000_000),
    ("90d", 7_776_000_000),
    ("365d", 31_536_000_000),
];

/// The parameters as they are in the address.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The name of a range up to now.
    pub range: Option<String>,
    /// The beginning, in milliseconds since the epoch.
    pub from: Option<u64>,
    /// The end, in milliseconds since the epoch.
    pub to: Option<u64>,
    /// The name of a division into buckets.
    pub bucket: Option<String>,
    /// The name of a dimension.
    pub group_by: Option<String>,
    /// Values of dimensions, separated by commas.
    pub filters: Vec<(Dimension, String)>,
    /// Most groups.
    pub limit: Option<u64>,
    /// Whose requests may be seen.
    pub scope: Scope,
}

/// A query over the statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The window.
    pub window: Window,
    /// Of these dimensions only these values; all of them must fit.
    pub filters: Vec<(Dimension, Vec<String>)>,
    /// By what the figures are grouped.
    pub group_by: Option<Dimension>,
    /// Most groups; the others are one group together.
    pub limit: u64,
}

impl Query {
    /// Reads the parameters. Without a window it is the last 24 hours.
    ///
    /// # Errors
    /// `invalid_value`, which names the parameter; those of [`Scope::limit`].
    pub fn read(
        asked: &Asked,
        offset: Offset<'_>,
        now_ms: u64,
        retention: Retention,
    ) -> Result<Self, ApiError> {
        let (from, to) = ends(asked, now_ms)?;
        let division = match asked.bucket.as_deref() {
            None => Division::Auto,
            Some(name) => Division::named(name).ok_or_else(|| {
                invalid("bucket", "`bucket` must be one of auto, minute, quarter, hour, day.".to_owned())
            })?,
        };
        let window = Window::new((from, to), division, offset, now_ms, retention)
            .ok_or_else(|| invalid("from", "`from` must be before `to`.".to_owned()))?;
        let group_by = match asked.group_by.as_deref() {
            None => None,
            Some(name) => Some(dimension("group_by", name)?),
        };
        let filters = filters(&asked.filters, &asked.scope)?;
        let limit = asked.limit.unwrap_or(DEFAULT_GROUPS).clamp(1, MAX_GROUPS);
        Ok(Self { window, filters, group_by, limit })
    }

    /// The dimensions by which it tells requests apart.
    pub fn dimensions(&self) -> impl Iterator<Item = Dimension> + '_ {
        self.filters.iter().map(|(dimension, _)| *dimension).chain(self.group_by)
    }

    /// The same query over the window before this one, of equal length.
    #[must_use]
    pub fn before(&self) -> (u64, u64) {
        let (from, to) = (self.window.from_ms(), self.window.to_ms());
        (from.saturating_sub(to - from), from)
    }
}

/// The values of each dimension, from texts that separate them by commas, within a scope.
///
/// # Errors
/// `invalid_value`, which names the parameter; those of [`Scope::limit`].
pub fn filters(
    given: &[(Dimension, String)],
    scope: &Scope,
) -> Result<Vec<(Dimension, Vec<String>)>, ApiError> {
    let mut filters =
        given.iter().map(|(dimension, text)| values(*dimension, text)).collect::<Result<Vec<_>, _>>()?;
    scope.limit(&mut filters)?;
    Ok(filters)
}

fn ends(asked: &Asked, now_ms: u64) -> Result<(u64, u64), ApiError> {
    if let Some(range) = &asked.range {
        if asked.from.is_some() || asked.to.is_some() {
            return Err(invalid("range", "Give `range`, or `from` and `to`, not both.".to_owned()));
        }
        let names = || RANGES.map(|(name, _)| name).join(", ");
        let (_, length) = RANGES
            .into_iter()
            .find(|(name, _)| name == range)
            .ok_or_else(|| invalid("range", format!("`range` must be one of {}.", names())))?;
        return Ok((now_ms.saturating_sub(length), now_ms));
    }
    let to = asked.to.unwrap_or(now_ms);
    let from = asked.from.unwrap_or_else(|| to.saturating_sub(Grain::Day.length_ms()));
    if to > now_ms.saturating_add(366 * Grain::Day.length_ms()) {
        return Err(invalid("to", "`to` is more than a year ahead.".to_owned()));
    }
    Ok((from, to))
}

/// The dimension that a parameter names.
///
/// # Errors
/// `invalid_value`.
pub fn dimension(parameter: &str, name: &str) -> Result<Dimension, ApiError> {
    Dimension::named(name).ok_or_else(|| {
        let names = Dimension::ALL.map(Dimension::as_str).join(", ");
        invalid(parameter, format!("`{parameter}` must be one of {names}."))
    })
}

fn values(dimension: Dimension, text: &str) -> Result<(Dimension, Vec<String>), ApiError> {
    let values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
    if values.len() > MAX_VALUES {
        let name = dimension.as_str();
        return Err(invalid(name, format!("`{name}` takes at most {MAX_VALUES} values.")));
    }
    Ok((dimension, values))
}

fn invalid(parameter: &str, message: String) -> ApiError {
    ApiError::invalid("invalid_value", parameter, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_200_203_000;

    fn read(asked: &Asked) -> Result<Query, ApiError> {
        Query::read(asked, &|_| 0, NOW, Retention::default())
    }

    fn refused(asked: &Asked) -> Option<String> {
        read(asked).err().and_then(|error| error.param)
    }

    #[test]
    fn without_a_window_it_is_the_last_day() {
        let query = read(&Asked::default()).unwrap();
        assert_eq!(query.window.buckets().len(), 97);
        assert!(query.window.to_ms() >= NOW);
        let (from, to) = query.before();
        assert_eq!((to, to - from), (query.window.from_ms(), query.window.to_ms() - query.window.from_ms()));
    }

    #[test]
    fn filters_take_several_values() {
        let filters = vec![(Dimension::Model, "gpt-5, o3,".to_owned())];
        let query =
            read(&Asked { filters, group_by: Some("key".into()), limit: Some(900), ..Asked::default() })
                .unwrap();
        assert_eq!(query.filters, [(Dimension::Model, vec!["gpt-5".into(), "o3".into(), String::new()])]);
        assert_eq!((query.group_by, query.limit), (Some(Dimension::Key), MAX_GROUPS));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(refused(&Asked { range: text("2y"), ..Asked::default() }).as_deref(), Some("range"));
        assert_eq!(
            refused(&Asked { range: text("1h"), to: Some(5), ..Asked::default() }).as_deref(),
            Some("range")
        );
        assert_eq!(
            refused(&Asked { from: Some(9), to: Some(9), ..Asked::default() }).as_deref(),
            Some("from")
        );
        assert_eq!(refused(&Asked { to: Some(u64::MAX), ..Asked::default() }).as_deref(), Some("to"));
        assert_eq!(refused(&Asked { bucket: text("week"), ..Asked::default() }).as_deref(), Some("bucket"));
        assert_eq!(
            refused(&Asked { group_by: text("colour"), ..Asked::default() }).as_deref(),
            Some("group_by")
        );
        let filters = vec![(Dimension::Key, "k,".repeat(60))];
        assert_eq!(refused(&Asked { filters, ..Asked::default() }).as_deref(), Some("key"));
    }
}
