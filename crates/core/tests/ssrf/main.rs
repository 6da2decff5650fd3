//! The table of addresses against every rule that reads one. `tests/e2e/hardening.test.mjs` enters the same table in the API.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its cases has failed")]

use nexus_edge_core::catalog::guard_input::GuardInput;
use nexus_edge_core::catalog::mcp_server::McpServerInput;
use nexus_edge_core::catalog::provider_input::ProviderInput;
use nexus_edge_core::catalog::webhook::WebhookInput;
use nexus_edge_core::input::Input;
use nexus_edge_core::settings::{MailSettings, OtlpSettings};

const CASES: &str = include_str!("cases.txt");

/// Whether it may be asked, and the address.
fn cases() -> Vec<(bool, String)> {
    let address = |text: &str| {
        text.replace("\\\\", "\u{0}")
            .replace("\\r", "\r")
            .replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace('\u{0}', "\\")
    };
    let case = |line: &str| {
        let (word, text) = line.split_once(' ').unwrap();
        assert!(word == "refused" || word == "allowed", "{line}");
        (word == "allowed", address(text))
    };
    CASES.lines().filter(|line| !line.starts_with('#')).map(case).collect()
}

fn body(field: &str, address: &str) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({ field: address })).unwrap()
}

#[test]
fn every_field_refuses_what_the_table_refuses() {
    let cases = cases();
    assert!(cases.iter().filter(|(is_allowed, _)| !is_allowed).count() >= 100);
    for (is_allowed, address) in cases {
        let provider =
            ProviderInput::parse(&body("server_url", &address)).and_then(|input| input.checked(false));
        let webhook = WebhookInput::parse(&body("url", &address)).and_then(|input| input.checked(false));
        let guard = GuardInput::parse(&body("url", &address)).and_then(|input| input.checked(false));
        let tools = McpServerInput::parse(&body("url", &address)).and_then(|input| input.checked(false));
        let collector = OtlpSettings::read(Some(&address), None, None, false);
        let mail = MailSettings::read(Some(&address), Some("a-secret-of-sixteen".to_owned()), false);
        let found = [
            provider.is_ok(),
            webhook.is_ok(),
            guard.is_ok(),
            tools.is_ok(),
            matches!(collector, Ok(Some(_))),
            matches!(mail, Ok(Some(_))),
        ];
        assert_eq!(found, [is_allowed; 6], "{address:?}");
    }
}
