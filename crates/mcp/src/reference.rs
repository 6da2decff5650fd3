//! What a request asks for that is not a tool: the prompt that is got, the resource that is read, the prompt or template whose argument
//! is completed.

use crate::catalogue::Kind;
use crate::json::{Members, string};
use crate::method::Method;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it is.
    pub kind: Kind,
    /// Its name or address.
    pub name: String,
}

/// What a request asks for; `None` where the parameters do not say it, or the method asks for no such thing.
#[must_use]
pub fn reference(method: Method, params: &Members) -> Option<Reference> {
    let (kind, name) = match method {
        Method::GetPrompt => (Kind::Prompt, params.text("name")?),
        Method::ReadResource => (Kind::Resource, params.text("uri")?),
        Method::Complete => {
            let of = Members::parse(params.get("ref")?.get()).ok()?;
            match of.text("type")?.as_str() {
                "ref/prompt" => (Kind::Prompt, of.text("name")?),
                "ref/resource" => (Kind::Template, of.text("uri")?),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Reference { kind, name })
}

/// The parameters with another name or address; all else stays as it was.
#[must_use]
pub fn renamed(method: Method, mut params: Members, name: &str) -> Members {
    let Some(Reference { kind, .. }) = reference(method, &params) else { return params };
    let member = if kind == Kind::Prompt { "name" } else { "uri" };
    if method == Method::Complete {
        let mut of = Members::of(params.get("ref")).unwrap_or_default();
        of.set(member, string(name));
        params.set("ref", of.write());
    } else {
        params.set(member, string(name));
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_found_and_replaced() {
        for (method, before, kind, after) in [
            (
                Method::GetPrompt,
                r#"{"name":"a","arguments":{ "x" : "1" }}"#,
                Kind::Prompt,
                r#"{"name":"b","arguments":{ "x" : "1" }}"#,
            ),
            (
                Method::ReadResource,
                r#"{"uri":"a","_meta":{ }}"#,
                Kind::Resource,
                r#"{"uri":"b","_meta":{ }}"#,
            ),
            (
                Method::Complete,
                r#"{"ref":{"type":"ref/prompt","name":"a"},"argument":{}}"#,
                Kind::Prompt,
                r#"{"ref":{"type":"ref/prompt","name":"b"},"argument":{}}"#,
            ),
            (
                Method::Complete,
                r#"{"ref":{"type":"ref/resource","uri":"a"}}"#,
                Kind::Template,
                r#"{"ref":{"type":"ref/resource","uri":"b"}}"#,
            ),
        ] {
            let params = Members::parse(before).unwrap();
            assert_eq!(reference(method, &params), Some(Reference { kind, name: "a".to_owned() }));
            assert_eq!(renamed(method, params, "b").write().get(), after);
        }
        for (method, params) in [
            (Method::GetPrompt, "{}"),
            (Method::Complete, r#"{"ref":{"type":"ref/tool","name":"a"}}"#),
            (Method::Complete, r#"{"ref":1}"#),
            (Method::CallTool, r#"{"name":"a"}"#),
        ] {
            let params = Members::parse(params).unwrap();
            assert_eq!(reference(method, &params), None);
            assert_eq!(renamed(method, params.clone(), "b").write().get(), params.write().get());
        }
    }
}
