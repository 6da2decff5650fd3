//! The walk through a body, without building a tree of it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::kind::{Kind, Reference};
use super::rules::{self, Rule};
use crate::dialect::caller::CallerDialect;

/// The prefix by which some services take a text for the name of a file.
pub(super) const FILE_IN_TEXT: &str = "fileid://";

/// A step on the way to a value.
enum Step<'de> {
    Field(Cow<'de, str>),
    Index(usize),
}

/// A walk in progress.
pub(super) struct Walk<'de> {
    caller_dialect: CallerDialect,
    path: Vec<Step<'de>>,
    found: Vec<Reference>,
    may_issue: bool,
}

impl<'de> Walk<'de> {
    pub(super) fn new(caller_dialect: CallerDialect) -> Self {
        Self { caller_dialect, path: Vec::new(), found: Vec::new(), may_issue: false }
    }

    /// The value that is the body.
    pub(super) fn whole(&mut self) -> Value<'_, 'de> {
        Value { walk: self, rule: Rule::Walk }
    }

    /// What was found, and whether the answer may contain ids of things that come about with it.
    pub(super) fn end(self) -> (Vec<Reference>, bool) {
        (self.found, self.may_issue)
    }

    fn found(&mut self, kind: Kind, id: &str, field: Option<&str>) {
        let mut param = String::new();
        let steps = self.path.iter().map(|step| match step {
            Step::Field(name) => Ok(name.as_ref()),
            Step::Index(index) => Err(*index),
        });
        for step in steps.chain(field.map(Ok)) {
            match step {
                Ok(name) if param.is_empty() => param.push_str(name),
                Ok(name) => {
                    param.push('.');
                    param.push_str(name);
                }
                Err(index) => {
                    param.push('[');
                    param.push_str(&index.to_string());
                    param.push(']');
                }
            }
        }
        self.found.push(Reference { kind, id: id.to_owned(), param });
    }

    fn text(&mut self, rule: Rule, text: &str) {
        self.may_issue |= text == "audio" && self.is_in("modalities");
        match rule {
            _ if text.is_empty() => {}
            Rule::Named(Kind::Container) if text == "auto" => {}
            Rule::Id(kind) | Rule::Named(kind) => self.found(kind, text, None),
            Rule::Url if rules::is_storage(text) => self.found(Kind::Storage, text, None),
            Rule::FileUri if rules::is_file_of_account(text) => self.found(Kind::File, text, None),
            Rule::Walk if text.trim_start().starts_with(FILE_IN_TEXT) => self.found(Kind::File, text, None),
            _ => {}
        }
    }

    /// Whether the current value is an element of this list of the request.
    fn is_in(&self, list: &str) -> bool {
        matches!(self.path.as_slice(), [Step::Field(name), Step::Index(_)] if name == list)
    }
}

/// A value on the way.
pub(super) struct Value<'w, 'de> {
    walk: &'w mut Walk<'de>,
    rule: Rule,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.walk.text(self.rule, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let rule = match self.rule {
            Rule::Named(_) | Rule::Object(_) => Rule::Walk,
            rule => rule,
        };
        let mut index = 0;
        loop {
            self.walk.path.push(Step::Index(index));
            let next = elements.next_element_seed(Value { walk: &mut *self.walk, rule })?;
            self.walk.path.pop();
            if next.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { walk, rule } = self;
        let is_top = walk.path.is_empty();
        let mut object = Object::default();
        while let Some(Name(name)) = fields.next_key::<Name<'de>>()? {
            let field_rule = rules::of(&name, is_top, walk.caller_dialect);
            if field_rule == Rule::Data {
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            if let Some(fact) = object.fact(&name) {
                let is_repeated = !matches!(fact, Fact::Absent);
                *fact = fields.next_value::<Fact<'de>>()?;
                object.is_doubtful |= is_repeated;
                if name == "id"
                    && let Rule::Named(kind) | Rule::Object(kind) = rule
                    && let Some(id) = object.id.text().filter(|id| !id.is_empty())
                {
                    walk.found(kind, id, Some("id"));
                }
                continue;
            }
            walk.may_issue |= is_top && name == "container";
            let from = walk.found.len();
            walk.path.push(Step::Field(name));
            if let Rule::Any(kind) = field_rule {
                if fields.next_value::<IsSet>()?.0 {
                    walk.found(kind, "data source", None);
                }
            } else {
                fields.next_value_seed(Value { walk: &mut *walk, rule: field_rule })?;
            }
            walk.path.pop();
            if matches!(field_rule, Rule::DataOfCall | Rule::Id(Kind::Skill | Kind::Connector))
                && walk.found.len() > from
            {
                object.in_question.push((from..walk.found.len(), field_rule));
            }
        }
        object.settle(walk);
        Ok(())
    }
}

/// The facts about an object that decide about what is in it.
#[derive(Default)]
struct Object<'de> {
    kind: Fact<'de>,
    id: Fact<'de>,
    role: Fact<'de>,
    authorization: Fact<'de>,
    encrypted_content: Fact<'de>,
    result: Fact<'de>,
    /// One of them stands there twice: which one counts is up to the service.
    is_doubtful: bool,
    /// What was found in fields that the facts decide about, in ascending order.
    in_question: Vec<(Range<usize>, Rule)>,
}

