//! The members of one JSON object, in their order, with their values byte for byte.
//!
//! Guarantee: what is not set or removed is written as it was read. Only white space between the members of this one
//! object, and escapes in their names, may differ. A repeated member is an error.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::JsonFault;

/// A member: its name and its value.
#[derive(Debug, Clone)]
pub struct Member {
    /// The name, unescaped.
    pub name: String,
    /// The value as it was written.
    pub value: Box<RawValue>,
}

/// An object as the list of its members.
#[derive(Debug, Clone, Default)]
pub struct Members(Vec<Member>);

impl Members {
    /// Reads an object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(json: &str) -> Result<Self, JsonFault> {
        if !json.trim_start().starts_with('{') {
            return Err(JsonFault::NotAnObject);
        }
        let members: Self = serde_json::from_str(json).map_err(|_| JsonFault::Syntax)?;
        let mut names: Vec<&str> = members.0.iter().map(|member| member.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find_map(|pair| match pair {
            [first, second] if first == second => Some((*first).to_owned()),
            _ => None,
        }) {
            Some(name) => Err(JsonFault::Repeated(name)),
            None => Ok(members),
        }
    }

    /// Reads the object that a value is, an empty one where there is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(value: Option<&RawValue>) -> Result<Self, JsonFault> {
        value.map_or_else(|| Ok(Self::default()), |value| Self::parse(value.get()))
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|member| member.name == name).map(|member| &*member.value)
    }

    /// The value of a member that is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(super::value::text_of)
    }

    /// The value of a member as what serde reads from it; `None` also where it is something else.
    #[must_use]
    pub fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.get(name).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// Replaces a member in its place, or appends it.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|member| member.name == name) {
            Some(member) => member.value = value,
            None => self.0.push(Member { name: name.to_owned(), value }),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|member| member.name == name)?;
        Some(self.0.remove(at).value)
    }

    /// All members in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.0.iter()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object as JSON.
    #[must_use]
    pub fn write(&self) -> Box<RawValue> {
        super::value::to_raw(self)
    }
}

impl serde::Serialize for Members {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|member| (&member.name, &member.value)))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push(Member { name, value });
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_as_it_was_written() {
        let mut members =
            Members::parse(r#"{ "b": 1.0e2 , "a" : { "x" : "\u0041" } , "é": [ 1 , 2 ] }"#).unwrap();
        members.set("b", super::super::value::string("new"));
        members.set("z", RawValue::NULL.to_owned());
        assert_eq!(members.write().get(), r#"{"b":"new","a":{ "x" : "\u0041" },"é":[ 1 , 2 ],"z":null}"#);
        assert!(members.remove("a").is_some() && members.remove("a").is_none());
    }

    #[test]
    fn a_repeated_member_is_refused_however_it_is_spelled() {
        let repeated = Members::parse(r#"{"name":1,"\u006eame":2}"#).unwrap_err();
        assert_eq!(repeated, JsonFault::Repeated("name".to_owned()));
        assert_eq!(Members::parse("[1]").unwrap_err(), JsonFault::NotAnObject);
        assert_eq!(Members::parse("{").unwrap_err(), JsonFault::Syntax);
    }
}
