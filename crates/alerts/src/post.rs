//! The headers of a delivery: what it is, and a signature by RFC 9421 of the method, the address, the digest of the body
//! and the id, made with the webhook's secret.

use nexus_edge_signatures::component::Component;
use nexus_edge_signatures::digest::{self, content_digest};
use nexus_edge_signatures::key::HmacSha256;
use nexus_edge_signatures::parameters::SignatureInput;
use nexus_edge_signatures::request::{Request, Target};
use nexus_edge_signatures::sign::sign;

/// The header with the id of the event: receivers leave out one that they have seen.
pub const ID_HEADER: &str = "webhook-id";
/// The tag of the signatures.
pub const TAG: &str = "nexus-edge-webhook";
/// How long a signature is valid, in seconds. Each attempt has its own.
const VALID_FOR_S: u64 = 300;
const CONTENT_TYPE: &str = "application/json";

/// A delivery to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// Where it is posted.
    pub url: &'a str,
    /// The body.
    pub body: &'a str,
    /// The id of the event.
    pub event_id: &'a str,
    /// The id of the webhook, which names the key.
    pub webhook_id: &'a str,
}

impl Delivery<'_> {
    /// The headers, signed at `now_s` (seconds since the epoch). `None` for an address that is no URL, or an empty secret.
    #[must_use]
    pub fn headers(&self, secret: &str, now_s: u64) -> Option<Vec<(&'static str, String)>> {
        let digest = content_digest(self.body.as_bytes());
        let sent =
            [("content-type", CONTENT_TYPE), (digest::HEADER, digest.as_str()), (ID_HEADER, self.event_id)];
        let request = Request { method: "POST", target: Target::of_url(self.url)?, headers: &sent };
        let mut input = SignatureInput::covering(vec![
            Component::Method,
            Component::Authority,
            Component::Path,
            Component::Query,
            Component::header("content-type"),
            Component::header(digest::HEADER),
            Component::header(ID_HEADER),
        ]);
        input.created_s = Some(now_s);
        input.expires_s = Some(now_s.saturating_add(VALID_FOR_S));
        input.key_id = Some(self.webhook_id.to_owned());
        input.tag = Some(TAG.to_owned());
        let key = HmacSha256::new(secret.as_bytes())?;
        let signed = sign("nexus", &input, &request, &key).ok()?;
        let mut headers: Vec<(&'static str, String)> =
            sent.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        headers.push(("signature-input", signed.signature_input));
        headers.push(("signature", signed.signature));
        Some(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_edge_signatures::verify::{Policy, VerifyError, verify};

    #[test]
    fn a_receiver_can_check_what_is_sent() {
        let url = "https://Example.com/hook?to=me";
        let delivery = Delivery { url, body: "{}", event_id: "evt_1", webhook_id: "W" };
        let headers = delivery.headers("a-secret-of-16-bytes", 1_000).unwrap();
        let components = [Component::Method, Component::header(digest::HEADER), Component::header(ID_HEADER)];
        let policy = Policy { components: &components, tag: Some(TAG), max_age_s: 300, max_skew_s: 5 };
        let check = |url: &str, secret: &str, now_s: u64| {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
            let request = Request { method: "POST", target: Target::of_url(url).unwrap(), headers: &headers };
            let key = |id: &str| (id == "W").then(|| HmacSha256::new(secret.as_bytes()))?;
            verify(&request, &policy, now_s, key).map(drop)
        };
        assert_eq!(check("https://example.com:443/hook?to=me", "a-secret-of-16-bytes", 1_010), Ok(()));
        assert_eq!(
            check("https://example.com/hook?to=you", "a-secret-of-16-bytes", 1_010),
            Err(VerifyError::Forged)
        );
        assert_eq!(check(url, "another-secret-here", 1_010), Err(VerifyError::Forged));
        assert!(check(url, "a-secret-of-16-bytes", 1_400).is_err());
        assert_eq!(Delivery { url: "nowhere", ..delivery }.headers("a-secret-of-16-bytes", 1), None);
    }
}
