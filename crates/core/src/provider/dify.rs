//! A Dify app (<https://docs.dify.ai/en/api-reference/guides/streaming>). An app is one model.

use super::call::{Auth, Call, Site};
use super::interface::Provider;
use super::models::{self, Page, UpstreamModel};
use super::quirk::{Quirk, Quirks};
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::dify::{Dify, DifyApp, DifyOptions};
use crate::dialect::operation::Operation;

const VERSION: &str = "v1";

/// `dify`
#[derive(Debug)]
pub struct DifyApps;

impl Provider for DifyApps {
    fn name(&self) -> &'static str {
        "dify"
    }

    fn dify_app(&self, quirks: Quirks) -> Option<DifyApp> {
        Some(app(quirks))
    }

    fn codec(&self, quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(Dify::new(DifyOptions { app: app(quirks), ..DifyOptions::default() }))
    }

    fn call(&self, site: &Site<'_>, operation: Operation, _model: &str) -> Option<Call> {
        let Operation::Chat { .. } = operation else { return None };
        post(site, app(site.quirks).path())
    }

    fn models(&self, site: &Site<'_>, _next: Option<&str>) -> Option<Call> {
        Some(Call::get(site.endpoint(VERSION, "chat-messages", "info")?, Auth::Bearer))
    }

    fn read_models(&self, body: &[u8]) -> Result<Page, String> {
        let name = models::name_of(body)?.ok_or("the answer does not say the name of the application")?;
        let model = UpstreamModel { id: name, name: None, context_length: None, max_output: None };
        Ok(Page { models: vec![model], next: None })
    }
}

/// The request that stops an answer.
#[must_use]
pub fn stop(site: &Site<'_>, task_id: &str) -> Option<Call> {
    post(site, &app(site.quirks).stop_path(task_id))
}

/// The request that uploads a file.
#[must_use]
pub fn upload(site: &Site<'_>) -> Option<Call> {
    post(site, "files/upload")
}

fn post(site: &Site<'_>, path: &str) -> Option<Call> {
    let url = site.endpoint(VERSION, app(site.quirks).path(), path)?;
    Some(Call::post(url, Auth::Bearer))
}

fn app(quirks: Quirks) -> DifyApp {
    if quirks.has(Quirk::DifyWorkflow) {
        DifyApp::Workflow
    } else if quirks.has(Quirk::DifyCompletion) {
        DifyApp::Completion
    } else {
        DifyApp::Chat
    }
}
