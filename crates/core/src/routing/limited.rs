//! The limits on models, and which of them apply to a candidate.
//!
//! A limit on a model holds for what is used, however it was named: a candidate is limited by the limits on every name of the
//! model that is about to be asked, and on the logical model through which it was chosen. They are found here, once for a
//! candidate, from the configuration; without a limit on any model nothing is looked up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits::policy::{LimitPolicy, LimitRecord};
use crate::limits::{Rules, Subject, SubjectKind};
use crate::naming;

/// A limited model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitedModel {
    /// What is counted.
    pub subject: Subject,
    /// The limits.
    pub policy: LimitPolicy,
    /// What they are compiled to.
    pub rules: Rules,
}

/// All limits of the configuration except those of keys.
#[derive(Debug, Default)]
pub(super) struct SubjectLimits {
    /// Of owners, by subject.
    others: HashMap<String, LimitPolicy>,
    /// By the name of the model in canonical spelling.
    models: HashMap<String, Arc<LimitedModel>>,
}

impl SubjectLimits {
    /// Compiles what is stored. Where two spellings of one model have limits, which older versions could store, the canonical
    /// one holds: it is what the admin API shows.
    pub fn compile(records: Vec<LimitRecord>) -> Self {
        let mut limits = Self::default();
        for (name, policy) in records.into_iter().map(LimitRecord::read) {
            let Some(subject) = Subject::from_name(&name) else { continue };
            if subject.kind != SubjectKind::Model {
                limits.others.insert(name, policy);
                continue;
            }
            let rules = policy.rules();
            let is_canonical = subject.name() == name;
            if is_canonical || !limits.models.contains_key(&subject.id) {
                limits.models.insert(subject.id.clone(), Arc::new(LimitedModel { subject, policy, rules }));
            }
        }
        limits.models.retain(|_, limited| !limited.rules.is_unlimited());
        limits
    }

    /// The limits of a subject other than a key or a model.
    pub fn of(&self, subject: &Subject) -> Option<&LimitPolicy> {
        if self.others.is_empty() { None } else { self.others.get(&subject.name()) }
    }

    /// Whether any model has limits.
    pub fn limits_models(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether a model of this name, in whatever spelling, has limits.
    pub fn limits_name(&self, name: &str) -> bool {
        if !self.limits_models() {
            return false;
        }
        let name = naming::canonical(name);
        let without_vendor = naming::bare(&name);
        [Some(name.as_str()), without_vendor]
            .into_iter()
            .flatten()
            .flat_map(|name| [Some(name), naming::without_variant(name)])
            .flatten()
            .any(|name| self.models.contains_key(name))
    }

    /// The limits on a provider's model that was chosen through these names (a logical model, what the caller named).
    pub fn on_model(
        &self,
        (provider, listed, upstream_model): (&str, &str, &str),
        through: &[&str],
    ) -> Option<Arc<[Arc<LimitedModel>]>> {
        let mut names = naming::of_model(provider, listed, upstream_model);
        names.extend(through.iter().map(|name| naming::canonical(name)));
        let variants: Vec<String> =
            names.iter().filter_map(|name| naming::without_variant(name)).map(str::to_owned).collect();
        names.extend(variants);
        names.sort_unstable();
        names.dedup();
        let found: Vec<_> = names.iter().filter_map(|name| self.models.get(name)).cloned().collect();
        (!found.is_empty()).then(|| found.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(subjects: &[(&str, u64)]) -> SubjectLimits {
        let record = |(subject, per_minute): &(&str, u64)| LimitRecord {
            subject: (*subject).into(),
            policy: format!(r#"{{"limits":{{"requests_per_minute":{per_minute}}}}}"#),
        };
        SubjectLimits::compile(subjects.iter().map(record).collect())
    }

    fn found(limits: &SubjectLimits, model: (&str, &str, &str), through: &[&str]) -> Vec<String> {
        let found = limits.on_model(model, through);
        found.iter().flat_map(|found| found.iter()).map(|limited| limited.subject.id.clone()).collect()
    }

    #[test]
    fn a_limit_on_any_name_of_a_model_is_a_limit_on_the_model() {
        let model = ("Prov", "Vend/Limited", "real-1");
        for name in ["vend/limited", "LIMITED", "prov/Vend/Limited", "real-1", "PROV/real-1", "tier-*"] {
            let limits = compile(&[(&format!("model:{name}"), 3), ("model:other", 1)]);
            assert_eq!(found(&limits, model, &["tier-x", "tier-*"]), [naming::canonical(name)], "{name}");
        }
        assert!(compile(&[("model:x", 1)]).on_model(model, &[]).is_none());
    }

    #[test]
    fn a_limit_on_a_model_holds_for_its_variants_and_not_the_other_way_round() {
        let variant = ("p", "vend/m:nitro", "vend/m:nitro");
        for name in ["vend/m", "m", "p/vend/m", "vend/m:nitro", "m:nitro"] {
            let limits = compile(&[(&format!("model:{name}"), 3)]);
            assert_eq!(found(&limits, variant, &[]), [name]);
            assert!(limits.limits_name("Other/M:nitro") == (name == "m" || name == "m:nitro"), "{name}");
        }
        assert!(compile(&[("model:vend/m:nitro", 3)]).on_model(("p", "vend/m", "vend/m"), &[]).is_none());
    }

    #[test]
    fn all_limits_that_apply_hold_and_each_once() {
        let limits = compile(&[("model:limited", 3), ("model:vend/limited", 2), ("model:fast", 1)]);
        assert_eq!(
            found(&limits, ("p", "vend/limited", "vend/limited"), &["Fast", "limited", "fast"]),
            ["fast", "limited", "vend/limited"]
        );
    }

    #[test]
    fn of_two_stored_spellings_the_canonical_one_holds() {
        for order in [["model:M", "model:m"], ["model:m", "model:M"]] {
            let limits = compile(&order.map(|name| (name, if name == "model:m" { 5 } else { 9 })));
            let on = limits.on_model(("p", "m", "m"), &[]).unwrap();
            assert_eq!((on.len(), on[0].policy.limits.requests_per_minute), (1, Some(5)));
        }
        assert!(compile(&[("model:M", 9)]).on_model(("p", "m", "m"), &[]).is_some());
    }

    #[test]
    fn owners_have_limits_by_their_exact_name() {
        let limits = compile(&[("user:Ann", 1)]);
        let of = |name: &str| limits.of(&Subject::new(SubjectKind::User, name)).is_some();
        assert!(of("Ann") && !of("ann") && !limits.limits_models());
    }
}
