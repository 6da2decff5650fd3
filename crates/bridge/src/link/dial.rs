//! Connections to the gateway: TCP, TLS with the certificates of Mozilla's list, and the WebSocket.

use std::io;
use std::sync::Arc;

use nexus_edge_tunnel::agent::reconnect::Failure;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::address::Address;
use super::state::Ended;

/// The subprotocol of the tunnel.
const SUBPROTOCOL: &str = "nexus.bridge.v2";
/// The longest frame that is taken from a gateway, in bytes; the tunnel's longest has a quarter of that.
const LONGEST: usize = 1024 * 1024;

/// What bytes travel over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection, encrypted where the address says so.
pub type Wire = Box<dyn Stream>;

/// Connects.
///
/// # Errors
/// Why there is no connection.
pub async fn dial(address: &Address) -> io::Result<Wire> {
    let plain = TcpStream::connect((address.host.as_str(), address.port)).await?;
    plain.set_nodelay(true)?;
    if !address.is_secure {
        return Ok(Box::new(plain));
    }
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(tls()?));
    Ok(Box::new(connector.connect(name, plain).await?))
}

fn tls() -> io::Result<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Opens the tunnel.
///
/// # Errors
/// Why it was not opened.
pub async fn open(address: &Address, ticket: &str) -> Result<WebSocketStream<Wire>, Ended> {
    let wire = dial(address).await.map_err(|error| Ended::unreachable(error.to_string()))?;
    let scheme = if address.is_secure { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{}", address.authority, address.tunnel);
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
