//! The tool loop: a chat request that names servers of tools at the gateway is answered in rounds. In each, the model is asked in the
//! caller's own dialect; the calls that it makes are run, and it is asked again with their results. The caller gets one answer.
//!
//! A round is an ordinary request, so that pass-through, signatures, caches, content rules, failover and limits are as ever. Here is what is
//! added: which tools are meant ([`named`], [`offered`]), the request of each round ([`request`]), the answers joined to one ([`merge`]), and what is
//! done next ([`machine`]). [`session`] puts them together. Everything is pure: what is to be sent or run goes out as values, and time
//! comes in as milliseconds.

mod json;
pub mod limits;
pub mod machine;
pub mod merge;
pub mod named;
pub mod note;
pub mod offer;
pub mod offered;
pub mod request;
pub mod result;
pub mod search;
pub mod session;
pub mod tool;
mod usage;
