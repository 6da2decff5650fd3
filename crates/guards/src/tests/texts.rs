use proptest::prelude::*;

use super::*;
use crate::content;
use crate::guard::{Blocked, Piece, Verdict};
use crate::scanner::{MAX_HELD, Output, Scanner};
use crate::whole::Whole;

/// A text in pieces: what is passed on, and the rule that ended it. No more is held back than is promised.
fn in_pieces(
    rules: &Rc<ContentRules>,
    text: &str,
    sizes: &[usize],
    is_json: bool,
) -> (String, Option<Blocked>) {
    let mut scanner = Scanner::new(rules, is_json);
    let mut output = Output::default();
    let (mut rest, mut sizes) = (text, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).min(rest.len());
        let cut = (size..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap();
        let (piece, others) = rest.split_at(cut);
        rest = others;
        if let Err(blocked) = scanner.push(piece, &mut output) {
            return (output.told, Some(blocked));
        }
        assert!(scanner.held() <= MAX_HELD, "{} bytes are held of {text:?}", scanner.held());
    }
    let end = scanner.finish(&mut output);
    (output.told, end.err())
}

fn at_once(rules: &Rc<ContentRules>, text: &str, is_json: bool) -> (String, Option<Blocked>) {
    in_pieces(rules, text, &[usize::MAX >> 1], is_json)
}

const TEXTS: &str = "(ada@example\\.com|a|@|\\.com|4111 1111 1111 1111|4111|\\+49 170 1234567|sk-proj-4f8Kd02mXq7Lw9Zt1Bv5Nc3R|sk-|\
    AKI[A]IOSFODNN7EXAMPLE|eyJhbGciOiJIUzI1NiJ9\\.eyJzdWIiOiIxMjM0In0\\.c2ln|eyJ|-----BEGIN PRIVATE[ ]KEY-----|\nMIIE+/=\n|\
    -----END PRIVATE[ ]KEY-----|ignore previous instructions|ignore |all |previous |rules|忽略之前的|指令|机密|C-1234|C-12|project x|\
    geheim|::1|2001:db8::8a2e:370:7334|DE89 3704 0044 0532 0130 00|[ -~]| |\"|\\\\|\n|é|😀){0,24}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// For any pieces the output is that of the whole text.
    #[test]
    fn a_text_in_pieces_becomes_what_it_becomes_at_once(
        text in TEXTS,
        sizes in prop::collection::vec(1_usize..12, 1..6),
        is_json in any::<bool>(),
        action in prop::sample::select(vec![GuardAction::Mask, GuardAction::Block, GuardAction::Log]),
    ) {
        let rules = rules(&[record("all", action)], Way::Answer);
        let at_once = at_once(&rules, &text, is_json);
        prop_assert_eq!(&in_pieces(&rules, &text, &sizes, is_json), &at_once);
        if action == GuardAction::Log {
            prop_assert_eq!(&at_once, &(text.clone(), None));
        }
        if let Ok(changed) = Scanner::whole(&rules, &text, is_json) {
            prop_assert_eq!((changed.map_or(text, |changed| changed.told), None), at_once);
        }
    }

    /// What was masked in a request comes back in the answer, in any pieces.
    #[test]
    fn masked_values_come_back(before in "[a-z ]{0,20}", sizes in prop::collection::vec(1_usize..9, 1..4), is_json in any::<bool>()) {
        let vault = Rc::new(RefCell::new(Vault::new("salt".into())));
        let restoring = GuardRecord { restore: true, direction: Direction::Request, ..record("all", GuardAction::Mask) };
        let text = format!("{before} ada@example.com, 4111 1111 1111 1111");
        let (request, acted) = selected(std::slice::from_ref(&restoring), Way::Request, Some(vault.clone()));
        let masked = Scanner::whole(&request.unwrap(), &text, false).unwrap().unwrap().told;
        prop_assert!(!masked.contains("ada@") && !masked.contains("4111"));
        prop_assert_eq!(acted.told(), Some("request:mask:all".to_owned()));
        let (answer, _) = selected(&[restoring], Way::Answer, Some(vault));
        prop_assert_eq!(in_pieces(&answer.unwrap(), &masked, &sizes, is_json).0, text);
    }
}

