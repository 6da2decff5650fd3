//! `docs/openapi.json`, made from the operations that `crates/api` declares.
//!
//! A crate of its own, so that the Worker is built without what only the document needs. The test `document` fails when
//! the file is not what this makes.

#![forbid(unsafe_code)]

use std::fmt::Write as _;

use serde_json::Value;

/// To this depth objects have a line for each member. What an operation answers, and what a schema says, is one line: a change
/// shows where it is, and the file is half as long as with a line for each value.
const DEPTH_OF_LINES: usize = 4;

/// The document as it stands in the repository: JSON, indented with two spaces down to the parts of an operation.
///
/// # Errors
/// None in practice: a JSON value can always be written.
pub fn document() -> Result<String, serde_json::Error> {
    let mut text = String::new();
    append(&nexus_edge_api::openapi(), 0, &mut text)?;
    text.push('\n');
    Ok(text)
}

fn append(value: &Value, depth: usize, text: &mut String) -> Result<(), serde_json::Error> {
    let Some(members) = value.as_object().filter(|members| depth < DEPTH_OF_LINES && !members.is_empty())
    else {
        text.push_str(&serde_json::to_string(value)?);
        return Ok(());
    };
    let indent = "  ".repeat(depth);
    text.push_str("{\n");
    for (index, (name, member)) in members.iter().enumerate() {
        if index > 0 {
            text.push_str(",\n");
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{indent}  {}: ", serde_json::to_string(name)?);
        append(member, depth + 1, text)?;
    }
    let _ = write!(text, "\n{indent}}}");
    Ok(())
}
