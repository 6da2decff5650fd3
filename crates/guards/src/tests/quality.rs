use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::scanner::{Output, Scanner};

/// Written by us: a line each, with what is to be found between `<kind:` and `>`. No line is of a real person, and no key is valid.
const SET: &str = include_str!("set.txt");
const PAGE: &str = include_str!("../../../../docs/guards.md");

/// A line without its marks, and the kinds and texts that are marked.
fn unmarked(line: &str) -> (String, Vec<(String, String)>) {
    let (mut text, mut marked, mut rest) = (String::new(), Vec::new(), line);
    while let Some((before, after)) = rest.split_once('⟨') {
        let (mark, after) = after.split_once('⟩').unwrap();
        let (kind, said) = mark.split_once(':').unwrap();
        text.push_str(before);
        text.push_str(said);
        marked.push((kind.to_owned(), said.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    (text, marked)
}

/// What is found in a text: kind and text, by putting both together from what is masked with the values in a vault.
fn found(text: &str) -> Vec<(String, String)> {
    let vault = Rc::new(RefCell::new(Vault::new("salt".into())));
    let all = GuardRecord {
        restore: true,
        words: Vec::new(),
        patterns: Vec::new(),
        ..record("all", GuardAction::Mask)
    };
    let (request, _) = selected(std::slice::from_ref(&all), Way::Request, Some(vault.clone()));
    let masked = Scanner::whole(&request.unwrap(), text, false)
        .unwrap()
        .map_or(text.to_owned(), |changed| changed.told);
    let mut list = Vec::new();
    for part in masked.split('[').skip(1) {
        let Some((name, _)) = part.split_once(']') else { continue };
        let shown = format!("[{name}]");
        let kind = name.rsplit_once('_').map(|(kind, _)| kind.to_owned());
        let (restoring, _) = selected(&[], Way::Answer, Some(vault.clone()));
        if let (Some(kind), Some(restoring)) = (kind, restoring) {
            let mut output = Output::default();
            let mut scanner = Scanner::new(&restoring, false);
            scanner.push(&shown, &mut output).unwrap();
            scanner.finish(&mut output).unwrap();
            if output.told != shown {
                list.push((kind, output.told));
            }
        }
    }
    list
}

/// A row of the table for each kind: right, wrong, missed, precision, recall.
#[test]
fn precision_and_recall_are_published() {
    let mut counts: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    let mut faults = String::new();
    for line in SET.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let (text, mut marked) = unmarked(&line.replace('¦', ""));
        for (kind, said) in found(&text) {
            let known = marked.iter().position(|mark| *mark == (kind.clone(), said.clone()));
            let count = counts.entry(kind.clone()).or_default();
            if let Some(at) = known {
                marked.remove(at);
                count[0] += 1;
            } else {
                count[1] += 1;
                let _ = writeln!(faults, "wrong: {kind} {said:?} in {text}");
            }
        }
        for (kind, said) in marked {
            let _ = writeln!(faults, "missed: {kind} {said:?} in {text}");
            counts.entry(kind).or_default()[2] += 1;
        }
    }
    let mut table =
        String::from("| found | right | wrong | missed | precision | recall |\n|---|--:|--:|--:|--:|--:|\n");
    let percent = |part: u32, rest: u32| f64::from(part) * 100.0 / f64::from((part + rest).max(1));
    for (kind, [right, wrong, missed]) in &counts {
        let (precision, recall) = (percent(*right, *wrong), percent(*right, *missed));
        let _ =
            writeln!(table, "| `{kind}` | {right} | {wrong} | {missed} | {precision:.0} % | {recall:.0} % |");
    }
    assert!(PAGE.contains(&table), "docs/guards.md is to contain\n\n{table}\n{faults}");
}
