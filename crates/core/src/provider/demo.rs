//! The embedded provider, which answers inside the gateway.

use super::interface::{Provider, Transport};
use super::openai;
use super::quirk::Quirks;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::UpstreamCodec;

/// `demo`
#[derive(Debug)]
pub struct Demo;

impl Provider for Demo {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn transport(&self) -> Transport {
        Transport::Embedded
    }

    fn speaks(&self, caller_dialect: CallerDialect) -> bool {
        caller_dialect == CallerDialect::OpenaiChat
    }

    fn codec(&self, quirks: Quirks) -> Box<dyn UpstreamCodec> {
        openai::codec(quirks)
    }

    fn is_listed_by_address(&self) -> bool {
        true
    }
}
