//! What those who may only manage providers of their own may say about one.
//!
//! Guarantees: before a review such a provider serves only its owner and those with whom it is shared, costs the deployment
//! nothing but requests, and its name neither tells of a provider of another owner nor takes a name away.

use super::ProviderKind;
use super::operation::{DEFAULT_PROBE_INTERVAL_S, OperationStatus};
use super::provider::ProviderRecord;
use super::provider_input::ProviderInput;
use super::visibility::Visibility;
use crate::access::person::Scope;
use crate::error::ApiError;
use crate::hash::sha256_hex;
use crate::input::Patch;

/// Most models of a provider of one's own: all of them are part of the configuration that isolates hold.
pub const MAX_OWN_MODELS: u32 = 500;
/// Characters of the hash of the owner at the end of a name.
const MARK_CHARACTERS: usize = 8;
/// Most characters of a name.
const MAX_NAME: usize = 100;

impl ProviderInput {
    /// Applies whose the provider is and whose requests it serves, and checks what else a person with this scope may say.
    /// Comes after [`ProviderInput::apply_public`]; `before` is the record as it is stored, `None` for a new one.
    ///
    /// # Errors
    /// `owner_not_allowed`, `review_required`, `own_provider_restricted` (403); `provider_in_review` (409); `invalid_value`
    /// (400) for a provider that would belong to the operator and serve only some.
    pub fn apply_ownership(
        &self,
        scope: &Scope,
        before: Option<&ProviderRecord>,
        record: &mut ProviderRecord,
    ) -> Result<(), ApiError> {
        let is_new = before.is_none();
        if let Some(before) = before {
            before.check_not_in_review(scope)?;
            before.check_status_change(scope, record.status)?;
        }
        let asked_for = match &self.owner {
            Patch::Keep if !is_new => record.owner.clone(),
            Patch::Clear if !is_new && *scope != Scope::All => {
                let message = "`owner` must be you or one of your teams.";
                return Err(ApiError::forbidden("owner_not_allowed", message).with_param("owner"));
            }
            Patch::Keep | Patch::Clear => None,
            Patch::Set(owner) => Some(owner.clone()),
        };
        record.owner = scope.owner_of_new(asked_for)?;
        if is_new && record.owner.is_some() {
            record.visibility = Visibility::Private;
        }
        if let Patch::Set(owners) = &self.shared_with {
            record.shared_with.clone_from(owners);
            if record.visibility != Visibility::Public {
                record.visibility = if owners.is_empty() { Visibility::Private } else { Visibility::Shared };
            }
        }
        if let Patch::Set(visibility) = self.visibility {
            record.visibility = visibility;
        }
        if record.owner.is_none() && record.visibility != Visibility::Public {
            let message = "A provider without an `owner` serves all: its `visibility` is `public`.";
            return Err(ApiError::invalid("invalid_value", "visibility", message));
        }
        if *scope == Scope::All { Ok(()) } else { self.restrict(record) }
    }

    fn restrict(&self, record: &mut ProviderRecord) -> Result<(), ApiError> {
        if record.visibility == Visibility::Public {
            let message = "A provider of one's own becomes public by a review: POST /providers/{id}/submit.";
            return Err(ApiError::forbidden("review_required", message).with_param("visibility"));
        }
        let refused = |field: &str, message: &str| {
            Err(ApiError::forbidden("own_provider_restricted", message).with_param(field))
        };
        if self.kind == Patch::Set(ProviderKind::WorkersAi) {
            return refused("kind", "Providers of this kind use the account of the deployment.");
        }
        if matches!(self.personalized_key, Patch::Set(_)) {
            return refused("personalized_key", "A provider of one's own is used with one's API keys.");
        }
        let interval_s = record.probe_interval_s.unwrap_or(DEFAULT_PROBE_INTERVAL_S);
        if record.probe_enabled && interval_s < DEFAULT_PROBE_INTERVAL_S {
            let message =
                format!("Own providers are probed at most every {DEFAULT_PROBE_INTERVAL_S} seconds.");
            return refused("probe_interval_s", &message);
        }
        if let (Patch::Set(name), Some(owner)) = (&self.name, &record.owner) {
            record.name = own_name(name, owner)?;
        }
        Ok(())
    }
}

