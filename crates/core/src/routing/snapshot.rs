//! The compiled configuration that requests use: immutable, replaced as a whole.
//!
//! A [`SnapshotSource`] is what D1 contains and KV caches, secrets still sealed. A [`Snapshot`] is that source
//! compiled for look-ups, secrets decrypted; it exists only in the memory of one isolate and is never written
//! anywhere.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::candidate::{Candidate, target_of};
use super::candidate_facts::Capabilities;
use super::limited::SubjectLimits;
use super::offer::Offer;
use super::upstream::Upstream;
use crate::access::Principal;
use crate::billing::{PriceBook, book::PriceRecord};
use crate::catalog::pattern::{Pattern, PatternTable};
use crate::catalog::reach::Access;
use crate::catalog::{GuardRecord, LogicalModelRecord, ModelRecord, ProviderKeyRecord, ProviderRecord};
use crate::error::ApiError;
use crate::limits::Subject;
use crate::limits::policy::{LimitPolicy, LimitRecord};
use crate::secrets::Keyring;

/// Version of the layout of [`SnapshotSource`]; raise it with every change, so that a cached one with another layout
/// is not misread.
pub const SNAPSHOT_FORMAT: u32 = 8;
/// Everything that routing needs, as it is stored. KV has it as JSON under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSource {
    /// See [`SNAPSHOT_FORMAT`].
    pub format: u32,
    /// Incremented with every change of providers and models.
    pub catalog_version: u64,
    /// Incremented with every change of API keys.
    pub keys_version: u64,
    /// All providers, by id.
    pub providers: Vec<ProviderRecord>,
    /// All models, by id.
    pub models: Vec<ModelRecord>,
    /// All logical models, by id.
    pub logical_models: Vec<LogicalModelRecord>,
    /// The key pools of all providers, by id.
    pub provider_keys: Vec<ProviderKeyRecord>,
    /// Limits of all subjects but keys.
    pub limits: Vec<LimitRecord>,
    /// Overrides of prices.
    pub prices: Vec<PriceRecord>,
    /// The table of prices that an operator uploaded, as JSON.
    #[serde(default)]
    pub price_table: Option<String>,
    /// All guards, by id.
    #[serde(default)]
    pub guards: Vec<GuardRecord>,
    /// Settings that stand before the variables of the deployment, by name.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

/// The compiled configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// See [`SnapshotSource::catalog_version`].
    pub catalog_version: u64,
    /// See [`SnapshotSource::keys_version`].
    pub keys_version: u64,
    /// All offers, by provider id and model id.
    offers: Vec<Offer>,
    by_model: HashMap<String, Vec<usize>>,
    /// The part of a model's name behind its `vendor/` → offers.
    by_bare_name: HashMap<String, Vec<usize>>,
    /// Lower-case provider name → model name → offer.
    by_provider: HashMap<String, HashMap<String, usize>>,
    /// SHA-256 of a personalized key → providers that it gives access to.
    personalized: HashMap<String, Vec<i64>>,
    upstreams: HashMap<i64, Arc<Upstream>>,
    /// Sorted by name.
    logical_models: Vec<Arc<LogicalModelRecord>>,
    /// Those whose name is a pattern, by index.
    logical_patterns: PatternTable<usize>,
    /// Models whose provider cannot be used.
    unavailable: Vec<Unavailable>,
    /// Limits of owners and models.
    pub(super) limits: SubjectLimits,
    /// Prices of tokens.
    pub(super) prices: PriceBook,
    /// The guards that are used, by id.
    pub guards: Vec<GuardRecord>,
}

#[derive(Debug)]
struct Unavailable {
    provider: Arc<ProviderRecord>,
    model_name: String,
}

