//! What a chat completion names of the provider's account ([`crate::dialect::references`]), when it is parsed already.
//!
//! Guarantees: the same is found in it as in its bytes. A message with only a role and a text, in which there is nothing to be
//! found, is not read again: the texts are most of a request.

use serde::de::value::{BorrowedStrDeserializer, UnitDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use super::request::{ChatRequest, Message};
use crate::dialect::caller::CallerDialect;
use crate::dialect::references::{Named, find_among, names_no_file};

/// What a request names.
///
/// # Errors
/// A value in it cannot be read.
pub(in crate::dialect) fn named(chat: &ChatRequest<'_>) -> serde_json::Result<Named> {
    let members = chat.fields().iter().map(|(name, value)| {
        let member = if name == "messages" { Member::Messages(chat.messages()) } else { Member::Json(value) };
        (name, member)
    });
    find_among(CallerDialect::OpenaiChat, Members { rest: members, value: None })
}

/// Members of an object.
struct Members<'de, I> {
    rest: I,
    value: Option<Member<'de>>,
}

/// The value of a member.
enum Member<'de> {
    Json(&'de RawValue),
    Messages(&'de [Message<'de>]),
}

impl<'de, I: Iterator<Item = (&'de str, Member<'de>)>> MapAccess<'de> for Members<'de, I> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> serde_json::Result<Option<K::Value>> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> serde_json::Result<V::Value> {
        seed.deserialize(
            self.value.take().ok_or_else(|| serde_json::Error::custom("a value without a name"))?,
        )
    }
}

impl<'de> Deserializer<'de> for Member<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        match self {
            Self::Json(value) => value.deserialize_any(visitor),
            Self::Messages(messages) => visitor.visit_seq(Messages(messages.iter())),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        match self {
            Self::Json(value) => value.deserialize_ignored_any(visitor),
            Self::Messages(_) => visitor.visit_unit(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        match self {
            // The JSON as it is.
            Self::Json(value) => value.deserialize_newtype_struct(name, visitor),
            Self::Messages(_) => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

/// Messages of a request.
struct Messages<'de>(std::slice::Iter<'de, Message<'de>>);

impl<'de> SeqAccess<'de> for Messages<'de> {
    type Error = serde_json::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> serde_json::Result<Option<T::Value>> {
        let Some(message) = self.0.next() else { return Ok(None) };
        match message.plain_content() {
            Some(content) if names_no_file(content) => seed.deserialize(UnitDeserializer::new()),
            _ => seed.deserialize(Object(message)),
        }
        .map(Some)
    }
}

/// A message with its fields.
struct Object<'de>(&'de Message<'de>);

impl<'de> Deserializer<'de> for Object<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        let members = self.0.fields().iter().map(|(name, value)| (name, Member::Json(value)));
        visitor.visit_map(Members { rest: members, value: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::references::{Kind, find};
    use proptest::prelude::*;

    fn in_both(body: &str) -> Named {
        let chat = ChatRequest::parse(body.as_bytes()).unwrap();
        let found = find(CallerDialect::OpenaiChat, body.as_bytes()).unwrap();
        assert_eq!(named(&chat).unwrap(), found, "{body}");
        found
    }

    fn of_messages(messages: &str) -> Named {
        in_both(&format!(r#"{{"model":"m","messages":[{messages}]}}"#))
    }

    #[test]
    fn what_is_named_anywhere_is_found_at_its_place() {
        let named = in_both(
            r#"{"container":"cntr_1","messages":[{"role":"user","content":"hi"},
            {"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]},{"content":" fileid://a","role":"system"}],
            "model":"m","modalities":["text","audio"],"data_sources":[{}],"tools":[{"type":"code_interpreter"}],
            "metadata":{"file_id":"mine"},"prompt_id":"p"}"#,
        );
        let params: Vec<_> = named.references.iter().map(|found| found.param.as_str()).collect();
        assert_eq!(
            params,
            [
                "container",
                "messages[1].content[0].file.file_id",
                "messages[2].content",
                "data_sources",
                "prompt_id"
            ]
        );
        assert!(named.may_issue);
    }

    #[test]
    fn names_of_files_in_texts_are_found_however_they_are_written() {
        for text in
            ["fileid://a", " \\n\\tfileid://a", "\\u0066ileid://a", "\\u00a0fileid://a", "\u{3000}fileid://a"]
        {
            let named = of_messages(&format!(r#"{{"role":"user","content":"{text}"}}"#));
            assert_eq!(named.references.len(), 1, "{text}");
            assert_eq!(named.references[0].kind, Kind::File);
        }
        for text in ["", " ", "f", "fileid:/", "files", "x fileid://a", "\\\\fileid://a"] {
            assert_eq!(
                of_messages(&format!(r#"{{"role":"user","content":"{text}"}}"#)).references,
                [],
                "{text}"
            );
        }
    }

    fn member() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just("\"file-1\"".to_owned()),
            Just("\"fileid://x\"".to_owned()),
            Just("\"gs://b/o\"".to_owned()),
            Just("null".to_owned()),
            Just("7.5".to_owned()),
            Just("[\"a\",{\"file_id\":\"b\"}]".to_owned()),
            Just("{\"id\":\"c\",\"type\":\"tool_use\",\"input\":{\"file_id\":\"d\"}}".to_owned()),
        ];
        let name = prop::sample::select(vec![
            "file_id",
            "container",
            "audio",
            "voice",
            "url",
            "fileUri",
            "connector_id",
            "skill_id",
            "id",
            "type",
            "input",
            "parameters",
            "name",
            "prompt",
            "authorization",
            "other",
        ]);
        (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"))
    }

    proptest! {
        #[test]
        fn nothing_is_found_that_the_bytes_do_not_name_and_nothing_is_missed(
            top in prop::collection::vec(member(), 0..4),
            messages in prop::collection::vec((prop::collection::vec(member(), 0..3), "[ f\\PC]{0,12}"), 1..4),
        ) {
            let object = |members: &[String], last: &str| {
                let mut known = std::collections::HashSet::new();
                let mut members: Vec<&str> = members.iter().map(String::as_str).collect();
                members.retain(|member| known.insert(member.split(':').next()));
                members.push(last);
                format!("{{{}}}", members.join(","))
            };
            let messages: Vec<String> = messages
                .iter()
                .map(|(members, text)| {
                    object(members, &format!("\"role\":\"user\",\"content\":{}", serde_json::json!(text)))
                })
                .collect();
            let last = format!("\"model\":\"m\",\"messages\":[{}]", messages.join(","));
            in_both(&object(&top, &last));
        }
    }
}
