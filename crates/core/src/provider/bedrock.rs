//! Amazon Bedrock (<https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html>). The key is JSON with an access
//! key, which signs every request, or a Bedrock API key, which is sent as it is.

use serde::Deserialize;

use super::call::{Auth, Call, Site, with_query};
use super::interface::Provider;
use super::models::{Page, UpstreamModel};
use super::quirk::Quirks;
use crate::aws::credentials::{Entered, region_of};
use crate::aws::sigv4::{Scope, Unsigned, sign};
use crate::dialect::bedrock::{self, Bedrock};
use crate::dialect::canonical::{SignatureOrigin, UpstreamCodec};
use crate::dialect::operation::Operation;
use crate::http::percent::encode;
use crate::json::lenient;

/// The service's name in signatures, of both of its hosts.
const SERVICE: &str = "bedrock";
const AUTH: Auth = Auth::AwsSignature;
/// The media type of streams.
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
/// The header that says what kind of error an answer is.
const ERROR_TYPE: &str = "x-amzn-errortype";
/// The page after the list of models: the profiles by which models are asked that have no address of their own.
const PROFILES: &str = "inference-profiles";

/// `bedrock`
#[derive(Debug)]
pub struct AmazonBedrock;

impl Provider for AmazonBedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    /// Anthropic's are the only models that sign; what they sign is accepted here and by Anthropic's own API.
    fn signature_origin(&self) -> Option<SignatureOrigin> {
        Some(SignatureOrigin::Anthropic)
    }

    fn codec(&self, _quirks: Quirks) -> Box<dyn UpstreamCodec> {
        Box::new(Bedrock)
    }

    fn stream_type(&self) -> &'static str {
        EVENT_STREAM
    }

    fn call(&self, site: &Site<'_>, operation: Operation, model: &str) -> Option<Call> {
        let Operation::Chat { stream, .. } = operation else { return None };
        if matches!(model, "." | "..") {
            // Would be taken for a step in the path.
            return None;
        }
        let (action, accepted) =
            if stream { ("converse-stream", EVENT_STREAM) } else { ("converse", "application/json") };
        let url = format!("{}/model/{}/{action}", site.url?.base(), encode(model));
        Some(Call::post(url, AUTH).with_header("accept", accepted))
    }

    /// The list is on the host of the control plane: `bedrock`, where chats are asked of `bedrock-runtime`.
    fn models(&self, site: &Site<'_>, next: Option<&str>) -> Option<Call> {
        let base = site.url?.base().replacen("://bedrock-runtime", "://bedrock", 1);
        let Some(next) = next else {
            return Some(Call::get(format!("{base}/foundation-models?byOutputModality=TEXT"), AUTH));
        };
        let list = format!("{base}/{PROFILES}?maxResults=1000");
        let token = next.strip_prefix(PROFILES).unwrap_or_default();
        let page = if token.is_empty() { String::new() } else { format!("nextToken={}", encode(token)) };
        Some(Call::get(with_query(list, &page), AUTH))
    }

    fn read_models(&self, body: &[u8]) -> Result<Page, String> {
        let list: List = lenient::read(body, &lenient::Spare::default())
            .map_err(|error| format!("the list cannot be read: {error}"))?;
        if let Some(models) = list.model_summaries {
            let models = models.into_iter().filter(Summary::can_be_asked).map(Summary::into_model).collect();
            return Ok(Page { models, next: Some(PROFILES.to_owned()) });
        }
        let profiles = list.inference_profile_summaries.ok_or("the answer has no list of models")?;
        let models = profiles.into_iter().map(Profile::into_model).collect();
        let next = list.next_token.filter(|token| !token.is_empty());
        Ok(Page { models, next: next.map(|token| format!("{PROFILES}{token}")) })
    }

    fn error_body(&self, header: &dyn Fn(&str) -> Option<String>, body: Vec<u8>) -> Vec<u8> {
        match header(ERROR_TYPE) {
            Some(name) => bedrock::with_error_type(&name, &body),
            None => body,
        }
    }
}

