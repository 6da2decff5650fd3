//! The opening of a WebSocket connection: protocol and credential.
//!
//! Browsers cannot set headers for a WebSocket, and a key in the URL ends up in logs. So a key may be sent as one of
//! the offered subprotocols, which is a header: `nexus-key.<key>`; or a ticket, which is valid once and for a minute:
//! `nexus-ticket.<ticket>`, or `?ticket=` in the URL. The gateway answers with the protocol that it chose and never
//! with a credential.

use crate::error::ApiError;

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The protocol of the gateway's predecessor: messages in, the accumulated text of the answer out.
    V1,
    /// Typed, numbered frames.
    V2,
}

/// The offer of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The protocol.
    pub version: Version,
    /// The subprotocol to answer with, if any was offered.
    pub subprotocol: Option<&'static str>,
    /// The key among the subprotocols.
    pub key: Option<String>,
    /// The ticket among the subprotocols.
    pub ticket: Option<String>,
}

const PROTOCOLS: [(&str, Option<Version>); 3] =
    [("nexus.chat.v2", Some(Version::V2)), ("nexus.chat.v1", Some(Version::V1)), ("nexus", None)];
const KEY_PREFIX: &str = "nexus-key.";
const TICKET_PREFIX: &str = "nexus-ticket.";

/// Parses the offered subprotocols and the `v` of the URL.
pub fn read(offered: Option<&str>, v: Option<&str>) -> Result<Handshake, ApiError> {
    let asked = match v {
        None => None,
        Some("1") => Some(Version::V1),
        Some("2") => Some(Version::V2),
        Some(_) => {
            return Err(ApiError::invalid("invalid_value", "v", "`v` must be 1 or 2."));
        }
    };
    let mut handshake = Handshake { version: Version::V1, subprotocol: None, key: None, ticket: None };
    let mut said = None;
    let offers: Vec<&str> = offered.unwrap_or_default().split(',').map(str::trim).collect();
    for offer in offers.iter().filter(|offer| !offer.is_empty()) {
        if let Some(key) = offer.strip_prefix(KEY_PREFIX) {
            handshake.key = Some(key.to_owned());
        } else if let Some(ticket) = offer.strip_prefix(TICKET_PREFIX) {
            handshake.ticket = Some(ticket.to_owned());
        } else if let Some((name, version)) = PROTOCOLS.iter().find(|(name, _)| name == offer)
            && handshake.subprotocol.is_none()
        {
            handshake.subprotocol = Some(name);
            said = *version;
        }
    }
    if handshake.subprotocol.is_none() && offers.iter().any(|offer| !offer.is_empty()) {
        // A browser closes a connection if none of its subprotocols was accepted; an error says why.
        let message = "Offer `nexus.chat.v2` or `nexus.chat.v1` among the subprotocols.";
        return Err(ApiError::invalid("unsupported_subprotocol", "sec-websocket-protocol", message));
    }
    handshake.version = said.or(asked).unwrap_or(Version::V1);
    Ok(handshake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_chosen_and_a_credential_never_is() {
        let plain = read(None, None).unwrap();
        assert_eq!((plain.version, plain.subprotocol), (Version::V1, None));
        assert_eq!(read(None, Some("2")).unwrap().version, Version::V2);
        let keyed = read(Some("nexus-key.sk-nx-1, nexus.chat.v2"), None).unwrap();
        assert_eq!((keyed.version, keyed.subprotocol), (Version::V2, Some("nexus.chat.v2")));
        assert_eq!(keyed.key.as_deref(), Some("sk-nx-1"));
        let ticketed = read(Some("nexus, nexus-ticket.abc"), Some("2")).unwrap();
        assert_eq!((ticketed.version, ticketed.subprotocol), (Version::V2, Some("nexus")));
        assert_eq!(ticketed.ticket.as_deref(), Some("abc"));
        assert_eq!(read(Some("nexus.chat.v1"), Some("2")).unwrap().version, Version::V1);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert_eq!(read(None, Some("3")).unwrap_err().code, "invalid_value");
        for offered in ["nexus-key.k", "graphql-ws", "nexus-ticket.t,soap"] {
            assert_eq!(read(Some(offered), None).unwrap_err().code, "unsupported_subprotocol", "{offered}");
        }
    }
}
