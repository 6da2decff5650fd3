//! Files that are long because they are one thing.
//!
//! A file is a concept, and has at most [`MOST_LINES`] lines before its tests. What is longer is listed here with the reason why
//! it is not divided.

use std::fs;
use std::path::Path;

/// Most lines of a file, without the tests at its end.
const MOST_LINES: usize = 400;

/// Paths from the root of the workspace. The list only gets shorter.
const LONG: &[(&str, &str)] = &[
    ("crates/core/src/catalog/presets/table.rs", "one table: a row for each preset"),
    ("crates/core/src/dialect/anthropic/stream_decoder.rs", "one state machine"),
    ("crates/core/src/dialect/bedrock/encode_request.rs", "one function for each field of the request"),
    ("crates/core/src/dialect/bedrock/stream_decoder.rs", "one state machine"),
    (
        "crates/core/src/dialect/openai/codec/decode_message.rs",
        "one reader: a function for each kind of content",
    ),
    ("crates/core/src/dialect/openai/codec/wire.rs", "one declaration: the JSON of the dialect"),
    ("crates/core/src/dialect/responses/encode_input.rs", "one writer: a function for each kind of content"),
    ("crates/core/src/dialect/responses/item_queue.rs", "one state machine"),
    (
        "crates/core/src/dialect/upstream/history.rs",
        "one pass over a history: what it reads is what it writes",
    ),
    ("crates/core/src/limits/lease.rs", "one state machine: each step is a method"),
    ("crates/failover/src/serve.rs", "one state machine: the walk through the candidates"),
    ("crates/guards/src/document.rs", "one walk through a document"),
    ("crates/toolloop/src/machine.rs", "one state machine"),
    ("crates/toolloop/src/merge/chat.rs", "one reader of streams"),
    ("crates/toolloop/src/merge/responses.rs", "one reader of streams"),
    ("src/routes.rs", "one table: a row for each operation"),
];

/// What is wrong with the lengths of the files below a folder of sources, and with [`LONG`].
pub fn complaints(workspace: &Path, folders: &[&str]) -> Vec<String> {
    let mut long = Vec::new();
    for folder in folders {
        find_long(workspace, &Path::new(folder).join("src"), &mut long);
    }
    let listed = |path: &str| LONG.iter().any(|(listed, _)| *listed == path);
    let new = long.iter().filter(|(path, _)| !listed(path));
    let new = new.map(|(path, lines)| {
        format!(
            "{path} has {lines} lines before its tests: divide it, or say in sizes.rs why it is one thing"
        )
    });
    let over = LONG.iter().filter(|(path, _)| !long.iter().any(|(found, _)| found == path));
    new.chain(over.map(|(path, _)| format!("{path} is not long any more: take it out of sizes.rs"))).collect()
}

fn find_long(workspace: &Path, folder: &Path, long: &mut Vec<(String, usize)>) {
    for entry in fs::read_dir(workspace.join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = folder.join(&name);
        if workspace.join(&path).is_dir() {
            if name != "tests" {
                find_long(workspace, &path, long);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            let lines = lines_of_code(&fs::read_to_string(workspace.join(&path)).unwrap());
            if lines > MOST_LINES {
                let path = path.to_str().unwrap().trim_start_matches("./").replace('\\', "/");
                long.push((path, lines));
            }
        }
    }
}

fn lines_of_code(source: &str) -> usize {
    let is_test = |line: &&str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test,");
    source.lines().take_while(|line| !is_test(line)).count()
}

#[test]
fn tests_at_the_end_do_not_count() {
    assert_eq!(lines_of_code("a\nb\n#[cfg(test)]\nmod tests {}\n"), 2);
    assert_eq!(lines_of_code("a\nb\n"), 2);
}
