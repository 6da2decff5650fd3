//! Requests and answers as the platform has them, each passed across the border to JavaScript in one call.
//!
//! The bindings of the platform make a call for every header that is read or set, and create several objects for an
//! answer: some eighty calls for one chat completion. Here headers are a [`HeaderList`], which is passed as one text.

use std::cell::{Ref, RefCell};

use nexus_edge_core::http::header_list::HeaderList;
use worker::js_sys::{Promise, Uint8Array};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys;

use super::promise::Awaited;

#[wasm_bindgen(module = "/src/js/http.js")]
extern "C" {
    fn nexus_request_head(request: &web_sys::Request) -> String;
    fn nexus_response_head(response: &web_sys::Response) -> String;
    #[wasm_bindgen(catch)]
    fn nexus_fetch(
        url: &str,
        method: &str,
        lines: &str,
        body: &JsValue,
        own: Option<&web_sys::AbortSignal>,
        caller: Option<&web_sys::AbortSignal>,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn nexus_response(status: u16, lines: &str, body: &JsValue) -> Result<web_sys::Response, JsValue>;
}

/// Headers that several steps add to, hence the shared mutability.
#[derive(Debug, Default)]
pub struct Headers {
    list: RefCell<HeaderList>,
}

impl Headers {
    /// No headers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a header.
    pub fn get(&self, name: &str) -> Option<String> {
        self.list.borrow().get(name).map(str::to_owned)
    }

    /// Whether there is such a header.
    pub fn has(&self, name: &str) -> bool {
        self.list.borrow().get(name).is_some()
    }

    /// Sets a header. Name and value must be valid in HTTP.
    pub fn set(&self, name: &str, value: &str) {
        self.list.borrow_mut().set(name, value);
    }

    /// Adds a header beside those with the same name. Name and value must be valid in HTTP.
    pub fn add(&self, name: &str, value: &str) {
        self.list.borrow_mut().add(name, value);
    }

    /// All of them.
    pub fn list(&self) -> Ref<'_, HeaderList> {
        self.list.borrow()
    }
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// In upper case.
    pub method: String,
    /// The complete URL.
    pub url: String,
    /// The headers.
    pub headers: HeaderList,
}

impl RequestHead {
    /// Reads the head of a request.
    pub fn of(request: &web_sys::Request) -> Self {
        let head = nexus_request_head(request);
        let (method, rest) = head.split_once('\n').unwrap_or_default();
        let (url, lines) = rest.split_once('\n').unwrap_or_default();
        Self { method: method.to_owned(), url: url.to_owned(), headers: HeaderList::from_lines(lines) }
    }

    /// The path of the URL.
    pub fn path(&self) -> &str {
        let after_scheme = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let path = after_scheme.find('/').and_then(|start| after_scheme.get(start..)).unwrap_or("/");
        path.split(['?', '#']).next().unwrap_or(path)
    }

    /// The query of the URL, not decoded.
    pub fn query(&self) -> Option<&str> {
        let without_fragment = self.url.split('#').next()?;
        without_fragment.split_once('?').map(|(_, query)| query)
    }
}

/// A request to be sent.
pub struct Sent<'a> {
    /// The URL.
    pub url: &'a str,
    /// In upper case.
    pub method: &'a str,
    /// The headers.
    pub headers: &'a Headers,
    /// Bytes or a stream; `undefined` for none.
    pub body: &'a JsValue,
    /// Aborts it.
    pub signal: Option<&'a web_sys::AbortSignal>,
    /// Aborts it, too.
    pub other_signal: Option<&'a web_sys::AbortSignal>,
}

/// A received answer whose body has not been read.
pub struct Received {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderList,
    response: web_sys::Response,
}

/// Sends a request. Redirects are not followed.
pub async fn fetch(sent: Sent<'_>) -> Result<Received, JsValue> {
    let lines = sent.headers.list().to_lines();
    let promise = nexus_fetch(sent.url, sent.method, &lines, sent.body, sent.signal, sent.other_signal)?;
    Awaited::from(promise).await.map(|response| Received::of(response.unchecked_into()))
}