impl ProviderRecord {
    /// Checks that a person with this scope may change what the provider consists of besides its own record: its models and
    /// keys.
    ///
    /// # Errors
    /// `provider_in_review` (409); `review_required` (403) if it is public: what is reviewed must be what serves others.
    pub fn check_parts_changeable(&self, scope: &Scope) -> Result<(), ApiError> {
        self.check_not_in_review(scope)?;
        if *scope != Scope::All && self.visibility == Visibility::Public {
            let message = "The provider is public. Make it private, change it, and submit it again.";
            return Err(ApiError::forbidden("review_required", message));
        }
        Ok(())
    }

    /// Checks that what is tested and reviewed stays what it is.
    ///
    /// # Errors
    /// `provider_in_review` (409).
    pub fn check_not_in_review(&self, scope: &Scope) -> Result<(), ApiError> {
        if *scope != Scope::All && self.in_review {
            let message = "The provider is being reviewed. Withdraw its submission to change it.";
            return Err(ApiError::conflict("provider_in_review", "id", message));
        }
        Ok(())
    }

    /// Checks a change of its status. Owners pause and resume; what the operator takes offline stays offline.
    ///
    /// # Errors
    /// `own_provider_restricted` (403).
    pub fn check_status_change(&self, scope: &Scope, to: OperationStatus) -> Result<(), ApiError> {
        let touches_offline = self.status == OperationStatus::Offline || to == OperationStatus::Offline;
        if *scope != Scope::All && self.status != to && touches_offline {
            let message = "Only the operator takes a provider offline and back.";
            return Err(ApiError::forbidden("own_provider_restricted", message).with_param("status"));
        }
        Ok(())
    }
}

