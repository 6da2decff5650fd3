//! Who another service says that a user is: from the claims of a token or from the answer of a service of OAuth 2.0, by the names
//! that their fields have there. And which roles follow from it.
//!
//! A role comes only from a group that an operator has mapped to it. A service that says nothing of groups leaves the roles of a
//! user as they are; one that says that there are none takes those away that it could give, and no others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest subject (`OpenID` Connect Core 1.0, section 2).
const MAX_SUBJECT: usize = 255;
/// Longest name, in characters.
const MAX_NAME: usize = 100;
/// Most groups that are read.
const MAX_GROUPS: usize = 1_000;

/// The names of the fields in what a service says of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The one that never changes hands: text, or a whole number.
    pub subject: String,
    /// Names for people, the best first.
    pub names: Vec<String>,
    /// The mail address.
    pub email: String,
    /// True if the service has verified the address; `None`: it always has.
    pub email_verified: Option<String>,
    /// The groups of the user: a list of texts, or one.
    pub groups: String,
}

impl Default for Fields {
    /// Those of `OpenID` Connect (Core 1.0, section 5.1).
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            names: vec!["name".to_owned(), "preferred_username".to_owned()],
            email: "email".to_owned(),
            email_verified: Some("email_verified".to_owned()),
            groups: "groups".to_owned(),
        }
    }
}

/// A user of another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service.
    pub issuer: String,
    /// The user there: the only name that does not change hands.
    pub subject: String,
    /// A mail address, where the service has verified it.
    pub verified_email: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// The user's groups; `None` if the service says nothing of them.
    pub groups: Option<Vec<String>>,
}

impl Identity {
    /// Reads what the service `issuer` says of a user; `None` if it does not say who they are.
    #[must_use]
    pub fn read(issuer: &str, said: &Map<String, Value>, fields: &Fields) -> Option<Self> {
        let subject = match said.get(&fields.subject)? {
            Value::String(text) => text.clone(),
            // The subject of a token is text (OpenID Connect Core 1.0, section 2); services of their own number their users.
            Value::Number(number) if number.is_u64() && fields.subject != "sub" => number.to_string(),
            _ => return None,
        };
        let text = |name: &String| said.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let is_verified = fields
            .email_verified
            .as_ref()
            .is_none_or(|name| said.get(name).and_then(Value::as_bool) == Some(true));
        let email = text(&fields.email).filter(|_| is_verified);
        let name = fields.names.iter().find_map(text);
        (1..=MAX_SUBJECT).contains(&subject.len()).then(|| Self {
            issuer: issuer.to_owned(),
            subject,
            verified_email: email.and_then(crate::email::normalise),
            name: name.map(|name| name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()),
            groups: said.get(&fields.groups).and_then(groups),
        })
    }
}

