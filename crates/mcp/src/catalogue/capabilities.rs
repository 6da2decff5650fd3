//! What several servers can do together.

use serde_json::value::RawValue;

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
}
