//! Which callers reach a provider: the one rule by which a private provider stays out of the sight of others.
//!
//! Guarantee: for a caller who does not reach a provider, everything is as if the provider did not exist.

use super::provider::ProviderRecord;
use super::visibility::Visibility;
use crate::access::person::Scope;

/// How a caller reaches a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Not at all.
    None,
    /// By an address, `provider/model`. A provider that another owner has shared must not receive requests that only name a
    /// model: to share one would otherwise be a way to others' prompts.
    ByAddress,
    /// By every name of its models.
    Full,
}

impl ProviderRecord {
    /// How callers of this reach it. The only place that decides this.
    #[must_use]
    pub fn access(&self, reach: &Scope) -> Access {
        let is_shared = || self.shared_with.iter().any(|owner| reach.has(Some(owner)));
        match self.visibility {
            Visibility::Public => Access::Full,
            _ if reach.has(self.owner.as_deref()) => Access::Full,
            Visibility::Shared if is_shared() => Access::ByAddress,
            Visibility::Shared | Visibility::Private => Access::None,
        }
    }

    /// Whether a person or caller with this reach may know of it.
    #[must_use]
    pub fn is_visible_to(&self, reach: &Scope) -> bool {
        self.access(reach) != Access::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;

    fn reach(owners: &[&str]) -> Scope {
        Scope::Owners(owners.iter().map(|owner| (*owner).to_owned()).collect())
    }

    fn provider(visibility: Visibility) -> ProviderRecord {
        ProviderRecord {
            owner: Some("ada".into()),
            visibility,
            shared_with: vec!["bob".into()],
            ..test_record(1, "p")
        }
    }

    #[test]
    fn only_those_of_its_owner_and_of_those_it_is_shared_with_are_let_through() {
        for (visibility, ada, bob, other) in [
            (Visibility::Private, Access::Full, Access::None, Access::None),
            (Visibility::Shared, Access::Full, Access::ByAddress, Access::None),
            (Visibility::Public, Access::Full, Access::Full, Access::Full),
        ] {
            let provider = provider(visibility);
            for (owners, expected) in [
                (&["ada"][..], ada),
                (&["team", "ada"], ada),
                (&["bob"], bob),
                (&["eve"], other),
                (&[], other),
            ] {
                assert_eq!(provider.access(&reach(owners)), expected, "{visibility:?} {owners:?}");
            }
            assert_eq!(provider.access(&Scope::All), Access::Full);
        }
    }

    #[test]
    fn a_private_provider_without_an_owner_serves_no_key() {
        let lost = ProviderRecord { owner: None, ..provider(Visibility::Private) };
        assert_eq!(lost.access(&reach(&["ada", ""])), Access::None);
        assert_eq!(lost.access(&reach(&[])), Access::None);
    }
}
