//! Prices as configured: what administrators set, their table or the built-in one, and factors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use nexus_edge_prices::{BUILT_IN, Place, Price, Table};
use serde::{Deserialize, Serialize};

use super::Quote;
use crate::catalog::ProviderRecord;
use crate::http::upstream_url::host_of;
use crate::naming;
use crate::provider::Transport;
use crate::stats::PriceSource;

const MILLI: u64 = 1000;

/// The override for a provider's model (`provider_model:<id>`), for a model of any provider (`model:<name>`) or for a
/// provider (`provider:<id>`).
///
/// ```json
/// {"price": {"input": 2500000, "output": 10000000}, "factor_milli": 1200}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSetting {
    /// The price, in place of less specific ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// A factor on the price, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_milli: Option<u64>,
}

/// A stored override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRecord {
    /// Its subject.
    pub subject: String,
    /// A [`PriceSetting`] as JSON.
    pub setting: String,
}

/// The subject of a price or a factor in canonical spelling; `None` if the text is none. A price holds under whatever spelling
/// it was set: `provider_model:07` is `provider_model:7`, and the case of a model's name makes no difference.
#[must_use]
pub fn subject(text: &str) -> Option<String> {
    match text.split_once(':')? {
        (kind @ ("provider" | "provider_model"), id) => {
            let id: u32 = id.parse().ok().filter(|id| *id > 0)?;
            Some(format!("{kind}:{id}"))
        }
        ("model", name) => {
            let name = naming::canonical(name);
            (1..=200).contains(&name.chars().count()).then(|| format!("model:{name}"))
        }
        _ => None,
    }
}

/// All prices of a deployment.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    settings: HashMap<String, PriceSetting>,
    uploaded: Option<Arc<Table>>,
    unknown: Option<u64>,
}

impl PriceBook {
    /// Builds the book; records that do not parse are left out. `uploaded`: the table that replaces the built-in one, as
    /// JSON. `unknown`: the price of a million tokens where none is known, in millionths of a dollar.
    #[must_use]
    pub fn new(records: Vec<PriceRecord>, uploaded: Option<&str>, unknown: Option<u64>) -> Self {
        let mut settings: HashMap<String, PriceSetting> = HashMap::new();
        for record in records {
            let Some(subject) = subject(&record.subject) else { continue };
            let Ok(setting) = serde_json::from_str(&record.setting) else { continue };
            // Of two spellings of one subject, which older versions could store, the canonical one holds.
            if subject == record.subject || !settings.contains_key(&subject) {
                settings.insert(subject, setting);
            }
        }
        let uploaded = uploaded.and_then(|json| nexus_edge_prices::parse(json.as_bytes()).ok());
        Self { settings, uploaded: uploaded.map(Arc::new), unknown }
    }

    /// The price of a provider's model: the most specific override, else that of the table, multiplied by all factors
    /// that apply; else, if the deployment sets one, the price of what is unknown.
    #[must_use]
    pub fn quote(
        &self,
        provider: &ProviderRecord,
        provider_model_id: i64,
        model: &str,
        upstream_model: &str,
    ) -> Arc<Quote> {
        let setting = |subject: String| self.settings.get(&subject);
        let of_model = || {
            let names = naming::of_model(&provider.name, model, upstream_model);
            names.into_iter().find_map(|name| setting(format!("model:{name}")))
        };
        let chain = [
            setting(format!("provider_model:{provider_model_id}")),
            if self.settings.is_empty() { None } else { of_model() },
            setting(format!("provider:{}", provider.id)),
        ];
        let chain = || chain.iter().copied().flatten();
        let factors = chain().filter_map(|setting| setting.factor_milli);
        let factor_milli = factors.fold(MILLI, |product, factor| {
            u64::try_from(u128::from(product) * u128::from(factor) / u128::from(MILLI)).unwrap_or(u64::MAX)
        });
        let set = chain().find_map(|setting| setting.price.clone());
        let quote = match set {
            Some(price) => Quote { price: Some(price), source: PriceSource::Override, ..Quote::default() },
            None => self.listed(provider, upstream_model),
        };
        let price = quote.price.map(|price| price.times_milli(factor_milli));
        Arc::new(Quote { price, factor_milli, ..quote })
    }

