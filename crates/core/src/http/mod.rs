//! HTTP rules that need no HTTP library: paths, percent-encoding, request ids, forwarded headers, upstream addresses.

pub mod header_list;
pub mod headers;
pub mod hops;
pub mod multipart;
pub mod pace;
pub mod passing;
pub mod path;
pub mod percent;
pub mod private_address;
pub mod request_id;
pub mod service_fault;
pub mod upstream_url;
