//! Lays out the tables, if there are to be any.

#![expect(clippy::print_stdout, reason = "that is how a build script speaks to cargo")]
#![cfg_attr(
    feature = "tables",
    expect(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::cast_possible_truncation,
        clippy::inline_always,
        reason = "a build script reports what is wrong by stopping the build"
    )
)]

#[cfg(feature = "tables")]
mod layout;

fn main() {
    println!("cargo::rerun-if-changed=build");
    #[cfg(feature = "tables")]
    layout::write();
}
