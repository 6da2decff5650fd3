//! SCIM 2.0: what directories call. The rules are in `nexus-edge-scim`; here they meet accounts and teams.

pub mod discovery;
pub mod groups;
mod roles;
pub mod users;

use nexus_edge_api::scim::BASE;
use nexus_edge_api::scim_resource::CONTENT_TYPE;
use nexus_edge_core::error::ApiError;
use nexus_edge_scim::filter::Filter;
use nexus_edge_scim::page::Page;
use nexus_edge_scim::schema::ResourceType;
use nexus_edge_scim::view::Selection;
use nexus_edge_scim::{Object, problem, version};
use serde_json::Value;

use crate::exchange::{Exchange, error_headers, json_bytes, set_header};
use crate::platform::http::{Headers, Response};

/// Largest body, in bytes: a group of 10,000 members has a tenth of it.
const MAX_BODY_BYTES: usize = 4 << 20;
/// Most resources that a filter without an index looks at.
const MAX_SCANNED: usize = 10_000;

/// The address of the API.
fn base(exchange: &Exchange) -> String {
    format!("{}{BASE}", exchange.public_origin())
}

/// The body of a request.
async fn body(exchange: &Exchange) -> Result<Value, ApiError> {
    let body = exchange.body_up_to(MAX_BODY_BYTES).await?;
    serde_json::from_slice(&body.bytes)
        .map_err(|error| ApiError::invalid_json(format!("The body is not valid JSON: {error}.")))
}

/// An answer with a resource of which only what is asked for is shown.
fn answer(
    exchange: &Exchange,
    kind: &ResourceType,
    status: u16,
    mut resource: Object,
) -> Result<Response, ApiError> {
    let selection = selection(exchange, kind)?;
    let version = version::stamp(&mut resource);
    let headers = Headers::new();
    set_header(&headers, "etag", &version);
    let location = resource.get("meta").and_then(|meta| meta.get("location")).and_then(Value::as_str);
    if let Some(location) = location {
        set_header(&headers, if status == 201 { "location" } else { "content-location" }, location);
    }
    let is_known = exchange.header("if-none-match").is_some_and(|header| version::names(&header, &version));
    if is_known && exchange.only_reads() {
        return Ok(Response::empty(304, headers));
    }
    Ok(written(status, headers, &selection.of(resource).into()))
}

/// The answer for an error. The gateway's own code is a header.
pub fn failure(error: &ApiError) -> Response {
    let headers = error_headers(error);
    set_header(&headers, "x-nexus-error-code", error.code);
    written(error.status, headers, &problem::body(error))
}

fn written(status: u16, headers: Headers, body: &Value) -> Response {
    let response = json_bytes(status, headers, body.to_string().into_bytes());
    set_header(response.headers(), "content-type", CONTENT_TYPE);
    response
}

fn selection(exchange: &Exchange, kind: &ResourceType) -> Result<Selection, ApiError> {
    let [only, without] = ["attributes", "excludedAttributes"].map(|name| exchange.query(name));
    Selection::read(kind, only.as_deref(), without.as_deref())
}

/// What a request for a list asks for.
struct Asked {
    page: Page,
    filter: Option<Filter>,
    selection: Selection,
}

impl Asked {
    fn read(exchange: &Exchange, kind: &ResourceType) -> Result<Self, ApiError> {
        let [start, count] = ["startIndex", "count"].map(|name| exchange.query(name));
        let filter = exchange.query("filter").filter(|text| !text.trim().is_empty());
        let filter = filter.map(|text| Filter::parse(&text)).transpose()?;
        if let Some(filter) = &filter {
            filter.check(kind)?;
        }
        Ok(Self {
            page: Page::read(start.as_deref(), count.as_deref())?,
            filter,
            selection: selection(exchange, kind)?,
        })
    }

    /// The answer with the resources of the page and the number of all.
    fn answer(&self, total: usize, resources: Vec<Object>) -> Response {
        let shown = resources.into_iter().map(|mut resource| {
            version::stamp(&mut resource);
            self.selection.of(resource)
        });
        written(200, Headers::new(), &self.page.answer(total, &shown.collect::<Vec<_>>()))
    }
}
