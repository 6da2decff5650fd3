//! Connections: TCP, through a proxy where one is configured, encrypted where the address says so.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::address::Address;
use super::proxy::{Proxy, choose};
use super::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// The longest answer of a proxy, in bytes.
const LONGEST: usize = 16 * 1024;

/// What bytes travel over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection, encrypted where the address says so.
pub type Wire = Box<dyn Stream>;

/// Connects.
///
/// # Errors
/// Why there is no connection, without secrets.
pub async fn connect(address: &Address) -> io::Result<Wire> {
    timeout(CONNECT, dial(address))
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in 20 s")))
}

async fn dial(address: &Address) -> io::Result<Wire> {
    let proxy = choose(address, &|name| std::env::var(name).ok()).map_err(io::Error::other)?;
    let plain = match proxy {
        None => reach(&address.host, address.port).await?,
        Some(proxy) => through(&proxy, address).await?,
    };
    if !address.is_secure {
        return Ok(Box::new(plain));
    }
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(tls::config()?).connect(name, plain).await?))
}

async fn reach(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A tunnel through a proxy (`CONNECT`), also for connections that are not encrypted.
async fn through(proxy: &Proxy, address: &Address) -> io::Result<TcpStream> {
    let said = |what: &str| io::Error::other(format!("the proxy {}:{} {what}", proxy.host, proxy.port));
    let mut stream =
        reach(&proxy.host, proxy.port).await.map_err(|error| said(&format!("cannot be reached: {error}")))?;
    let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    let target = format!("{host}:{}", address.port);
    let authorization = proxy.authorization.as_deref();
    let authorization =
        authorization.map_or_else(String::new, |value| format!("Proxy-Authorization: {value}\r\n"));
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte, so that nothing of what follows the answer is taken.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > LONGEST {
            return Err(said("answered without end"));
        }
        answer.push(stream.read_u8().await.map_err(|_| said("closed the connection"))?);
    }
    let status = String::from_utf8_lossy(&answer);
    let status = status.split(' ').nth(1).unwrap_or_default();
    if status.starts_with('2') { Ok(stream) } else { Err(said(&format!("answered with status {status}"))) }
}
