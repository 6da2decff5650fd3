//! The laws that hold for all rules together, and what is found of a set of texts.

mod quality;
mod streams;
mod texts;

use std::cell::RefCell;
use std::rc::Rc;

use nexus_edge_core::catalog::guard::{DETECTORS, Direction, GuardAction, GuardRecord};

use crate::guard::{Acted, Way};
use crate::rules::{Asker, ContentRules, Rule};
use crate::vault::Vault;

const ASKER: Asker<'_> = Asker { key_id: "k", owner: Some("team"), model: "gpt-5" };

/// A rule with every detector, a pattern and words.
fn record(name: &str, action: GuardAction) -> GuardRecord {
    GuardRecord {
        name: name.into(),
        action,
        direction: Direction::Both,
        detectors: DETECTORS.iter().map(|name| (*name).to_owned()).collect(),
        patterns: vec!["customer=C-####".into()],
        words: vec!["project x".into(), "geheim".into(), "机密".into()],
        ..GuardRecord::new("G".into(), 1)
    }
}

fn selected(
    records: &[GuardRecord],
    way: Way,
    vault: Option<Rc<RefCell<Vault>>>,
) -> (Option<Rc<ContentRules>>, Rc<Acted>) {
    let rules: Vec<Rc<Rule>> = records.iter().filter_map(Rule::of).map(Rc::new).collect();
    let acted = Rc::new(Acted::default());
    (ContentRules::select(&rules, ASKER, way, vault, acted.clone()), acted)
}

fn rules(records: &[GuardRecord], way: Way) -> Rc<ContentRules> {
    selected(records, way, None).0.unwrap()
}
