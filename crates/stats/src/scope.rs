//! Whose requests may be seen in statistics, in the request log and live. The one place where that is applied.

use nexus_edge_core::access::person;
use nexus_edge_core::error::ApiError;
use serde::{Deserialize, Serialize};

use crate::series::Dimension;

/// Whose requests may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of keys that a person of the admin API may see.
    Person(person::Scope),
    /// Those of this API key.
    Key(String),
}

/// Those of all keys.
impl Default for Scope {
    fn default() -> Self {
        Self::ALL
    }
}

impl Scope {
    /// Those of all keys.
    pub const ALL: Self = Self::Person(person::Scope::All);

    /// Whether a request of this key and owner may be seen.
    #[must_use]
    pub fn has(&self, key_id: &str, owner: Option<&str>) -> bool {
        match self {
            Self::Person(scope) => scope.has(owner),
            Self::Key(id) => id == key_id,
        }
    }

    /// Whether only one's own requests are seen.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        !matches!(self, Self::Person(person::Scope::All))
    }

    /// Adds to filters what the scope demands.
    ///
    /// # Errors
    /// `owner_not_allowed` (403) for a filter of another owner.
    pub fn limit(&self, filters: &mut Vec<(Dimension, Vec<String>)>) -> Result<(), ApiError> {
        match self {
            Self::Person(person::Scope::All) => {}
            Self::Key(id) => {
                filters.retain(|(dimension, _)| *dimension != Dimension::Key);
                filters.push((Dimension::Key, vec![id.clone()]));
            }
            Self::Person(person::Scope::Owners(own)) => {
                match filters.iter().find(|(dimension, _)| *dimension == Dimension::Owner) {
                    None => filters.push((Dimension::Owner, own.clone())),
                    Some((_, asked)) if asked.iter().all(|owner| own.contains(owner)) => {}
                    Some(_) => {
                        let message = "`owner` must be you or one of your teams.";
                        return Err(ApiError::forbidden("owner_not_allowed", message).with_param("owner"));
                    }
                }
            }
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

    fn of_owners(names: &[&str]) -> Scope {
        Scope::Person(person::Scope::Owners(owners(names)))
    }

    #[test]
    fn requests_of_others_are_not_in_it() {
        let (own, key) = (of_owners(&["ada", "team"]), Scope::Key("k".into()));
        assert!(Scope::ALL.has("x", None) && own.has("x", Some("team")) && key.has("k", None));
        assert!(!own.has("x", Some("bob")) && !own.has("x", None) && !key.has("x", Some("ada")));
        assert!(!of_owners(&[]).has("x", None));
    }

    #[test]
    fn filters_are_narrowed_and_never_widened() {
        let own = of_owners(&["ada", "a,b"]);
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
        assert_eq!(limited(&Scope::ALL, &asked), Ok(vec![(Dimension::Owner, owners(&["ada"]))]));
    }
}
