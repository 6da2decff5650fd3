//! What several servers can do together.

use serde_json::value::RawValue;

use super::{Catalogue, Kind};
use crate::json::Members;

/// The capabilities of an aggregate of servers: what at least one of them has. Of those that the aggregate does not pass on
/// (`logging`, `experimental`, `extensions`, subscriptions, notices of changed lists) nothing is said.
#[must_use]
pub fn merged<'a>(all: impl IntoIterator<Item = &'a RawValue>) -> Box<RawValue> {
    let mut out = Members::default();
    let each: Vec<Members> =
        all.into_iter().filter_map(|capabilities| Members::parse(capabilities.get()).ok()).collect();
    for name in ["completions", "prompts", "resources", "tools"] {
        if each.iter().any(|capabilities| capabilities.get(name).is_some()) {
            out.set(name, Members::default().write());
        }
    }
    out.write()
}

/// The capabilities of a server of which only the lists are known. One that has prompts or templates may complete their
/// arguments, and each may write log lines.
#[must_use]
pub fn implied(catalogue: &Catalogue) -> Box<RawValue> {
    let has = |kind: Kind| !catalogue.of(kind).is_empty();
    let mut out = Members::default();
    for (name, is_there) in [
        ("completions", has(Kind::Prompt) || has(Kind::Template)),
        ("logging", true),
        ("prompts", has(Kind::Prompt)),
        ("resources", has(Kind::Resource) || has(Kind::Template)),
        ("tools", true),
    ] {
        if is_there {
            out.set(name, Members::default().write());
        }
    }
    out.write()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_can_what_one_of_them_can() {
        let of = |text: &str| crate::json::raw(text.to_owned()).unwrap();
        let (one, other, broken) =
            (of(r#"{"tools":{"listChanged":true},"logging":{}}"#), of(r#"{"prompts":{}}"#), of("1"));
        assert_eq!(merged([&*one, &*other, &*broken]).get(), r#"{"prompts":{},"tools":{}}"#);
        assert_eq!(merged([]).get(), "{}");
    }

    #[test]
    fn lists_imply_capabilities() {
        let prompt = super::super::Item::parse(Kind::Prompt, r#"{"name":"p"}"#).unwrap();
        let with = Catalogue { prompts: vec![prompt], ..Catalogue::default() };
        assert_eq!(implied(&with).get(), r#"{"completions":{},"logging":{},"prompts":{},"tools":{}}"#);
        assert_eq!(implied(&Catalogue::default()).get(), r#"{"logging":{},"tools":{}}"#);
    }
}
