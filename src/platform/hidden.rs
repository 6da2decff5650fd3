//! The secrets that this isolate knows, masked in whatever it logs and in every error that it answers.
//!
//! What upstreams say has been searched when it was read. This is the border behind that: nothing that was overlooked
//! there, and nothing that an error of the platform or of a library repeats, leaves in clear.

use std::cell::RefCell;
use std::sync::Arc;

use nexus_edge_core::access::api_key;
use nexus_edge_core::secrets::pii::Pii;
use nexus_edge_core::secrets::redactor::{Place, Redactor};

type Make = Box<dyn Fn() -> Vec<String>>;

#[derive(Default)]
struct Hidden {
    /// Those of the deployment.
    own: Vec<String>,
    /// Lists those of the configuration.
    configured: Option<Make>,
    /// Made when something is logged.
    redactor: Option<Arc<Redactor>>,
}

thread_local! {
    static HIDDEN: RefCell<Hidden> = RefCell::default();
    /// What is replaced in log lines besides.
    static PERSONAL: RefCell<Option<Pii>> = const { RefCell::new(None) };
}

/// Hides the secrets of the deployment.
pub fn hide_own(secrets: Vec<String>) {
    HIDDEN.with_borrow_mut(|hidden| (hidden.own, hidden.redactor) = (secrets, None));
}

/// Hides the secrets of the configuration, in place of those of an older one.
pub fn hide_configured(secrets: impl Fn() -> Vec<String> + 'static) {
    let make: Make = Box::new(secrets);
    HIDDEN.with_borrow_mut(|hidden| (hidden.configured, hidden.redactor) = (Some(make), None));
}

/// Replaces personal data in log lines; with `None` no more.
pub fn hide_personal(pii: Option<Pii>) {
    PERSONAL.set(pii);
}

/// The text of a log line.
pub fn for_log(text: String) -> String {
    let text = without_secrets(text);
    PERSONAL.with_borrow(|pii| pii.as_ref()?.clean(&text)).unwrap_or(text)
}

/// The text with every known secret and every API key masked.
pub fn without_secrets(text: String) -> String {
    let redactor = HIDDEN.with_borrow_mut(|hidden| {
        let Hidden { own, configured, redactor } = hidden;
        Arc::clone(redactor.get_or_insert_with(|| {
            let configured = configured.as_ref().map(|make| make()).unwrap_or_default();
            let all = own.iter().chain(&configured).map(String::as_str);
            Arc::new(Redactor::new(all, Place::Content))
        }))
    });
    api_key::without_keys(redactor.clean_text(text))
}
