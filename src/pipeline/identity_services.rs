//! What services that users sign in with say about themselves, and about a user: their documents and keys, kept for an hour, and
//! the requests of a sign-in.
//!
//! A key that is not known is looked for once more, at most once a minute: services change their keys.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_edge_api::identity_providers::fields_of;
use nexus_edge_core::access::identity_provider::IdentityProviderRecord;
use nexus_edge_core::bounded::{BoundedMap, Worth};
use nexus_edge_core::error::ApiError;
use nexus_edge_core::http::percent;
use nexus_edge_core::http::service_fault::ServiceFault;
use nexus_edge_identity::oidc::{self, ClientAuth, Discovery, FlowError, Pending};
use nexus_edge_identity::service::access_keys;
use nexus_edge_identity::token::{Expected, KeySet, TokenError};
use nexus_edge_identity::user_info::{Identity, Tokens, primary_email};

use super::ask::{Answer, Question, ask, may_ask};
use crate::exchange::Exchange;
use crate::platform::subtle::Subtle;
use crate::platform::{log_error, now_ms};

/// Milliseconds for which a document is kept.
const KEPT_MS: u64 = 3_600_000;
/// Milliseconds between two looks for a key that is not known.
const LOOK_AGAIN_MS: u64 = 60_000;
/// Most documents.
const MAX_KEPT: usize = 200;

struct Kept {
    bytes: Rc<Vec<u8>>,
    read_at: u64,
}

thread_local! {
    static DOCUMENTS: RefCell<BoundedMap<String, Kept>> = RefCell::new(BoundedMap::new(MAX_KEPT));
}

/// A service with its addresses.
pub struct Service<'a> {
    /// Its record.
    pub record: &'a IdentityProviderRecord,
    /// Where users are sent.
    pub authorization_endpoint: String,
    /// Whether its answers say `iss`.
    pub says_issuer: bool,
    token_endpoint: String,
    client_auth: ClientAuth,
    jwks_uri: Option<String>,
}

/// The service of a record of `OpenID` Connect or OAuth 2.0.
///
/// # Errors
/// `identity_provider_unreachable` (502).
pub async fn service<'a>(
    exchange: &Exchange,
    record: &'a IdentityProviderRecord,
) -> Result<Service<'a>, ApiError> {
    if let (Some(authorization), Some(token)) = (&record.authorization_endpoint, &record.token_endpoint) {
        return Ok(Service {
            record,
            authorization_endpoint: authorization.clone(),
            says_issuer: false,
            token_endpoint: token.clone(),
            client_auth: ClientAuth::Post,
            jwks_uri: None,
        });
    }
    let allow_private = exchange.settings.allow_private_upstreams;
    let document = document(exchange, &Discovery::address(&record.issuer), KEPT_MS).await;
    let document = document.map_err(|fault| unreachable_service(record, fault))?;
    let found = Discovery::parse(&record.issuer, &document, |address| may_ask(address, allow_private));
    let found =
        found.ok_or_else(|| unreachable_service(record, "describes another issuer, or itself wrongly"))?;
    Ok(Service {
        record,
        client_auth: found.client_auth(),
        authorization_endpoint: found.authorization_endpoint,
        says_issuer: found.authorization_response_iss_parameter_supported,
        token_endpoint: found.token_endpoint,
        jwks_uri: Some(found.jwks_uri),
    })
}

fn unreachable_service(record: &IdentityProviderRecord, fault: impl Display) -> ApiError {
    log_error("sign-in", &format_args!("the service {} {fault}", record.id));
    let message = format!("The service `{}` cannot be used at the moment. Try again.", record.name);
    ApiError::bad_gateway("identity_provider_unreachable", message)
}

/// A document, at most so many milliseconds old.
async fn document(exchange: &Exchange, url: &str, age_ms: u64) -> Result<Rc<Vec<u8>>, ServiceFault> {
    let now = now_ms();
    let kept = DOCUMENTS.with_borrow_mut(|kept| {
        kept.get(url)
            .filter(|kept| now.saturating_sub(kept.read_at) < age_ms)
            .map(|kept| Rc::clone(&kept.bytes))
    });
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let allow_private = exchange.settings.allow_private_upstreams;
    let headers = [("accept", "application/json".to_owned())];
    let question = Question { url, allow_private, method: "GET", headers: &headers, body: None };
    let bytes = Rc::new(ask(question).await?.good()?);
    DOCUMENTS.with_borrow_mut(|documents| {
        let kept = Kept { bytes: Rc::clone(&bytes), read_at: now };
        documents.insert(url.to_owned(), kept, |old| Worth::until(old.read_at + KEPT_MS, now));
    });
    Ok(bytes)
}

/// Its keys, at most so many milliseconds old.
async fn keys(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    url: &str,
    age_ms: u64,
) -> Result<KeySet, ApiError> {
    let document = document(exchange, url, age_ms).await;
    let document = document.map_err(|fault| unreachable_service(record, fault))?;
    KeySet::parse(&document).ok_or_else(|| unreachable_service(record, "has no list of keys"))
}

/// Verifies with the service's keys, and once more with newer ones if the key is not known.
async fn verified(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    jwks_uri: &str,
    verify: impl AsyncFn(&KeySet) -> Result<Identity, FlowError>,
) -> Result<Identity, ApiError> {
    let known = keys(exchange, record, jwks_uri, KEPT_MS).await?;
    let result = match verify(&known).await {
        Err(FlowError::Token(TokenError::UnknownKey)) => {
            verify(&keys(exchange, record, jwks_uri, LOOK_AGAIN_MS).await?).await
        }
        result => result,
    };
    result.map_err(|error| refused(record, &error))
}

