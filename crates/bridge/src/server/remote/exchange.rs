//! One message as a request of HTTP, and what came of it.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Method as Verb, Request as HttpRequest, Response as HttpResponse};
use nexus_edge_mcp::headers::{self, mirror};
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::rpc::Request;
use nexus_edge_mcp::version::{Era, Version};
use tokio::sync::watch;

use super::answer::{LONGEST, Told, messages, own};
use super::shared::{Endpoint, Shared, lock};
use super::stream::{self, Resumption};
use crate::http::address::Address;
use crate::http::client::Body;
use crate::server::streams::What;
use crate::server::unanswered::Unanswered;

/// The header of a session of the older era.
const SESSION: &str = "mcp-session-id";
/// How many redirects to another path of the same server are followed.
const REDIRECTS: usize = 3;
/// How often a stream that ended before its response is asked for again.
const RESUMPTIONS: usize = 5;

/// Sends a request, reports what is said about it, and how it ends.
pub(super) async fn ask(shared: Arc<Shared>, number: i64, line: String, headers: Vec<(String, String)>) {
    let told = answered(&shared, number, line, headers).await;
    lock(&shared.running).remove(&number);
    if let Err(why) = told {
        shared.report(What::Unanswered(number, why)).await;
    }
}

async fn answered(
    shared: &Shared,
    number: i64,
    line: String,
    headers: Vec<(String, String)>,
) -> Result<(), Unanswered> {
    let gate = lock(&shared.agreed).gate.clone();
    if let Some(mut gate) = gate {
        let _ = gate.wait_for(|is_open| *is_open).await;
    }
    let (session, endpoint) = {
        let agreed = lock(&shared.agreed);
        (agreed.session.clone(), agreed.endpoint.clone())
    };
    if let Some(endpoint) = endpoint {
        let response = post(shared, place(endpoint).await?, line, headers).await?;
        let status = response.status().as_u16();
        let _ = Limited::new(response.into_body(), LONGEST).collect().await;
        // The response comes over the stream.
        return if (200..300).contains(&status) { Ok(()) } else { Err(Unanswered::Status(status)) };
    }
    let response = post(shared, shared.target.address.clone(), line, headers).await?;
    let status = response.status().as_u16();
    if status == 404 && session.is_some() {
        return Err(Unanswered::Forgotten);
    }
    if session.is_none()
        && let Some(given) = response.headers().get(SESSION).and_then(|value| value.to_str().ok())
    {
        lock(&shared.agreed).session = Some(given.to_owned());
    }
    if stream::is_stream(&response) {
        return streamed(shared, number, status, response).await;
    }
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| Unanswered::Lost(error.to_string()))?.to_bytes();
    match own(messages(&body), number, status) {
        Told::Response(message) => {
            shared.report(What::Message(*message)).await;
            Ok(())
        }
        Told::Nothing if (200..300).contains(&status) => {
            Err(Unanswered::Lost("the answer is no response".to_owned()))
        }
        Told::Nothing => Err(Unanswered::Status(status)),
    }
}

/// Reads a stream until the response has come. One that ends before is asked for again where the server has numbered it.
async fn streamed(
    shared: &Shared,
    number: i64,
    status: u16,
    response: HttpResponse<Incoming>,
) -> Result<(), Unanswered> {
    let mut resumption = Resumption::default();
    let mut body = response.into_body();
    for _ in 0..=RESUMPTIONS {
        if stream::read(shared, body, Some((number, status)), &mut resumption).await {
            return Ok(());
        }
        let Some(last) = resumption.last.clone() else { break };
        tokio::time::sleep(resumption.wait).await;
        body = match stream::get(shared, Some(&last)).await {
            Ok(response) if stream::is_stream(&response) => response.into_body(),
            _ => break,
        };
    }
    Err(Unanswered::Lost("the stream ended before the response".to_owned()))
}

/// Sends what has no response. That it was not taken shows at the next request.
pub(super) async fn tell(shared: &Shared, line: String) {
    let endpoint = lock(&shared.agreed).endpoint.clone();
    let to = match endpoint {
        Some(endpoint) => place(endpoint).await,
        None => Ok(shared.target.address.clone()),
    };
    let Ok(to) = to else { return };
    if let Ok(response) = post(shared, to, line, shared.headers()).await {
        let _ = Limited::new(response.into_body(), LONGEST).collect().await;
    }
}

