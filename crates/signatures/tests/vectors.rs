//! The test vectors of RFC 9421, appendix B, and what a signature must not survive.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_edge_signatures::base::signature_base;
use nexus_edge_signatures::component::Component;
use nexus_edge_signatures::digest::{self, content_digest};
use nexus_edge_signatures::key::{HmacSha256, SigningKey, VerifyingKey};
use nexus_edge_signatures::parameters::SignatureInput;
use nexus_edge_signatures::request::{Request, Target};
use nexus_edge_signatures::sign::sign;
use nexus_edge_signatures::structured::{Member, dictionary};
use nexus_edge_signatures::verify::{Policy, VerifyError, verify};
use proptest::prelude::*;

/// B.1.5
const SHARED_SECRET: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
const CREATED_S: u64 = 1_618_884_473;
const URL: &str = "https://example.com/foo?param=Value&Pet=dog";

/// The headers of the test request of B.2.
const HEADERS: [(&str, &str); 5] = [
    ("Host", "example.com"),
    ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("Content-Type", "application/json"),
    (
        "Content-Digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("Content-Length", "18"),
];

fn request<'a>(headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request { method: "POST", target: Target::of_url(URL).unwrap(), headers }
}

fn input_of(field: &str) -> SignatureInput {
    let Some((_, Member::List(list))) = dictionary(field).unwrap().pop() else { panic!("no list") };
    SignatureInput::of_list(&list).unwrap()
}

fn shared() -> HmacSha256 {
    HmacSha256::new(&STANDARD.decode(SHARED_SECRET).unwrap()).unwrap()
}

fn lenient(components: &[Component]) -> Policy<'_> {
    Policy { components, tag: None, max_age_s: 300, max_skew_s: 0 }
}

#[test]
fn hmac_sha256_of_b_2_5() {
    let field =
        r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
    let input = input_of(field);
    let base = signature_base(&input, &request(&HEADERS)).unwrap();
    assert_eq!(
        base,
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
         \"@authority\": example.com\n\
         \"content-type\": application/json\n\
         \"@signature-params\": (\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\""
    );
    let made = sign("sig-b25", &input, &request(&HEADERS), &shared()).unwrap();
    assert_eq!(made.signature_input, field);
    assert_eq!(made.signature, "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:");

    let mut headers = HEADERS.to_vec();
    headers.extend([("Signature-Input", made.signature_input.as_str()), ("Signature", &made.signature)]);
    let components = [Component::Authority, Component::header("date")];
    let verified = verify(&request(&headers), &lenient(&components), CREATED_S, |id| {
        (id == "test-shared-secret").then(shared)
    });
    assert_eq!(verified.unwrap().key_id, "test-shared-secret");
}

