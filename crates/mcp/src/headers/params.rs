//! `Mcp-Param-*`: arguments of a tool that its schema wants repeated in headers (`x-mcp-header`).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::value::{decode, encode};
use crate::json::{Members, text_of};
use crate::rpc::{RpcError, code};

const ANNOTATION: &str = "x-mcp-header";
/// Integers beyond this are not the same in every language.
const SAFE_INTEGER: u64 = 9_007_199_254_740_991;

/// An argument that is repeated in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamHeader {
    /// The name of the header in lower case.
    pub name: String,
    /// The names of the properties that lead to the argument.
    pub path: Vec<String>,
}

/// Why a tool with this schema cannot be offered over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    /// The name of the header is empty or has characters that no name has.
    #[error("x-mcp-header must be the name of a header")]
    Name,
    /// Two properties want the same header.
    #[error("x-mcp-header {0:?} is used twice")]
    Repeated(String),
    /// The property is neither string, integer nor boolean.
    #[error("x-mcp-header is only for properties of the type string, integer or boolean")]
    Type,
    /// The annotation is not reached by `properties` alone.
    #[error("x-mcp-header is only for properties that are reached by `properties` alone")]
    Place,
}

/// The headers that a tool's input schema asks for.
///
/// # Errors
/// The schema breaks a rule; the tool must then be left out.
pub fn param_headers(input_schema: &RawValue) -> Result<Vec<ParamHeader>, SchemaFault> {
    let mut found = Vec::new();
    if !input_schema.get().contains(ANNOTATION) {
        return Ok(found);
    }
    walk(input_schema, &mut Vec::new(), &mut found)?;
    let mut names: Vec<&str> = found.iter().map(|header| header.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            return Err(SchemaFault::Repeated((*one).to_owned()));
        }
    }
    Ok(found)
}

