//! Credentials as they are entered: one JSON object, in the words of this gateway or in those of the vendor's command line.
//!
//! ```json
//! {"access_key_id": "AKIA…", "secret_access_key": "…", "session_token": "…", "region": "us-east-1"}
//! {"AccessKeyId": "ASIA…", "SecretAccessKey": "…", "SessionToken": "…", "Expiration": "…"}
//! ```

use serde::Deserialize;

use super::sigv4::Credentials;
use crate::secrets::Secret;

/// Credentials, and the region that they are to be used in, if one is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// Who signs.
    pub credentials: Credentials,
    /// `us-east-1` …
    pub region: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "AccessKeyId", alias = "accessKeyId", alias = "aws_access_key_id")]
    access_key_id: Option<String>,
    #[serde(alias = "SecretAccessKey", alias = "secretAccessKey", alias = "aws_secret_access_key")]
    secret_access_key: Option<String>,
    #[serde(alias = "SessionToken", alias = "sessionToken", alias = "aws_session_token")]
    session_token: Option<String>,
    #[serde(alias = "Region", alias = "aws_region")]
    region: Option<String>,
}

/// Whether a key is credentials rather than a token to be sent as it is.
#[must_use]
pub fn is_credentials(key: &str) -> bool {
    key.trim_start().starts_with('{')
}

impl Entered {
    /// Reads a key. The error reads on after "the key".
    pub fn parse(key: &str) -> Result<Self, &'static str> {
        let wire: Wire = serde_json::from_str(key).map_err(|_| "is no JSON object of credentials")?;
        let set = |field: Option<String>| field.filter(|text| !text.is_empty());
        Ok(Self {
            credentials: Credentials {
                access_key_id: set(wire.access_key_id).ok_or("has no `access_key_id`")?,
                secret_access_key: set(wire.secret_access_key)
                    .map(Secret::new)
                    .ok_or("has no `secret_access_key`")?,
                session_token: set(wire.session_token).map(Secret::new),
            },
            region: set(wire.region),
        })
    }
}

/// The region in the host of an address: `us-east-1` of `https://bedrock-runtime.us-east-1.amazonaws.com`.
#[must_use]
pub fn region_of(url: &str) -> Option<&str> {
    let host = url.split_once("://")?.1.split(['/', ':', '?']).next()?;
    host.split('.').find(|label| is_region(label))
}

/// Two letters, one or more words, a number.
fn is_region(label: &str) -> bool {
    let words: Vec<&str> = label.split('-').collect();
    let [country, places @ .., number] = words.as_slice() else { return false };
    country.len() == 2
        && !places.is_empty()
        && places.iter().chain([country]).all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && places.iter().all(|word| !word.is_empty())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let ours = r#"{"access_key_id":"A","secret_access_key":"s","region":"eu-west-1"}"#;
        let entered = Entered::parse(ours).unwrap();
        assert_eq!(
            (entered.credentials.access_key_id.as_str(), entered.region.as_deref()),
            ("A", Some("eu-west-1"))
        );
        let theirs = r#"{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":"2026"}"#;
        assert_eq!(Entered::parse(theirs).unwrap().credentials.session_token, Some(Secret::new("t")));
        assert_eq!(Entered::parse(r#"{"AccessKeyId":"A"}"#), Err("has no `secret_access_key`"));
        assert_eq!(Entered::parse("{"), Err("is no JSON object of credentials"));
        assert!(is_credentials(ours) && !is_credentials("ABSKQmVkcm9ja0FQSUtleS0"));
    }

    #[test]
    fn regions_stand_in_hosts() {
        for (url, region) in [
            ("https://bedrock-runtime.us-east-1.amazonaws.com", Some("us-east-1")),
            ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/x", Some("us-gov-west-1")),
            ("https://vpce-0a-b1.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", Some("ap-southeast-2")),
            ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("http://127.0.0.1:8080/us-east-1", None),
            ("https://gateway.example", None),
        ] {
            assert_eq!(region_of(url), region, "{url}");
        }
    }
}
