//! Addresses and credentials of Azure `OpenAI` (<https://learn.microsoft.com/azure/ai-foundry/openai/reference>). The
//! bodies are those of `OpenAI`.
//!
//! There are two forms of URLs: the older one has a deployment in the path and a version in the query; the newer one
//! (`/openai/v1/`) has the form of `OpenAI`'s own, and the deployment is the model.

use super::call::{Auth, Call, Site};
use super::interface::Provider;
use super::openai;
use super::quirk::Quirks;
use crate::dialect::caller::CallerDialect;
use crate::dialect::canonical::UpstreamCodec;
use crate::dialect::operation::Operation;
use crate::http::percent::{decode_lossy, encode};

/// The default version: the last one of the older form that is not a preview.
pub const DEFAULT_API_VERSION: &str = "2024-10-21";

/// The key in a header of its own; a token of Entra ID goes into `authorization`.
const AUTH: Auth = Auth::HeaderOrBearer("api-key");

/// `azure_openai`: `OpenAI`'s models in an Azure resource.
#[derive(Debug)]
pub struct Azure;

impl Provider for Azure {
    fn name(&self) -> &'static str {
        "azure_openai"
    }

    fn speaks(&self, caller_dialect: CallerDialect) -> bool {
        caller_dialect == CallerDialect::OpenaiChat
    }

    fn codec(&self, quirks: Quirks) -> Box<dyn UpstreamCodec> {
        openai::codec(quirks)
    }

    fn responses_codec(&self, site: &Site<'_>, model: &str) -> Option<Box<dyn UpstreamCodec>> {
        openai::responses_codec(site, self.body_model(site, model))
    }

    fn call(&self, site: &Site<'_>, operation: Operation, model: &str) -> Option<Call> {
        site.url?;
        let path = match operation {
            Operation::Rerank | Operation::Moderations => return None,
            _ => operation.openai_path()?,
        };
        let address = AzureAddress::read(site.server_url, None);
        let deployment = (!operation.is_of_responses()).then_some(model);
        Some(Call::post(address.url(path, deployment), AUTH))
    }

    /// Requests without a deployment have the model in the body.
    fn body_model(&self, site: &Site<'_>, model: &str) -> Option<String> {
        AzureAddress::read(site.server_url, None).deployment.filter(|deployment| deployment != model)
    }

    fn models(&self, site: &Site<'_>, _next: Option<&str>) -> Option<Call> {
        site.url?;
        Some(Call::get(AzureAddress::read(site.server_url, None).url("models", None), AUTH))
    }
}

/// A resource and the form of its URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureAddress {
    /// `https://name.openai.azure.com`, without a slash at the end.
    pub resource: String,
    /// The deployment in the address, if there is one. Otherwise the model's name is the deployment.
    pub deployment: Option<String>,
    /// The form of its URLs.
    pub form: AzureForm,
}

/// The two forms of URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AzureForm {
    /// `/openai/deployments/{deployment}/…?api-version=…`
    Deployments {
        /// `2024-10-21`, `2025-04-01-preview` …
        api_version: String,
    },
    /// `/openai/v1/…`
    V1 {
        /// `preview`, for features that are not released.
        api_version: Option<String>,
    },
}

