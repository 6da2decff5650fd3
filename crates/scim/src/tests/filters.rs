use proptest::prelude::*;
use serde_json::json;

use super::ada;
use crate::filter::{Filter, Literal, MAX_BYTES, MAX_DEPTH, Operator, Path};
use crate::schema::{GROUPS_TYPE, USERS};

fn holds(filter: &str) -> bool {
    let parsed = Filter::parse(filter).unwrap();
    parsed.check(&USERS).unwrap();
    let mut user = ada();
    user.insert("meta".into(), json!({ "lastModified": "2026-11-30T12:00:00.123Z" }));
    parsed.matches(&user, &USERS)
}

#[test]
fn what_holds() {
    for filter in [
        r#"userName eq "ada@example.org""#,
        r#"USERNAME EQ "ADA@example.org""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.org""#,
        r#"externalId eq "00u1""#,
        r#"userName co "EXAMPLE" and userName sw "a" and userName ew "org""#,
        r#"name.familyName co "love""#,
        "title pr and not (nickName pr)",
        r#"title ne "Duchess" and nickName ne "x""#,
        "active eq true",
        r#"active eq "True""#,
        r#"emails co "home.example""#,
        r#"emails.type eq "home""#,
        r#"emails[type eq "work" and value co "@example.org"]"#,
        r#"emails[type eq "work"].value eq "ada@example.org""#,
        r#"not (emails[type eq "fax"])"#,
        "emails[primary eq true]",
        "emails",
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "engines""#,
        r#"meta.lastModified gt "2026-11-30T11:59:59Z""#,
        r#"meta.lastModified le "2026-12-01T00:00:00Z""#,
        r#"title pr or userName eq "x" and userName eq "y""#,
        "nickName eq null",
        "title ne null",
    ] {
        // A path alone is none but with a filter in it.
        if filter == "emails" {
            assert_eq!(Filter::parse(filter).unwrap_err().code, "invalid_filter");
        } else {
            assert!(holds(filter), "{filter}");
        }
    }
}

#[test]
fn what_does_not_hold() {
    for filter in [
        r#"userName eq "ada""#,
        r#"externalId eq "00U1""#,
        "nickName pr",
        "active eq false",
        "active gt true",
        r#"emails[type eq "work" and value co "home"]"#,
        r#"emails[type eq "fax"].value eq "x""#,
        r#"title eq "Countess" and nickName eq "x""#,
        r#"(title pr or userName eq "x") and userName eq "y""#,
        r#"meta.lastModified lt "2026-11-30T11:59:59Z""#,
        "title eq null",
        "title eq 5",
    ] {
        assert!(!holds(filter), "{filter}");
    }
}

