//! The WebSocket to the gateway.

use nexus_edge_tunnel::agent::reconnect::Failure;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::address::Address;
use super::state::Ended;
use crate::http::connect::{Wire, connect};

/// The subprotocol of the tunnel.
const SUBPROTOCOL: &str = "nexus.bridge.v2";
/// The longest frame that is taken from a gateway, in bytes; the tunnel's longest has a quarter of that.
const LONGEST: usize = 1024 * 1024;

/// Opens the tunnel.
///
/// # Errors
/// Why it was not opened.
pub async fn open(address: &Address, ticket: &str) -> Result<WebSocketStream<Wire>, Ended> {
    let wire = connect(&address.tunnel).await.map_err(|error| Ended::unreachable(error.to_string()))?;
    let scheme = if address.tunnel.is_secure { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{}", address.tunnel.authority, address.tunnel.path);
    let mut request = url.into_client_request().map_err(|error| Ended::unreachable(error.to_string()))?;
    let protocols = HeaderValue::from_str(&format!("{SUBPROTOCOL}, nexus-ticket.{ticket}"));
    let mut protocols = protocols.map_err(|_| Ended::unreachable("the gateway's ticket cannot be used"))?;
    protocols.set_sensitive(true);
    request.headers_mut().insert("sec-websocket-protocol", protocols);
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    match client_async_with_config(request, wire, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        // Whether the token is good is said where tickets are given: a ticket that is refused is asked for anew.
        Err(Error::Http(response)) if response.status().as_u16() != 401 => {
            let status = response.status().as_u16();
            let said = format!("the gateway answered with status {status} to the tunnel");
            Err(Ended { failure: Failure::Refused(status), retry_after_ms: None, said })
        }
        Err(Error::Http(_)) => Err(Ended::unreachable("the gateway refused the ticket")),
        Err(error) => Err(Ended::unreachable(error.to_string())),
    }
}
