//! What the model is offered in a round: the tools themselves, or a search for them where there are too many.
//!
//! The functions stand in a fixed order and only ever grow at their end, so that a provider's prompt cache keeps matching.

use nexus_edge_core::tokens::estimate_tokens;

use crate::tool::{Approval, Fate, Shown, Tool};

/// More tools than this are searched for.
pub const MAX_TOOLS: usize = 40;
/// Tools with longer descriptions and schemas than this together are searched for. In tokens.
pub const MAX_SCHEMA_TOKENS: u64 = 8_000;

/// The server of the gateway's own functions, as callers are shown it.
pub const OWN_SERVER: &str = "nexus";
/// Finds tools by words.
pub const SEARCH: &str = "nexus__search_tools";
/// Tells the schema of a tool.
pub const DESCRIBE: &str = "nexus__describe_tool";
/// Calls a tool that was found.
pub const CALL: &str = "nexus__call_tool";
/// Reads on in a result that was cut.
pub const READ: &str = "nexus__read_result";

/// A function as the model is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// The JSON Schema of its arguments.
    pub schema: &'a str,
}

impl<'a> Function<'a> {
    fn of(tool: &'a Tool) -> Self {
        Self { name: &tool.alias, description: &tool.description, schema: &tool.schema }
    }
}

const SEARCHING: [Function<'static>; 3] = [
    Function {
        name: SEARCH,
        description: "Finds tools by words of their names and descriptions. Returns the names that fit best, with what each is for.",
        schema: r#"{"type":"object","properties":{"query":{"type":"string","description":"Words that say what is to be done."},"limit":{"type":"integer","minimum":1,"maximum":20}},"required":["query"]}"#,
    },
    Function {
        name: DESCRIBE,
        description: "Returns the description of a tool and the JSON Schema of its arguments.",
        schema: r#"{"type":"object","properties":{"name":{"type":"string","description":"A name from nexus__search_tools."}},"required":["name"]}"#,
    },
    Function {
        name: CALL,
        description: "Calls a tool that nexus__search_tools has found, with arguments as nexus__describe_tool describes them.",
        schema: r#"{"type":"object","properties":{"name":{"type":"string"},"arguments":{"type":"object"}},"required":["name","arguments"]}"#,
    },
];

const READING: Function<'static> = Function {
    name: READ,
    description: "Reads on in a result that was too long to be told at once.",
    schema: r#"{"type":"object","properties":{"id":{"type":"string"},"offset":{"type":"integer","minimum":0,"description":"In bytes."},"limit":{"type":"integer","minimum":1,"description":"In bytes."}},"required":["id","offset"]}"#,
};

/// The tools of one request.
#[derive(Debug)]
pub struct Offer {
    tools: Vec<Tool>,
    is_search: bool,
    /// Tools that are offered by their own name all the same.
    direct: Vec<usize>,
    has_reader: bool,
}

impl Offer {
    /// An offer of these tools, without those that are denied. `is_deferred`: the request asks for a search.
    #[must_use]
    pub fn new(mut tools: Vec<Tool>, is_deferred: bool) -> Self {
        tools.retain(|tool| tool.approval != Approval::Deny);
        let tokens = |tool: &Tool| estimate_tokens(&tool.description) + estimate_tokens(&tool.schema);
        let is_search = !tools.is_empty()
            && (is_deferred
                || tools.len() > MAX_TOOLS
                || tools.iter().map(tokens).sum::<u64>() > MAX_SCHEMA_TOKENS);
        Self { tools, is_search, direct: Vec::new(), has_reader: false }
    }

