//! Exports: rows of the request log and of the archive, page by page, as a stream or in the steps of a job.

mod redaction;
mod source;
mod stream;

pub use source::{Asked, Source};
pub use stream::{answer, streamed};
