//! Tests of the dialect as a whole.

mod repeated;
mod request;
mod stored;
mod stream;
mod support;
mod upstream;