impl<'de> Object<'de> {
    fn fact(&mut self, name: &str) -> Option<&mut Fact<'de>> {
        Some(match name {
            "type" => &mut self.kind,
            "id" => &mut self.id,
            "role" => &mut self.role,
            "authorization" => &mut self.authorization,
            "encrypted_content" => &mut self.encrypted_content,
            "result" => &mut self.result,
            _ => return None,
        })
    }

    /// Decides at the end of the object, when all of it is known.
    fn settle(mut self, walk: &mut Walk<'de>) {
        let kind = self.kind.text();
        for (found, rule) in std::mem::take(&mut self.in_question).into_iter().rev() {
            let is_free = match rule {
                _ if self.is_doubtful => false,
                Rule::DataOfCall => kind.is_some_and(|kind| kind.ends_with("tool_use")),
                Rule::Id(Kind::Connector) => self.authorization.text().is_some_and(|token| !token.is_empty()),
                Rule::Id(Kind::Skill) => walk
                    .found
                    .get(found.clone())
                    .is_some_and(|skills| skills.iter().all(|skill| rules::is_public_skill(&skill.id, kind))),
                _ => false,
            };
            if is_free {
                walk.found.drain(found);
            }
        }
        if let Some(kind) = kind.filter(|_| walk.is_in("tools")) {
            walk.may_issue |=
                ["code_execution", "code_interpreter", "shell"].iter().any(|tool| kind.starts_with(tool));
        }
        if walk.caller_dialect == CallerDialect::OpenaiResponses
            && walk.is_in("input")
            && let Some(id) = self.id.text().filter(|id| !id.is_empty())
            && (self.is_doubtful || !self.has_content_of_its_own())
        {
            walk.found(Kind::Item, id, Some("id"));
        }
    }

    /// Whether an item is more than the name of a stored one.
    fn has_content_of_its_own(&self) -> bool {
        match self.kind.text() {
            None => self.role.text().is_some(),
            Some("reasoning" | "compaction" | "compaction_summary") => {
                self.encrypted_content.text().is_some()
            }
            Some("image_generation_call") => self.result.text().is_some(),
            Some(kind) => {
                matches!(kind, "message" | "function_call" | "custom_tool_call" | "mcp_approval_response")
                    || kind.ends_with("_output")
            }
        }
    }
}

/// The name of a field, borrowed unless it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Fact::deserialize(deserializer)? {
            Fact::Text(name) => Ok(Self(name)),
            Fact::Absent | Fact::Other => Err(de::Error::custom("a name of a field is no text")),
        }
    }
}

/// A field that is a text, or something else.
#[derive(Default)]
enum Fact<'de> {
    #[default]
    Absent,
    Text(Cow<'de, str>),
    Other,
}

impl Fact<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for Fact<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Fact<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Fact::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Fact::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Fact::Absent)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Fact::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Fact::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Fact::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Fact::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Fact::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Fact::Other)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Whether a value is set: neither `null` nor an empty list.
struct IsSet(bool);

impl<'de> Deserialize<'de> for IsSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        let text: String =
            value.get().chars().filter(|character| !character.is_whitespace()).take(5).collect();
        Ok(Self(!matches!(text.as_str(), "null" | "[]" | "{}")))
    }
}
