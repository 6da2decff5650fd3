//! HTTP as a client: addresses, proxies, encrypted connections, and one request over a connection that is kept.
//!
//! Redirects are not followed. Errors name a host and never a path, a query or a header, which may hold secrets.

pub mod client;
pub mod connect;
pub mod date;
pub mod proxy;
pub mod tls;

pub use nexus_edge_mcp::http_address as address;