fn groups(said: &Value) -> Option<Vec<String>> {
    match said {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(several) => {
            let texts = several.iter().take(MAX_GROUPS).filter_map(Value::as_str);
            Some(texts.map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// The address that a user has verified and prefers, in the list of `GitHub`'s `/user/emails`.
#[must_use]
pub fn primary_email(list: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Listed {
        email: String,
        primary: bool,
        verified: bool,
    }
    let list: Vec<Listed> = serde_json::from_slice(list).ok()?;
    let primary = list.into_iter().find(|listed| listed.primary && listed.verified)?;
    crate::email::normalise(&primary.email)
}

/// What a token endpoint answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tokens {
    /// For the service's API.
    pub access_token: String,
    /// Of `OpenID` Connect.
    pub id_token: Option<String>,
}

impl Tokens {
    /// Reads the answer; `None` if there are no tokens in it. Some services say that with status 200.
    #[must_use]
    pub fn read(answer: &[u8]) -> Option<Self> {
        serde_json::from_slice(answer).ok()
    }
}

/// The roles of a user after a sign-in: `current` with those that `map` gives to the groups, and without those that it could
/// give and does not. Without groups they stay as they are.
#[must_use]
pub fn mapped_roles(
    current: &[String],
    map: &BTreeMap<String, Vec<String>>,
    groups: Option<&[String]>,
) -> Vec<String> {
    let Some(groups) = groups else { return current.to_vec() };
    let is_governed = |role: &String| map.values().flatten().any(|governed| governed == role);
    let kept = current.iter().filter(|role| !is_governed(role));
    let given = groups.iter().filter_map(|group| map.get(group)).flatten();
    let mut roles: Vec<String> = kept.chain(given).cloned().collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(said: &Value, fields: &Fields) -> Option<Identity> {
        Identity::read("https://id.example", said.as_object().unwrap(), fields)
    }

    #[test]
    fn users_are_read_by_the_names_of_a_service() {
        let github = Fields {
            subject: "id".into(),
            names: vec!["name".into(), "login".into()],
            email_verified: Some(String::new()),
            ..Fields::default()
        };
        let user =
            read(&json!({ "id": 583_231, "login": "octocat", "name": null, "email": "a@b.c" }), &github)
                .unwrap();
        assert_eq!((user.subject.as_str(), user.name.as_deref()), ("583231", Some("octocat")));
        assert_eq!(
            (user.verified_email, user.groups),
            (None, None),
            "an address that it does not say to be verified"
        );
        for said in [
            json!({}),
            json!({ "id": "" }),
            json!({ "id": 1.5 }),
            json!({ "id": -1 }),
            json!({ "id": ["1"] }),
            json!({ "id": "x".repeat(256) }),
        ] {
            assert_eq!(read(&said, &github), None, "{said}");
        }
        let trusting = Fields { email_verified: None, ..Fields::default() };
        let user = read(
            &json!({ "sub": "s", "email": "Ada@Example.org", "name": "A\u{7}da", "groups": ["a", 7, "b"] }),
            &trusting,
        );
        let user = user.unwrap();
        assert_eq!(
            (user.verified_email.as_deref(), user.name.as_deref()),
            (Some("ada@example.org"), Some("Ada"))
        );
        assert_eq!(user.groups, Some(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn the_primary_address_counts_if_it_is_verified() {
        let list = |verified: bool| {
            json!([{ "email": "Other@example.org", "primary": false, "verified": true },
                { "email": "Ada@example.org", "primary": true, "verified": verified }])
            .to_string()
        };
        assert_eq!(primary_email(list(true).as_bytes()).as_deref(), Some("ada@example.org"));
        assert_eq!(primary_email(list(false).as_bytes()), None);
        assert_eq!(primary_email(b"{}"), None);
    }

    #[test]
    fn an_answer_without_tokens_is_none() {
        assert!(
            Tokens::read(br#"{"access_token":"a","token_type":"bearer"}"#)
                .is_some_and(|tokens| tokens.id_token.is_none())
        );
        assert_eq!(Tokens::read(br#"{"error":"bad_verification_code"}"#), None);
    }

    #[test]
    fn only_mapped_groups_give_roles_and_take_them_away() {
        let roles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let map = BTreeMap::from([
            ("ops".to_owned(), roles(&["operator"])),
            ("all".to_owned(), roles(&["user", "viewer"])),
        ]);
        let after = |current: &[&str], groups: Option<&[&str]>| {
            mapped_roles(&roles(current), &map, groups.map(roles).as_deref())
        };
        assert_eq!(after(&["operator"], None), ["operator"], "nothing is said of groups");
        assert_eq!(after(&["operator", "guest"], Some(&[])), ["guest"], "there are none");
        assert_eq!(after(&["guest"], Some(&["all", "all", "strangers"])), ["guest", "user", "viewer"]);
        assert_eq!(
            after(&["operator"], Some(&["admin", "operator"])),
            roles(&[]),
            "the name of a group is no role"
        );
        assert_eq!(after(&["admin"], Some(&["ops"])), ["admin", "operator"]);
    }
}
