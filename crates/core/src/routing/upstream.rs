//! A provider that is ready to be asked: its record with the secrets opened, its address checked, and its keys.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::guard::{self, Guard};
use super::health::target_of_key;
use crate::catalog::operation::DEFAULT_WEIGHT;
use crate::catalog::{ProviderKeyRecord, ProviderRecord};
use crate::dialect::operation::Operation;
use crate::http::headers::carries_credential;
use crate::http::upstream_url::{UpstreamUrl, host_of};
use crate::provider::{Call, Provider, Quirk, ResponseAction, Site};
use crate::secrets::redactor::{Place, Redactor};
use crate::secrets::{Keyring, SealError, Secret};
use nexus_edge_prices::BUILT_IN;

/// A key of an upstream, opened. It does not show in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamKey {
    /// The record's id; [`UpstreamKey::PRIMARY`] for the provider's own key.
    pub id: String,
    /// Its name on the health registry ([`target_of_key`]).
    pub target: String,
    /// What its owner calls it.
    pub label: String,
    /// Share of the provider's requests, relative to its other keys.
    pub weight: u32,
    /// Requests a second that it may be used for.
    pub max_qps: Option<u32>,
    /// The key.
    pub key: Secret,
}

impl UpstreamKey {
    /// Id of the key that stands in the provider's own record.
    pub const PRIMARY: &'static str = "primary";
}

impl fmt::Debug for UpstreamKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UpstreamKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An upstream that is ready to be asked. Its credentials do not show in debug output.
pub struct Upstream {
    /// The provider's record.
    pub record: ProviderRecord,
    /// Checked address; `None` for what is reached without the network.
    pub url: Option<UpstreamUrl>,
    /// The provider's own key.
    pub server_key: Option<Secret>,
    /// All keys that may be used: the provider's own first, if it has one, then those of its pool by age.
    pub keys: Vec<UpstreamKey>,
    /// Extra request headers.
    pub headers: BTreeMap<String, Secret>,
    /// Whether addresses in its configuration may be private.
    pub allow_private: bool,
    /// Masks all of these secrets.
    pub guard: Guard,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").field("name", &self.record.name).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Opens a provider with the enabled ones among `keys`, all of them its own. A key that does not open is left out
    /// and named in `problems`; any other secret that does not open, or a bad address, is an error.
    pub fn open(
        record: ProviderRecord,
        keys: Vec<ProviderKeyRecord>,
        keyring: &Keyring,
        allow_private: bool,
        problems: &mut Vec<String>,
    ) -> Result<Self, String> {
        let mut upstream = open(record, keyring, allow_private)?;
        let uid = upstream.record.uid.clone();
        let headers = upstream.record.headers_sealed.clone();
        let target_of =
            |id: &str, sealed: Option<&str>| target_of_key(&uid, id, [sealed, headers.as_deref()]);
        let primary = upstream.server_key.iter().map(|key| UpstreamKey {
            id: UpstreamKey::PRIMARY.to_owned(),
            target: target_of(UpstreamKey::PRIMARY, upstream.record.server_key_sealed.as_deref()),
            label: UpstreamKey::PRIMARY.to_owned(),
            weight: DEFAULT_WEIGHT,
            max_qps: None,
            key: key.clone(),
        });
        let mut opened: Vec<UpstreamKey> = primary.collect();
        for record in keys.into_iter().filter(|record| record.enabled) {
            match keyring.open(&record.key_sealed, &record.seal_context()) {
                Ok(key) => opened.push(UpstreamKey {
                    target: target_of(&record.id, Some(&record.key_sealed)),
                    id: record.id,
                    label: record.label,
                    weight: record.weight,
                    max_qps: record.max_qps,
                    key,
                }),
                Err(error) => {
                    let (name, label) = (&upstream.record.name, &record.label);
                    problems.push(format!("key {label} of provider {name} is left out: {error}"));
                }
            }
        }
        upstream.keys = opened;
        Ok(upstream)
    }

