//! What `encrypted_content` of a reasoning item holds.
//!
//! It is the only field of the dialect that clients give back unread, so every proof that an upstream wants to see
//! again travels in it: the signature of thoughts as it is, encrypted thoughts and the signature of a tool call with
//! a mark in front. A colon cannot stand in base64, so no provider's own token is taken for a marked one.

const REDACTED: &str = "redacted_thinking:";
const TOOL_CALL: &str = "tool_call:";

/// The content, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opaque<'a> {
    /// The signature of the thoughts that the item shows.
    Signature(&'a str),
    /// Thoughts in encrypted form.
    Redacted(&'a str),
    /// The signature of the tool call with this id.
    ToolCall { call_id: &'a str, signature: &'a str },
}

/// Marks encrypted thoughts.
pub(super) fn redacted(data: &str) -> String {
    format!("{REDACTED}{data}")
}

/// Ties a signature to a tool call. The length in front makes it readable whatever the two contain.
pub(super) fn tool_call(call_id: &str, signature: &str) -> String {
    format!("{TOOL_CALL}{}:{signature}{call_id}", signature.len())
}

/// Reads the content.
pub(super) fn read(content: &str) -> Opaque<'_> {
    if let Some(data) = content.strip_prefix(REDACTED) {
        return Opaque::Redacted(data);
    }
    let tied = content.strip_prefix(TOOL_CALL).and_then(|rest| {
        let (length, rest) = rest.split_once(':')?;
        let (signature, call_id) = rest.split_at_checked(length.parse().ok()?)?;
        Some(Opaque::ToolCall { call_id, signature })
    });
    tied.unwrap_or(Opaque::Signature(content))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read(call_id in ".*", signature in ".*") {
            let packed = tool_call(&call_id, &signature);
            prop_assert_eq!(read(&packed), Opaque::ToolCall { call_id: &call_id, signature: &signature });
            let packed = redacted(&signature);
            prop_assert_eq!(read(&packed), Opaque::Redacted(&signature));
        }
    }

    #[test]
    fn anything_else_is_a_signature() {
        for text in ["gAAAAAB+/=", "", "tool_call:", "tool_call:9:ab", "tool_call:x:ab"] {
            assert_eq!(read(text), Opaque::Signature(text));
        }
    }
}
