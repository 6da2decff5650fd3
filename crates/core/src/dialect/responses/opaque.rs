//! The content of `encrypted_content` in a reasoning item.
//!
//! It is the only field of the dialect that clients send back unchanged, so it carries everything that an upstream
//! needs back: the signature of a thinking block as it is; encrypted thinking blocks and signatures of tool calls
//! with a mark in front. A colon cannot occur in base64, so no provider's own token is mistaken for a marked one.

const REDACTED: &str = "redacted_thinking:";
const TOOL_CALL: &str = "tool_call:";

/// The decoded content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opaque<'a> {
    /// The signature of the visible reasoning of the item.
    Signature(&'a str),
    /// An encrypted thinking block.
    Redacted(&'a str),
    /// The signature of the tool call with this id.
    ToolCall { call_id: &'a str, signature: &'a str },
}

/// Marks an encrypted thinking block.
pub(super) fn redacted(data: &str) -> String {
    format!("{REDACTED}{data}")
}

/// Combines a tool call's id with its signature. The length in front makes it unambiguous.
pub(super) fn tool_call(call_id: &str, signature: &str) -> String {
    format!("{TOOL_CALL}{}:{signature}{call_id}", signature.len())
}

/// Decodes the content.
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