/// Tells the server that its session is not needed any more.
pub(super) async fn farewell(shared: &Shared) {
    if lock(&shared.agreed).session.is_none() {
        return;
    }
    let request = shared.request(Verb::DELETE, &shared.target.address.path, Bytes::new(), shared.headers());
    if let Ok(request) = request {
        let _ = shared.client.send(request).await;
    }
}

/// Where messages of the transport HTTP+SSE go, once that is said.
async fn place(mut endpoint: watch::Receiver<Endpoint>) -> Result<Address, Unanswered> {
    let said = endpoint.wait_for(|endpoint| !matches!(endpoint, Endpoint::Unknown)).await;
    match said.as_deref() {
        Ok(Endpoint::At(address)) => Ok(address.clone()),
        Ok(Endpoint::None(why)) => Err(why.clone()),
        _ => Err(Unanswered::Unreachable("the stream has ended".to_owned())),
    }
}

async fn post(
    shared: &Shared,
    mut to: Address,
    line: String,
    headers: Vec<(String, String)>,
) -> Result<HttpResponse<Incoming>, Unanswered> {
    let body = Bytes::from(line);
    for _ in 0..REDIRECTS {
        let response = shared.send(Verb::POST, &to.path, body.clone(), headers.clone()).await?;
        // Only these two mean the same request at another address; headers must not reach another server.
        let moved = matches!(response.status().as_u16(), 307 | 308);
        let next = response.headers().get(LOCATION).and_then(|value| to.join(value.to_str().ok()?).ok());
        match next.filter(|next| moved && next.is_same_server(&shared.target.address)) {
            Some(next) => to = next,
            None => return Ok(response),
        }
    }
    Err(Unanswered::Status(308))
}

impl Shared {
    /// The headers of a request.
    pub(super) fn headers_of(
        &self,
        request: &Request,
        besides: Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        let mirrored = |version| {
            let named = mirror(version, &request.method, request.params.as_deref());
            named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        };
        let version = lock(&self.agreed).version;
        let mut all: Vec<(String, String)> = match (Method::parse(&request.method), version) {
            (Some(Method::Initialize), _) => Vec::new(),
            (Some(Method::Discover), _) => mirrored(Version::NEWEST),
            (_, Some(version)) if version.era() == Era::Modern => mirrored(version),
            _ => self.headers(),
        };
        all.extend(besides);
        all
    }

    /// The headers of everything that is sent after the handshake of the older era.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let agreed = lock(&self.agreed);
        let version = agreed.version.map(|version| (headers::PROTOCOL_VERSION, version.as_str().to_owned()));
        let session = agreed.session.clone().map(|session| (SESSION, session));
        version.into_iter().chain(session).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(super) async fn send(
        &self,
        verb: Verb,
        path: &str,
        body: Bytes,
        headers: Vec<(String, String)>,
    ) -> Result<HttpResponse<Incoming>, Unanswered> {
        let request = self.request(verb, path, body, headers)?;
        self.client.send(request).await.map_err(|error| {
            let why = self.around.masking.mask(&error.why);
            if error.was_sent { Unanswered::Lost(why) } else { Unanswered::Unreachable(why) }
        })
    }

    fn request(
        &self,
        verb: Verb,
        path: &str,
        body: Bytes,
        headers: Vec<(String, String)>,
    ) -> Result<HttpRequest<Body>, Unanswered> {
        let wrong = |what: &str| Unanswered::Unreachable(format!("{what} cannot be sent"));
        let accepted =
            if verb == Verb::POST { "application/json, text/event-stream" } else { "text/event-stream" };
        let mut request = HttpRequest::new(Body::new(body));
        *request.method_mut() = verb;
        *request.uri_mut() = path.parse().map_err(|_| wrong("the path of the address"))?;
        let map = request.headers_mut();
        map.insert(ACCEPT, HeaderValue::from_static(accepted));
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.target.headers.iter().cloned().chain(headers) {
            let key: HeaderName = name.parse().map_err(|_| wrong(&format!("the header `{name}`")))?;
            let mut value =
                HeaderValue::from_str(&value).map_err(|_| wrong(&format!("the header `{name}`")))?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        Ok(request)
    }
}
