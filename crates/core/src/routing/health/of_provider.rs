//! What is known of one provider: of itself, and of its models and keys as far as something blocks them.

use serde::Serialize;

use super::circuit::Phase;
use super::registry::HealthRegistry;
use super::shared::SharedState;
use super::target::TargetView;
use crate::hash::sha256_hex;

/// Hexadecimal digits of the tag of a key's value.
const TAG_DIGITS: usize = 12;

/// A provider with what is blocked of it. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OfProvider {
    /// The provider.
    #[serde(flatten)]
    pub provider: TargetView,
    /// Its models that are not asked at the moment, by name.
    pub resting_models: Vec<Resting>,
    /// Its keys that are not used at the moment, by id; `primary` is the key of the provider itself.
    pub resting_keys: Vec<Resting>,
}

/// A model or a key that is not asked at the moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Resting {
    /// The name of the model, or the id of the key.
    pub name: String,
    /// Until when; `null` while its circuit waits for a trial.
    pub until_ms: Option<u64>,
    /// Whether its circuit is the reason, and not a wait that the provider asked for.
    pub by_circuit: bool,
}

impl HealthRegistry {
    /// What is known of the provider with this `uid`, whose keys have the names that `is_key` says: what is still remembered of a
    /// key's earlier value is not shown.
    #[must_use]
    pub fn of_provider(&self, uid: &str, is_key: impl Fn(&str) -> bool, now_ms: u64) -> OfProvider {
        let (mut resting_models, mut resting_keys) = (Vec::new(), Vec::new());
        for (target, view) in self.targets(now_ms) {
            let Some((kind, name)) = part_of(target, uid) else { continue };
            let by_circuit = view.circuit != Phase::Closed;
            if !by_circuit && view.cooldown_until_ms.is_none() {
                continue;
            }
            let one = Resting { name: name.to_owned(), until_ms: view.blocked_until_ms(), by_circuit };
            if kind == '/' {
                resting_models.push(one);
            } else if is_key(target) {
                resting_keys.push(Resting { name: key_id(name).to_owned(), ..one });
            }
        }
        resting_models.sort_unstable();
        resting_keys.sort_unstable();
        OfProvider { provider: self.view(uid, now_ms), resting_models, resting_keys }
    }

    /// What closes the circuits of a provider, of its models and of its keys, in this isolate and in those that are told.
    #[must_use]
    pub fn resets(&self, uid: &str, now_ms: u64) -> Vec<SharedState> {
        let mut resets = vec![SharedState::reset(uid, now_ms)];
        let parts = self.targets(now_ms).filter(|(target, _)| part_of(target, uid).is_some());
        let open = parts.filter(|(_, view)| view.circuit != Phase::Closed);
        resets.extend(open.map(|(target, _)| SharedState::reset(target, now_ms)));
        resets
    }
}

/// Whether a target is a model (`/`) or a key (`#`) of the provider, and its name.
fn part_of<'a>(target: &'a str, uid: &str) -> Option<(char, &'a str)> {
    let part = target.strip_prefix(uid)?;
    ['/', '#'].into_iter().find_map(|sign| Some((sign, part.strip_prefix(sign)?)))
}

/// The name of a key in the registry: the provider's `uid`, the key's `id`, and a tag of its value, so that a new value has no
/// history. `sealed` is what it is asked with, encrypted. The tag is a hash of ciphertexts with a random nonce, of which nothing of
/// the key can be guessed; encrypting the same value again, as when the master key is rotated, makes another tag.
#[must_use]
pub fn target_of_key(uid: &str, id: &str, sealed: [Option<&str>; 2]) -> String {
    if sealed.iter().all(Option::is_none) {
        return format!("{uid}#{id}");
    }
    let mut tag = sha256_hex(&sealed.map(Option::unwrap_or_default).join(" "));
    tag.truncate(TAG_DIGITS);
    format!("{uid}#{id}@{tag}")
}

/// The id in the name of a key, without the tag.
fn key_id(name: &str) -> &str {
    name.split_once('@').map_or(name, |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, RegistrySettings};
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn registry() -> HealthRegistry {
        HealthRegistry::new(RegistrySettings::default(), 1)
    }

    fn kill(registry: &mut HealthRegistry, target: &str) {
        for _ in 0..5 {
            registry.note(target, NOW, Outcome::Failure, None);
        }
    }

    #[test]
    fn a_provider_has_its_own_models_and_keys_and_those_of_no_other() {
        let mut registry = registry();
        for target in ["p", "p/org/m", "p2/m", "p2"] {
            kill(&mut registry, target);
        }
        let k = target_of_key("p", "k", [Some("sealed"), None]);
        for target in [k.as_str(), "p#k@0123456789ab", "p#k"] {
            registry.note(target, NOW, Outcome::RateLimited { retry_after_ms: Some(5_000) }, None);
        }
        registry.note("p/well", NOW, Outcome::Success, Some(5));
        let of = registry.of_provider("p", |target| target == k, NOW);
        assert!(matches!(of.provider.circuit, Phase::Open { .. }));
        let names = |resting: &[Resting]| {
            resting.iter().map(|one| (one.name.clone(), one.by_circuit)).collect::<Vec<_>>()
        };
        assert_eq!(names(&of.resting_models), [("org/m".to_owned(), true)]);
        assert_eq!(names(&of.resting_keys), [("k".to_owned(), false)]);
        assert_eq!(of.resting_keys.first().and_then(|one| one.until_ms), Some(NOW + 5_000));
    }

    #[test]
    fn the_name_of_a_key_changes_with_its_value_and_says_nothing_of_it() {
        let name = |key, headers| target_of_key("p", "k", [key, headers]);
        let names = [
            name(None, None),
            name(Some("one"), None),
            name(Some("two"), None),
            name(Some("one"), Some("h")),
            name(None, Some("one")),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
            assert_eq!(part_of(name, "p").map(|(sign, name)| (sign, key_id(name))), Some(('#', "k")));
        }
        assert_eq!(name(Some("one"), None), names[1], "isolates name it alike");
    }

    #[test]
    fn a_reset_closes_the_circuits_here_and_where_they_were_observed() {
        let (mut here, mut there) = (registry(), registry());
        for registry in [&mut here, &mut there] {
            kill(registry, "p");
            kill(registry, "p/m");
        }
        kill(&mut here, "p2");
        let resets = here.resets("p", NOW + 1_000);
        for registry in [&mut here, &mut there] {
            registry.absorb(&resets, NOW + 1_000);
            assert_eq!(registry.view("p", NOW + 1_000).circuit, Phase::Closed);
            assert_eq!(registry.view("p/m", NOW + 1_000).circuit, Phase::Closed);
        }
        assert!(here.blocked_until_ms("p2", NOW + 1_000).is_some());
        // What was told before the reset, and comes after it, opens nothing.
        let mut late = registry();
        kill(&mut late, "p");
        here.absorb(&late.export(NOW + 1), NOW + 1_001);
        assert_eq!(here.view("p", NOW + 1_001).circuit, Phase::Closed);
        kill_later(&mut here);
        assert!(here.blocked_until_ms("p", NOW + 2_001).is_some(), "it opens again when it fails again");
    }

    fn kill_later(registry: &mut HealthRegistry) {
        for _ in 0..10 {
            registry.note("p", NOW + 2_000, Outcome::Failure, None);
        }
    }
}
