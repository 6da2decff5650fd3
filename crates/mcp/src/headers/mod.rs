//! The headers of streamable HTTP that repeat parts of the body (2026-07-28), so that what stands between client and server
//! need not read it.
//!
//! A client writes them with [`mirror`] and [`ParamHeader::of`], a server compares them with [`check`] and
//! [`check_params`]: a request whose headers and body disagree is refused, because an
//! intermediary that reads the headers and a server that reads the body would act on different requests.

mod mirror;
mod params;
mod value;

pub use mirror::{METHOD, NAME, PROTOCOL_VERSION, check, mirror};
pub use params::{ParamHeader, SchemaFault, check_params, param_headers};
pub use value::{decode, encode};
