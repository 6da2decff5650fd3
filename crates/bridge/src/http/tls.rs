//! Which certificates are trusted: those of this system (also `SSL_CERT_FILE` and `SSL_CERT_DIR`), and Mozilla's list where the
//! system has none.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// How connections are encrypted. Made once, at the first connection.
pub fn config() -> io::Result<Arc<ClientConfig>> {
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let made = Arc::new(builder.with_root_certificates(roots()).with_no_client_auth());
    Ok(CONFIG.get_or_init(|| made).clone())
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // A certificate that cannot be read is none; which ones are read is the system's business.
    let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// Where the certificates come from that are trusted, how many they are, and what could not be read. For people.
#[must_use]
pub fn trusted() -> String {
    let read = rustls_native_certs::load_native_certs();
    let mut found = RootCertStore::empty();
    let (count, _) = found.add_parsable_certificates(read.certs);
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| Some((name, std::env::var(name).ok()?)));
    let named = named.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
    let source = named.collect::<Vec<_>>().join(", ");
    let mut said = match (count, source.as_str()) {
        (0, "") => "none on this system: Mozilla's list, which is part of the program".to_owned(),
        (0, source) => format!("none in {source}: Mozilla's list, which is part of the program"),
        (count, "") => format!("{count} of this system"),
        (count, source) => format!("{count} of {source}"),
    };
    for error in read.errors {
        said.push_str("; ");
        said.push_str(&error.to_string());
    }
    said
}