    /// The price of the table, without settings of operators; `None` if the table has none.
    #[must_use]
    pub fn list_price(&self, provider: &ProviderRecord, upstream_model: &str) -> Option<Price> {
        let quote = self.listed(provider, upstream_model);
        quote.price.filter(|_| !matches!(quote.source, PriceSource::Ceiling | PriceSource::Unknown))
    }

    /// The price without settings of operators.
    fn listed(&self, provider: &ProviderRecord, upstream_model: &str) -> Quote {
        let host = match provider.kind.provider().transport() {
            Transport::Embedded => {
                return Quote {
                    price: Some(Price::new(0, 0)),
                    source: PriceSource::Free,
                    ..Quote::default()
                };
            }
            Transport::AiBinding => "binding:AI",
            Transport::Network => host_of(&provider.server_url).unwrap_or_default(),
        };
        let table = self.uploaded.as_deref().unwrap_or(&BUILT_IN);
        let Some(found) = table.find(Place { host, kind: provider.kind.name() }, upstream_model) else {
            let price = self.unknown.map(|unknown| Price::new(unknown, unknown));
            let source = if price.is_some() { PriceSource::Ceiling } else { PriceSource::Unknown };
            return Quote { price, source, ..Quote::default() };
        };
        let source = match (found.assumed, &self.uploaded) {
            (true, _) => PriceSource::Assumed,
            (false, Some(_)) => PriceSource::Uploaded,
            (false, None) => PriceSource::List,
        };
        let version = match &self.uploaded {
            Some(uploaded) => Cow::Owned(uploaded.version.clone().into_owned()),
            None => BUILT_IN.version.clone(),
        };
        Quote { price: Some(found.row.price), source, table: Some(version), ..Quote::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::price_input::read_setting;
    use crate::catalog::provider::test_record;
    use crate::provider::ProviderKind;

    fn book(settings: &[(&str, &str)], uploaded: Option<&str>, unknown: Option<u64>) -> PriceBook {
        let record = |(subject, body): &(&str, &str)| PriceRecord {
            subject: (*subject).into(),
            setting: serde_json::to_string(&read_setting(body.as_bytes()).unwrap()).unwrap(),
        };
        PriceBook::new(settings.iter().map(record).collect(), uploaded, unknown)
    }

    fn at(id: i64, server_url: &str) -> ProviderRecord {
        ProviderRecord { server_url: server_url.into(), ..test_record(id, "p") }
    }

    #[test]
    fn the_most_particular_price_holds_and_all_factors_do() {
        let book = book(
            &[
                ("provider_model:7", r#"{"input":1,"output":2}"#),
                ("model:gpt-4o", r#"{"factor":1.5}"#),
                ("provider:3", r#"{"factor":2}"#),
            ],
            None,
            None,
        );
        let openai = "https://api.openai.com/v1";
        let own = book.quote(&at(3, openai), 7, "gpt-4o", "gpt-4o");
        let price = own.price.as_ref().unwrap();
        assert_eq!(
            (price.base.input, price.base.output, price.factor_milli),
            (Some(1_000_000), Some(2_000_000), 3_000)
        );
        assert_eq!(
            (own.source, own.factor_milli, own.table.as_deref()),
            (PriceSource::Override, 3_000, None)
        );
        let listed = book.quote(&at(4, openai), 8, "alias", "gpt-4o");
        assert_eq!(
            (listed.price.as_ref().unwrap().base.input, listed.source),
            (Some(2_500_000), PriceSource::List)
        );
        assert_eq!(listed.table.as_deref(), Some(&*BUILT_IN.version));
        let unknown = book.quote(&at(3, openai), 8, "unknown", "unknown");
        assert_eq!(
            (unknown.price.as_ref(), unknown.source, unknown.factor_milli),
            (None, PriceSource::Unknown, 2_000)
        );
    }

    #[test]
    fn every_price_says_where_it_comes_from() {
        let source = |book: &PriceBook, provider: &ProviderRecord, model: &str| {
            book.quote(provider, 1, model, model).source
        };
        let plain = book(&[], None, None);
        assert_eq!(source(&plain, &at(1, "http://127.0.0.1:9/v1"), "gpt-4o"), PriceSource::Assumed);
        assert_eq!(source(&plain, &at(1, "http://127.0.0.1:9/v1"), "my-model"), PriceSource::Unknown);
        let demo = ProviderRecord { kind: ProviderKind::Demo, ..at(1, "") };
        assert_eq!(source(&plain, &demo, "echo"), PriceSource::Free);
        let binding = ProviderRecord { kind: ProviderKind::WorkersAi, ..at(1, "") };
        assert_eq!(source(&plain, &binding, "@cf/openai/gpt-oss-20b"), PriceSource::List);
        let ceiling =
            book(&[], None, Some(50_000_000)).quote(&at(1, "http://h/v1"), 1, "my-model", "my-model");
        assert_eq!(
            (ceiling.source, ceiling.price.clone()),
            (PriceSource::Ceiling, Some(Price::new(50_000_000, 50_000_000)))
        );
        let table = r#"{"schema":1,"as_of":"2027-01-01","providers":{"openai":{"hosts":["api.openai.com"],
            "models":[{"id":"gpt-4o","input":7,"output":8}]}}}"#;
        let uploaded = book(&[], Some(table), None);
        let quote = uploaded.quote(&at(1, "https://api.openai.com/v1"), 1, "gpt-4o", "gpt-4o");
        assert_eq!((quote.source, quote.price.clone()), (PriceSource::Uploaded, Some(Price::new(7, 8))));
        assert!(quote.table.as_deref().is_some_and(|version| version.starts_with("2027-01-01-")));
        assert_eq!(source(&uploaded, &at(1, "https://api.openai.com/v1"), "o3"), PriceSource::Unknown);
    }

    #[test]
    fn subjects() {
        for (given, canonical) in [
            ("provider:1", "provider:1"),
            ("provider_model:012", "provider_model:12"),
            ("provider_model:+7", "provider_model:7"),
            ("model:A/b:c ", "model:a/b:c"),
        ] {
            assert_eq!(subject(given).as_deref(), Some(canonical));
        }
        for bad in ["provider:x", "model:", "model: ", "key:1", "provider_model:-1", "provider:0"] {
            assert_eq!(subject(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_price_of_a_model_holds_under_each_of_its_names_and_the_most_specific_goes_first() {
        let price = |settings: &[&str]| {
            let each: Vec<(String, String)> = settings
                .iter()
                .enumerate()
                .map(|(index, name)| {
                    (format!("model:{name}"), format!(r#"{{"input":{},"output":9}}"#, index + 1))
                })
                .collect();
            let each: Vec<(&str, &str)> = each.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            let quote = book(&each, None, None).quote(&at(1, "http://h/v1"), 1, "Vend/Priced", "real-1");
            quote.price.as_ref().and_then(|price| price.base.input)
        };
        for name in ["Vend/Priced", "vend/priced", "PRICED", "P/vend/priced", "REAL-1", "p/real-1"] {
            assert_eq!(price(&[name]), Some(1_000_000), "{name}");
        }
        assert_eq!(price(&["other"]), None);
        assert_eq!(price(&["real-1", "priced", "vend/priced", "p/vend/priced"]), Some(4_000_000));
        assert_eq!(price(&["real-1", "priced"]), Some(2_000_000));
        // What older versions stored under another spelling holds, unless the canonical one is set, too.
        assert_eq!(price(&["VEND/PRICED", "vend/priced"]), Some(2_000_000));
        assert_eq!(price(&["vend/priced", "VEND/PRICED"]), Some(1_000_000));
    }
}