impl Snapshot {
    /// Compiles a source. Providers that cannot be used (disabled, a secret that cannot be decrypted, an invalid
    /// address) are left out; the reasons for those that are enabled are returned as well. `unknown_price`: see
    /// [`PriceBook::new`].
    #[must_use]
    pub fn compile(
        source: SnapshotSource,
        keyring: &Keyring,
        allow_private: bool,
        unknown_price: Option<u64>,
    ) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut upstreams: HashMap<i64, Arc<Upstream>> = HashMap::new();
        let mut broken: HashMap<i64, Arc<ProviderRecord>> = HashMap::new();
        let mut personalized: HashMap<String, Vec<i64>> = HashMap::new();
        let mut keys: HashMap<i64, Vec<ProviderKeyRecord>> = HashMap::new();
        for key in source.provider_keys {
            keys.entry(key.provider_id).or_default().push(key);
        }
        for record in source.providers.into_iter().filter(|record| record.enabled) {
            let id = record.id;
            if let Some(hash) = &record.personalized_key_hash {
                personalized.entry(hash.clone()).or_default().push(id);
            }
            let keys = keys.remove(&id).unwrap_or_default();
            match Upstream::open(record.clone(), keys, keyring, allow_private, &mut problems) {
                Ok(upstream) => {
                    upstreams.insert(id, Arc::new(upstream));
                }
                Err(reason) => {
                    problems.push(format!("provider {id} ({}) is left out: {reason}", record.name));
                    broken.insert(id, Arc::new(record));
                }
            }
        }
        let book = PriceBook::new(source.prices, source.price_table.as_deref(), unknown_price);
        let mut offers: Vec<Offer> = Vec::new();
        let mut unavailable = Vec::new();
        for model in source.models.into_iter().filter(|model| model.enabled) {
            if let Some(upstream) = upstreams.get(&model.provider_id).cloned() {
                let target = target_of(&upstream.record, model.asked_for());
                let quote = book.quote(&upstream.record, model.id, &model.model_name, model.asked_for());
                offers.push(Offer { capabilities: Capabilities::of(&model), target, model, upstream, quote });
            } else if let Some(provider) = broken.get(&model.provider_id).cloned() {
                unavailable.push(Unavailable { provider, model_name: model.model_name });
            }
        }
        offers.sort_by_key(|offer| (offer.model.provider_id, offer.model.id));
        let mut by_model: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_bare_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_provider: HashMap<String, HashMap<String, usize>> = HashMap::new();
        for (index, offer) in offers.iter().enumerate() {
            by_model.entry(offer.model.model_name.clone()).or_default().push(index);
            if let Some((_vendor, bare)) = offer.model.model_name.split_once('/') {
                by_bare_name.entry(bare.to_owned()).or_default().push(index);
            }
            let provider = offer.upstream.record.name.to_lowercase();
            by_provider.entry(provider).or_default().insert(offer.model.model_name.clone(), index);
        }
        let mut logical_models: Vec<Arc<LogicalModelRecord>> =
            source.logical_models.into_iter().filter(|logical| logical.enabled).map(Arc::new).collect();
        logical_models.sort_by(|one, other| one.name.cmp(&other.name));
        let mut logical_patterns = PatternTable::default();
        for (index, logical) in
            logical_models.iter().enumerate().filter(|(_, logical)| logical.name.ends_with('*'))
        {
            if let Ok(pattern) = Pattern::parse(&logical.name) {
                logical_patterns.insert(pattern, index);
            }
        }
        let (catalog_version, keys_version) = (source.catalog_version, source.keys_version);
        let guards = source.guards.into_iter().filter(|guard| guard.enabled).collect();
        (
            Self {
                catalog_version,
                keys_version,
                guards,
                offers,
                by_model,
                by_bare_name,
                by_provider,
                personalized,
                upstreams,
                logical_models,
                logical_patterns,
                unavailable,
                prices: book,
                limits: SubjectLimits::compile(source.limits),
            },
            problems,
        )
    }

    /// The limits of an owner. Those of models are with the [candidates](Candidate::limits).
    #[must_use]
    pub fn limits_of(&self, owner: &Subject) -> Option<&LimitPolicy> {
        self.limits.of(owner)
    }

    /// The providers to which the personalized key with this hash gives access.
    #[must_use]
    pub fn providers_of_personalized_key(&self, key_hash: &str) -> Option<&[i64]> {
        self.personalized.get(key_hash).map(Vec::as_slice)
    }

    /// Everything that this caller may use.
    pub fn offers_for<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a Offer> {
        self.offers.iter().filter(|offer| allows(principal, offer))
    }

    /// Why no provider serves a model: it is configured but its provider cannot be used, or it does not exist.
    pub(super) fn why_not(&self, requested: &str, principal: &Principal) -> ApiError {
        let named = |offer: &&Unavailable| {
            let address = requested.split_once('/');
            let addressed = address.is_some_and(|(provider, model)| {
                offer.provider.name.to_lowercase() == provider.to_lowercase() && offer.model_name == model
            });
            addressed || offer.model_name == requested
        };
        let found = self.unavailable.iter().filter(named).find(|offer| {
            offer.provider.is_visible_to(&principal.reach)
                && principal.may_use(offer.provider.id, &offer.model_name)
        });
        found.map_or_else(
            || ApiError::model_not_found(requested),
            |offer| {
                let message =
                    format!("The provider `{}` cannot be used as it is configured.", offer.provider.name);
                ApiError::unavailable("provider_unavailable", message)
            },
        )
    }

    /// The configured logical models, by name.
    #[must_use]
    pub fn logical_models(&self) -> &[Arc<LogicalModelRecord>] {
        &self.logical_models
    }

    /// The provider with this `uid`, for access to what it stores; `None` if it is gone or this caller may not use
    /// it.
    #[must_use]
    pub fn candidate_at(&self, uid: &str, principal: &Principal) -> Option<Candidate> {
        self.offers_for(principal).find(|offer| offer.upstream.record.uid == uid).map(Candidate::of)
    }

    pub(super) fn logical_by_name(&self, name: &str) -> Option<&Arc<LogicalModelRecord>> {
        let index = self.logical_models.binary_search_by(|logical| logical.name.as_str().cmp(name)).ok()?;
        self.logical_models.get(index)
    }

    pub(super) fn logical_by_pattern(&self, name: &str) -> Option<&Arc<LogicalModelRecord>> {
        self.logical_models.get(*self.logical_patterns.get(name)?)
    }

    /// The secrets of all providers.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let secrets = self.upstreams.values().flat_map(|upstream| upstream.secrets());
        secrets.map(Cow::into_owned).collect()
    }

    /// A usable provider.
    #[must_use]
    pub fn upstream(&self, provider_id: i64) -> Option<&Arc<Upstream>> {
        self.upstreams.get(&provider_id)
    }

    /// The `uid` of the usable provider with this name, under which its health is known.
    #[must_use]
    pub fn provider_uid(&self, name: &str) -> Option<&str> {
        let named = self.upstreams.values().find(|upstream| upstream.record.name == name)?;
        Some(&named.record.uid)
    }

    /// This provider's offer with this name.
    pub(super) fn offer(&self, provider_id: i64, model_name: &str) -> Option<&Offer> {
        self.at(self.by_model.get(model_name)).find(|offer| offer.model.provider_id == provider_id)
    }

    /// The offers with this name that a caller reaches by it.
    pub(super) fn offers_named<'a>(
        &'a self,
        model_name: &str,
        principal: &'a Principal,
    ) -> impl Iterator<Item = &'a Offer> {
        self.at(self.by_model.get(model_name)).filter(|offer| reaches_by_name(principal, offer))
    }

    /// The offers with this name after a `vendor/` that a caller reaches by it.
    pub(super) fn offers_with_bare_name<'a>(
        &'a self,
        model_name: &str,
        principal: &'a Principal,
    ) -> impl Iterator<Item = &'a Offer> {
        self.at(self.by_bare_name.get(model_name)).filter(|offer| reaches_by_name(principal, offer))
    }

    /// The offer at this address, if the caller reaches it.
    pub(super) fn addressed(&self, requested: &str, principal: &Principal) -> Option<&Offer> {
        let (provider, model) = requested.split_once('/')?;
        let index = *self.by_provider.get(&provider.to_lowercase())?.get(model)?;
        self.offers.get(index).filter(|offer| offer.upstream.record.is_visible_to(&principal.reach))
    }

    fn at<'a>(&'a self, indexes: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Offer> {
        let indexes = indexes.map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| self.offers.get(*index))
    }
}

