//! Alibaba's native protocol for Qwen (<https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope>).

use super::call::{Auth, Call, Site, origin};
use super::interface::Provider;
use super::quirk::Quirks;
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::dashscope::{DashScope, Endpoint, STREAM_HEADER};
use crate::dialect::operation::Operation;

/// `dashscope`
#[derive(Debug)]
pub struct DashScopeApi;

impl Provider for DashScopeApi {
    fn name(&self) -> &'static str {
        "dashscope"
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(DashScope)
    }

    fn call(&self, site: &Site<'_>, operation: Operation, _model: &str) -> Option<Call> {
        let Operation::Chat { stream, multimodal } = operation else { return None };
        site.url?;
        let endpoint = if multimodal { Endpoint::MultimodalGeneration } else { Endpoint::TextGeneration };
        let call = Call::post(endpoint.url(site.server_url), Auth::Bearer);
        let (name, value) = STREAM_HEADER;
        Some(if stream { call.with_header(name, value) } else { call })
    }

    /// The native protocol has no list; the compatible API of the same host has one.
    fn models(&self, site: &Site<'_>, _next: Option<&str>) -> Option<Call> {
        let list = format!("{}/compatible-mode/v1/models", origin(site.url?.base())?);
        Some(Call::get(list, Auth::Bearer))
    }
}
