//! What the document says about one operation.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use nexus_edge_core::input::Input;
use nexus_edge_core::input::schema::{Create, Nested, Update};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::collected::Collected;
use super::errors::{self, StatusCodes};
use crate::scim_resource::{self, ScimResource};
use crate::{Audience, Operation, Speaks};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// One operation while it is described.
#[derive(Debug)]
pub struct Describe<'a> {
    collected: &'a mut Collected,
    operation: Operation,
    head: Map<String, Value>,
    /// The paths that the document shows; where callers write an action behind the model, one for each action.
    shown_paths: Vec<String>,
    path_texts: BTreeMap<&'static str, String>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Map<String, Value>>,
    answer_texts: BTreeMap<u16, String>,
    answer_headers: Map<String, Value>,
    codes: BTreeMap<u16, Vec<&'static str>>,
    /// Whether errors of upstreams are passed on as they are.
    passes_errors: bool,
}

impl<'a> Describe<'a> {
    pub(super) fn new(
        collected: &'a mut Collected,
        operation: Operation,
        tag: &str,
        id: &str,
        doc: &str,
    ) -> Self {
        let (summary, description) = doc.split_once('\n').unwrap_or((doc, ""));
        let id = id.strip_prefix("nexus_edge_api::").unwrap_or(id).replace("::", "_").to_lowercase();
        let head = json!({ "operationId": id, "tags": [tag], "summary": summary.trim_end_matches('.') });
        let mut head = head.as_object().cloned().unwrap_or_default();
        if !description.trim().is_empty() {
            head.insert("description".into(), description.trim().into());
        }
        let mut one = Self {
            collected,
            operation,
            head,
            passes_errors: false,
            shown_paths: vec![operation.path.replace("...}", "}")],
            path_texts: BTreeMap::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            answer_texts: BTreeMap::new(),
            answer_headers: Map::new(),
            codes: BTreeMap::new(),
        };
        one.errors(errors::of_audience(operation.audience));
        if operation.asks_again() {
            one.errors(&[(403, "confirmation_required")]);
        }
        one
    }

    /// Says what a parameter of the path is.
    pub fn path(&mut self, name: &'static str, description: &str) -> &mut Self {
        self.path_texts.insert(name, description.to_owned());
        self
    }

    /// Shows these paths instead of the pattern that is matched.
    pub fn shown_as(&mut self, paths: &[&str]) -> &mut Self {
        self.shown_paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self
    }

    fn query(&mut self, name: &str, schema: &Value, description: &str) -> &mut Self {
        let parameter = json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": description });
        self.parameters.push(parameter);
        self.errors(errors::OF_QUERIES)
    }

