//! Which file may import which: no import circle, and no import that points to a higher floor, in any crate of the workspace.
//! The floors and the exceptions are in `floors.rs`, what counts as an import in `imports.rs`. How long a file may be is in
//! `sizes.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot read the sources has failed"
)]

mod floors;
mod imports;
mod sizes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use floors::{Exception, Floor, HOUSES};
use imports::{Imports, Module, written};

#[test]
fn no_crate_has_circles_or_imports_that_point_up() {
    let mut complaints = Vec::new();
    for house in HOUSES {
        let imports = Imports::read(&workspace().join(house.folder).join("src"));
        let found = [circles(&imports), arrows_up(&imports, house.floors, house.exceptions)].concat();
        complaints.extend(found.into_iter().map(|complaint| format!("{}: {complaint}", house.folder)));
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_crate_has_floors() {
    let folders = fs::read_dir(workspace().join("crates")).unwrap();
    let names = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    let there = names.map(|name| format!("crates/{name}")).chain([".".to_owned()]);
    let listed = HOUSES.iter().map(|house| house.folder.to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), there.collect::<BTreeSet<_>>());
}

#[test]
fn a_file_is_one_concept() {
    let folders: Vec<&str> = HOUSES.iter().map(|house| house.folder).collect();
    let complaints = sizes::complaints(&workspace(), &folders);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn circles(imports: &Imports) -> Vec<String> {
    let circles = imports.circles();
    let written = circles.iter().map(|circle| {
        let arrows = imports.pairs().filter(|(from, to)| circle.contains(from) && circle.contains(to));
        let arrows: Vec<String> =
            arrows.map(|(from, to)| format!("{} -> {}", written(from), written(to))).collect();
        format!("a circle: {}", arrows.join(", "))
    });
    written.collect()
}

/// What is wrong with the imports between floors, and with the list of exceptions.
fn arrows_up(imports: &Imports, floors: &[Floor], exceptions: &[Exception]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut needed = vec![false; exceptions.len()];
    for module in imports.of.keys() {
        if place_of(module, floors).is_none() {
            complaints.push(format!("{} is on no floor: give it one in floors.rs", written(module)));
        }
    }
    for room in floors.iter().copied().flatten() {
        if !imports.of.keys().any(|module| place_of(module, floors).is_some_and(|(_, of)| of == *room)) {
            complaints.push(format!("there is no module {room}: take it out of floors.rs"));
        }
    }
    for (from, to) in imports.pairs() {
        let (Some(here), Some(there)) = (place_of(from, floors), place_of(to, floors)) else { continue };
        if there.0 < here.0 || there == here {
            continue;
        }
        let (from, to) = (written(from), written(to));
        match exceptions.iter().position(|exception| exception.from == from && exception.to == to) {
            Some(index) => needed[index] = true,
            None => complaints.push(format!("{from} imports {to}, which is not below it")),
        }
    }
    for (exception, needed) in exceptions.iter().zip(needed) {
        if !needed {
            let Exception { from, to, reason } = exception;
            complaints
                .push(format!("the exception {from} -> {to} ({reason}) is no longer needed: remove it"));
        }
    }
    complaints
}

/// The number of the floor and the room that a module stands in.
fn place_of(module: &Module, floors: &[Floor]) -> Option<(usize, &'static str)> {
    let name = written(module);
    let rooms =
        floors.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, *room)));
    rooms
        .filter(|(_, room)| {
            name.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
        .max_by_key(|(_, room)| room.len())
}

/// Imports of modules that are given as text.
fn written_as(sources: &[(&str, &str)]) -> Imports {
    let module = |name: &str| {
        if name == "lib" { Module::new() } else { name.split("::").map(str::to_owned).collect() }
    };
    Imports::of_sources(sources.iter().map(|(name, source)| (module(name), (*source).to_owned())).collect())
}

fn arrows(imports: &Imports) -> Vec<String> {
    imports.pairs().map(|(from, to)| format!("{} -> {}", written(from), written(to))).collect()
}

#[test]
fn every_way_of_naming_another_file_is_an_import() {
    let imports = written_as(&[
        ("a", "use crate::b::{self, c::{D as E, F}}; use super::g::H; fn f() { crate::i::j() }"),
        ("b", "pub fn z() {}"),
        ("b::c", "fn f() { vec![super::z(), super::super::g::y()] }"),
        ("g", "mod k; fn f() { k::x(); }"),
        ("g::k", "use crate::i; fn f() -> i::l::M { i::l::n() }"),
        ("i", "// crate::a::comment\nconst TEXT: &str = \"crate::a\";"),
        ("i::l", "pub(in crate::i) fn n() {} pub(super) fn o() {}"),
        ("lib", "mod a; use std::a::T; fn f() { other::a::g(); }"),
    ]);
    let expected =
        ["a -> b", "a -> b::c", "a -> g", "a -> i", "b::c -> b", "b::c -> g", "g -> g::k", "g::k -> i::l"];
    assert_eq!(arrows(&imports), expected);
}

#[test]
fn a_front_is_no_import_and_what_comes_through_it_counts_for_what_stands_behind() {
    let imports = written_as(&[
        ("a", "mod b; mod c; pub use b::B; pub use c::C; "),
        ("a::b", "pub struct B;"),
        ("a::c", "use super::B; pub struct C(B);"),
        ("d", "mod e; pub use e::E; fn f() -> E {}"),
        ("d::e", "use super::f; pub struct E;"),
        ("g", "fn f() { crate::a::C }"),
    ]);
    assert_eq!(arrows(&imports), ["a::c -> a::b", "d -> d::e", "d::e -> d", "g -> a::c"]);
    assert_eq!(circles(&imports), ["a circle: d -> d::e, d::e -> d"]);
}

#[test]
fn code_for_tests_does_not_count() {
    let imports = written_as(&[
        (
            "a",
            "#[cfg(test)] mod tests { use crate::b; fn f() { b::c() } } #[cfg(all(test, feature = \"x\"))] use crate::b::d; fn g() { crate::e::f() }",
        ),
        ("b", "#[cfg(test)] mod more;"),
        ("b::more", "use crate::a::g;"),
        ("e", ""),
    ]);
    assert_eq!(arrows(&imports), ["a -> e"]);
}

#[test]
fn what_points_up_or_aside_is_found_and_an_exception_must_be_needed() {
    let imports = written_as(&[
        ("low", "use crate::high::inner::a;"),
        ("high", "use crate::low::b;"),
        ("high::inner", "use crate::beside::c;"),
        ("beside", "pub fn c() {}"),
        ("stray", ""),
    ]);
    let floors: &[Floor] = &[&["low"], &["high", "beside"], &["gone"]];
    let exception = |from, to| Exception { from, to, reason: "for now" };
    assert_eq!(
        arrows_up(&imports, floors, &[exception("low", "high::inner"), exception("high", "low")]),
        [
            "stray is on no floor: give it one in floors.rs",
            "there is no module gone: take it out of floors.rs",
            "high::inner imports beside, which is not below it",
            "the exception high -> low (for now) is no longer needed: remove it",
        ]
    );
}
