//! The names of models, where rules are set on them: limits, budgets, prices, and the list of what a key may use.
//!
//! A rule holds for what is used, so it must not depend on how a caller spells a model. Here is decided which spellings are
//! one name, and which names a provider's model has.

/// A name as rules are stored and looked up: without spaces around it, in lower case. Two spellings with the same result
/// are one subject. Services that tell models apart by case alone are not known.
#[must_use]
pub fn canonical(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Whether two spellings are one name.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    folded(one.trim()).eq(folded(other.trim()))
}

/// Whether a name begins with `prefix`, whatever the case of both.
#[must_use]
pub fn begins_with(name: &str, prefix: &str) -> bool {
    let mut rest = folded(name.trim());
    folded(prefix.trim_start()).all(|expected| rest.next() == Some(expected))
}

fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// The name without the `vendor/` in front of it, if it has one.
#[must_use]
pub fn bare(name: &str) -> Option<&str> {
    name.split_once('/').map(|(_vendor, bare)| bare).filter(|bare| !bare.is_empty())
}

/// The name without the variant behind it, if it has one: `:nitro`, `:8b`, `@preset/fast`, `@20250929`. Services let callers choose
/// a variant of a model that is offered under its own name.
#[must_use]
pub fn without_variant(name: &str) -> Option<&str> {
    let at = name.find([':', '@']).filter(|at| *at > 0)?;
    name.get(..at).filter(|model| !model.ends_with('/'))
}

/// All names of a provider's model in canonical spelling, the most specific first, none twice: its addresses at this
/// provider (`provider/name`), the name under which it is listed, the same without its vendor, and both for the upstream's own
/// name of it. A rule on any of them is a rule on the model.
#[must_use]
pub fn of_model(provider: &str, listed: &str, upstream_model: &str) -> Vec<String> {
    let provider = provider.trim();
    let mut names: Vec<String> = Vec::with_capacity(6);
    let mut add = |name: String| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    add(canonical(&format!("{provider}/{}", listed.trim())));
    add(canonical(&format!("{provider}/{}", upstream_model.trim())));
    for name in [listed, upstream_model] {
        add(canonical(name));
        if let Some(bare) = bare(name.trim()) {
            add(canonical(bare));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spaces_make_no_other_name() {
        assert_eq!(canonical(" Vend/LIMITED "), "vend/limited");
        assert!(is_same("Vend/Limited", " vend/limited") && !is_same("vend/limited", "vend/limite"));
        assert!(is_same("ÄRA/m", "ära/M"));
        assert!(begins_with("GPT-5-mini", "gpt-") && begins_with("x", "") && !begins_with("gp", "gpt"));
    }

    #[test]
    fn a_model_has_the_names_that_callers_and_upstreams_use() {
        assert_eq!(
            of_model("Prov", "Vend/Limited", "real-1"),
            ["prov/vend/limited", "prov/real-1", "vend/limited", "limited", "real-1"]
        );
        assert_eq!(of_model("p", "m", "m"), ["p/m", "m"]);
        assert_eq!(of_model("p", "m", "v/m"), ["p/m", "p/v/m", "m", "v/m"]);
        assert_eq!(bare("vend/"), None);
    }

    #[test]
    fn a_variant_is_a_variant_of_its_model() {
        for (name, model) in [
            ("vend/m:nitro", Some("vend/m")),
            ("vend/m@preset/fast", Some("vend/m")),
            ("m@20250929", Some("m")),
            ("vend/m", None),
            ("@cf/meta/m", None),
            ("vend/@m", None),
            (":x", None),
        ] {
            assert_eq!(without_variant(name), model, "{name}");
        }
    }
}