    /// A whole number in the query.
    pub fn number(&mut self, name: &str, range: RangeInclusive<u64>, description: &str) -> &mut Self {
        let schema = json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() });
        self.query(name, &schema, description)
    }

    /// A text in the query.
    pub fn text(&mut self, name: &str, description: &str) -> &mut Self {
        self.query(name, &json!({ "type": "string" }), description)
    }

    /// One of a few words in the query.
    pub fn choice(&mut self, name: &str, words: &[&str], description: &str) -> &mut Self {
        self.query(name, &json!({ "type": "string", "enum": words }), description)
    }

    /// A request header.
    pub fn header(&mut self, name: &str, description: &str) -> &mut Self {
        let parameter = json!({
            "name": name, "in": "header", "required": false, "schema": { "type": "string" }, "description": description,
        });
        self.parameters.push(parameter);
        self
    }

    /// The body that makes a record.
    pub fn creates<T: Input>(&mut self) -> &mut Self {
        let schema = self.collected.schema_of::<Create<T>>();
        self.checked_body(&schema, true)
    }

    /// The body that changes a record.
    pub fn updates<T: Input>(&mut self) -> &mut Self {
        let schema = self.collected.schema_of::<Update<T>>();
        self.checked_body(&schema, true)
    }

    /// A body of its own.
    pub fn body<T: Input>(&mut self) -> &mut Self {
        let schema = self.collected.schema_of::<Nested<T>>();
        self.checked_body(&schema, true)
    }

    /// A body of its own, which may be missing.
    pub fn optional_body<T: Input>(&mut self) -> &mut Self {
        let schema = self.collected.schema_of::<Nested<T>>();
        self.checked_body(&schema, false)
    }

    /// A body whose schema is a type of its own.
    pub fn typed_body<T: JsonSchema>(&mut self) -> &mut Self {
        let schema = self.collected.schema_of::<T>();
        self.checked_body(&schema, true)
    }

    fn checked_body(&mut self, schema: &Value, required: bool) -> &mut Self {
        self.body = Some(json!({ "required": required, "content": { JSON: { "schema": schema } } }));
        self.errors(errors::OF_BODIES)
    }

    /// A body in a provider's dialect: an object whose fields are the provider's.
    pub fn free_body(&mut self, required: &[&str], description: &str) -> &mut Self {
        let schema = json!({ "type": "object", "required": required, "additionalProperties": true });
        self.body = Some(json!({
            "required": true, "description": description, "content": { JSON: { "schema": schema } },
        }));
        self.errors(errors::OF_BODIES)
    }

    /// A body of files and fields (`multipart/form-data`), which is passed on as it comes.
    pub fn upload(&mut self, description: &str) -> &mut Self {
        let schema = json!({ "type": "object", "required": ["model"], "properties": { "model": { "type": "string" } } });
        self.body = Some(json!({
            "required": true, "description": description, "content": { "multipart/form-data": { "schema": schema } },
        }));
        self.errors(errors::OF_BODIES)
    }

    /// A JSON answer.
    pub fn answer<T: JsonSchema>(&mut self, status: u16, description: &str) -> &mut Self {
        let schema = self.collected.schema_of::<T>();
        self.json(status, &schema, description)
    }

    /// The answer `{"<name>": [items]}`.
    pub fn list<T: JsonSchema>(&mut self, name: &str, description: &str) -> &mut Self {
        let items = self.collected.schema_of::<T>();
        let schema = json!({
            "type": "object",
            "properties": { name: { "type": "array", "items": items } },
            "required": [name],
        });
        self.json(200, &schema, description)
    }

    /// The answer `{"id": …, "deleted": true}`.
    pub fn deleted(&mut self, id: &str) -> &mut Self {
        let schema = json!({
            "type": "object",
            "properties": { "id": { "type": id }, "deleted": { "const": true } },
            "required": ["id", "deleted"],
        });
        self.json(200, &schema, "It is gone.")
    }

    fn json(&mut self, status: u16, schema: &Value, description: &str) -> &mut Self {
        if self.operation.speaks == Speaks::Envelope {
            return self.content(status, JSON, &enveloped(schema), description);
        }
        self.content(status, JSON, schema, description)
    }

    /// An answer that a provider's dialect describes.
    pub fn free_answer(&mut self, description: &str) -> &mut Self {
        self.passes_errors = true;
        self.content(200, JSON, &json!({ "type": ["object", "array"] }), description)
    }

    /// A resource of SCIM.
    pub fn scim(&mut self, status: u16, description: &str) -> &mut Self {
        let schema = self.collected.schema_of::<ScimResource>();
        self.text("attributes", "Only these attributes: names between commas.")
            .text("excludedAttributes", "All attributes but these: names between commas.")
            .content(status, scim_resource::CONTENT_TYPE, &schema, description)
    }

    /// A page of resources of SCIM.
    pub fn scim_list(&mut self, status: u16, description: &str) -> &mut Self {
        self.text("filter", "Which resources: RFC 7644, section 3.4.2.2.")
            .text("startIndex", "The number of the first resource; 1 is that of the first of all.")
            .text("count", "Most resources; 100 is the default, and 200 the most.")
            .scim(status, description)
    }

    /// A resource of SCIM, or a change of one, as the body.
    pub fn scim_body(&mut self) -> &mut Self {
        let schema = json!({ "type": "object", "additionalProperties": true });
        self.body = Some(json!({
            "required": true, "content": { scim_resource::CONTENT_TYPE: { "schema": schema }, JSON: { "schema": schema } },
        }));
        self
    }

    /// An answer of another content type.
    pub fn file(&mut self, content_type: &str, description: &str) -> &mut Self {
        let kind = if content_type == JSON { "object" } else { "string" };
        self.content(200, content_type, &json!({ "type": kind }), description)
    }

    /// The answer may be a stream of Server-Sent Events.
    pub fn streams(&mut self) -> &mut Self {
        self.content(200, EVENTS, &json!({ "type": "string" }), "")
    }

    fn content(&mut self, status: u16, content_type: &str, schema: &Value, description: &str) -> &mut Self {
        self.answers.entry(status).or_default().insert(content_type.to_owned(), json!({ "schema": schema }));
        if !description.is_empty() {
            self.answer_texts.insert(status, description.to_owned());
        }
        self
    }

    /// An answer without a body.
    pub fn empty(&mut self, status: u16, description: &str) -> &mut Self {
        self.answers.entry(status).or_default();
        self.answer_texts.insert(status, description.to_owned());
        self
    }

    /// A header of every successful answer.
    pub fn answer_header(&mut self, name: &str, description: &str) -> &mut Self {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        self.answer_headers.insert(name.to_owned(), header);
        self
    }

    /// Errors besides those that every operation of this audience and form has.
    pub fn errors(&mut self, codes: &[StatusCodes]) -> &mut Self {
        for (status, code) in codes {
            let of_status = self.codes.entry(*status).or_default();
            if !of_status.contains(code) {
                of_status.push(code);
            }
        }
        self
    }

    fn responses(&self) -> Value {
        let request_id = json!({ "$ref": "#/components/headers/RequestId" });
        let mut responses = Map::new();
        for (status, content) in &self.answers {
            let mut headers = self.answer_headers.clone();
            headers.insert("x-request-id".into(), request_id.clone());
            let mut response = json!({
                "description": self.answer_texts.get(status).map_or("", String::as_str), "headers": headers,
            });
            if let Some(response) = response.as_object_mut().filter(|_| !content.is_empty()) {
                response.insert("content".into(), content.clone().into());
            }
            responses.insert(status.to_string(), response);
        }
        let mut schema = errors::schema_of(&self.operation);
        if self.passes_errors {
            // An upstream of the caller's dialect is passed on as it is, its errors included.
            schema = json!({ "anyOf": [schema, { "description": "An upstream's own error, as it is." }] });
        }
        let content_type =
            if self.operation.speaks == Speaks::Scim { scim_resource::CONTENT_TYPE } else { JSON };
        let mut error = |status: &str, description: String, can_retry: bool| {
            let mut headers = json!({ "x-request-id": request_id });
            if let Some(headers) = headers.as_object_mut().filter(|_| can_retry) {
                headers.insert("retry-after".into(), json!({ "$ref": "#/components/headers/RetryAfter" }));
            }
            let response = json!({ "description": description, "headers": headers, "content": { content_type: { "schema": schema } } });
            responses.insert(status.to_owned(), response);
        };
        for (status, codes) in &self.codes {
            let codes = codes.join(", ").split(", ").map(|code| format!("`{code}`")).collect::<Vec<_>>();
            error(&status.to_string(), codes.join(", "), matches!(status, 429 | 503));
        }
        error("default", "Any other error; `code` says which.".into(), true);
        responses.into()
    }

    fn path_parameters(&mut self, path: &str) -> Vec<Value> {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        let mut parameters = Vec::new();
        for name in names {
            let text = self.path_texts.get(name).map_or("The id.", String::as_str);
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "description": text,
                "schema": { "type": "string", "minLength": 1 },
            }));
        }
        if !parameters.is_empty() {
            self.errors(errors::OF_PATHS);
        }
        parameters
    }

    /// Adds the operation to the document, once for each path that is shown.
    pub(super) fn finish(mut self) {
        let shown = std::mem::take(&mut self.shown_paths);
        for (index, path) in shown.iter().enumerate() {
            let mut parameters = self.path_parameters(path);
            parameters.append(&mut self.parameters.clone());
            parameters.push(json!({ "$ref": "#/components/parameters/RequestId" }));
            let mut operation = self.head.clone();
            if let Some(id) = operation.get_mut("operationId").filter(|_| index > 0) {
                *id = format!("{}_{index}", id.as_str().unwrap_or_default()).into();
            }
            operation.insert("parameters".into(), parameters.into());
            if let Some(body) = &self.body {
                operation.insert("requestBody".into(), body.clone());
            }
            operation.insert("responses".into(), self.responses());
            operation.insert("security".into(), security(self.operation.audience));
            if let Audience::Person(need) = self.operation.audience {
                operation.insert("x-permission".into(), need.all.code().into());
                if let Some(own) = need.own {
                    operation.insert("x-permission-own".into(), own.code().into());
                }
            }
            self.collected.insert(path, self.operation.method.name(), operation.into());
        }
    }
}

fn security(audience: Audience) -> Value {
    match audience {
        Audience::Public => json!([]),
        Audience::Caller => {
            json!([{ "ApiKey": [] }, { "ApiKeyAnthropic": [] }, { "ApiKeyAzure": [] }, { "ApiKeyGoogle": [] }])
        }
        Audience::Scraper => json!([{ "MetricsToken": [] }, { "AdminToken": [] }]),
        Audience::Person(_) => {
            json!([{ "AdminToken": [] }, { "AdminTokenHeader": [] }, { "UserToken": [] }, { "UserCookie": [] }])
        }
        Audience::SignedIn => json!([{ "UserToken": [] }, { "UserCookie": [] }]),
        Audience::Directory => json!([{ "ScimToken": [] }]),
    }
}

fn enveloped(data: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "success": { "const": true },
            "data": data,
            "message": { "type": "string" },
            "timestamp": { "type": "string", "format": "date-time" },
            "request_id": { "type": "string" },
            "error_code": { "type": "null" },
        },
        "required": ["success", "data", "message", "timestamp", "request_id"],
    })
}
