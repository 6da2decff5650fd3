//! Which price a model has at a provider.
//!
//! The seller is the one whose host the provider's address has; what it does not list itself, it may sell at the list price of
//! others (Azure, Vertex AI). If no seller has the host, the kind of the provider tells one. Where neither leads to the model,
//! a price is taken only if all sellers of the model have the same one. The last two are assumptions, and are marked as such.

use crate::names::{compare, forms};
use crate::row::Row;
use crate::table::{Name, Seller, Table};

/// Where a model is offered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The host of the provider's address; nothing if it has none.
    pub host: &'a str,
    /// The kind of the provider, such as `anthropic`.
    pub kind: &'a str,
}

/// A price that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The row of the table.
    pub row: Row<'a>,
    /// Whether the provider is not known to be this seller.
    pub assumed: bool,
}

impl Table {
    /// The price of a model under the name that a provider gives it.
    #[must_use]
    pub fn find(&self, place: Place<'_>, model: &str) -> Option<Found<'_>> {
        let forms = forms(model);
        let at_host =
            self.sellers.iter().find(|seller| seller.hosts.iter().any(|host| is_host(host, place.host)));
        if let Some(seller) = at_host {
            let also = seller.also.iter().filter_map(|id| self.seller(id));
            if let Some(row) = std::iter::once(seller).chain(also).find_map(|seller| self.at(seller, &forms))
            {
                return Some(Found { row, assumed: false });
            }
        } else {
            let of_kind =
                self.sellers.iter().find(|seller| seller.kinds.iter().any(|kind| kind == place.kind));
            if let Some(row) = of_kind.and_then(|seller| self.at(seller, &forms)) {
                return Some(Found { row, assumed: true });
            }
        }
        self.anywhere(&forms).map(|row| Found { row, assumed: true })
    }

    /// Whether it is the host of a known seller's API.
    #[must_use]
    pub fn is_host_of_seller(&self, host: &str) -> bool {
        self.sellers.iter().any(|seller| seller.hosts.iter().any(|known| is_host(known, host)))
    }

    /// The seller with this name.
    #[must_use]
    pub fn seller(&self, id: &str) -> Option<&Seller> {
        self.sellers.iter().find(|seller| seller.id == id)
    }

    /// The row that a seller has under one of these names, the first of them first.
    fn at<'a>(&'a self, seller: &'a Seller, forms: &[String]) -> Option<Row<'a>> {
        forms.iter().find_map(|form| self.named(seller, form)).map(|name| self.row(seller, name))
    }

    fn named(&self, seller: &Seller, form: &str) -> Option<Name> {
        let names = self.names_of(seller);
        let at = names.binary_search_by(|name| compare(self.text_of(*name), form)).ok()?;
        names.get(at).copied()
    }

    /// The row that sellers have under one of these names, if all of them have the same price.
    fn anywhere(&self, forms: &[String]) -> Option<Row<'_>> {
        forms.iter().find_map(|form| {
            let mut rows =
                self.sellers.iter().filter_map(|seller| Some(self.row(seller, self.named(seller, form)?)));
            let first = rows.next()?;
            let same = |row: Row<'_>| {
                (row.price.base.input, row.price.base.output)
                    == (first.price.base.input, first.price.base.output)
            };
            Some(rows.all(same).then_some(first))
        })?
    }
}