#[cfg(feature = "ed25519")]
#[test]
fn ed25519_of_b_2_6() {
    use nexus_edge_signatures::key::Ed25519Public;

    let input = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let signature =
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    let key = Ed25519Public::new(&STANDARD.decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").unwrap())
        .unwrap();
    let mut headers = HEADERS.to_vec();
    headers.extend([("Signature-Input", input), ("Signature", signature)]);
    let components = [Component::Method, Component::Path];
    let check = |headers: &[(&str, &str)]| {
        verify(&request(headers), &lenient(&components), CREATED_S, |id| {
            (id == "test-key-ed25519").then(|| key.clone())
        })
    };
    assert_eq!(check(&headers).unwrap().key_id, "test-key-ed25519");
    headers[4].1 = "19";
    assert_eq!(check(&headers), Err(VerifyError::Forged));
}

/// A request as a webhook sends it.
fn signed(body: &[u8], change: impl Fn(&mut SignatureInput)) -> Vec<(String, String)> {
    let digest = content_digest(body);
    let headers = [("content-digest", digest.as_str())];
    let mut input = SignatureInput::covering(vec![
        Component::Method,
        Component::Authority,
        Component::Path,
        Component::Query,
        Component::header("content-digest"),
    ]);
    (input.created_s, input.key_id) = (Some(CREATED_S), Some("k".to_owned()));
    change(&mut input);
    let made = sign("sig1", &input, &request(&headers), &shared()).unwrap();
    let made = [("signature-input", made.signature_input), ("signature", made.signature)];
    let digest = [("content-digest", digest)];
    digest.into_iter().chain(made).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn checked(headers: &[(String, String)], policy: &Policy<'_>, now_s: u64) -> Result<(), VerifyError> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    verify(&request(&headers), policy, now_s, |id| (id == "k").then(shared)).map(drop)
}

#[test]
fn time_tag_and_coverage_are_checked_before_the_key() {
    let components = [Component::Method, Component::header("content-digest")];
    let policy = Policy { max_skew_s: 5, ..lenient(&components) };
    let plain = signed(b"{}", |_| {});
    for (now_s, is_accepted) in
        [(CREATED_S - 5, true), (CREATED_S - 6, false), (CREATED_S + 305, true), (CREATED_S + 306, false)]
    {
        assert_eq!(checked(&plain, &policy, now_s).is_ok(), is_accepted, "{now_s}");
    }
    let expiring = signed(b"{}", |input| input.expires_s = Some(CREATED_S + 10));
    assert!(checked(&expiring, &policy, CREATED_S + 14).is_ok());
    assert_eq!(checked(&expiring, &policy, CREATED_S + 15), Err(VerifyError::Time("has expired")));
    let timeless = signed(b"{}", |input| input.created_s = None);
    assert!(matches!(checked(&timeless, &policy, CREATED_S), Err(VerifyError::Time(_))));
    let bare = signed(b"{}", |input| input.components.truncate(4));
    assert_eq!(
        checked(&bare, &policy, CREATED_S),
        Err(VerifyError::NotCovered("\"content-digest\"".to_owned()))
    );
    let tagged = Policy { tag: Some("nexus"), ..policy.clone() };
    assert_eq!(checked(&plain, &tagged, CREATED_S), Err(VerifyError::NoneFits));
    assert!(checked(&signed(b"{}", |input| input.tag = Some("nexus".into())), &tagged, CREATED_S).is_ok());
    let stranger = signed(b"{}", |input| input.key_id = Some("other".into()));
    assert_eq!(checked(&stranger, &policy, CREATED_S), Err(VerifyError::NoneFits));
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let policy = lenient(&[]);
    let named = |name: &'static str| signed(b"", move |input| input.algorithm = Some(name.to_owned()));
    assert!(checked(&named("hmac-sha256"), &policy, CREATED_S).is_ok());
    assert_eq!(checked(&named("none"), &policy, CREATED_S), Err(VerifyError::Algorithm("hmac-sha256")));
}

#[test]
fn what_is_not_understood_is_refused() {
    let policy = lenient(&[]);
    for (input, signature) in [
        (r#"sig1=("@status");created=1618884473;keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("@path";req);created=1618884473;keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("@path" "@path");created=1618884473;keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("Date");created=1618884473;keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("x-absent");created=1618884473;keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("@path");created="1618884473";keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("@path");created=-1;keyid="k""#, "sig1=:AA==:"),
        (r#"sig1=("@path");created=1618884473;keyid="k";colour=1"#, "sig1=:AA==:"),
        (r#"sig1=("@path");created=1618884473;keyid="k""#, "sig2=:AA==:"),
        (r#"sig1=("@path");created=1618884473;keyid="k""#, "sig1=\"AA==\""),
        (r#"sig1=("@path");created=1618884473;keyid="k""#, "sig1=:"),
        (r#"sig1=("@path");created=1618884473;keyid="k""#, "sig1=:AA==:"),
    ] {
        let headers = [("signature-input", input), ("signature", signature)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let error = checked(&headers, &policy, CREATED_S).unwrap_err();
        assert_ne!(error, VerifyError::NoneFits, "{input}");
    }
    assert_eq!(checked(&[], &policy, CREATED_S), Err(VerifyError::NoHeader("signature-input")));
    assert!(HmacSha256::new(b"").is_none());
}

#[test]
fn a_header_cannot_add_a_line_to_the_base() {
    let headers = [("x-a", "1\n\"@method\": GET")];
    let input = SignatureInput::covering(vec![Component::header("x-a")]);
    assert!(signature_base(&input, &request(&headers)).is_err());
}

proptest! {
    /// Whatever byte of a covered header, of the digest or of the signature is changed: it is refused.
    #[test]
    fn a_changed_byte_is_noticed(body in prop::collection::vec(any::<u8>(), 0..40), which in 0_usize..3, at in any::<prop::sample::Index>(), to in 33_u8..127) {
        let mut headers = signed(&body, |_| {});
        let value = &mut headers[which].1;
        let mut bytes = value.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        *value = String::from_utf8(bytes).unwrap();
        let components = [Component::header("content-digest")];
        let is_accepted = checked(&headers, &lenient(&components), CREATED_S).is_ok();
        prop_assert!(!is_accepted || digest::check(&headers[0].1, &body).is_err());
    }

    #[test]
    fn a_signature_of_other_bytes_or_another_secret_is_refused(a in prop::collection::vec(any::<u8>(), 1..40), b in prop::collection::vec(any::<u8>(), 1..40)) {
        let key = HmacSha256::new(&a).unwrap();
        let signature = key.sign(&b);
        prop_assert!(key.verifies(&b, &signature));
        prop_assert!(!key.verifies(&a, &signature) || a == b);
        let cut = signature.get(..16).unwrap();
        prop_assert!(!key.verifies(&b, cut));
    }
}
