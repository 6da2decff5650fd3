//! The caller of a request, and what it may use.

use std::collections::BTreeMap;

use super::person::Scope;
use super::tool_approval::ToolApproval;
use super::tool_grants::ToolGrants;
use super::{ApiKeyRecord, StorePolicy};
use crate::limits::LimitPolicy;
use crate::naming;
use crate::secrets::pii::KeyRedaction;

/// The caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Identifies the key in records: the public id of an API key, or `personal:` and the start of a hash.
    pub key_id: String,
    /// Owner of the key.
    pub owner: Option<String>,
    /// Tags that are recorded with every request.
    pub tags: BTreeMap<String, String>,
    /// The key's limits and budget.
    pub policy: LimitPolicy,
    /// What is archived of prompts and answers.
    pub store: StorePolicy,
    /// Whether personal data is replaced in what is kept and told of its requests.
    pub redact_pii: KeyRedaction,
    /// Seconds for which responses are cached; 0: never, `None`: as the logical model says.
    pub cache_ttl_s: Option<u32>,
    /// Whose private things the caller reaches: those of the key's owners.
    pub reach: Scope,
    /// The tools that the caller may use.
    pub tools: ToolGrants,
    /// The set whose tools chat requests have that name none.
    pub default_toolset: Option<String>,
    /// Which calls of tools in chats a person must agree to.
    pub tool_approval: ToolApproval,
    /// Calls of tools in any 24 hours; `None` is unlimited.
    pub max_tool_calls_per_day: Option<u32>,
    allowed_models: Option<Vec<String>>,
    allowed_providers: Option<Vec<i64>>,
}

impl Principal {
    /// The principal of an API key.
    #[must_use]
    pub fn of_api_key(key: &ApiKeyRecord) -> Self {
        Self {
            key_id: key.id.clone(),
            owner: key.owner.clone(),
            tags: key.tags.clone(),
            policy: key.policy.clone(),
            store: key.store,
            redact_pii: key.redact_pii,
            cache_ttl_s: key.cache_ttl_s,
            reach: Scope::Owners(key.owner.iter().cloned().collect()),
            tools: ToolGrants::of(key.allow_tools.as_deref(), key.deny_tools.as_deref()),
            default_toolset: key.default_toolset.clone(),
            tool_approval: key.tool_approval,
            max_tool_calls_per_day: key.max_tool_calls_per_day,
            allowed_models: key.allowed_models.clone(),
            allowed_providers: key.allowed_providers.clone(),
        }
    }

    /// A caller without restrictions who reaches the private things of these owners, to explain decisions.
    #[must_use]
    pub fn reaching(reach: Scope) -> Self {
        Self {
            key_id: "admin".to_owned(),
            owner: None,
            tags: BTreeMap::new(),
            policy: LimitPolicy::default(),
            store: StorePolicy::None,
            redact_pii: KeyRedaction::default(),
            cache_ttl_s: None,
            reach,
            tools: ToolGrants::default(),
            default_toolset: None,
            tool_approval: ToolApproval::Never,
            max_tool_calls_per_day: None,
            allowed_models: None,
            allowed_providers: None,
        }
    }

    /// The principal of a `personalized_key`, which gives access only to the providers that have it.
    #[must_use]
    pub fn of_personalized_key(key_hash: &str, providers: Vec<i64>) -> Self {
        let start: String = key_hash.chars().take(12).collect();
        Self {
            key_id: format!("personal:{start}"),
            owner: None,
            tags: BTreeMap::new(),
            policy: LimitPolicy::default(),
            store: StorePolicy::default(),
            redact_pii: KeyRedaction::default(),
            cache_ttl_s: None,
            reach: Scope::Owners(Vec::new()),
            tools: ToolGrants::default(),
            default_toolset: None,
            tool_approval: ToolApproval::Never,
            max_tool_calls_per_day: None,
            allowed_models: None,
            allowed_providers: Some(providers),
        }
    }

    /// Who stands behind the key: all keys of an owner are one tenant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.owner.as_deref().unwrap_or(&self.key_id)
    }

    /// Whether this caller may use `model`, by one of its names, at the provider.
    #[must_use]
    pub fn may_use(&self, provider_id: i64, model: &str) -> bool {
        self.may_use_provider(provider_id) && self.may_name(model)
    }

    /// The same for a model that is listed as `model` by the provider called `provider`: the list may contain it as an address
    /// (`provider/model`), too.
    #[must_use]
    pub fn may_use_listed(&self, provider_id: i64, provider: &str, model: &str) -> bool {
        self.may_use_provider(provider_id)
            && (self.may_name(model) || self.may_name(&format!("{provider}/{model}")))
    }

    /// Whether the list of models contains this name, at whatever provider.
    #[must_use]
    pub fn may_name(&self, model: &str) -> bool {
        let patterns = self.allowed_models.as_ref();
        patterns.is_none_or(|patterns| patterns.iter().any(|pattern| covers(pattern, model)))
    }

    /// Whether only some models may be used.
    #[must_use]
    pub fn lists_models(&self) -> bool {
        self.allowed_models.is_some()
    }

    /// Whether the list of providers contains this one by its id: the holder of the key has chosen it.
    #[must_use]
    pub fn names_provider(&self, provider_id: i64) -> bool {
        self.allowed_providers.as_ref().is_some_and(|ids| ids.contains(&provider_id))
    }

    fn may_use_provider(&self, provider_id: i64) -> bool {
        self.allowed_providers.as_ref().is_none_or(|ids| ids.contains(&provider_id))
    }
}

/// Whether a pattern names the model: as a whole, or as a prefix if it ends in `*`. Case makes no difference.
fn covers(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => naming::begins_with(model, prefix),
        None => naming::is_same(pattern, model),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(models: Option<&[&str]>, providers: Option<&[i64]>) -> Principal {
        let mut key = ApiKeyRecord::new("k".into(), 0);
        key.allowed_models = models.map(|names| names.iter().map(ToString::to_string).collect());
        key.allowed_providers = providers.map(<[i64]>::to_vec);
        Principal::of_api_key(&key)
    }

    #[test]
    fn absent_lists_allow_all_and_empty_lists_nothing() {
        assert!(principal(None, None).may_use(1, "m"));
        assert!(!principal(Some(&[]), None).may_use(1, "m"));
        assert!(!principal(None, Some(&[])).may_use(1, "m"));
    }

    #[test]
    fn names_prefixes_and_providers() {
        let key = principal(Some(&["gpt-5", "qwen-*"]), Some(&[2]));
        assert!(key.may_use(2, "gpt-5") && key.may_use(2, "qwen-max"));
        assert!(!key.may_use(1, "gpt-5") && !key.may_use(2, "gpt-5-mini") && !key.may_use(2, "qwen"));
    }

    #[test]
    fn spelling_makes_no_other_model() {
        let key = principal(Some(&["Vend/Model", "prov/own", "QWEN-*"]), None);
        assert!(key.may_use(1, "vend/MODEL") && key.may_use(1, "qwen-Max") && !key.may_use(1, "vend/model2"));
        assert!(key.may_use_listed(1, "Prov", "own") && !key.may_use_listed(1, "other", "own"));
        assert!(key.lists_models() && !principal(None, Some(&[1])).lists_models());
    }
}
