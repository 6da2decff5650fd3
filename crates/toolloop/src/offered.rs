//! A tool of a server as a request may use it.

use nexus_edge_core::access::tool_approval::ToolApproval;
use nexus_edge_core::json::lenient::Object;

use crate::json::value;
use crate::machine::{class_of, is_open_world};
use crate::named::{Source, Target};
use crate::result::clean;
use crate::tool::{Approval, Tool};

/// The schema of a tool that has none.
const ANYTHING: &str = r#"{"type":"object","properties":{}}"#;

/// A tool as its server defines it.
#[derive(Debug, Clone, Copy)]
pub struct Defined<'a> {
    /// Its name for the model, unique in the request.
    pub alias: &'a str,
    /// Its server.
    pub server: &'a str,
    /// Its name at the server.
    pub name: &'a str,
    /// The name that the source gives it instead.
    pub given: Option<&'a str>,
    /// Other names by which the source may mean it: those that its agent has for it.
    pub synonyms: &'a [&'a str],
    /// The definition, a JSON object.
    pub definition: &'a str,
    /// The strictest rule of key, server and tool.
    pub rule: ToolApproval,
}

/// The tool by the rules of the source that names its server; `None` if the source leaves it out.
///
/// It is shown under the caller's label of the server where the source names one server, and under the server's name where it names
/// several; with the name that the source gives it, always under the label, as that name is unique there only. A mark that it only reads is its server's own word: it selects tools where the request selects by it, and never makes a rule
/// of the server or the key less strict.
#[must_use]
pub fn offered(source: &Source, defined: &Defined<'_>) -> Option<Tool> {
    let fields = value(defined.definition.as_bytes()).and_then(Object::of).unwrap_or_default();
    let annotations = fields.get_set("annotations").map(|raw| raw.get().to_owned());
    let hints = annotations.as_deref().and_then(|text| value(text.as_bytes())).and_then(Object::of);
    let is_read_only = hints.and_then(|hints| hints.boolean("readOnlyHint")) == Some(true);
    let name = defined.given.unwrap_or(defined.name);
    let names: Vec<&str> = std::iter::once(name).chain(defined.synonyms.iter().copied()).collect();
    if !source.allowed.admits(&names, is_read_only) {
        return None;
    }
    let is_one_server = matches!(source.target, Target::Server(_) | Target::Agent { server: Some(_), .. });
    let described = fields.text("description").or_else(|| fields.text("title"));
    let class = class_of(defined.name, annotations.as_deref(), false);
    let approval = Approval::by(defined.rule, class);
    Some(Tool {
        alias: defined.alias.to_owned(),
        server: if is_one_server || defined.given.is_some() {
            source.label.clone()
        } else {
            defined.server.to_owned()
        },
        name: name.to_owned(),
        description: described.map(|text| clean(&text)).unwrap_or_default(),
        schema: fields.get_set("inputSchema").map_or(ANYTHING, |raw| raw.get()).to_owned(),
        class,
        is_open_world: is_open_world(defined.name, annotations.as_deref()),
        annotations,
        approval: approval.strictest(source.approval.of(&names, is_read_only)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named;
    use crate::tool::Class;
    use nexus_edge_core::dialect::caller::CallerDialect;

    fn source(tool: &str) -> Source {
        let body = format!("{{\"tools\":[{tool}]}}");
        let named = named::of(CallerDialect::OpenaiResponses, body.as_bytes()).unwrap().unwrap();
        named.sources[0].clone()
    }

    fn defined<'a>(name: &'a str, definition: &'a str) -> Defined<'a> {
        let rule = ToolApproval::Never;
        Defined { alias: "fs__x", server: "fs", name, given: None, synonyms: &[], definition, rule }
    }

    #[test]
    fn a_tool_of_an_agent_goes_by_the_names_that_the_agent_has_for_it() {
        let only = source(
            r#"{"type":"mcp","server_url":"nexus:agent/laptop","allowed_tools":["fs__read"],"require_approval":{"always":["fs__read"]}}"#,
        );
        let read = Defined { synonyms: &["fs__read"], ..defined("read", "{}") };
        assert_eq!(offered(&only, &read).map(|tool| tool.approval), Some(Approval::Ask));
        assert_eq!(offered(&only, &Defined { synonyms: &["git__read"], ..read }), None);
        assert_eq!(only.written().collect::<Vec<_>>(), ["fs__read", "fs__read"]);
    }

    #[test]
    fn a_tool_is_what_its_server_says_under_the_rules_of_the_request() {
        let files = source(
            r#"{"type":"mcp","server_label":"files","server_url":"nexus:fs","allowed_tools":["read_file","rm"],"require_approval":{"never":{"read_only":true}}}"#,
        );
        let read = r#"{"name":"read_file","description":"Reads\u200b.","inputSchema":{"type":"object","x":1e3},"annotations":{"readOnlyHint":true}}"#;
        let tool = offered(&files, &defined("read_file", read)).unwrap();
        assert_eq!((tool.server.as_str(), tool.description.as_str()), ("files", "Reads."));
        assert_eq!(tool.schema, r#"{"type":"object","x":1e3}"#);
        assert_eq!((tool.class, tool.approval, tool.is_open_world), (Class::Read, Approval::Never, false));
        let rm = offered(&files, &defined("rm", r#"{"name":"rm","title":"Remove"}"#)).unwrap();
        assert_eq!((rm.description.as_str(), rm.schema.as_str()), ("Remove", ANYTHING));
        assert_eq!((rm.class, rm.approval), (Class::Write, Approval::Ask));
        assert_eq!(offered(&files, &defined("mv", "{}")), None);
        let by_rules = |name| {
            let defined = Defined { rule: ToolApproval::Rules, ..defined(name, "{}") };
            offered(&source(r#"{"type":"mcp","server_url":"nexus:fs","require_approval":"never"}"#), &defined)
        };
        assert_eq!(by_rules("rm").unwrap().approval, Approval::Ask);
        assert_eq!(by_rules("list_files").unwrap().approval, Approval::Never);
        let set = source(r#"{"type":"mcp","server_url":"nexus:toolset/work","allowed_tools":["mine","mv"]}"#);
        let given = Defined { given: Some("mine"), ..defined("rm", "{}") };
        let tool = offered(&set, &given).unwrap();
        assert_eq!((tool.server.as_str(), tool.name.as_str(), tool.class), ("work", "mine", Class::Write));
        assert_eq!(offered(&set, &defined("mv", "{}")).unwrap().server, "fs");
        assert_eq!(offered(&set, &defined("rm", "{}")), None);
        let all = source(r#"{"type":"mcp","server_url":"nexus:all","require_approval":"never"}"#);
        assert_eq!(offered(&all, &defined("rm", "{}")).unwrap().server, "fs");
    }

    #[test]
    fn results_of_the_open_world_are_known_by_annotation_or_name() {
        let hint = |hint: bool| format!("{{\"openWorldHint\":{hint}}}");
        assert!(is_open_world("fetch", None) && is_open_world("get_issue", None));
        assert!(!is_open_world("read_file", None) && !is_open_world("fetch", Some(&hint(false))));
        assert!(is_open_world("read_file", Some(&hint(true))));
    }
}