#[test]
fn what_is_no_filter() {
    let deep = format!("{}title pr{}", "(".repeat(MAX_DEPTH + 1), ")".repeat(MAX_DEPTH + 1));
    let long = format!(r#"title eq "{}""#, "x".repeat(MAX_BYTES));
    for filter in [
        "",
        "title",
        "title eq",
        "title eq x",
        "title xx \"a\"",
        "title eq \"a",
        "title eq \"a\" and",
        "title eq \"a\" or or title pr",
        "(title pr",
        "title pr)",
        "not title pr",
        "emails[type eq \"work\"",
        "emails[]",
        "emails[type eq \"a\"] x",
        "1title pr",
        "tit le pr",
        "foo:title pr",
        "title.a.b pr",
        "title eq [1]",
        "title eq NaN",
        &deep,
        &long,
    ] {
        assert_eq!(Filter::parse(filter).unwrap_err().code, "invalid_filter", "{filter}");
    }
    for unknown in
        ["salary pr", "emails[salary pr]", "name.salary pr", "title[value pr]", r#"members.value eq "x""#]
    {
        assert_eq!(
            Filter::parse(unknown).unwrap().check(&USERS).unwrap_err().code,
            "invalid_filter",
            "{unknown}"
        );
    }
    Filter::parse(r#"members.value eq "x""#).unwrap().check(&GROUPS_TYPE).unwrap();
}

#[test]
fn a_filter_by_one_attribute_is_seen() {
    let wanted = |filter: &str, name: &str| Filter::parse(filter).unwrap().equal_to(name).map(str::to_owned);
    assert_eq!(wanted(r#"userName eq "x""#, "userName"), Some("x".into()));
    assert_eq!(wanted(r#"username EQ "x""#, "userName"), Some("x".into()));
    assert_eq!(wanted(r#"userName ne "x""#, "userName"), None);
    assert_eq!(wanted(r#"userName eq "x" and title pr"#, "userName"), None);
    assert_eq!(wanted(r#"emails[type eq "a"].value eq "x""#, "emails"), None);
}

fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["userName", "title", "active", "externalId", "nickName", "displayName"])
        .prop_map(str::to_owned)
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<String>().prop_map(Literal::Text),
        prop::sample::select(vec!["ada", "Countess", "Ada@Example.org", "true", ""])
            .prop_map(|text| Literal::Text(text.to_owned())),
        any::<i32>().prop_map(|number| Literal::Number(f64::from(number))),
        any::<f64>().prop_filter("a number of JSON", |number| number.is_finite()).prop_map(Literal::Number),
        any::<bool>().prop_map(Literal::Boolean),
        Just(Literal::Null),
    ]
}

fn plain(attribute: String) -> Path {
    Path { schema: None, attribute, filter: None, part: None }
}

fn comparison(path: Path) -> impl Strategy<Value = Filter> {
    let operators = prop::sample::select(Operator::NAMES.to_vec()).prop_map(|(_, operator)| operator);
    (operators, literals())
        .prop_map(move |(operator, literal)| Filter::Compare(path.clone(), operator, literal))
}

fn filters() -> impl Strategy<Value = Filter> {
    let of_value = prop::sample::select(vec!["type", "value", "primary"])
        .prop_flat_map(|part| comparison(plain(part.to_owned())));
    let emails = |filter| Path { filter: Some(Box::new(filter)), ..plain("emails".to_owned()) };
    let leaf = prop_oneof![
        names().prop_flat_map(|name| comparison(plain(name))),
        names().prop_map(|name| Filter::Present(plain(name))),
        comparison(Path { part: Some("familyName".into()), ..plain("name".to_owned()) }),
        comparison(Path {
            schema: Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".into()),
            ..plain("department".to_owned())
        }),
        of_value.clone().prop_map(move |filter| Filter::Present(emails(filter))),
        of_value
            .prop_flat_map(move |filter| comparison(Path { part: Some("value".into()), ..emails(filter) })),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| Filter::And(Box::new(a), Box::new(b))),
            two.prop_map(|(a, b)| Filter::Or(Box::new(a), Box::new(b))),
            inner.prop_map(|a| Filter::Not(Box::new(a))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_is_written_reads_back_to_the_same(filter in filters()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_BYTES);
        prop_assert_eq!(Filter::parse(&text).unwrap(), filter, "{}", text);
    }

    #[test]
    fn words_and_spaces_may_be_written_in_any_way(filter in filters()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_BYTES && !text.contains('"'));
        let shouted = format!("  {}  ", text.replace(" and ", "  AND ").replace(" or ", " Or  ").replace("not (", "NOT  ("));
        prop_assert_eq!(Filter::parse(&shouted).unwrap(), filter);
    }

    #[test]
    fn the_laws_of_logic_hold(a in filters(), b in filters()) {
        let user = ada();
        let holds = |filter: &Filter| filter.matches(&user, &USERS);
        let (x, y) = (holds(&a), holds(&b));
        let boxed = |filter: &Filter| Box::new(filter.clone());
        prop_assert_eq!(holds(&Filter::And(boxed(&a), boxed(&b))), x && y);
        prop_assert_eq!(holds(&Filter::Or(boxed(&a), boxed(&b))), x || y);
        prop_assert_eq!(holds(&Filter::Not(boxed(&a))), !x);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z\\[\\]().:$\" 0-9\\\\-]{0,60}|\\PC{0,60}") {
        if let Ok(filter) = Filter::parse(&text) {
            let _checked = filter.check(&USERS);
            let _holds = filter.matches(&ada(), &USERS);
            prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        }
        let _path = Path::parse(&text);
    }

    #[test]
    fn equality_and_inequality_of_one_value_exclude_each_other(literal in literals()) {
        let user = ada();
        let holds = |operator| Filter::Compare(plain("title".into()), operator, literal.clone()).matches(&user, &USERS);
        prop_assert!(holds(Operator::Equal) != holds(Operator::NotEqual));
    }
}

#[test]
fn a_value_of_another_type_never_panics() {
    let mut user = ada();
    for odd in [json!(5), json!([[1]]), json!({"a": 1}), json!(null), json!(["x", 5])] {
        for name in ["emails", "name", "title", "active"] {
            user.insert(name.to_owned(), odd.clone());
            for filter in
                [r#"emails[type eq "a"].value sw "x""#, "name.familyName pr", "title gt 3", "active eq true"]
            {
                let _holds: bool = Filter::parse(filter).unwrap().matches(&user, &USERS);
            }
        }
    }
    assert_eq!(user.get("active"), Some(&json!(["x", 5])));
}
