//! The tool choice of a request among the tools that are declared to the upstream.
//!
//! Encoders leave out tools that the upstream does not have. A choice that still names one of them is refused with the
//! whole request, so it goes with the tool, and is reported.

use crate::dialect::canonical::{AllowedMode, ChatRequest, ToolChoice};

/// The tool choice, of declared tools only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen<'a> {
    /// The model decides.
    Auto,
    /// No tool call.
    None,
    /// At least one tool call.
    Required,
    /// This tool.
    Named(&'a str),
    /// Only these tools, at least one.
    Allowed(AllowedMode, Vec<&'a str>),
}

/// The choice of the request among tools with these names; `None` if it makes none, or if nothing is left of it. Tools
/// that are not declared are reported as `tool_choice`.
pub fn among<'a>(
    request: &'a ChatRequest,
    declared: &[&str],
    dropped: &mut Vec<String>,
) -> Option<Chosen<'a>> {
    let choice = request.tool_choice.as_ref()?;
    if declared.is_empty() && matches!(choice, ToolChoice::Auto | ToolChoice::None) {
        return None;
    }
    let is_declared = |name: &&String| declared.contains(&name.as_str());
    let chosen = match choice {
        ToolChoice::Auto => Some(Chosen::Auto),
        ToolChoice::None => Some(Chosen::None),
        ToolChoice::Required if declared.is_empty() => None,
        ToolChoice::Required => Some(Chosen::Required),
        ToolChoice::Named(name) => Some(name).filter(is_declared).map(|name| Chosen::Named(name)),
        ToolChoice::Allowed { mode, names } => {
            let left: Vec<&str> = names.iter().filter(is_declared).map(String::as_str).collect();
            if !left.is_empty() {
                if left.len() < names.len() {
                    dropped.push("tool_choice".to_owned());
                }
                return Some(Chosen::Allowed(*mode, left));
            }
            None
        }
    };
    if chosen.is_none() {
        dropped.push("tool_choice".to_owned());
    }
    chosen
}

/// Whether a tool may be called, for upstreams without a list of allowed tools: the others are not declared there.
pub fn allows(request: &ChatRequest, name: &str) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => names.iter().any(|allowed| allowed == name),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(choice: ToolChoice, declared: &[&str]) -> (Option<String>, Vec<String>) {
        let request = ChatRequest { tool_choice: Some(choice), ..ChatRequest::default() };
        let mut dropped = Vec::new();
        let chosen = among(&request, declared, &mut dropped).map(|chosen| format!("{chosen:?}"));
        (chosen, dropped)
    }

    #[test]
    fn a_choice_goes_with_its_tool() {
        let allowed = |names: &[&str]| ToolChoice::Allowed {
            mode: AllowedMode::Required,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let said = |word: &str| Some(word.to_owned());
        let gone = vec!["tool_choice".to_owned()];
        for (choice, declared, expected) in [
            (ToolChoice::Named("f".into()), vec!["f"], (said("Named(\"f\")"), vec![])),
            (ToolChoice::Named("web_search".into()), vec!["f"], (None, gone.clone())),
            (ToolChoice::Required, vec!["f"], (said("Required"), vec![])),
            (ToolChoice::Required, vec![], (None, gone.clone())),
            (ToolChoice::Auto, vec![], (None, vec![])),
            (ToolChoice::None, vec!["f"], (said("None"), vec![])),
            (allowed(&["f", "g"]), vec!["f"], (said("Allowed(Required, [\"f\"])"), gone.clone())),
            (allowed(&["g"]), vec!["f"], (None, gone.clone())),
        ] {
            assert_eq!(chosen(choice, &declared), expected);
        }
    }
}