/// The error where what a service, or a browser in its name, says is not good.
pub fn refused(record: &IdentityProviderRecord, fault: &dyn Display) -> ApiError {
    log_error("sign-in", &format_args!("with {}: {fault}", record.id));
    let message = format!("The sign-in with `{}` was refused. Begin anew.", record.name);
    ApiError::forbidden("identity_refused", message)
}

impl Service<'_> {
    /// Who the user is whose code this is.
    ///
    /// # Errors
    /// `identity_refused` (403), `identity_provider_unreachable` (502).
    pub async fn identity(
        &self,
        exchange: &Exchange,
        pending: &Pending,
        code: &str,
        redirect_uri: &str,
    ) -> Result<Identity, ApiError> {
        let record = self.record;
        let tokens = self.redeem(exchange, pending, code, redirect_uri).await?;
        let fields = fields_of(record);
        let Some(jwks_uri) = &self.jwks_uri else { return self.user(exchange, &tokens).await };
        let id_token = tokens.id_token.ok_or_else(|| refused(record, &"there is no ID token"))?;
        let verify = async |keys: &KeySet| {
            let client = (record.client_id.as_str(), &fields);
            pending.identity(&Subtle, keys, &id_token, client, now_ms()).await
        };
        verified(exchange, record, jwks_uri, verify).await
    }

    async fn redeem(
        &self,
        exchange: &Exchange,
        pending: &Pending,
        code: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, ApiError> {
        let record = self.record;
        let secret = record
            .client_secret_sealed
            .as_ref()
            .map(|sealed| exchange.settings.keyring.open(sealed, &record.seal_context()));
        let secret = secret.transpose().map_err(|error| unreachable_service(record, error))?;
        let mut form = pending.redemption(code, redirect_uri);
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        match (self.client_auth, secret) {
            (ClientAuth::Basic, Some(secret)) => {
                let pair =
                    format!("{}:{}", percent::encode(&record.client_id), percent::encode(secret.expose()));
                headers.push(("authorization", format!("Basic {}", STANDARD.encode(pair))));
            }
            (_, secret) => {
                form.push(("client_id", record.client_id.clone()));
                form.extend(secret.map(|secret| ("client_secret", secret.expose().to_owned())));
            }
        }
        let body = encoded(&form);
        let question = Question {
            url: &self.token_endpoint,
            allow_private: exchange.settings.allow_private_upstreams,
            method: "POST",
            headers: &headers,
            body: Some(&body),
        };
        let answer = ask(question).await.map_err(|fault| unreachable_service(record, fault))?;
        if answer.status >= 500 {
            return Err(unreachable_service(record, ServiceFault::Status(answer.status)));
        }
        let tokens = answer.good().ok().and_then(|body| Tokens::read(&body));
        tokens.ok_or_else(|| refused(record, &"the code was not accepted"))
    }

    /// Who the user of an access token is, by the service's API.
    async fn user(&self, exchange: &Exchange, tokens: &Tokens) -> Result<Identity, ApiError> {
        let record = self.record;
        let said: serde_json::Map<String, serde_json::Value> = self
            .of_api(exchange, record.user_endpoint.as_deref().unwrap_or_default(), tokens, |body| {
                serde_json::from_slice(body).ok()
            })
            .await?;
        let identity = Identity::read(&record.issuer, &said, &fields_of(record));
        let mut identity = identity.ok_or_else(|| refused(record, &"the user is not named"))?;
        if let Some(url) = record.emails_endpoint.as_deref().filter(|_| identity.verified_email.is_none()) {
            let email = |body: &[u8]| Some(primary_email(body));
            identity.verified_email = self.of_api(exchange, url, tokens, email).await?;
        }
        Ok(identity)
    }

    async fn of_api<T>(
        &self,
        exchange: &Exchange,
        url: &str,
        tokens: &Tokens,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<T, ApiError> {
        let headers = [
            ("accept", "application/json".to_owned()),
            ("authorization", format!("Bearer {}", tokens.access_token)),
        ];
        let allow_private = exchange.settings.allow_private_upstreams;
        let question = Question { url, allow_private, method: "GET", headers: &headers, body: None };
        let answer = ask(question).await.and_then(Answer::good);
        let body = answer.map_err(|fault| unreachable_service(self.record, fault))?;
        read(&body).ok_or_else(|| unreachable_service(self.record, "answered what is not understood"))
    }
}

/// Who an assertion of Cloudflare Access says that the user is.
///
/// # Errors
/// `identity_refused` (403), `identity_provider_unreachable` (502).
pub async fn asserted(
    exchange: &Exchange,
    record: &IdentityProviderRecord,
    assertion: &str,
) -> Result<Identity, ApiError> {
    let fields = fields_of(record);
    let expected = Expected { typ: None, iss: &record.issuer, aud: &record.client_id };
    let verify =
        async |keys: &KeySet| oidc::assertion(&Subtle, keys, assertion, &expected, &fields, now_ms()).await;
    verified(exchange, record, &access_keys(&record.issuer), verify).await
}

/// A form, or the query of an address.
pub fn encoded(parameters: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", percent::encode(value))).collect();
    pairs.join("&")
}
