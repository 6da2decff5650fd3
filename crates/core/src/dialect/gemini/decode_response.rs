//! Decodes an unstreamed answer. It is decoded as a stream of one chunk, so that both give the same result.

use super::chunk::ChunkReader;
use super::wire::read_response;
use crate::dialect::canonical::{ChatResponse, ErrorInfo, assemble};
use crate::dialect::upstream::joined::join;

/// Decodes an answer; the error is a description for people.
pub(super) fn decode(body: &[u8]) -> Result<ChatResponse, ErrorInfo> {
    let response = read_response(body)
        .map_err(|error| ErrorInfo::unreadable(format!("The answer cannot be read: {error}.")))?;
    if response.error.is_some() {
        return Err(super::error::decode_in_answer(body));
    }
    let mut reader = ChunkReader::default();
    let mut events = Vec::new();
    reader.read(response, &mut events);
    reader.end(&mut events);
    join(&mut events);
    assemble(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::canonical::{FinishReason, Media, Part};
    use crate::dialect::upstream::verdict::of_read;
    use proptest::prelude::*;

    #[test]
    fn pictures_stay_where_they_stand() {
        let response = decode(
            br#"{"candidates":[{"content":{"parts":[{"text":"Here: "},{"inlineData":{"mimeType":"image/png","data":"iVBO"}},{"text":"done"}]},"finishReason":"STOP"}],"createTime":"2025-09-01T10:00:00Z"}"#,
        )
        .unwrap();
        let media = Media::Base64 { media_type: "image/png".into(), data: "iVBO".into() };
        assert_eq!(
            response.choices[0].parts,
            [Part::text("Here: "), Part::Image { media, detail: None, cache: None }, Part::text("done")]
        );
        assert_eq!(response.created, Some(1_756_720_800));
    }

    #[test]
    fn nothing_is_an_answer_too_and_a_stop_is_not_needed() {
        let response =
            decode(br#"{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}]}"#).unwrap();
        assert_eq!(response.choices[0].finish, Some(FinishReason::Length));
        let response = decode(br#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#).unwrap();
        assert_eq!(response.choices[0].finish, None);
    }

    #[test]
    fn what_is_no_answer_is_described() {
        for body in ["", "<html>", "{}", "[]", r#"{"error":{"code":500,"message":"m"}}"#] {
            assert!(of_read(body.as_bytes(), decode(body.as_bytes())).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
