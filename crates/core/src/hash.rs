//! SHA-256 as text.

pub use nexus_edge_hash::{checksum_hex, hex, sha256_hex};
