//! Addresses and credentials of Azure `OpenAI` (<https://learn.microsoft.com/azure/ai-foundry/openai/reference>). The
//! bodies are those of `OpenAI`.
//!
//! Two forms of addresses exist: the older one names a deployment in the path and a version in the query, the newer one
//! (`/openai/v1/`) looks like `OpenAI`'s own and names the deployment as the model.

use crate::http::percent::{decode_lossy, encode};

/// The version that is asked for where none is configured: the last one of the older form that is not a preview.
pub const DEFAULT_API_VERSION: &str = "2024-10-21";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the endpoints")]
pub enum Operation {
    ChatCompletions,
    Completions,
    Embeddings,
    ImageGenerations,
    ImageEdits,
    Transcriptions,
    Translations,
    Speech,
    Responses,
    CompactResponse,
    Models,
}

impl Operation {
    /// The path behind the deployment, or behind `/v1/`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::ImageGenerations => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::Transcriptions => "audio/transcriptions",
            Self::Translations => "audio/translations",
            Self::Speech => "audio/speech",
            Self::Responses => "responses",
            Self::CompactResponse => "responses/compact",
            Self::Models => "models",
        }
    }

    /// Whether the older form names the deployment in the path.
    fn is_of_deployment(self) -> bool {
        !matches!(self, Self::Responses | Self::CompactResponse | Self::Models)
    }
}

/// A resource, and how it is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureAddress {
    /// `https://name.openai.azure.com`, without a slash at the end.
    pub resource: String,
    /// The deployment that stood in the address, if one did. Otherwise the model's name is taken for it.
    pub deployment: Option<String>,
    /// The form.
    pub form: AzureForm,
}

/// The two forms of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AzureForm {
    /// `/openai/deployments/{deployment}/…?api-version=…`
    Deployments {
        /// `2024-10-21`, `2025-04-01-preview` …
        api_version: String,
    },
    /// `/openai/v1/…`
    V1 {
        /// `preview`, where something is wanted that is not released.
        api_version: Option<String>,
    },
}

impl AzureAddress {
    /// Reads an address as it is entered for a provider: that of the resource, of its `/openai/v1/`, or the whole "target
    /// URI" of a deployment as the portal shows it. `api_version` is what is configured besides; one in the address wins.
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

    /// The address of an operation. `model` is the upstream's name of the model: in Azure, that of its deployment.
    #[must_use]
    pub fn url(&self, operation: Operation, model: &str) -> String {
        let Self { resource, deployment, form } = self;
        let path = operation.path();
        match form {
            AzureForm::V1 { api_version: None } => format!("{resource}/openai/v1/{path}"),
            AzureForm::V1 { api_version: Some(version) } => {
                format!("{resource}/openai/v1/{path}?api-version={}", encode(version))
            }
            AzureForm::Deployments { api_version } if operation.is_of_deployment() => {
                let deployment = encode(deployment.as_deref().unwrap_or(model));
                let version = encode(api_version);
                format!("{resource}/openai/deployments/{deployment}/{path}?api-version={version}")
            }
            AzureForm::Deployments { api_version } => {
                format!("{resource}/openai/{path}?api-version={}", encode(api_version))
            }
        }
    }

    /// The model that the body must name: the newer form, and what belongs to no deployment, find the deployment there.
    #[must_use]
    pub fn body_model<'a>(&'a self, model: &'a str) -> &'a str {
        self.deployment.as_deref().unwrap_or(model)
    }
}

/// The header that carries a key. Tokens of Entra ID go into `authorization` instead.
#[must_use]
pub fn auth_header(key: &str) -> (&'static str, String) {
    // A token is a JSON Web Token; a key never looks like one.
    if key.starts_with("eyJ") && key.split('.').count() == 3 {
        ("authorization", format!("Bearer {key}"))
    } else {
        ("api-key", key.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCE: &str = "https://name.openai.azure.com";

    #[test]
    fn every_operation_of_a_deployment() {
        let azure = AzureAddress::read(RESOURCE, None);
        for (operation, expected) in [
            (Operation::ChatCompletions, "deployments/gpt-x/chat/completions"),
            (Operation::Completions, "deployments/gpt-x/completions"),
            (Operation::Embeddings, "deployments/gpt-x/embeddings"),
            (Operation::ImageGenerations, "deployments/gpt-x/images/generations"),
            (Operation::ImageEdits, "deployments/gpt-x/images/edits"),
            (Operation::Transcriptions, "deployments/gpt-x/audio/transcriptions"),
            (Operation::Translations, "deployments/gpt-x/audio/translations"),
            (Operation::Speech, "deployments/gpt-x/audio/speech"),
            (Operation::Responses, "responses"),
            (Operation::Models, "models"),
        ] {
            let expected = format!("{RESOURCE}/openai/{expected}?api-version={DEFAULT_API_VERSION}");
            assert_eq!(azure.url(operation, "gpt-x"), expected);
        }
    }

    #[test]
    fn all_that_may_be_entered() {
        let chat = |entered: &str, version: Option<&str>| {
            AzureAddress::read(entered, version).url(Operation::ChatCompletions, "m")
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
        let url = AzureAddress::read(RESOURCE, Some("1&x=2")).url(Operation::Embeddings, "../a?b#c");
        assert_eq!(
            url,
            format!("{RESOURCE}/openai/deployments/..%2Fa%3Fb%23c/embeddings?api-version=1%26x%3D2")
        );
        let azure = AzureAddress::read(&format!("{RESOURCE}/openai/deployments/%2x%41%"), None);
        assert_eq!(azure.deployment.as_deref(), Some("%2xA%"));
    }

    #[test]
    fn keys_and_tokens() {
        assert_eq!(auth_header("abc"), ("api-key", "abc".to_owned()));
        assert_eq!(auth_header("eyJa.b.c").0, "authorization");
        let azure = AzureAddress::read(&format!("{RESOURCE}/openai/deployments/d/"), None);
        assert_eq!(azure.body_model("m"), "d");
    }
}