impl Received {
    /// Reads the head of an answer.
    pub fn of(response: web_sys::Response) -> Self {
        let headers = HeaderList::from_lines(&nexus_response_head(&response));
        Self { status: response.status(), headers, response }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The body as a stream.
    pub fn body(&self) -> Option<web_sys::ReadableStream> {
        self.response.body()
    }

    /// Resolves to the complete body.
    pub fn array_buffer(&self) -> Result<Promise, JsValue> {
        self.response.array_buffer()
    }
}

/// An answer under construction.
pub struct Response {
    status: u16,
    headers: Headers,
    body: ResponseBody,
}

/// The body of an answer.
pub enum ResponseBody {
    /// None.
    Empty,
    /// Bytes that were made in Rust.
    Bytes(Vec<u8>),
    /// Bytes that JavaScript holds.
    Held(Uint8Array),
    /// A stream.
    Stream(web_sys::ReadableStream),
    /// An answer of the platform that switches protocols; it cannot be modified.
    Upgrade(web_sys::Response),
}

impl Response {
    /// An answer.
    pub fn new(status: u16, headers: Headers, body: ResponseBody) -> Self {
        Self { status, headers, body }
    }

    /// An answer without a body.
    pub fn empty(status: u16, headers: Headers) -> Self {
        Self::new(status, headers, ResponseBody::Empty)
    }

    /// An answer of bytes.
    pub fn bytes(status: u16, headers: Headers, bytes: Vec<u8>) -> Self {
        Self::new(status, headers, ResponseBody::Bytes(bytes))
    }

    /// An answer that is streamed.
    pub fn stream(status: u16, headers: Headers, stream: web_sys::ReadableStream) -> Self {
        Self::new(status, headers, ResponseBody::Stream(stream))
    }

    /// An answer that is an object of the platform.
    pub fn of_platform(response: web_sys::Response) -> Self {
        let status = response.status();
        if status == 101 {
            return Self::new(status, Headers::new(), ResponseBody::Upgrade(response));
        }
        let list = RefCell::new(HeaderList::from_lines(&nexus_response_head(&response)));
        let body = response.body().map_or(ResponseBody::Empty, ResponseBody::Stream);
        Self::new(status, Headers { list }, body)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers alone.
    pub fn into_headers(self) -> Headers {
        self.headers
    }

    /// The same answer with another body.
    pub fn map_body(self, change: impl FnOnce(ResponseBody) -> ResponseBody) -> Self {
        Self { body: change(self.body), ..self }
    }

    /// The body alone.
    pub fn into_body(self) -> ResponseBody {
        self.body
    }

    /// The answer as an object of the platform; an error if it refuses the headers or status.
    pub fn into_js(self) -> Result<web_sys::Response, JsValue> {
        let body = match self.body {
            ResponseBody::Upgrade(response) => return Ok(response),
            ResponseBody::Empty => JsValue::NULL,
            ResponseBody::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
            ResponseBody::Held(bytes) => bytes.into(),
            ResponseBody::Stream(stream) => stream.into(),
        };
        nexus_response(self.status, &self.headers.list().to_lines(), &body)
    }
}

impl ResponseBody {
    /// Resolves to the complete body.
    pub async fn read(self) -> Result<Vec<u8>, JsValue> {
        match self {
            Self::Empty | Self::Upgrade(_) => Ok(Vec::new()),
            Self::Bytes(bytes) => Ok(bytes),
            Self::Held(bytes) => Ok(bytes.to_vec()),
            Self::Stream(stream) => {
                let whole = nexus_response(200, "", &stream)?.array_buffer()?;
                Ok(Uint8Array::new(&Awaited::from(whole).await?).to_vec())
            }
        }
    }
}
