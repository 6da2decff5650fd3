//! Chat Completions: the history has the calls as the model made them already. It may have results of an open world.

use nexus_edge_core::json::lenient::Object;

use super::found::Restored;
use crate::json::value;
use crate::offer::{CALL, Offer};

/// What the history says of its calls. A function with the name of one of our tools is that tool.
pub(super) fn restored(body: &[u8], offer: &Offer) -> Restored {
    let has_open_world = offer.tools().iter().any(|tool| tool.is_open_world);
    let Some(root) = value(body).and_then(Object::of).filter(|_| has_open_world) else {
        return Restored::default();
    };
    let is_open_world = |call: Object<'_>| {
        let Some(function) = call.object("function") else { return false };
        let name = function.text("name").unwrap_or_default();
        let alias = if name == CALL { inner_name(&function) } else { name.into_owned() };
        offer.tool(&alias).is_some_and(|tool| tool.is_open_world)
    };
    let is_tainted = root.objects("messages").any(|message| message.objects("tool_calls").any(is_open_world));
    Restored { is_tainted, ..Restored::default() }
}

/// The tool of a call of [`CALL`].
fn inner_name(function: &Object<'_>) -> String {
    let arguments = function.text("arguments").unwrap_or_default();
    let inner = value(arguments.as_bytes()).and_then(Object::of).unwrap_or_default();
    inner.text("name").unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::{Tool, tool};

    #[test]
    fn results_of_an_open_world_are_found_in_the_history() {
        let offer =
            Offer::new(vec![Tool { is_open_world: true, ..tool("web__fetch") }, tool("fs__read")], false);
        let history = |name: &str, arguments: &str| {
            let call = serde_json::json!({"id": "c", "function": {"name": name, "arguments": arguments}});
            let said = serde_json::json!({"role": "assistant", "tool_calls": [call]});
            serde_json::json!({"messages": [{"role": "user", "content": "x"}, said]}).to_string()
        };
        for (name, arguments, expected) in [
            ("web__fetch", "{}", true),
            ("fs__read", "{}", false),
            (CALL, r#"{"name":"web__fetch"}"#, true),
            (CALL, r#"{"name":"fs__read"}"#, false),
            (CALL, "broken", false),
        ] {
            let found = restored(history(name, arguments).as_bytes(), &offer);
            assert_eq!(found.is_tainted, expected, "{name} {arguments}");
        }
    }
}
