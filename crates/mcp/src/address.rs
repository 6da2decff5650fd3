//! The addresses under which resources of several servers stand beside each other.
//!
//! `nexus://{server}/{address}`, of a server of an agent `nexus://{agent}.{server}/{address}`. What follows the slash is what the server
//! wrote, so that a template under such an address, filled in by a client, leads to what the server's own template would have led to.
//!
//! Guarantees: two resources have two addresses, and an address leads back to the server that listed it, without a table.

use std::fmt::Write;

use serde_json::value::RawValue;

use crate::json::{Members, string, to_raw};
use crate::method::Method;
use crate::naming::Target;

const BEGINNING: &str = "nexus://";

/// The address beside those of other servers; the target's name is the address, or the template, that the server gave.
#[must_use]
pub fn address(target: &Target) -> String {
    let mut out = BEGINNING.to_owned();
    if let Some(agent) = &target.agent {
        encode(agent, &mut out);
        out.push('.');
    }
    encode(&target.server, &mut out);
    out.push('/');
    out.push_str(&target.tool);
    out
}

/// What an address leads to; `None` for one that is not made here.
#[must_use]
pub fn target(address: &str) -> Option<Target> {
    let (place, name) = address.strip_prefix(BEGINNING)?.split_once('/')?;
    let (agent, server) = match place.split_once('.') {
        Some((agent, server)) => (Some(decode(agent)?), decode(server)?),
        None => (None, decode(place)?),
    };
    Some(Target { agent, server, tool: name.to_owned() })
}

/// A result of a server with the addresses that it names made addresses beside those of other servers: `contents` of a resource, and
/// links and embedded resources in messages of prompts and results of tools. All else stays byte for byte. `server` is any target of the
/// server.
#[must_use]
pub fn with_addresses(method: Method, result: &RawValue, server: &Target) -> Box<RawValue> {
    let named = |uri: &str| address(&Target { tool: uri.to_owned(), ..server.clone() });
    let rewrite = Rewrite { named: &named };
    let changed = match method {
        Method::ReadResource => each(result, "contents", |one| rewrite.uri(one)),
        Method::CallTool => each(result, "content", |one| rewrite.content(one)),
        Method::GetPrompt => each(result, "messages", |message| {
            let mut members = Members::parse(message.get()).ok()?;
            let content = rewrite.content(members.get("content")?)?;
            members.set("content", content);
            Some(members.write())
        }),
        _ => None,
    };
    changed.unwrap_or_else(|| result.to_owned())
}

/// Replaces addresses; every step is `None` where there is nothing to replace.
struct Rewrite<'a> {
    named: &'a dyn Fn(&str) -> String,
}

impl Rewrite<'_> {
    fn uri(&self, object: &RawValue) -> Option<Box<RawValue>> {
        let mut members = Members::parse(object.get()).ok()?;
        let uri = members.text("uri")?;
        members.set("uri", string(&(self.named)(&uri)));
        Some(members.write())
    }

    fn content(&self, content: &RawValue) -> Option<Box<RawValue>> {
        let mut members = Members::parse(content.get()).ok()?;
        match members.text("type")?.as_str() {
            "resource_link" => self.uri(content),
            "resource" => {
                let resource = self.uri(members.get("resource")?)?;
                members.set("resource", resource);
                Some(members.write())
            }
            _ => None,
        }
    }
}

/// An object with each item of a list changed; `None` where nothing changes.
fn each(
    object: &RawValue,
    list: &str,
    change: impl Fn(&RawValue) -> Option<Box<RawValue>>,
) -> Option<Box<RawValue>> {
    let mut members = Members::parse(object.get()).ok()?;
    let items: Vec<Box<RawValue>> = members.read(list)?;
    let changed: Vec<Option<Box<RawValue>>> = items.iter().map(|item| change(item)).collect();
    if changed.iter().all(Option::is_none) {
        return None;
    }
    let items: Vec<Box<RawValue>> =
        items.into_iter().zip(changed).map(|(item, changed)| changed.unwrap_or(item)).collect();
    members.set(list, to_raw(&items));
    Some(members.write())
}

/// Writes a name with `%` and two digits for each byte that is no letter, digit, `-` or `_`.
fn encode(name: &str, out: &mut String) {
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push(byte.into()),
            // Writing to a text cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if first == '%' {
            bytes.push(u8::from_str_radix(rest.get(1..3)?, 16).ok()?);
            rest = rest.get(3..)?;
        } else {
            rest = rest.get(first.len_utf8()..)?;
            bytes.extend(first.encode_utf8(&mut [0; 4]).bytes());
        }
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(text: &str) -> Box<RawValue> {
        crate::json::raw(text.to_owned()).unwrap()
    }

    fn at(agent: Option<&str>, server: &str, name: &str) -> Target {
        Target { agent: agent.map(str::to_owned), server: server.to_owned(), tool: name.to_owned() }
    }

    #[test]
    fn addresses_are_readable_and_a_filled_in_template_leads_to_the_same_place() {
        let notes = at(None, "notes", "file:///a b?x#y");
        assert_eq!(address(&notes), "nexus://notes/file:///a b?x#y");
        let template = address(&at(Some("my.laptop"), "files", "file:///{path}"));
        assert_eq!(template, "nexus://my%2Elaptop.files/file:///{path}");
        let filled = template.replace("{path}", "a/b.txt");
        assert_eq!(target(&filled), Some(at(Some("my.laptop"), "files", "file:///a/b.txt")));
        for other in ["file:///a", "nexus://", "nexus://notes", "nexus:///x", "nexus://%zz/x", "nexus://a./x"]
        {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn results_name_addresses_that_lead_back_and_keep_all_else() {
        let server = at(None, "s", "");
        for (method, before, after) in [
            (
                Method::ReadResource,
                r#"{"contents":[{"uri":"a:1","text":"x","n":1.0}],"_meta":{ "k" : 1 }}"#,
                r#"{"contents":[{"uri":"nexus://s/a:1","text":"x","n":1.0}],"_meta":{ "k" : 1 }}"#,
            ),
            (
                Method::CallTool,
                r#"{"content":[{"type":"text","text":"uri"},{"type":"resource_link","uri":"a:1"},{"type":"resource","resource":{"uri":"a:2","text":""}}]}"#,
                r#"{"content":[{"type":"text","text":"uri"},{"type":"resource_link","uri":"nexus://s/a:1"},{"type":"resource","resource":{"uri":"nexus://s/a:2","text":""}}]}"#,
            ),
            (
                Method::GetPrompt,
                r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a:1"}}},{"role":"user","content":{"type":"text","text":"t"}}]}"#,
                r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"nexus://s/a:1"}}},{"role":"user","content":{"type":"text","text":"t"}}]}"#,
            ),
        ] {
            assert_eq!(with_addresses(method, &raw(before), &server).get(), after);
        }
        for untouched in [r#"{ "content" : [ {"type":"text","text":"a:1"} ] }"#, "1", r#"{"content":1}"#] {
            assert_eq!(with_addresses(Method::CallTool, &raw(untouched), &server).get(), untouched);
        }
    }

    proptest! {
        #[test]
        fn every_address_leads_back_to_what_it_was_made_of(
            agent in proptest::option::of("[a-z.%/ä-]{1,8}"), server in "\\PC{1,12}", name in "\\PC{0,40}"
        ) {
            let made = at(agent.as_deref(), &server, &name);
            prop_assert_eq!(target(&address(&made)), Some(made));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "(nexus://)?[a.%/äF0-9]{0,20}") {
            if let Some(found) = target(&text) {
                prop_assert!(!found.server.is_empty());
            }
        }
    }
}
