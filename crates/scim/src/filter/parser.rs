//! From the text of a filter to the filter. `not` binds most strongly, then `and`, then `or`.

use nexus_edge_core::error::ApiError;

use super::read::Reader;
use super::{Filter, Operator, Path};
use crate::problem::{invalid_filter, invalid_path};

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `invalid_filter` (400), which says where the text is none.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut reader = Reader::new(text)?;
        let filter = either(&mut reader)?;
        reader.spaces();
        if reader.is_over() { Ok(filter) } else { Err(reader.unexpected("`and`, `or` or its end")) }
    }
}

impl Path {
    /// Reads the path of a change.
    ///
    /// # Errors
    /// `invalid_attribute_path` (400).
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let read = || {
            let mut reader = Reader::new(text)?;
            let path = path(&mut reader)?;
            if reader.is_over() { Ok(path) } else { Err(reader.unexpected("its end")) }
        };
        read()
            .map_err(|_: ApiError| invalid_path(text, "is not the name of an attribute or of a part of one"))
    }
}

fn either(reader: &mut Reader<'_>) -> Result<Filter, ApiError> {
    let mut filter = both(reader)?;
    loop {
        reader.spaces();
        if !reader.takes_word("or") {
            return Ok(filter);
        }
        filter = Filter::Or(Box::new(filter), Box::new(both(reader)?));
    }
}

fn both(reader: &mut Reader<'_>) -> Result<Filter, ApiError> {
    let mut filter = one(reader)?;
    loop {
        reader.spaces();
        if !reader.takes_word("and") {
            return Ok(filter);
        }
        filter = Filter::And(Box::new(filter), Box::new(one(reader)?));
    }
}

fn one(reader: &mut Reader<'_>) -> Result<Filter, ApiError> {
    reader.spaces();
    if reader.takes_word("not") {
        reader.spaces();
        if !reader.takes('(') {
            return Err(reader.unexpected("`(` behind `not`"));
        }
        return Ok(Filter::Not(Box::new(inside(reader, ')')?)));
    }
    if reader.takes('(') {
        return inside(reader, ')');
    }
    let path = path(reader)?;
    let is_filtered = path.filter.is_some() && path.part.is_none();
    reader.spaces();
    if reader.takes_word("pr") {
        return Ok(Filter::Present(path));
    }
    for (name, operator) in Operator::NAMES {
        if reader.takes_word(name) {
            reader.spaces();
            return Ok(Filter::Compare(path, operator, reader.literal()?));
        }
    }
    if is_filtered {
        Ok(Filter::Present(path))
    } else {
        Err(reader.unexpected("`pr` or a comparison such as `eq`"))
    }
}

fn inside(reader: &mut Reader<'_>, end: char) -> Result<Filter, ApiError> {
    reader.deeper()?;
    let filter = either(reader)?;
    reader.spaces();
    reader.shallower();
    if reader.takes(end) { Ok(filter) } else { Err(reader.unexpected(&format!("`{end}`"))) }
}

/// Entra ID writes `emails[type eq "work"].value eq "x"` in filters as well as in paths of changes.
fn path(reader: &mut Reader<'_>) -> Result<Path, ApiError> {
    let word = reader.word();
    let (schema, name) = match word.rsplit_once(':') {
        Some((schema, name)) if schema.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) => {
            (Some(schema.to_owned()), name)
        }
        Some(_) => return Err(invalid_filter(format!("`{word}` is not the name of an attribute."))),
        None => (None, word),
    };
    let (attribute, mut part) = match name.split_once('.') {
        Some((attribute, part)) => (attribute, Some(part)),
        None => (name, None),
    };
    let mut filter = None;
    if part.is_none() && reader.takes('[') {
        filter = Some(Box::new(inside(reader, ']')?));
        if reader.takes('.') {
            part = Some(reader.word());
        }
    }
    if !is_name(attribute) || part.is_some_and(|part| !is_name(part)) {
        return Err(reader.unexpected("the name of an attribute"));
    }
    Ok(Path { schema, attribute: attribute.to_owned(), filter, part: part.map(str::to_owned) })
}

fn is_name(text: &str) -> bool {
    let body = text.strip_prefix('$').unwrap_or(text);
    body.starts_with(|c: char| c.is_ascii_alphabetic())
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