/// Whether a host is meant by a pattern in which `*` stands for any text.
fn is_host(pattern: &str, host: &str) -> bool {
    if host.is_empty() {
        return false;
    }
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(host),
        Some((before, after)) => {
            let host = host.to_ascii_lowercase();
            let rest = host.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            rest.is_some_and(|rest| !rest.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BUILT_IN;

    fn at(host: &str, model: &str) -> Option<(u64, u64)> {
        price(Place { host, kind: "openai" }, model)
    }

    fn price(place: Place<'_>, model: &str) -> Option<(u64, u64)> {
        let found = BUILT_IN.find(place, model)?;
        Some((found.row.price.base.input?, found.row.price.base.output?))
    }

    const OPENAI: &str = "api.openai.com";
    const ANTHROPIC: &str = "api.anthropic.com";
    const GOOGLE: &str = "generativelanguage.googleapis.com";

    #[test]
    fn a_newer_model_never_has_the_price_of_an_older_one() {
        let own = Some((5_000_000, 25_000_000));
        for model in [
            "claude-opus-4-5-20251101",
            "claude-opus-4-5@20251101",
            "claude-opus-4-6-20260205",
            "claude-opus-4-7-20260416",
            "claude-opus-4-5",
            "claude-opus-4.5",
            "Claude-Opus-4-5-latest",
            "anthropic/claude-opus-4-5",
        ] {
            assert_eq!(at(ANTHROPIC, model), own, "{model}");
        }
        assert_eq!(at("us-east5-aiplatform.googleapis.com", "claude-opus-4-5@20251101"), own);
        assert_eq!(at(ANTHROPIC, "claude-opus-4-20250514"), Some((15_000_000, 75_000_000)));
        assert_eq!(at(ANTHROPIC, "claude-opus-4-1-20250805"), Some((15_000_000, 75_000_000)));
        assert_eq!(at(ANTHROPIC, "claude-sonnet-4-5-20250929"), Some((3_000_000, 15_000_000)));
        for unknown in
            ["claude-opus-4-9", "claude-opus-9", "claude-opus-4-5-ultra", "claude-opus-6-20270101", "claude"]
        {
            assert_eq!(at(ANTHROPIC, unknown), None, "{unknown}");
        }
        for unknown in ["gpt-4o-future", "gpt-9", "gpt-4o-mini-x", "gpt-5-20", "", "/", "gpt"] {
            assert_eq!(at(OPENAI, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_version_with_its_own_price_has_it() {
        for (model, price) in [
            ("gpt-4o-2024-05-13", (5_000_000, 15_000_000)),
            ("gpt-4o-2024-08-06", (2_500_000, 10_000_000)),
            ("gpt-4o", (2_500_000, 10_000_000)),
            ("gpt-3.5-turbo-0613", (1_500_000, 2_000_000)),
            ("gpt-3.5-turbo-0301", (1_500_000, 2_000_000)),
            ("gpt-3.5-turbo-1106", (1_000_000, 2_000_000)),
            ("gpt-3.5-turbo", (500_000, 1_500_000)),
            ("gpt-4-0125-preview", (10_000_000, 30_000_000)),
            ("gpt-4-1106-preview", (10_000_000, 30_000_000)),
            ("ft:gpt-4o-2024-08-06:acme::B1", (3_750_000, 15_000_000)),
        ] {
            assert_eq!(at(OPENAI, model), Some(price), "{model}");
        }
        for (model, price) in [
            ("gemini-2.5-flash", (300_000, 2_500_000)),
            ("gemini-2.5-flash-preview-09-2025", (300_000, 2_500_000)),
            ("gemini-2.5-flash-lite-preview-09-2025", (100_000, 400_000)),
            ("gemini-2.5-flash-preview-04-17", (150_000, 600_000)),
            ("gemini-2.0-flash-001", (100_000, 400_000)),
            ("models/gemini-2.5-pro", (1_250_000, 10_000_000)),
        ] {
            assert_eq!(at(GOOGLE, model), Some(price), "{model}");
        }
    }

    #[test]
    fn what_the_old_table_could_not_say() {
        let found =
            |host: &str, model: &str| BUILT_IN.find(Place { host, kind: "openai" }, model).unwrap().row.price;
        let flash = found(GOOGLE, "gemini-2.5-flash").base;
        assert_eq!(
            (flash.cached_input, flash.audio_input, flash.cached_audio),
            (Some(30_000), Some(1_000_000), Some(100_000))
        );
        let flash = found(GOOGLE, "gemini-2.0-flash").base;
        assert_eq!((flash.audio_input, flash.cached_audio), (Some(700_000), Some(175_000)));
        let astra = found(OPENAI, "gpt-6-astra");
        let long = astra.rates(None, 272_001);
        assert_eq!((astra.base.cached_input, astra.base.cache_write), (Some(1_000_000), Some(12_500_000)));
        assert_eq!((long.input, long.output), (Some(20_000_000), Some(75_000_000)));
        let opus = found(ANTHROPIC, "claude-opus-5-5");
        assert_eq!((opus.base.cached_input, opus.base.cache_write_1h), (Some(200_000), Some(8_000_000)));
        assert_eq!(opus.rates(Some(crate::Variant::Fast), 1).input, Some(8_000_000));
        assert_eq!(opus.rates(Some(crate::Variant::Batch), 1).output, Some(10_000_000));
        assert_eq!(found("api.perplexity.ai", "sonar-pro").base.per_1k_requests, Some(14_000_000));
        let qwen = found("dashscope-intl.aliyuncs.com", "qwen-plus");
        assert_eq!(
            (qwen.base.output, qwen.rates(Some(crate::Variant::Thinking), 1).output),
            (Some(1_200_000), Some(4_000_000))
        );
        // 2026-11-27 was a Friday; 02:00 and 05:00 UTC.
        let deepseek = found("api.deepseek.com", "deepseek-flash");
        let counts = crate::Counts { prompt: 1_000_000, ..crate::Counts::default() };
        let at = |hour: u64| deepseek.cost(&counts, None, (20_784 * 24 + hour) * 3_600_000).unwrap();
        assert_eq!((at(2), at(5)), (300_000, 150_000));
    }

    #[test]
    fn the_host_tells_the_seller() {
        assert_eq!(at("open.bigmodel.cn", "glm-5.3"), Some((1_103_000, 3_862_000)));
        assert_eq!(at("api.z.ai", "glm-5.3"), Some((1_400_000, 4_400_000)));
        assert_eq!(at("dashscope.aliyuncs.com", "qwen3-max"), Some((861_000, 3_441_000)));
        assert_eq!(at("dashscope-intl.aliyuncs.com", "qwen3-max"), Some((1_200_000, 6_000_000)));
        assert_eq!(at("acme.openai.azure.com", "gpt-4o"), Some((2_500_000, 10_000_000)));
        assert_eq!(at("acme.openai.azure.com", "phi-4"), at("acme.OpenAI.azure.com", "Phi-4"));
        let nowhere = |kind: &str, model: &str| BUILT_IN.find(Place { host: "proxy.example", kind }, model);
        assert!(
            nowhere("anthropic", "claude-opus-5-5")
                .is_some_and(|found| found.assumed && found.row.seller == "anthropic")
        );
        assert!(nowhere("openai", "gpt-4o").is_some_and(|found| found.assumed));
        // Sellers disagree: no price.
        assert_eq!(nowhere("openai", "qwen3-max"), None);
        assert!(!BUILT_IN.find(Place { host: OPENAI, kind: "openai" }, "gpt-4o").unwrap().assumed);
    }

    #[test]
    fn the_region_of_bedrock_makes_a_price() {
        let host = "bedrock-runtime.us-east-1.amazonaws.com";
        assert_eq!(at(host, "global.anthropic.claude-opus-4-5-20251101-v1:0"), Some((5_000_000, 25_000_000)));
        for model in [
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
            "eu.anthropic.claude-opus-4-5-20251101-v1:0",
            "anthropic.claude-opus-4-5-20251101-v1:0",
        ] {
            assert_eq!(at(host, model), Some((5_500_000, 27_500_000)), "{model}");
        }
        assert_eq!(at(host, "anthropic.claude-3-5-sonnet-20241022-v2:0"), Some((3_000_000, 15_000_000)));
        assert_eq!(at(host, "meta.llama3-1-8b-instruct-v1:0"), at(host, "us.meta.llama3-1-8b-instruct-v1:0"));
        assert!(at(host, "amazon.nova-pro-v1:0").is_some());
    }

    #[test]
    fn a_host_of_a_seller_is_that_and_no_other() {
        for host in ["api.openai.com", "api.anthropic.com", "openrouter.ai"] {
            assert!(BUILT_IN.is_host_of_seller(host), "{host}");
        }
        for host in ["127.0.0.1", "api.openai.com.example", "evil-api.openai.com", "localhost", ""] {
            assert!(!BUILT_IN.is_host_of_seller(host), "{host}");
        }
    }

    #[test]
    fn hosts_with_a_wildcard() {
        assert!(is_host("*.openai.azure.com", "acme.openai.azure.com"));
        assert!(is_host("*-aiplatform.googleapis.com", "europe-west4-aiplatform.googleapis.com"));
        assert!(!is_host("*.openai.azure.com", "openai.azure.com") && !is_host("api.openai.com", ""));
        assert!(!is_host("api.openai.com", "api.openai.com.example"));
    }
}