impl AzureAddress {
    /// Parses an address as entered for a provider: that of the resource, of its `/openai/v1/`, or the "target URI"
    /// of a deployment in the portal. `api_version` is the configured version; one in the address takes precedence.
    #[must_use]
    pub fn read(server_url: &str, api_version: Option<&str>) -> Self {
        let entered = server_url.trim().trim_end_matches('#');
        let (path, query) = entered.split_once('?').unwrap_or((entered, ""));
        let version = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("api-version="))
            .or(api_version)
            .filter(|version| !version.is_empty())
            .map(str::to_owned);
        let (resource, rest) = path
            .split_once("/openai/")
            .or_else(|| path.strip_suffix("/openai").map(|resource| (resource, "")))
            .unwrap_or((path, ""));
        let deployment = rest
            .strip_prefix("deployments/")
            .and_then(|rest| rest.split('/').next())
            .filter(|name| !name.is_empty())
            .map(|name| decode_lossy(name).into_owned());
        let form = if rest == "v1" || rest.starts_with("v1/") {
            AzureForm::V1 { api_version: version }
        } else {
            AzureForm::Deployments { api_version: version.unwrap_or_else(|| DEFAULT_API_VERSION.to_owned()) }
        };
        Self { resource: resource.trim_end_matches('/').to_owned(), deployment, form }
    }

    /// The URL with this path. `model` is the upstream's name of the model, which in Azure is that of its deployment;
    /// `None` for requests without a deployment.
    #[must_use]
    pub fn url(&self, path: &str, model: Option<&str>) -> String {
        let Self { resource, deployment, form } = self;
        match form {
            AzureForm::V1 { api_version: None } => format!("{resource}/openai/v1/{path}"),
            AzureForm::V1 { api_version: Some(version) } => {
                format!("{resource}/openai/v1/{path}?api-version={}", encode(version))
            }
            AzureForm::Deployments { api_version } => {
                let version = encode(api_version);
                match model {
                    Some(model) => {
                        let deployment = encode(deployment.as_deref().unwrap_or(model));
                        format!("{resource}/openai/deployments/{deployment}/{path}?api-version={version}")
                    }
                    None => format!("{resource}/openai/{path}?api-version={version}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCE: &str = "https://name.openai.azure.com";

    #[test]
    fn what_belongs_to_a_deployment_names_it_in_the_path() {
        let azure = AzureAddress::read(RESOURCE, None);
        for (path, model, expected) in [
            ("images/generations", Some("gpt-x"), "deployments/gpt-x/images/generations"),
            ("responses", None, "responses"),
        ] {
            let expected = format!("{RESOURCE}/openai/{expected}?api-version={DEFAULT_API_VERSION}");
            assert_eq!(azure.url(path, model), expected);
        }
    }

    #[test]
    fn all_that_may_be_entered() {
        let chat = |entered: &str, version: Option<&str>| {
            AzureAddress::read(entered, version).url("chat/completions", Some("m"))
        };
        let older = |deployment: &str, version: &str| {
            format!("{RESOURCE}/openai/deployments/{deployment}/chat/completions?api-version={version}")
        };
        for (entered, version, expected) in [
            (RESOURCE.to_owned(), None, older("m", DEFAULT_API_VERSION)),
            (format!("{RESOURCE}/"), Some("2025-04-01-preview"), older("m", "2025-04-01-preview")),
            (format!("{RESOURCE}/openai"), None, older("m", DEFAULT_API_VERSION)),
            (format!("{RESOURCE}/openai/deployments/d"), None, older("d", DEFAULT_API_VERSION)),
            (older("my%20d", "2024-06-01") + "#", Some("x"), older("my%20d", "2024-06-01")),
            (format!("{RESOURCE}/openai/v1"), None, format!("{RESOURCE}/openai/v1/chat/completions")),
            (format!("{RESOURCE}/openai/v1/"), None, format!("{RESOURCE}/openai/v1/chat/completions")),
            (
                format!("{RESOURCE}/openai/v1/"),
                Some("preview"),
                format!("{RESOURCE}/openai/v1/chat/completions?api-version=preview"),
            ),
        ] {
            assert_eq!(chat(&entered, version), expected, "{entered}");
        }
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let url = AzureAddress::read(RESOURCE, Some("1&x=2")).url("embeddings", Some("../a?b#c"));
        assert_eq!(
            url,
            format!("{RESOURCE}/openai/deployments/..%2Fa%3Fb%23c/embeddings?api-version=1%26x%3D2")
        );
        let azure = AzureAddress::read(&format!("{RESOURCE}/openai/deployments/%2x%41%"), None);
        assert_eq!(azure.deployment.as_deref(), Some("%2xA%"));
    }
}
