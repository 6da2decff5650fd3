//! Lays out `data/prices.json` as the static table of `src/built_in.rs`: the Worker reads no JSON and allocates nothing for
//! it. The modules that read and encode it are those that read an uploaded table when the Worker runs.

#![expect(clippy::expect_used, clippy::panic, reason = "a table that cannot be laid out must stop the build")]

#[path = "src/dimension.rs"]
mod dimension;
#[expect(dead_code, reason = "what reads the table is not needed to write it")]
#[path = "src/names.rs"]
mod names;
#[path = "src/parse.rs"]
mod parse;
#[expect(dead_code, reason = "what reads the table is not needed to write it")]
#[path = "src/plan.rs"]
mod plan;
#[expect(dead_code, reason = "what reads the table is not needed to write it")]
#[path = "src/table.rs"]
mod table;

use std::fmt::Write as _;
use std::path::Path;

use table::Table;

fn main() {
    println!("cargo::rerun-if-changed=data/prices.json");
    for module in ["dimension", "names", "parse", "plan", "table"] {
        println!("cargo::rerun-if-changed=src/{module}.rs");
    }
    let json = std::fs::read("data/prices.json").expect("data/prices.json must be there");
    let table = parse::parse(&json).unwrap_or_else(|error| panic!("data/prices.json: {error}"));
    let folder = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&folder).join("table.rs"), source(&table)).expect("OUT_DIR is writable");
}

/// The table as the source of a constant.
fn source(table: &Table) -> String {
    let mut out = String::from("Table {\n");
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("version: Cow::Borrowed({:?}),", table.version));
    line(format!("as_of: Cow::Borrowed({:?}),", table.as_of));
    line(format!("text: Cow::Borrowed({:?}),", table.text));
    let mut names = String::new();
    for name in table.names.iter() {
        let table::Name { at, plan, len, marks } = name;
        let _ = writeln!(names, "Name {{ at: {at}, plan: {plan}, len: {len}, marks: {marks} }},");
    }
    line(format!("names: Cow::Borrowed(&[\n{names}]),"));
    line(format!("words: Cow::Borrowed(&{:?}),", table.words));
    let mut sellers = String::new();
    for seller in table.sellers.iter() {
        let list = |texts: &[std::borrow::Cow<'_, str>]| {
            let texts: Vec<String> = texts.iter().map(|text| format!("Cow::Borrowed({text:?})")).collect();
            format!("Cow::Borrowed(&[{}])", texts.join(", "))
        };
        let peak = seller.peak.as_ref().map_or_else(
            || "None".to_owned(),
            |peak| {
                format!(
                    "Some(Peak {{ minutes: Cow::Borrowed(&{:?}), weekdays: {}, factor_milli: {}, holidays: Cow::Borrowed(&{:?}), from_ms: {} }})",
                    peak.minutes, peak.weekdays, peak.factor_milli, peak.holidays, peak.from_ms
                )
            },
        );
        let _ = writeln!(
            sellers,
            "Seller {{ id: Cow::Borrowed({:?}), hosts: {}, kinds: {}, also: {}, peak: {peak}, first: {}, count: {} }},",
            seller.id,
            list(&seller.hosts),
            list(&seller.kinds),
            list(&seller.also),
            seller.first,
            seller.count
        );
    }
    line(format!("sellers: Cow::Borrowed(&[\n{sellers}]),"));
    out.push('}');
    out
}