fn allows(principal: &Principal, offer: &Offer) -> bool {
    let record = &offer.upstream.record;
    record.is_visible_to(&principal.reach)
        && principal.may_use_listed(record.id, &record.name, &offer.model.model_name)
}

/// Whether the name of its model is enough. What others have shared must be addressed, unless the key lists the provider.
fn reaches_by_name(principal: &Principal, offer: &Offer) -> bool {
    let record = &offer.upstream.record;
    match record.access(&principal.reach) {
        Access::Full => true,
        Access::ByAddress => principal.names_provider(record.id),
        Access::None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::provider::test_record;
    use crate::routing::candidate_facts::OperationStatus;
    use crate::routing::resolve::{Plan, Stage};
    use crate::secrets::Secret;

    fn keyring() -> Keyring {
        Keyring::new("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", []).unwrap()
    }

    fn model(id: i64, provider_id: i64, name: &str) -> ModelRecord {
        ModelRecord { id, ..ModelRecord::new(provider_id, name.into(), 0) }
    }

    fn compile(providers: Vec<ProviderRecord>, models: Vec<ModelRecord>) -> (Snapshot, Vec<String>) {
        compile_with_keys(providers, models, vec![])
    }

    fn source(providers: Vec<ProviderRecord>, models: Vec<ModelRecord>) -> SnapshotSource {
        SnapshotSource {
            format: SNAPSHOT_FORMAT,
            catalog_version: 1,
            keys_version: 1,
            providers,
            models,
            logical_models: vec![LogicalModelRecord::new(0)],
            provider_keys: vec![],
            limits: vec![],
            prices: vec![],
            price_table: None,
            guards: vec![],
            config: BTreeMap::new(),
        }
    }

    fn compile_with_keys(
        providers: Vec<ProviderRecord>,
        models: Vec<ModelRecord>,
        provider_keys: Vec<ProviderKeyRecord>,
    ) -> (Snapshot, Vec<String>) {
        let source = SnapshotSource { provider_keys, ..source(providers, models) };
        let stored = serde_json::to_string(&source).unwrap();
        let source: SnapshotSource = serde_json::from_str(&stored).unwrap();
        Snapshot::compile(source, &keyring(), false, None)
    }

    fn anyone() -> Principal {
        Principal::of_personalized_key("hash", vec![1, 2, 3])
    }

    fn names(plan: &Plan) -> Vec<(String, String)> {
        std::iter::once(&plan.first)
            .chain(&plan.rest)
            .map(|candidate| (candidate.upstream.record.name.clone(), candidate.upstream_model.clone()))
            .collect()
    }

    #[test]
    fn a_name_finds_all_its_providers_and_an_address_just_one() {
        let providers = vec![test_record(2, "Beta"), test_record(1, "alpha")];
        let mut alias = model(3, 2, "gpt");
        alias.upstream_model = Some("gpt-real".into());
        let (snapshot, problems) =
            compile(providers, vec![alias, model(1, 1, "gpt"), model(2, 1, "meta/llama")]);
        assert!(problems.is_empty());
        let plan = snapshot.resolve("gpt", &anyone()).unwrap();
        assert_eq!(names(&plan), [("alpha".into(), "gpt".into()), ("Beta".into(), "gpt-real".into())]);
        assert_eq!(
            names(&snapshot.resolve("BETA/gpt", &anyone()).unwrap()),
            [("Beta".into(), "gpt-real".into())]
        );
        assert_eq!(names(&snapshot.resolve("meta/llama", &anyone()).unwrap()).len(), 1);
        assert_eq!(names(&snapshot.resolve("alpha/meta/llama", &anyone()).unwrap()).len(), 1);
        for unknown in ["gpt-", "beta/", "/gpt", "gamma/gpt", "alpha/none", ""] {
            assert_eq!(
                snapshot.resolve(unknown, &anyone()).unwrap_err().code,
                "model_not_found",
                "{unknown}"
            );
        }
    }

    #[test]
    fn whatever_a_model_is_called_its_limits_are_on_the_candidate() {
        let logical = |name: &str, model: &str, fallbacks: &[&str]| {
            let mut record = LogicalModelRecord::new(0);
            record.name = name.into();
            let spec = serde_json::json!([{"provider_id": 1, "model": model}]);
            record.candidates = serde_json::from_value(spec).unwrap();
            record.fallbacks = fallbacks.iter().map(ToString::to_string).collect();
            record
        };
        let mut source =
            source(vec![test_record(1, "Prov")], vec![model(1, 1, "vend/limited"), model(2, 1, "free")]);
        source.logical_models = vec![
            logical("smart", "vend/limited", &[]),
            logical("open", "free", &["smart"]),
            logical("any-*", "vend/*", &[]),
        ];
        source.limits = [("model:Vend/LIMITED", 3), ("model:smart", 2), ("model:any-limited", 1)]
            .map(|(subject, per_minute)| LimitRecord {
                subject: subject.into(),
                policy: format!(r#"{{"limits":{{"requests_per_minute":{per_minute}}}}}"#),
            })
            .to_vec();
        let (snapshot, _) = Snapshot::compile(source, &keyring(), false, None);
        let on = |stage: &Stage| -> Vec<String> {
            let limits = stage.choices.iter().flat_map(|choice| choice.candidate.limits());
            limits.map(|limited| limited.subject.id.clone()).collect()
        };
        let of = |name: &str, fallbacks: &[&str]| -> Vec<Vec<String>> {
            let fallbacks: Vec<String> = fallbacks.iter().map(ToString::to_string).collect();
            snapshot.stages(name, &fallbacks, &anyone()).unwrap().iter().map(on).collect()
        };
        for name in ["vend/limited", "limited", "prov/vend/limited", "PROV/vend/limited"] {
            assert_eq!(of(name, &[]), [["vend/limited"]], "{name}");
        }
        assert_eq!(of("smart", &[]), [["smart", "vend/limited"]]);
        assert_eq!(of("any-limited", &[]), [["any-limited", "vend/limited"]]);
        // As a fallback, of the request or of the configuration.
        assert_eq!(of("free", &["limited"]), [vec![], vec!["vend/limited".to_owned()]]);
        assert_eq!(of("open", &[]), [vec![], vec!["smart".to_owned(), "vend/limited".into()]]);
        assert!(of("free", &[]).concat().is_empty());
    }

    #[test]
    fn a_name_whose_providers_are_paused_means_its_fallbacks() {
        let logical = |name: &str, provider_id: i64, fallbacks: &[&str]| {
            let mut record = LogicalModelRecord::new(0);
            record.name = name.into();
            let spec = serde_json::json!([{"provider_id": provider_id, "model": "m"}]);
            record.candidates = serde_json::from_value(spec).unwrap();
            record.fallbacks = fallbacks.iter().map(ToString::to_string).collect();
            record
        };
        let of = |status| {
            let mut paused = test_record(1, "a");
            paused.status = status;
            let providers = vec![paused, test_record(2, "b")];
            let mut source = source(providers, vec![model(1, 1, "m"), model(2, 2, "m")]);
            source.logical_models = vec![
                logical("smart", 1, &["nothing", "way"]),
                logical("way", 1, &["last"]),
                logical("last", 2, &[]),
                logical("alone", 1, &[]),
            ];
            Snapshot::compile(source, &keyring(), false, None).0
        };
        let active = of(OperationStatus::Active);
        assert_eq!(snapshot_names(&active, "smart", &anyone()), ["a/m", "a/m", "b/m"]);
        let paused = of(OperationStatus::Paused);
        assert_eq!(snapshot_names(&paused, "smart", &anyone()), ["b/m"]);
        assert_eq!(paused.resolve("alone", &anyone()).unwrap_err().code, "no_upstream_available");
        // A key that may not use the fallbacks has none, and one that may not use the name is told nothing of them.
        let only = |provider| Principal::of_personalized_key("h", vec![provider]);
        assert_eq!(paused.resolve("smart", &only(1)).unwrap_err().code, "no_upstream_available");
        assert_eq!(paused.resolve("smart", &only(2)).unwrap_err().code, "model_not_found");
    }

    #[test]
    fn what_a_key_may_not_use_does_not_exist_for_it() {
        let (snapshot, _) =
            compile(vec![test_record(1, "a"), test_record(2, "b")], vec![model(1, 1, "m"), model(2, 2, "m")]);
        let only_b = Principal::of_personalized_key("h", vec![2]);
        assert_eq!(names(&snapshot.resolve("m", &only_b).unwrap()), [("b".into(), "m".into())]);
        assert!(snapshot.resolve("a/m", &only_b).is_err());
        assert_eq!(snapshot.offers_for(&only_b).count(), 1);
    }

    /// Every answer of the configuration to a caller about these names.
    fn all_that_is_told(snapshot: &Snapshot, principal: &Principal, names: &[&str]) -> String {
        use std::fmt::Write as _;
        let mut told = String::new();
        for name in names {
            let stages = snapshot.stages(name, &["mine".into(), "any-mine".into()], principal);
            let candidates = stages.map(|stages| {
                let choices = stages.into_iter().flat_map(|stage| stage.choices);
                choices.map(|choice| choice.candidate.target.to_string()).collect::<Vec<_>>()
            });
            let plan = snapshot.resolve(name, principal).map(|plan| self::names(&plan));
            writeln!(told, "{name}: {candidates:?} {plan:?}").unwrap();
        }
        for offer in snapshot.offers_for(principal) {
            writeln!(told, "{}", offer.listed_name(principal)).unwrap();
        }
        for uid in ["uid1", "uid2", "uid3"] {
            writeln!(told, "{uid}: {}", snapshot.candidate_at(uid, principal).is_some()).unwrap();
        }
        told
    }

    #[test]
    fn for_others_a_private_provider_does_not_exist() {
        let logical = |name: &str, model: &str| {
            let mut record = LogicalModelRecord::new(0);
            record.name = name.into();
            let spec =
                serde_json::json!([{"provider_id": 2, "model": model}, {"provider_id": 1, "model": "open"}]);
            record.candidates = serde_json::from_value(spec).unwrap();
            record
        };
        let private = |visibility, broken: bool| {
            let mut record = test_record(2, "mine");
            (record.owner, record.visibility) = (Some("ada".into()), visibility);
            record.shared_with = vec!["bob".into()];
            record.server_key_sealed = broken.then(|| "v1.00000000.AAAA".into());
            record
        };
        let of = |private: Option<ProviderRecord>| {
            let mut providers = vec![test_record(1, "open")];
            let mut models = vec![model(1, 1, "open"), model(2, 1, "vend/both")];
            if let Some(private) = private {
                providers.push(private);
                models.extend([model(3, 2, "secret"), model(4, 2, "vend/both"), model(5, 2, "open/open")]);
            }
            let mut source = source(providers, models);
            source.logical_models = vec![logical("mixed", "secret"), logical("any-*", "*")];
            Snapshot::compile(source, &keyring(), false, None).0
        };
        let asked = [
            "secret",
            "mine/secret",
            "MINE/secret",
            "both",
            "vend/both",
            "mine/vend/both",
            "open",
            "open/open",
            "mixed",
            "any-secret",
            "any-open",
            "mine",
            "nothing",
        ];
        let key = |owner: Option<&str>| {
            let record = crate::access::ApiKeyRecord {
                owner: owner.map(str::to_owned),
                ..crate::access::api_key::test_record()
            };
            Principal::of_api_key(&record)
        };
        for visibility in [crate::catalog::Visibility::Private, crate::catalog::Visibility::Shared] {
            for broken in [false, true] {
                let with = of(Some(private(visibility, broken)));
                for stranger in [key(None), key(Some("eve")), Principal::of_personalized_key("h", vec![1, 2])]
                {
                    let told = all_that_is_told(&with, &stranger, &asked);
                    assert_eq!(
                        told,
                        all_that_is_told(&of(None), &stranger, &asked),
                        "{visibility:?} {broken}"
                    );
                }
            }
        }
        let shared = of(Some(private(crate::catalog::Visibility::Shared, false)));
        let ada = |name: &str| snapshot_names(&shared, name, &key(Some("ada")));
        assert_eq!(ada("secret"), ["mine/secret"]);
        assert_eq!(ada("vend/both"), ["open/vend/both", "mine/vend/both"]);
        // What is shared takes no request that does not say so.
        let bob = |name: &str| snapshot_names(&shared, name, &key(Some("bob")));
        assert!(bob("secret").is_empty());
        assert_eq!(bob("mine/secret"), ["mine/secret"]);
        assert_eq!(bob("vend/both"), ["open/vend/both"]);
        let listed: Vec<_> = shared
            .offers_for(&key(Some("bob")))
            .map(|offer| offer.listed_name(&key(Some("bob"))).into_owned())
            .collect();
        assert_eq!(listed, ["open", "vend/both", "mine/secret", "mine/vend/both", "mine/open/open"]);
        let mut chosen = crate::access::api_key::test_record();
        (chosen.owner, chosen.allowed_providers) = (Some("bob".into()), Some(vec![2]));
        assert_eq!(snapshot_names(&shared, "secret", &Principal::of_api_key(&chosen)), ["mine/secret"]);
    }

    fn snapshot_names(snapshot: &Snapshot, name: &str, principal: &Principal) -> Vec<String> {
        let plan = snapshot.resolve(name, principal).map(|plan| names(&plan)).unwrap_or_default();
        plan.into_iter().map(|(provider, model)| format!("{provider}/{model}")).collect()
    }

    #[test]
    fn disabled_and_broken_providers_are_left_out() {
        let mut disabled = test_record(1, "off");
        disabled.enabled = false;
        let mut broken = test_record(2, "broken");
        broken.server_key_sealed = Some("v1.00000000.AAAA".into());
        let mut private = test_record(3, "private");
        private.server_url = "http://127.0.0.1".into();
        let models = (1..=3).map(|id| model(id, id, "m")).collect();
        let (snapshot, problems) = compile(vec![disabled, broken, private], models);
        assert_eq!(problems.len(), 2, "{problems:?}");
        let code = |requested| snapshot.resolve(requested, &anyone()).unwrap_err().code;
        assert_eq!(code("m"), "provider_unavailable");
        assert_eq!(code("Broken/m"), "provider_unavailable");
        assert_eq!(code("off/m"), "model_not_found");
    }

    #[test]
    fn secrets_are_opened_and_do_not_show() {
        let mut record = test_record(1, "a");
        let ring = keyring();
        record.server_key_sealed =
            Some(ring.seal("sk-top-secret", &record.seal_context("server_key"), [1; 12]).unwrap());
        let headers = r#"{"X-Auth":"hidden-header-value","X-Title":"shown"}"#;
        record.headers_sealed = Some(ring.seal(headers, &record.seal_context("headers"), [2; 12]).unwrap());
        let (snapshot, problems) = compile(vec![record], vec![model(1, 1, "m")]);
        assert!(problems.is_empty());
        let candidate = snapshot.resolve("m", &anyone()).unwrap().first;
        assert_eq!(candidate.upstream.server_key, Some(Secret::new("sk-top-secret")));
        assert_eq!(candidate.upstream.secrets(), ["sk-top-secret", "sk-top-secret", "hidden-header-value"]);
        assert!(!format!("{snapshot:?}").contains("top-secret"));
    }

    #[test]
    fn the_keys_of_a_pool_stand_beside_the_providers_own() {
        let ring = keyring();
        let key = |id: &str, provider_id, clear: &str| {
            let mut record = ProviderKeyRecord::new(id.into(), provider_id, 0);
            record.key_sealed = ring.seal(clear, &record.seal_context(), [3; 12]).unwrap();
            record.label = format!("label {id}");
            record
        };
        let mut off = key("C", 1, "sk-off");
        off.enabled = false;
        let mut moved = key("D", 1, "sk-moved");
        moved.key_sealed = key("E", 1, "sk-moved").key_sealed;
        let mut own = test_record(1, "a");
        own.server_key_sealed = Some(ring.seal("sk-own", &own.seal_context("server_key"), [1; 12]).unwrap());
        let providers = vec![own, test_record(2, "b"), test_record(3, "c")];
        let pool = vec![key("A", 1, "sk-a"), key("B", 2, "sk-b"), off, moved];
        let (snapshot, problems) =
            compile_with_keys(providers, vec![model(1, 1, "m"), model(2, 2, "n")], pool);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let keys = |model| {
            let upstream = snapshot.resolve(model, &anyone()).unwrap().first.upstream;
            assert!(upstream.keys.iter().all(|key| upstream.secrets().contains(&key.key.expose().into())));
            upstream.keys.iter().map(|key| (key.id.clone(), key.key.expose().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(keys("m"), [("primary".into(), "sk-own".into()), ("A".into(), "sk-a".into())]);
        assert_eq!(keys("n"), [("B".into(), "sk-b".into())]);
        let targets = |id| -> Vec<_> { snapshot.upstream(id).unwrap().key_targets().collect() };
        assert!(
            targets(1).iter().zip(["primary", "A"]).all(|(target, id)| target.contains(&format!("#{id}@")))
        );
        assert_eq!(targets(3), [format!("{}#none", snapshot.upstream(3).unwrap().record.uid)]);
        assert!(!format!("{snapshot:?}").contains("sk-"));
        assert_eq!(snapshot.logical_models().len(), 1);
    }

    #[test]
    fn one_personalized_key_may_stand_on_several_providers() {
        let mut records = vec![test_record(1, "a"), test_record(2, "b"), test_record(3, "c")];
        records[0].personalized_key_hash = Some("h".into());
        records[2].personalized_key_hash = Some("h".into());
        let (snapshot, _) = compile(records, vec![]);
        assert_eq!(snapshot.providers_of_personalized_key("h"), Some([1, 3].as_slice()));
        assert_eq!(snapshot.providers_of_personalized_key("x"), None);
    }

    #[test]
    fn time_outs_come_from_the_provider_then_the_model_then_the_default() {
        let mut patient = test_record(2, "patient");
        patient.first_byte_timeout_ms = Some(7);
        let mut slow = model(2, 1, "slow");
        slow.slow = true;
        let (snapshot, _) =
            compile(vec![test_record(1, "a"), patient], vec![model(1, 1, "fast"), slow, model(3, 2, "p")]);
        let timeout = |name| snapshot.resolve(name, &anyone()).unwrap().first.first_byte_timeout_ms;
        assert_eq!((timeout("fast"), timeout("slow"), timeout("p")), (120_000, 300_000, 7));
    }
}
