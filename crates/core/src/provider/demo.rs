//! The embedded provider, which answers inside the gateway.

use super::interface::{Provider, Transport};
use super::openai;
use super::quirk::Quirks;
use crate::dialect::canonical::UpstreamDialect;
use crate::dialect::face::Face;

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

    fn speaks(&self, face: Face) -> bool {
        face == Face::OpenaiChat
    }

    fn codec(&self, quirks: Quirks) -> Box<dyn UpstreamDialect> {
        openai::codec(quirks)
    }

    fn is_listed_by_address(&self) -> bool {
        true
    }
}
