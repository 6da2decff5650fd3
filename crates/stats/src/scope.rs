//! Whose requests may be seen in statistics, in the request log and live. The one place where that is applied.

use nexus_edge_core::error::ApiError;
use serde::{Deserialize, Serialize};

use crate::series::Dimension;

/// Whose requests may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of all keys.
    #[default]
    All,
    /// Those of keys of these owners.
    Owners(Vec<String>),
    /// Those of this API key.
    Key(String),
}

impl Scope {
    /// Whether a request of this key and owner may be seen.
    #[must_use]
    pub fn has(&self, key_id: &str, owner: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Owners(owners) => owner.is_some_and(|owner| owners.iter().any(|own| own == owner)),
            Self::Key(id) => id == key_id,
        }
    }

    /// Whether only one's own requests are seen.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// Adds to filters what the scope demands.
    ///
    /// # Errors
    /// `owner_not_allowed` (403) for a filter of another owner.
    pub fn limit(&self, filters: &mut Vec<(Dimension, Vec<String>)>) -> Result<(), ApiError> {
        match self {
            Self::All => {}
            Self::Key(id) => {
                filters.retain(|(dimension, _)| *dimension != Dimension::Key);
                filters.push((Dimension::Key, vec![id.clone()]));
            }
            Self::Owners(own) => match filters.iter().find(|(dimension, _)| *dimension == Dimension::Owner) {
                None => filters.push((Dimension::Owner, own.clone())),
                Some((_, asked)) if asked.iter().all(|owner| own.contains(owner)) => {}
                Some(_) => {
                    let message = "`owner` must be you or one of your teams.";
                    return Err(ApiError::forbidden("owner_not_allowed", message).with_param("owner"));
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn limited(
        scope: &Scope,
        given: &[(Dimension, &[&str])],
    ) -> Result<Vec<(Dimension, Vec<String>)>, ApiError> {
        let mut filters = given.iter().map(|(dimension, values)| (*dimension, owners(values))).collect();
        scope.limit(&mut filters).map(|()| filters)
    }

    #[test]
    fn requests_of_others_are_not_in_it() {
        let (own, key) = (Scope::Owners(owners(&["ada", "team"])), Scope::Key("k".into()));
        assert!(Scope::All.has("x", None) && own.has("x", Some("team")) && key.has("k", None));
        assert!(!own.has("x", Some("bob")) && !own.has("x", None) && !key.has("x", Some("ada")));
        assert!(!Scope::Owners(Vec::new()).has("x", None));
    }

    #[test]
    fn filters_are_narrowed_and_never_widened() {
        let own = Scope::Owners(owners(&["ada", "a,b"]));
        assert_eq!(limited(&own, &[]), Ok(vec![(Dimension::Owner, owners(&["ada", "a,b"]))]));
        let asked = [(Dimension::Owner, &["ada"][..])];
        assert_eq!(limited(&own, &asked), Ok(vec![(Dimension::Owner, owners(&["ada"]))]));
        for others in [&["bob"][..], &["ada", "bob"], &[""], &["a"]] {
            assert_eq!(limited(&own, &[(Dimension::Owner, others)]).unwrap_err().code, "owner_not_allowed");
        }
        let key = Scope::Key("k".into());
        assert_eq!(
            limited(&key, &[(Dimension::Key, &["other"])]),
            Ok(vec![(Dimension::Key, owners(&["k"]))]),
            "the holder of a key sees its own, whatever is asked for"
        );
        assert_eq!(limited(&Scope::All, &asked), Ok(vec![(Dimension::Owner, owners(&["ada"]))]));
    }
}