/// The name of a provider of this owner: the one that was asked for and a mark of the owner, `mine~1a2b3c4d`.
fn own_name(asked_for: &str, owner: &str) -> Result<String, ApiError> {
    let hash = sha256_hex(owner);
    let mark = format!("~{}", hash.get(..MARK_CHARACTERS).unwrap_or_default());
    let label = asked_for.strip_suffix(mark.as_str()).unwrap_or(asked_for);
    let most = MAX_NAME.saturating_sub(mark.len());
    if label.is_empty() || label.chars().count() > most {
        let message = format!("`name` must have from 1 to {most} characters.");
        return Err(ApiError::invalid("invalid_value", "name", message));
    }
    Ok(format!("{label}{mark}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;
    use crate::input::Input;

    fn own() -> Scope {
        Scope::Owners(vec!["ada".into(), "team".into()])
    }

    fn apply(body: &str, scope: &Scope, record: Option<&ProviderRecord>) -> Result<ProviderRecord, ApiError> {
        let input = ProviderInput::parse(body.as_bytes())?;
        let mut changed = record.cloned().unwrap_or_else(|| test_record(0, "new"));
        input.apply_public(&mut changed)?;
        input.apply_ownership(scope, record, &mut changed)?;
        Ok(changed)
    }

    fn code(body: &str, scope: &Scope, record: Option<&ProviderRecord>) -> &'static str {
        apply(body, scope, record).unwrap_err().code
    }

    #[test]
    fn what_one_makes_is_ones_own_and_private() {
        let made = apply(r#"{"name":"mine"}"#, &own(), None).unwrap();
        assert_eq!((made.owner.as_deref(), made.visibility), (Some("ada"), Visibility::Private));
        assert_eq!(apply(r#"{"owner":"team"}"#, &own(), None).unwrap().owner.as_deref(), Some("team"));
        assert_eq!(code(r#"{"owner":"bob"}"#, &own(), None), "owner_not_allowed");
    }

    #[test]
    fn the_operators_are_public_and_theirs_to_give_away() {
        let made = apply("{}", &Scope::All, None).unwrap();
        assert_eq!((made.owner.as_deref(), made.visibility), (None, Visibility::Public));
        assert_eq!(code(r#"{"visibility":"private"}"#, &Scope::All, None), "invalid_value");
        let given = apply(r#"{"owner":"ada"}"#, &Scope::All, Some(&made)).unwrap();
        assert_eq!((given.owner.as_deref(), given.visibility), (Some("ada"), Visibility::Public));
        let private = apply(r#"{"visibility":"private"}"#, &Scope::All, Some(&given)).unwrap();
        // To take the owner away must not publish it by the way.
        assert_eq!(code(r#"{"owner":null}"#, &Scope::All, Some(&private)), "invalid_value");
        assert!(apply(r#"{"owner":null,"visibility":"public"}"#, &Scope::All, Some(&private)).is_ok());
    }

    #[test]
    fn only_a_review_makes_it_public_and_no_change_gives_it_away() {
        let mine = apply("{}", &own(), None).unwrap();
        assert_eq!(code(r#"{"visibility":"public"}"#, &own(), Some(&mine)), "review_required");
        assert_eq!(code(r#"{"visibility":"public"}"#, &own(), None), "review_required");
        for body in [r#"{"owner":null}"#, r#"{"owner":"bob"}"#] {
            assert_eq!(code(body, &own(), Some(&mine)), "owner_not_allowed", "{body}");
        }
        let kept = apply(r#"{"description":"x"}"#, &own(), Some(&mine)).unwrap();
        assert_eq!(kept.owner.as_deref(), Some("ada"));
    }

    #[test]
    fn what_is_reviewed_or_offline_is_out_of_the_owners_hands() {
        let mine = apply("{}", &own(), None).unwrap();
        let reviewed = ProviderRecord { in_review: true, ..mine.clone() };
        assert_eq!(code(r#"{"description":"x"}"#, &own(), Some(&reviewed)), "provider_in_review");
        assert_eq!(reviewed.check_parts_changeable(&own()).unwrap_err().code, "provider_in_review");
        assert!(apply(r#"{"description":"x"}"#, &Scope::All, Some(&reviewed)).is_ok());
        let public = ProviderRecord { visibility: Visibility::Public, ..mine.clone() };
        assert_eq!(
            code(r#"{"server_url":"https://elsewhere.example"}"#, &own(), Some(&public)),
            "review_required"
        );
        assert_eq!(public.check_parts_changeable(&own()).unwrap_err().code, "review_required");
        assert!(
            public.check_parts_changeable(&Scope::All).is_ok() && mine.check_parts_changeable(&own()).is_ok()
        );
        assert!(apply(r#"{"visibility":"private"}"#, &own(), Some(&public)).is_ok());
        assert!(apply(r#"{"status":"paused"}"#, &own(), Some(&mine)).is_ok());
        assert_eq!(code(r#"{"status":"offline"}"#, &own(), Some(&mine)), "own_provider_restricted");
        let offline = ProviderRecord { status: OperationStatus::Offline, ..mine };
        assert_eq!(code(r#"{"status":"active"}"#, &own(), Some(&offline)), "own_provider_restricted");
        assert!(apply(r#"{"description":"x"}"#, &own(), Some(&offline)).is_ok());
    }

    #[test]
    fn sharing_follows_the_list() {
        let mine = apply("{}", &own(), None).unwrap();
        let shared = apply(r#"{"shared_with":["eve","bob","eve"]}"#, &own(), Some(&mine)).unwrap();
        assert_eq!(
            (shared.visibility, shared.shared_with.join(",").as_str()),
            (Visibility::Shared, "bob,eve")
        );
        let resting = apply(r#"{"visibility":"private"}"#, &own(), Some(&shared)).unwrap();
        assert_eq!((resting.visibility, resting.shared_with.len()), (Visibility::Private, 2));
        let ended = apply(r#"{"shared_with":[]}"#, &own(), Some(&shared)).unwrap();
        assert_eq!(ended.visibility, Visibility::Private);
    }

    #[test]
    fn a_name_is_marked_once_and_stays_apart_from_those_of_others() {
        let mine = apply(r#"{"name":"openai"}"#, &own(), None).unwrap();
        assert!(mine.name.starts_with("openai~") && mine.name.len() == "openai~".len() + MARK_CHARACTERS);
        let body = format!(r#"{{"name":"{}"}}"#, mine.name);
        assert_eq!(apply(&body, &own(), Some(&mine)).unwrap().name, mine.name);
        let bob = apply(r#"{"name":"openai"}"#, &Scope::Owners(vec!["bob".into()]), None).unwrap();
        assert_ne!(bob.name, mine.name);
        assert_eq!(apply(r#"{"name":"openai"}"#, &Scope::All, None).unwrap().name, "openai");
        let long = format!(r#"{{"name":"{}"}}"#, "é".repeat(92));
        assert_eq!(code(&long, &own(), None), "invalid_value");
    }

    #[test]
    fn what_costs_the_deployment_or_reaches_others_is_refused() {
        for body in [
            r#"{"kind":"workers_ai","server_url":""}"#,
            r#"{"personalized_key":"0123456789abcdef"}"#,
            r#"{"probe_enabled":true,"probe_interval_s":60}"#,
        ] {
            assert_eq!(code(body, &own(), None), "own_provider_restricted", "{body}");
            assert!(apply(body, &Scope::All, None).is_ok(), "{body}");
        }
        assert!(apply(r#"{"probe_enabled":true}"#, &own(), None).is_ok());
    }
}