    /// The functions of the next round.
    pub fn functions(&self) -> impl Iterator<Item = Function<'_>> {
        let searching = if self.is_search { SEARCHING.as_slice() } else { &[] };
        let all = if self.is_search { &[] } else { self.tools.as_slice() };
        let direct = self.direct.iter().filter_map(|at| self.tools.get(*at));
        let named = all.iter().chain(direct).map(Function::of);
        searching.iter().copied().chain(named).chain(self.has_reader.then_some(READING))
    }

    /// All tools.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tool with this alias.
    #[must_use]
    pub fn tool(&self, alias: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.alias == alias)
    }

    /// Offers a tool by its own name from the next round on, although tools are searched for.
    pub fn offer_directly(&mut self, alias: &str) {
        let Some(at) = self.tools.iter().position(|tool| tool.alias == alias) else { return };
        if self.is_search && !self.direct.contains(&at) {
            self.direct.push(at);
        }
    }

    /// Offers to read on in results from the next round on.
    pub fn offer_reading(&mut self) {
        self.has_reader = true;
    }

    /// Whether tools are searched for.
    #[must_use]
    pub fn is_search(&self) -> bool {
        self.is_search
    }

    /// Whether it is a function of the gateway's own.
    #[must_use]
    pub fn is_own_function(&self, name: &str) -> bool {
        (self.is_search && SEARCHING.iter().any(|function| function.name == name))
            || (self.has_reader && name == READ)
    }

    /// What becomes of a call by the name of its function. `is_tainted`: see [`Tool::approval_when`].
    #[must_use]
    pub fn fate(&self, name: &str, is_tainted: bool) -> Fate {
        if self.is_own_function(name) {
            let name = name.strip_prefix("nexus__").unwrap_or(name).to_owned();
            return Fate::Ours(Shown { server: OWN_SERVER.to_owned(), name });
        }
        let Some(tool) = self.tool(name) else { return Fate::Callers };
        let shown = Shown { server: tool.server.clone(), name: tool.name.clone() };
        if tool.approval_when(is_tainted) == Approval::Never { Fate::Ours(shown) } else { Fate::Asks(shown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::{Class, tool};

    fn names(offer: &Offer) -> Vec<&str> {
        offer.functions().map(|function| function.name).collect()
    }

    #[test]
    fn few_tools_are_offered_and_many_are_searched_for() {
        let few = Offer::new((0..MAX_TOOLS).map(|n| tool(&format!("s__t{n}"))).collect(), false);
        assert_eq!(names(&few).len(), MAX_TOOLS);
        let mut many = Offer::new((0..=MAX_TOOLS).map(|n| tool(&format!("s__t{n}"))).collect(), false);
        assert_eq!(names(&many), [SEARCH, DESCRIBE, CALL]);
        many.offer_directly("s__t7");
        many.offer_directly("s__t7");
        many.offer_reading();
        assert_eq!(names(&many), [SEARCH, DESCRIBE, CALL, "s__t7", READ]);
        let long = Tool { schema: "word ".repeat(10_000), ..tool("s__t") };
        assert!(
            Offer::new(vec![long], false).is_search() && Offer::new(vec![tool("s__t")], true).is_search()
        );
        assert!(!Offer::new(Vec::new(), true).is_search());
    }

    #[test]
    fn what_is_denied_is_not_offered_and_what_is_unknown_is_the_callers() {
        let denied = Tool { approval: Approval::Deny, ..tool("s__no") };
        let writes = Tool { class: Class::Write, ..tool("s__w") };
        let offer = Offer::new(vec![denied, writes, tool("s__r")], false);
        assert_eq!(names(&offer), ["s__w", "s__r"]);
        assert_eq!(offer.fate("s__no", false), Fate::Callers);
        assert_eq!(offer.fate(SEARCH, false), Fate::Callers);
        assert!(matches!(offer.fate("s__w", false), Fate::Ours(_)));
        assert!(matches!(offer.fate("s__w", true), Fate::Asks(_)));
        assert!(matches!(offer.fate("s__r", true), Fate::Ours(_)));
    }

    #[test]
    fn schemas_of_own_functions_are_json() {
        for function in SEARCHING.iter().chain([&READING]) {
            assert!(serde_json::from_str::<serde_json::Value>(function.schema).is_ok(), "{}", function.name);
        }
    }
}
