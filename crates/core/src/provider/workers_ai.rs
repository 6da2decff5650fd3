//! Cloudflare's Workers AI through the deployment's own binding: no address, no key.

use super::interface::{Provider, Transport};
use super::quirk::Quirks;
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::workers_ai;

/// `workers_ai`
#[derive(Debug)]
pub struct WorkersAi;

impl Provider for WorkersAi {
    fn name(&self) -> &'static str {
        "workers_ai"
    }

    fn transport(&self) -> Transport {
        Transport::AiBinding
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(workers_ai::codec())
    }
}