fn walk(schema: &RawValue, path: &mut Vec<String>, found: &mut Vec<ParamHeader>) -> Result<(), SchemaFault> {
    // A schema may be `true` or `false`; one that cannot be read has no place for an annotation.
    let Ok(members) = Members::parse(schema.get()) else {
        return if schema.get().contains(ANNOTATION) { Err(SchemaFault::Place) } else { Ok(()) };
    };
    for member in members.iter() {
        match member.name.as_str() {
            ANNOTATION => {
                let name = text_of(&member.value).filter(|name| is_token(name)).ok_or(SchemaFault::Name)?;
                if path.is_empty() {
                    return Err(SchemaFault::Place);
                }
                if !matches!(members.text("type").as_deref(), Some("string" | "integer" | "boolean")) {
                    return Err(SchemaFault::Type);
                }
                let name = format!("mcp-param-{}", name.to_ascii_lowercase());
                found.push(ParamHeader { name, path: path.clone() });
            }
            "properties" => {
                for property in Members::parse(member.value.get()).unwrap_or_default().iter() {
                    path.push(property.name.clone());
                    walk(&property.value, path, found)?;
                    path.pop();
                }
            }
            _ if is_annotated(&member.value) => return Err(SchemaFault::Place),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a schema has the annotation at any depth, as a name and not as a part of a text.
fn is_annotated(value: &RawValue) -> bool {
    if !value.get().contains(ANNOTATION) {
        return false;
    }
    if let Ok(members) = Members::parse(value.get()) {
        return members.iter().any(|member| member.name == ANNOTATION || is_annotated(&member.value));
    }
    serde_json::from_str::<Vec<&RawValue>>(value.get()).is_ok_and(|items| items.into_iter().any(is_annotated))
}

/// A token of RFC 9110.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl ParamHeader {
    /// The headers of a call with these arguments.
    #[must_use]
    pub fn of(headers: &[Self], arguments: Option<&RawValue>) -> Vec<(String, String)> {
        let with_values = headers.iter().filter_map(|header| Some((header, header.argument(arguments)?)));
        with_values.map(|(header, text)| (header.name.clone(), encode(&text))).collect()
    }

    /// The text of the argument; `None` where it is missing, `null`, or of another kind.
    fn argument(&self, arguments: Option<&RawValue>) -> Option<String> {
        let mut value = arguments?.to_owned();
        for name in &self.path {
            value = Members::parse(value.get()).ok()?.get(name)?.to_owned();
        }
        match value.get() {
            "true" | "false" => Some(value.get().to_owned()),
            text if text.starts_with('"') => text_of(&value),
            number => integer(number).map(|number| number.to_string()),
        }
    }
}

/// A number that is an integer which every language reads alike, however it is written: `42.0` is 42.
fn integer(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return (number.unsigned_abs() <= SAFE_INTEGER).then_some(number);
    }
    let number: f64 = text.parse().ok().filter(|number: &f64| number.fract() == 0.0)?;
    format!("{number:.0}").parse().ok().filter(|number: &i64| number.unsigned_abs() <= SAFE_INTEGER)
}

/// Compares the headers of a call with its arguments. `given` has the headers of the request, names in lower case.
///
/// # Errors
/// The answer to a call whose headers and arguments disagree.
pub fn check_params(
    headers: &[ParamHeader],
    arguments: Option<&RawValue>,
    given: &BTreeMap<String, String>,
) -> Result<(), RpcError> {
    for header in headers {
        let said = match given.get(&header.name) {
            None => None,
            Some(value) => Some(decode(value).ok_or_else(|| {
                RpcError::new(code::HEADER_MISMATCH, format!("Header mismatch: {} is not valid", header.name))
            })?),
        };
        let same = match (header.argument(arguments), said) {
            (None, None) => true,
            (Some(expected), Some(said)) => {
                expected == said
                    || integer(&expected).zip(integer(&said)).is_some_and(|(one, other)| one == other)
            }
            _ => false,
        };
        if !same {
            let message = format!("Header mismatch: {} differs from the arguments", header.name);
            return Err(RpcError::new(code::HEADER_MISMATCH, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(value: &serde_json::Value) -> Box<RawValue> {
        crate::json::raw(value.to_string()).unwrap()
    }

    fn schema(property: &serde_json::Value) -> Box<RawValue> {
        raw(&serde_json::json!({ "type": "object", "properties": { "region": property } }))
    }

    #[test]
    fn arguments_are_repeated_and_compared() {
        let schema = raw(&serde_json::json!({ "type": "object", "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "at": { "type": "object", "properties": { "n": { "type": "integer", "x-mcp-header": "N" } } },
            "dry": { "type": "boolean", "x-mcp-header": "Dry" },
        }}));
        let headers = param_headers(&schema).unwrap();
        let arguments = raw(&serde_json::json!({ "region": "us-west1", "at": { "n": -42 }, "dry": null }));
        let written = ParamHeader::of(&headers, Some(&arguments));
        let expected = [("mcp-param-n", "-42"), ("mcp-param-region", "us-west1")];
        assert_eq!(written, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut given: BTreeMap<_, _> = written.into_iter().collect();
        assert_eq!(check_params(&headers, Some(&arguments), &given), Ok(()));
        given.insert("mcp-param-n".to_owned(), "-42.0".to_owned());
        assert_eq!(check_params(&headers, Some(&arguments), &given), Ok(()));
        for (name, value) in [("mcp-param-region", "eu"), ("mcp-param-dry", "true"), ("mcp-param-n", "ä")] {
            let mut given = given.clone();
            given.insert(name.to_owned(), value.to_owned());
            assert!(check_params(&headers, Some(&arguments), &given).is_err(), "{name}");
        }
        given.remove("mcp-param-region");
        assert!(check_params(&headers, Some(&arguments), &given).is_err());
    }

    #[test]
    fn a_schema_that_breaks_a_rule_is_refused() {
        use serde_json::json;
        for (property, fault) in [
            (json!({ "type": "string", "x-mcp-header": "" }), SchemaFault::Name),
            (json!({ "type": "string", "x-mcp-header": "a b" }), SchemaFault::Name),
            (json!({ "type": "string", "x-mcp-header": 1 }), SchemaFault::Name),
            (json!({ "type": "number", "x-mcp-header": "A" }), SchemaFault::Type),
            (json!({ "x-mcp-header": "A" }), SchemaFault::Type),
            (json!({ "anyOf": [{ "type": "string", "x-mcp-header": "A" }] }), SchemaFault::Place),
            (
                json!({ "items": { "properties": { "a": { "type": "string", "x-mcp-header": "A" } } } }),
                SchemaFault::Place,
            ),
        ] {
            assert_eq!(param_headers(&schema(&property)), Err(fault));
        }
        let twice = raw(&json!({ "properties": {
            "a": { "type": "string", "x-mcp-header": "A" }, "b": { "type": "string", "x-mcp-header": "a" } } }));
        assert!(matches!(param_headers(&twice), Err(SchemaFault::Repeated(_))));
        let harmless = schema(&json!({ "type": "string", "description": "set x-mcp-header yourself" }));
        assert_eq!(param_headers(&harmless), Ok(vec![]));
    }
}