/// The headers that sign a request of `method` to `url` with a key that is credentials. The error reads on after "the
/// key".
pub fn signed_headers(
    key: &str,
    method: &str,
    url: &str,
    body: &[u8],
    now_ms: u64,
) -> Result<Vec<(&'static str, String)>, &'static str> {
    let Entered { credentials, region } = Entered::parse(key)?;
    let region =
        region.as_deref().or_else(|| region_of(url)).ok_or("names no `region`, nor does the address")?;
    let request = Unsigned { method, url, headers: &[], body };
    Ok(sign(request, &credentials, Scope { region, service: SERVICE }, now_ms))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    model_summaries: Option<Vec<Summary>>,
    inference_profile_summaries: Option<Vec<Profile>>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    model_id: String,
    model_name: Option<String>,
    inference_types_supported: Option<Vec<String>>,
    model_lifecycle: Option<Lifecycle>,
}

#[derive(Deserialize)]
struct Lifecycle {
    status: Option<String>,
}

impl Summary {
    /// Whether it can be asked by its own name, and is not about to be switched off.
    fn can_be_asked(&self) -> bool {
        let types = self.inference_types_supported.as_ref();
        let on_demand = types.is_none_or(|types| types.iter().any(|name| name == "ON_DEMAND"));
        let status = self.model_lifecycle.as_ref().and_then(|lifecycle| lifecycle.status.as_deref());
        on_demand && status != Some("LEGACY")
    }

    fn into_model(self) -> UpstreamModel {
        UpstreamModel { id: self.model_id, name: self.model_name, context_length: None, max_output: None }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    inference_profile_id: String,
    inference_profile_name: Option<String>,
}

impl Profile {
    fn into_model(self) -> UpstreamModel {
        let (id, name) = (self.inference_profile_id, self.inference_profile_name);
        UpstreamModel { id, name, context_length: None, max_output: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_then_profiles_are_listed() {
        let models = br#"{"modelSummaries":[
            {"modelId":"amazon.nova-lite-v1:0","modelName":"Nova Lite","inferenceTypesSupported":["ON_DEMAND"],"modelLifecycle":{"status":"ACTIVE"}},
            {"modelId":"anthropic.claude-sonnet-4-5-20250929-v1:0","inferenceTypesSupported":["INFERENCE_PROFILE"]},
            {"modelId":"amazon.titan-text-express-v1","inferenceTypesSupported":["ON_DEMAND"],"modelLifecycle":{"status":"LEGACY"}}]}"#;
        let page = AmazonBedrock.read_models(models).unwrap();
        assert_eq!((page.models.len(), page.models[0].id.as_str()), (1, "amazon.nova-lite-v1:0"));
        assert_eq!(page.next.as_deref(), Some("inference-profiles"));
        let profiles = br#"{"inferenceProfileSummaries":[{"inferenceProfileId":"us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "inferenceProfileName":"US Claude Sonnet 4.5","status":"ACTIVE"}],"nextToken":"a/b"}"#;
        let page = AmazonBedrock.read_models(profiles).unwrap();
        assert_eq!(page.models[0].name.as_deref(), Some("US Claude Sonnet 4.5"));
        assert_eq!(page.next.as_deref(), Some("inference-profilesa/b"));
        assert!(AmazonBedrock.read_models(b"{}").is_err() && AmazonBedrock.read_models(b"<").is_err());
    }

    #[test]
    fn a_request_is_signed_for_the_region_of_key_or_address() {
        let key = r#"{"access_key_id":"AKIDEXAMPLE","secret_access_key":"s"}"#;
        let url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse";
        let signed = signed_headers(key, "POST", url, b"{}", 0).unwrap();
        assert!(
            signed
                .last()
                .unwrap()
                .1
                .contains("Credential=AKIDEXAMPLE/19700101/us-east-1/bedrock/aws4_request")
        );
        let named = r#"{"access_key_id":"AKIDEXAMPLE","secret_access_key":"s","region":"eu-west-1"}"#;
        let signed = signed_headers(named, "POST", url, b"{}", 0).unwrap();
        assert!(signed.last().unwrap().1.contains("/eu-west-1/bedrock/"));
        let elsewhere = signed_headers(key, "POST", "https://a.example/model/m/converse", b"{}", 0);
        assert_eq!(elsewhere, Err("names no `region`, nor does the address"));
    }
}