    /// Whether it is trusted not to repeat its key in a stream: the API of a known seller, or one that the operator
    /// declares to be so. Its streams need not be read for that.
    #[must_use]
    pub fn is_discreet(&self) -> bool {
        self.record.has_quirk(Quirk::DiscreetStreams)
            || host_of(&self.record.server_url).is_ok_and(|host| BUILT_IN.is_host_of_seller(host))
    }

    /// The names on the health registry of what it is asked with now: its keys, or that it has none.
    pub fn key_targets(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let keyless = self.keys.is_empty().then(|| Cow::Owned(self.keyless_target()));
        self.keys.iter().map(|key| Cow::Borrowed(key.target.as_str())).chain(keyless)
    }

    /// The name on the health registry of an attempt without a key; the credential may be among its headers.
    #[must_use]
    pub fn keyless_target(&self) -> String {
        let ProviderRecord { uid, headers_sealed, .. } = &self.record;
        target_of_key(uid, "none", [headers_sealed.as_deref(), None])
    }

    /// What its kind must know to address it.
    #[must_use]
    pub fn site(&self) -> Site<'_> {
        Site { server_url: &self.record.server_url, url: self.url.as_ref(), quirks: self.record.quirk_set() }
    }

    /// The kind of provider that it is.
    #[must_use]
    pub fn provider(&self) -> &'static dyn Provider {
        self.record.kind.provider()
    }

    /// The request by which it is asked for `operation` with its own name of the model; `None` if it does not offer the
    /// operation.
    #[must_use]
    pub fn call(&self, operation: Operation, model: &str) -> Option<Call> {
        self.record.kind.call(&self.site(), operation, model)
    }

    /// The model's name in the body, where that is not the name that it is configured to have.
    #[must_use]
    pub fn body_model(&self, model: &str) -> Option<String> {
        self.provider().body_model(&self.site(), model)
    }

    /// The request by which it is asked about a response that it keeps; `query` is the caller's. `None` if it keeps none.
    #[must_use]
    pub fn kept_response(&self, id: &str, action: ResponseAction, query: Option<&str>) -> Option<Call> {
        self.record.kind.kept_response(&self.site(), id, action, query)
    }

    /// The secrets that must not appear in anything that leaves the gateway: its keys and what they consist of, the values
    /// of its secret headers, and credentials in its address.
    #[must_use]
    pub fn secrets(&self) -> Vec<Cow<'_, str>> {
        let keys = self.keys.iter().map(|key| &key.key).chain(&self.server_key);
        let mut secrets: Vec<Cow<'_, str>> = Vec::new();
        for key in keys {
            secrets.extend(guard::of_key(key.expose()));
        }
        for (_, value) in self.headers.iter().filter(|(name, _)| carries_credential(name)) {
            secrets.extend(guard::of_header(value.expose()));
        }
        secrets.extend(guard::of_address(&self.record.server_url).map(Cow::Borrowed));
        secrets
    }

    /// The redactor of its secrets for what is read in `place`.
    #[must_use]
    pub fn redactor(&self, place: Place) -> Arc<Redactor> {
        self.guard.redactor(place, || self.secrets())
    }
}

fn open(record: ProviderRecord, keyring: &Keyring, allow_private: bool) -> Result<Upstream, String> {
    let unseal = |sealed: &Option<String>, field: &str| -> Result<Option<Secret>, SealError> {
        sealed.as_deref().map(|sealed| keyring.open(sealed, &record.seal_context(field))).transpose()
    };
    let server_key =
        unseal(&record.server_key_sealed, "server_key").map_err(|error| format!("server_key: {error}"))?;
    let headers =
        match unseal(&record.headers_sealed, "headers").map_err(|error| format!("headers: {error}"))? {
            Some(json) => serde_json::from_str(json.expose())
                .map_err(|_| "headers: not a JSON object of strings".to_owned())?,
            None => BTreeMap::new(),
        };
    let parse = || {
        UpstreamUrl::parse(&record.server_url, allow_private).map_err(|error| format!("server_url {error}"))
    };
    let url = record.kind.has_address().then(parse).transpose()?;
    let guard = Guard::default();
    Ok(Upstream { record, url, server_key, keys: Vec::new(), headers, allow_private, guard })
}
