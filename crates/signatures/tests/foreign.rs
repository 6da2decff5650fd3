//! Requests that another implementation has signed (`tests/e2e/python/webhook_signatures.py`) are accepted, and no other.

use nexus_edge_signatures::digest;
use nexus_edge_signatures::key::HmacSha256;
use nexus_edge_signatures::request::{Request, Target};
use nexus_edge_signatures::verify::{Policy, VerifyError, verify};
use serde_json::Value;

#[test]
fn what_a_foreign_client_signs_is_accepted() {
    let file: Value = serde_json::from_str(include_str!("foreign.json")).unwrap();
    let secret = file["secret"].as_str().unwrap();
    let created_s = file["created_s"].as_u64().unwrap();
    for signed in file["requests"].as_array().unwrap() {
        let text = |name: &str| signed[name].as_str().unwrap();
        let headers: Vec<(&str, &str)> = signed["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (&**name, value.as_str().unwrap()))
            .collect();
        let check = |method: &str, secret: &str| {
            let request = Request { method, target: Target::of_url(text("url")).unwrap(), headers: &headers };
            let policy = Policy { components: &[], tag: Some("app"), max_age_s: 60, max_skew_s: 0 };
            verify(&request, &policy, created_s + 1, |id| {
                (id == "foreign").then(|| HmacSha256::new(secret.as_bytes()))?
            })
        };
        let verified = check(text("method"), secret).unwrap();
        assert_eq!(verified.input.nonce.as_deref(), Some("n-1"), "{signed}");
        assert_eq!(check(text("method"), "another secret"), Err(VerifyError::Forged));
        if let Some((_, digest)) =
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-digest"))
        {
            assert_eq!(digest::check(digest, text("body").as_bytes()), Ok(()));
            assert_eq!(check("PATCH", secret), Err(VerifyError::Forged));
        }
    }
}
