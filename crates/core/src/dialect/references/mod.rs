//! What a request names of the provider's account: files, containers, stored items, stores of documents, templates.
//!
//! The account is the operator's and all keys share it, so an id in a request may be that of another tenant, or of the
//! operator. [`find`] names every such id of a request with the field in which it stands; who may name it is not decided here.
//!
//! A body is walked as a whole, by the names of fields and not by their places: services put the same fields into ever new
//! places. Left out is only what no service takes for more than data: schemas, arguments, metadata. What a walk cannot read is
//! refused, because the upstream may be able to.
//!
//! | named | by |
//! |---|---|
//! | files, containers | `file_id`, `file_ids`, `container`, `container_id`, `upload_file_id`; `fileUri` of the Files API; a text that begins with `fileid://` |
//! | storage of the provider's cloud | an address with another scheme than `http`, `https` and `data` (`gs://`, `s3://`, `ms://`) |
//! | stores of documents | `vector_store_ids`, `collection_ids`, `library_ids`, `fileSearchStoreNames`, `ragCorpus`, `datastore`, `data_sources` |
//! | earlier answers | `item_reference` and items without content of their own, `conversation`, `audio.id`; `previous_response_id` outside of the Responses API |
//! | what the operator has set up | `prompt.id`, `skill_id`, `connector_id` without the caller's `authorization`, `voice.id`, `cachedContent`, assistants |

mod issued;
mod kind;
mod rules;
mod walk;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use issued::{IssuedPipe, in_answer, noted_in};
pub use kind::{Kind, Reference};

use crate::dialect::caller::CallerDialect;
use crate::error::ApiError;
use crate::json::error::reason;

/// What a request names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The ids, in their order.
    pub references: Vec<Reference>,
    /// Whether its answer may contain ids that come about with it: of containers, of their files, of audio.
    pub may_issue: bool,
}

/// What a request names. Halves of UTF-16 pairs in its texts are U+FFFD here: whether they are refused, and in which words, is
/// up to the dialect that reads the text.
///
/// # Errors
/// `invalid_json` (400) for a body that cannot be walked: it is no JSON, or nested too deeply.
pub fn find(caller_dialect: CallerDialect, body: &[u8]) -> Result<Named, ApiError> {
    walked(caller_dialect, body).or_else(|error| match whole_characters(body) {
        Some(repaired) => walked(caller_dialect, &repaired),
        None => Err(error),
    })
}

/// What a request names whose top level is parsed already: the walk asks for its members.
///
/// # Errors
/// A value in it cannot be read.
pub(in crate::dialect) fn find_among<'de>(
    caller_dialect: CallerDialect,
    members: impl MapAccess<'de, Error = serde_json::Error>,
) -> serde_json::Result<Named> {
    let mut walk = walk::Walk::new(caller_dialect);
    walk.whole().visit_map(members)?;
    let (references, may_issue) = walk.end();
    Ok(Named { references, may_issue })
}

/// Whether a text, as JSON, is certainly not the name of a file. What is not plain ASCII at its beginning is doubtful.
pub(in crate::dialect) fn names_no_file(json: &RawValue) -> bool {
    let text = json.get().as_bytes();
    let begin = text.get(1..).unwrap_or_default().trim_ascii_start();
    let same = begin
        .iter()
        .zip(walk::FILE_IN_TEXT.as_bytes())
        .take_while(|(byte, expected)| byte == expected)
        .count();
    same < walk::FILE_IN_TEXT.len()
        && begin.get(same).is_some_and(|byte| byte.is_ascii_graphic() && *byte != b'\\')
}

/// The JSON with U+FFFD for each escape that is half of a UTF-16 pair; `None` if there is none.
fn whole_characters(json: &[u8]) -> Option<Vec<u8>> {
    let unit = |escape: &[u8]| {
        let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let unit_at = |at: usize| json.get(at..at + 6).and_then(unit);
    let (mut out, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = json.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += found;
        at += match (unit_at(at), unit_at(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(json.get(from..at)?);
                out.extend_from_slice(b"\\ufffd");
                from = at + 6;
                6
            }
            // Of any other escape, the character after the backslash is not the start of one.
            _ => 2,
        };
    }
    if from == 0 {
        return None;
    }
    out.extend_from_slice(json.get(from..)?);
    Some(out)
}

fn walked(caller_dialect: CallerDialect, body: &[u8]) -> Result<Named, ApiError> {
    let mut walk = walk::Walk::new(caller_dialect);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let walked = walk.whole().deserialize(&mut reader);
    walked.map_err(|error| {
        ApiError::invalid_json(format!("The request body cannot be checked: {}.", reason(&error)))
    })?;
    let (references, may_issue) = walk.end();
    Ok(Named { references, may_issue })
}

/// The error for an id that the caller may not name. It says nothing about whether the id exists.
#[must_use]
pub fn not_owned(reference: &Reference) -> ApiError {
    let Reference { kind, id, param } = reference;
    let shown: String = id.chars().take(100).collect();
    let message = format!(
        "There is no `{shown}` for this key: {} can be named only by the key that got it in an answer of this gateway.",
        kind.described()
    );
    ApiError::not_found("reference_not_found", message).with_param(param.as_str())
}

#[cfg(test)]
mod tests;