#[test]
fn the_strictest_rule_acts_and_all_are_noted() {
    let records = [
        GuardRecord {
            detectors: vec!["email".into()],
            words: Vec::new(),
            patterns: Vec::new(),
            ..record("mail", GuardAction::Mask)
        },
        GuardRecord {
            detectors: Vec::new(),
            words: vec!["ada".into()],
            patterns: Vec::new(),
            ..record("names", GuardAction::Log)
        },
    ];
    let (found, acted) = selected(&records, Way::Request, None);
    let text = "ask ada at ada@example.com";
    assert_eq!(Scanner::whole(&found.unwrap(), text, false).unwrap().unwrap().told, "ask ada at [email]");
    assert_eq!(acted.told().as_deref(), Some("request:log:names, request:mask:mail"));
    let blocking = rules(&[records[0].clone(), record("all", GuardAction::Block)], Way::Request);
    assert_eq!(Scanner::whole(&blocking, text, false).unwrap_err().rule, "all");
}

#[test]
fn rules_are_for_keys_models_and_directions() {
    let mut one = GuardRecord { direction: Direction::Answer, ..record("one", GuardAction::Mask) };
    let applies = |record: &GuardRecord, way| selected(std::slice::from_ref(record), way, None).0.is_some();
    assert!(applies(&one, Way::Answer) && !applies(&one, Way::Request));
    one.keys = Some(vec!["other".into()]);
    assert!(!applies(&one, Way::Answer));
    one.keys = Some(vec!["team".into()]);
    assert!(applies(&one, Way::Answer));
    one.models = Some(vec!["claude-*".into()]);
    assert!(!applies(&one, Way::Answer));
    one.models = Some(vec!["gpt-*".into()]);
    assert!(applies(&one, Way::Answer));
    one.enabled = false;
    assert!(!applies(&one, Way::Answer));
}

#[test]
fn a_number_in_arguments_stays_json() {
    let rules = rules(&[record("all", GuardAction::Mask)], Way::Answer);
    let text = r#"{"card":4111111111111111,"mail":"ada@example.com"}"#;
    let masked = r#"{"card":"[card]","mail":"[email]"}"#;
    for size in 1..20 {
        assert_eq!(in_pieces(&rules, text, &[size], true).0, masked);
    }
    let body = r#"{"model":"m","messages":[{"content":[{"type":"tool_use","name":"f","input":{"card":4111111111111111}}]}]}"#;
    let whole = Whole::read(body.as_bytes()).unwrap();
    let Verdict::Pass(changes) = content::judge(&rules, &whole.pieces()) else { panic!("blocked") };
    let told = String::from_utf8(whole.with(changes).unwrap().told).unwrap();
    assert_eq!(told, body.replace("4111111111111111", "\"[card]\""));
}

#[test]
fn what_no_rule_concerns_keeps_its_bytes() {
    let rules = rules(&[record("all", GuardAction::Mask)], Way::Request);
    let body =
        "{ \"model\" : \"m\", \"messages\":[{\"role\":\"user\",\"content\":\"caf\\u00e9 at 12:30\"}] }";
    let whole = Whole::read(body.as_bytes()).unwrap();
    assert_eq!(content::judge(&rules, &whole.pieces()), Verdict::Pass(Vec::new()));
    assert_eq!(whole.with(Vec::new()), None);
}

#[test]
fn hostile_texts_take_linear_time() {
    let rules = rules(&[record("all", GuardAction::Mask)], Way::Request);
    for unit in [
        "@",
        "a@a",
        "+1",
        "eyJ",
        "-----BEGIN ",
        "sk-",
        "ignore all ",
        "project ",
        "aws_secret_access_key ",
        "忽略",
        "[email_",
    ] {
        let piece = Piece { text: unit.repeat(100_000 / unit.len()).into(), is_json: false };
        let _ = content::judge(&rules, &[piece]);
    }
}
