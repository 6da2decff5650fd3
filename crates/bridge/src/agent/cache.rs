//! What servers said of themselves, kept between runs of the agent, so that tools can be offered before a server starts.

use std::path::Path;

use crate::files;
use crate::server::view::Known;

/// What is known of a server. Something unreadable is nothing: the server will be asked.
#[must_use]
pub fn read(path: &Path) -> Option<Known> {
    let text = std::fs::read_to_string(path).ok()?;
    let known: Known = serde_json::from_str(&text).ok()?;
    (known.catalogue.sha256() == known.sha256).then_some(known)
}

/// Keeps what a server said. Without it the server is asked again, so that a full disk stops nothing.
pub fn write(path: &Path, known: &Known) {
    if let Ok(text) = serde_json::to_string(known) {
        let _ = files::write(path, &text);
    }
}
