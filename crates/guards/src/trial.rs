//! What content rules would make of a text, for those who write rules.

use std::rc::Rc;

use crate::guard::{Acted, Action, Way};
use crate::rules::{Asker, ContentRules, Rule};
use crate::scanner::Scanner;

/// What became of the text.
#[derive(Debug, PartialEq, Eq)]
pub struct Tried {
    /// The strictest of what was done; `None` if nothing was found.
    pub action: Option<Action>,
    /// The text as it would be passed on; `None` if it would not.
    pub text: Option<String>,
    /// The rules that acted.
    pub acted: Option<String>,
}

/// Tries the rules that cover a request on a text. Nothing is restored.
#[must_use]
pub fn run(rules: &[Rc<Rule>], asker: Asker<'_>, way: Way, text: &str) -> Tried {
    let acted = Rc::new(Acted::default());
    let unchanged = || Some(text.to_owned());
    let text = match ContentRules::select(rules, asker, way, None, acted.clone()) {
        None => unchanged(),
        Some(rules) => match Scanner::whole(&rules, text, false) {
            Ok(changed) => changed.map_or_else(unchanged, |changed| Some(changed.told)),
            Err(_) => None,
        },
    };
    Tried { action: acted.strictest(), text, acted: acted.told() }
}

#[cfg(test)]
mod tests {
    use nexus_edge_core::catalog::guard::GuardRecord;

    use super::*;

    #[test]
    fn a_rule_can_be_tried() {
        let tried = |action, text| {
            let record = GuardRecord {
                name: "mail".into(),
                action,
                detectors: vec!["email".into()],
                ..GuardRecord::new(String::new(), 0)
            };
            let rules = [Rc::new(Rule::of(&record).unwrap())];
            run(&rules, Asker { key_id: "", owner: None, model: "" }, Way::Request, text)
        };
        let masked = tried(Action::Mask, "to ada@example.com");
        assert_eq!((masked.action, masked.text.as_deref()), (Some(Action::Mask), Some("to [email]")));
        assert_eq!(masked.acted.as_deref(), Some("request:mask:mail"));
        assert_eq!(tried(Action::Block, "to ada@example.com").text, None);
        let nothing = tried(Action::Block, "to Ada");
        assert_eq!(nothing, Tried { action: None, text: Some("to Ada".into()), acted: None });
    }
}
