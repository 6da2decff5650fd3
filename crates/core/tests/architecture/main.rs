//! Which file may import which: no import circle, and no import that points to a higher floor, in `crates/core/src`,
//! `crates/alerts/src`, `crates/backups/src`, `crates/bridge/src`, `crates/exports/src`, `crates/failover/src`, `crates/identity/src`, `crates/mcp/src`, `crates/packs/src`, `crates/scim/src`, `crates/signatures/src`, `crates/sse/src`, `crates/stats/src`, `crates/telemetry/src`, `crates/toolloop/src`, `crates/tunnel/src` and `src`. The floors and the exceptions are in `floors.rs`, what counts as an import in `imports.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot read the sources has failed"
)]

mod floors;
mod imports;

use std::path::Path;

use floors::{
    ALERTS, BACKUPS, BRIDGE, CORE, CORE_EXCEPTIONS, EXPORTS, Exception, FAILOVER, Floor, GUARDS, IDENTITY,
    MCP, PACKS, SCIM, SIGNATURES, SSE, STATS, TELEMETRY, TOOLLOOP, TUNNEL, WORKER, WORKER_EXCEPTIONS,
};
use imports::{Imports, Module, written};

#[test]
fn core_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("src"), CORE, CORE_EXCEPTIONS);
}

#[test]
fn the_worker_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../../src"), WORKER, WORKER_EXCEPTIONS);
}

#[test]
fn alerts_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../alerts/src"), ALERTS, &[]);
}

#[test]
fn failover_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../failover/src"), FAILOVER, &[]);
}

#[test]
fn backups_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../backups/src"), BACKUPS, &[]);
}

#[test]
fn the_bridge_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../bridge/src"), BRIDGE, &[]);
}

#[test]
fn exports_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../exports/src"), EXPORTS, &[]);
}

#[test]
fn guards_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../guards/src"), GUARDS, &[]);
}

#[test]
fn identity_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../identity/src"), IDENTITY, &[]);
}

#[test]
fn mcp_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../mcp/src"), MCP, &[]);
}

#[test]
fn packs_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../packs/src"), PACKS, &[]);
}

#[test]
fn the_tunnel_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../tunnel/src"), TUNNEL, &[]);
}

#[test]
fn scim_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../scim/src"), SCIM, &[]);
}

#[test]
fn signatures_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../signatures/src"), SIGNATURES, &[]);
}

#[test]
fn sse_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../sse/src"), SSE, &[]);
}

#[test]
fn statistics_have_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../stats/src"), STATS, &[]);
}

#[test]
fn telemetry_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../telemetry/src"), TELEMETRY, &[]);
}

#[test]
fn the_tool_loop_has_no_circles_and_no_imports_that_point_up() {
    check(&core().join("../toolloop/src"), TOOLLOOP, &[]);
}

fn core() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn check(root: &Path, floors: &[Floor], exceptions: &[Exception]) {
    let imports = Imports::read(root);
    let complaints = [circles(&imports), arrows_up(&imports, floors, exceptions)].concat();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
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
            "#[cfg(test)] mod tests { use crate::b; fn f() { b::c() } } #[cfg(test)] use crate::b::d; fn g() { crate::e::f() }",
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
