//! References to secrets in a configuration: `${env:NAME}`, `${file:PATH}`, and `$$` for a dollar sign before a brace.
//!
//! References are resolved when the agent starts, by a function of the caller, so nothing here reads anything. Errors name
//! the reference, never what it stands for.

/// Where a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A variable of the agent's environment.
    Variable(&'a str),
    /// The content of a file, without white space at its end.
    File(&'a str),
}

enum Part<'a> {
    Text(&'a str),
    Reference(Source<'a>),
}

/// Whether all references of a text are understood.
///
/// # Errors
/// What is wrong with the first that is not.
pub fn check(text: &str) -> Result<(), String> {
    parts(text).map(|_| ())
}

/// Replaces all references of a text, and tells `resolved` every value that was put in.
///
/// # Errors
/// A reference that is not understood, or that `resolve` has no value for.
pub fn interpolate(
    text: &str,
    resolve: &dyn Fn(Source<'_>) -> Result<String, String>,
    resolved: &mut Vec<String>,
) -> Result<String, String> {
    let mut whole = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            Part::Text(text) => whole.push_str(text),
            Part::Reference(source) => {
                let value = resolve(source)?;
                whole.push_str(&value);
                resolved.push(value);
            }
        }
    }
    Ok(whole)
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            parts.push(Part::Text(before));
            parts.push(Part::Text("${"));
            rest = after;
            continue;
        }
        parts.push(Part::Text(before));
        let (reference, after) = after.split_once('}').ok_or_else(|| "`${` has no `}`".to_owned())?;
        parts.push(Part::Reference(source(reference)?));
        rest = after;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn source(reference: &str) -> Result<Source<'_>, String> {
    match reference.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(Source::Variable(name)),
        Some(("file", path)) if !path.is_empty() => Ok(Source::File(path)),
        Some(("keyring", _)) => Err("`${keyring:…}` is not part of this build: use ${file:…}".to_owned()),
        _ => Err(format!("`${{{reference}}}` is not understood: write ${{env:NAME}} or ${{file:PATH}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(source: Source<'_>) -> Result<String, String> {
        match source {
            Source::Variable("X") => Ok("value".to_owned()),
            Source::File("~/k") => Ok("key".to_owned()),
            _ => Err("missing".to_owned()),
        }
    }

    #[test]
    fn references_are_replaced_and_told() {
        let mut told = Vec::new();
        let whole = interpolate("a ${env:X} b ${file:~/k}$", &resolve, &mut told);
        assert_eq!(whole.as_deref(), Ok("a value b key$"));
        assert_eq!(told, ["value", "key"]);
    }

    #[test]
    fn two_dollars_are_one() {
        assert_eq!(interpolate("$${env:X}", &resolve, &mut Vec::new()).as_deref(), Ok("${env:X}"));
        assert_eq!(interpolate("$5 $$ {}", &resolve, &mut Vec::new()).as_deref(), Ok("$5 $$ {}"));
    }

    #[test]
    fn what_is_put_in_is_not_read_again() {
        let nested = |_: Source<'_>| Ok("${env:Y}".to_owned());
        assert_eq!(interpolate("${env:X}", &nested, &mut Vec::new()).as_deref(), Ok("${env:Y}"));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in ["${env:X", "${x}", "${env:}", "${vault:a}", "${keyring:a}"] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(interpolate("${env:Z}", &resolve, &mut Vec::new()).is_err());
    }
}
