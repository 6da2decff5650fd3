//! Searches the definition of a tool for what is meant for a model and not for the people who accept the tool.
//!
//! What is found is quarantined (hidden until a person accepts it) or flagged (shown beside the definition). The search
//! cannot prove a definition harmless; pins and grants hold without it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::catalogue::Item;
use crate::json::{Members, text_of};
use crate::schema;
use crate::text::{Unseen, unseen};

/// Longer descriptions are flagged, in bytes.
pub const LONG_DESCRIPTION: usize = 4 * 1024;

/// What becomes of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is shown; the finding stands beside it.
    Flag,
    /// It is hidden until it is accepted.
    Quarantine,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Characters that are not visible.
    InvisibleText,
    /// A description of more than [`LONG_DESCRIPTION`].
    LongDescription,
    /// Words that command the reader.
    Instruction,
    /// The name of a tool of another server.
    OtherTool,
    /// A schema that is too large or refers to another document.
    Schema,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What becomes of the tool.
    pub severity: Severity,
    /// What it is.
    pub rule: Rule,
    /// Where in the definition, as a JSON pointer.
    pub path: String,
    /// What was found there, for people, with nothing unseen in it.
    pub detail: String,
}

/// Phrases by which a description commands its reader, in lower case.
const COMMANDS: [&str; 14] = [
    "ignore previous",
    "ignore all previous",
    "ignore any previous",
    "ignore the previous",
    "disregard previous",
    "disregard all",
    "do not tell the user",
    "don't tell the user",
    "do not mention",
    "without telling the user",
    "before using this tool",
    "before using any other tool",
    "<important>",
    "system prompt",
];

/// Searches a definition. `others` are the names of tools of other servers.
#[must_use]
pub fn scan(item: &Item, others: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let members = item.members();
    for name in ["inputSchema", "outputSchema"] {
        if let Some(schema) = members.get(name)
            && let Err(fault) = schema::check(schema)
        {
            findings.push(Finding {
                severity: Severity::Quarantine,
                rule: Rule::Schema,
                path: format!("/{name}"),
                detail: fault.to_string(),
            });
        }
    }
    // A definition that is too deep was found above or cannot be pinned; it is not walked.
    if crate::json::depth(item.raw.get().as_bytes()) <= schema::MAX_DEPTH {
        walk(&item.raw, &mut String::new(), others, &mut findings);
    }
    findings
}

fn walk(value: &RawValue, path: &mut String, others: &[&str], findings: &mut Vec<Finding>) {
    let at = path.len();
    match value.get().as_bytes().first() {
        Some(b'{') => {
            for member in Members::parse(value.get()).unwrap_or_default().iter() {
                path.push('/');
                path.push_str(&member.name.replace('~', "~0").replace('/', "~1"));
                search(&member.name, path, others, findings);
                walk(&member.value, path, others, findings);
                path.truncate(at);
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
            for (index, item) in items.into_iter().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                walk(item, path, others, findings);
                path.truncate(at);
            }
        }
        Some(b'"') => search(&text_of(value).unwrap_or_default(), path, others, findings),
        _ => {}
    }
}

fn search(text: &str, path: &str, others: &[&str], findings: &mut Vec<Finding>) {
    let mut found = |severity, rule, detail: String| {
        let path = crate::text::visible(path);
        findings.push(Finding { severity, rule, path, detail });
    };
    if let Some((character, kind)) = text.chars().find_map(|one| Some((one, unseen(one)?))) {
        let kind = match kind {
            Unseen::Tag => "a tag character",
            Unseen::Invisible => "an invisible character",
            Unseen::Control => "a control code",
        };
        let detail = format!("{kind}: U+{:04X}", u32::from(character));
        found(Severity::Quarantine, Rule::InvisibleText, detail);
    }
    if path.ends_with("/description") && text.len() > LONG_DESCRIPTION {
        found(Severity::Flag, Rule::LongDescription, format!("{} bytes", text.len()));
    }
    let lower = text.to_lowercase();
    if let Some(phrase) = COMMANDS.iter().find(|phrase| lower.contains(**phrase)) {
        found(Severity::Flag, Rule::Instruction, (*phrase).to_owned());
    }
    // Short names are ordinary words.
    if let Some(other) = others.iter().find(|other| other.len() >= 6 && has_word(text, other)) {
        found(Severity::Flag, Rule::OtherTool, (*other).to_owned());
    }
}

/// Whether a text has a name that no letter, digit or `_` continues on either side.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |character: Option<char>| character.is_some_and(|one| one.is_alphanumeric() || one == '_');
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = text.split_at(at);
        !is_part(before.chars().next_back())
            && !is_part(after.get(name.len()..).and_then(|rest| rest.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Kind;

    fn found(json: &str) -> Vec<(Severity, Rule, String)> {
        let item = Item::parse(Kind::Tool, json).unwrap();
        let findings = scan(&item, &["read_file", "add", "github__create_issue"]);
        findings.into_iter().map(|finding| (finding.severity, finding.rule, finding.path)).collect()
    }

    #[test]
    fn an_ordinary_tool_has_nothing_to_be_found() {
        let tool = r#"{"name":"get_weather","description":"Current weather.\n\tIn °C, für 北京 too.","inputSchema":{"type":"object"}}"#;
        assert_eq!(found(tool), []);
        assert_eq!(
            found(r#"{"name":"x","description":"add two numbers; see thread_files_read_file_2"}"#),
            []
        );
    }

    #[test]
    fn what_is_hidden_or_commands_is_found_where_it_stands() {
        use Severity::{Flag, Quarantine};
        for (json, expected) in [
            (r#"{"name":"a","description":"x\u200b"}"#, (Quarantine, Rule::InvisibleText, "/description")),
            (
                r#"{"name":"a","description":"x\udb40\udc41"}"#,
                (Quarantine, Rule::InvisibleText, "/description"),
            ),
            (r#"{"name":"a","title":"\u202eevil"}"#, (Quarantine, Rule::InvisibleText, "/title")),
            (
                r#"{"name":"a","annotations":{"title":"\u001b[8m"}}"#,
                (Quarantine, Rule::InvisibleText, "/annotations/title"),
            ),
            (
                r#"{"name":"a","inputSchema":{"properties":{"p":{"enum":["a\u200bb"]}}}}"#,
                (Quarantine, Rule::InvisibleText, "/inputSchema/properties/p/enum/0"),
            ),
            (
                r#"{"name":"a","inputSchema":{"properties":{"p\u2063":{}}}}"#,
                (Quarantine, Rule::InvisibleText, "/inputSchema/properties/p"),
            ),
            (
                r#"{"name":"a","description":"Do NOT tell the user"}"#,
                (Flag, Rule::Instruction, "/description"),
            ),
            (r#"{"name":"a","description":"call read_file first"}"#, (Flag, Rule::OtherTool, "/description")),
            (
                r#"{"name":"a","inputSchema":{"$ref":"https://x/y"}}"#,
                (Quarantine, Rule::Schema, "/inputSchema"),
            ),
        ] {
            let (severity, rule, path) = expected;
            assert_eq!(found(json), [(severity, rule, path.to_owned())], "{json}");
        }
        let long = format!(r#"{{"name":"a","description":"{}"}}"#, "x".repeat(5_000));
        assert_eq!(found(&long), [(Flag, Rule::LongDescription, "/description".to_owned())]);
    }
}
