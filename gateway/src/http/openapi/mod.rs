//! The OpenAPI document of the gateway's HTTP side. Each front hands in its operations and schemas; what all share is added here.
//! It uses nothing else of `http`.

mod mode;
pub mod schema;

use std::borrow::Cow;

use im_chats_protocol::grant::Scope;
use im_chats_protocol::wire::routes::{EVENTS_PATH, HEALTH_PATH, IDEMPOTENCY_KEY_HEADER, Method, REQUEST_ID_HEADER};
use serde_json::{Map, Value, json};

pub use mode::Mode;
use schema::{object, reference};

/// What one front adds to the document.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// Its operations.
    pub operations: Vec<Operation>,
    /// Its named schemas.
    pub schemas: Map<String, Value>,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// How it is called.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// Its `operationId`: generated clients name their functions after it.
    pub id: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The parameters of the query, and those that the path has in braces.
    pub query: Vec<Parameter>,
    /// The body, for a write.
    pub body: Option<Body>,
    /// What a success returns.
    pub content: Content,
    /// Whether it takes an idempotency key.
    pub takes_key: bool,
    /// What a signed token must allow; none for what only the operator may do.
    pub scope: Option<Scope>,
    /// Whether this gateway has it and the real service has not.
    pub is_extension: bool,
}

/// The body of a write.
#[derive(Debug, Clone)]
pub enum Body {
    /// JSON of the schema with this name.
    Json(Cow<'static, str>),
    /// The bytes of a file, or a form of the schema with this name.
    File(Cow<'static, str>),
}

impl<T: Into<Cow<'static, str>>> From<T> for Body {
    fn from(schema: T) -> Self {
        Self::Json(schema.into())
    }
}

/// The body of a success.
#[derive(Debug, Clone)]
pub enum Content {
    /// JSON of the schema with this name.
    Json(Cow<'static, str>),
    /// The bytes of an image.
    Image,
    /// The bytes of any file.
    File,
}

/// A query parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
    /// What it means, in one sentence.
    pub meaning: Cow<'static, str>,
    /// Its schema.
    pub schema: Value,
}

/// The statuses of failures, what each means, and which operations answer with it.
const FAILURES: [(u16, &str, When); 13] = [
    (400, "The input is wrong: context.field names where. Or the state of the chat does not allow it.", When::Always),
    (401, "The token is missing, wrong or expired.", When::Always),
    (403, "The token does not allow this, or this host or web origin is not served.", When::Always),
    (404, "There is no such chat, message, poll or attachment.", When::Always),
    (408, "The body did not arrive in time.", When::Body),
    (409, "The idempotency key was used for another request.", When::Body),
    (413, "The body is too large.", When::Body),
    (415, "The body is not application/json.", When::Body),
    (429, "A limit of the service, or of one user, was reached; Retry-After says when to go on.", When::Always),
    (500, "The server failed; its log says more under this request id.", When::Always),
    (501, "The service cannot do this.", When::Relay),
    (503, "The service is busy or away; Retry-After says when to go on.", When::Always),
    (504, "The service did not answer in time.", When::Relay),
];

/// Which operations answer with a status.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// Those with a body.
    Body,
    /// Those of a relay.
    Relay,
}

/// The document.
#[must_use]
pub fn document(mode: Mode, fronts: Vec<Description>) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::from_iter([("Failure".to_owned(), failure_schema()), ("Health".to_owned(), health_schema())]);
    for front in fronts {
        for operation in &front.operations {
            let item = paths.entry(operation.path).or_insert_with(|| json!({}));
            if let Value::Object(item) = item {
                item.insert(method_name(operation.method).to_owned(), operation.describe(mode));
            }
        }
        schemas.extend(front.schemas);
    }
    paths.insert(HEALTH_PATH.to_owned(), health(mode));
    let rules = match mode {
        Mode::Emulator => "This is the emulator: it is the service, and these are its rules.",
        Mode::Relay => {
            "This is a relay: the service behind it decides which addresses, texts and images it takes, and what it allows."
        }
    };
    let about = format!(
        "iMessage chats over HTTP: proto3-JSON, so 64-bit numbers are strings, bytes are base64, and fields with their default \
         value may be absent. Fields that are not named here may be there. Live events are at {EVENTS_PATH}, a WebSocket. {rules}"
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "im-chats gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": about,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        // The origin that served the document.
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    })
}

const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

impl Operation {
    fn describe(&self, mode: Mode) -> Value {
        let mut parameters: Vec<Value> = self
            .query
            .iter()
            .map(|parameter| {
                let place = if self.path.contains(&format!("{{{}}}", parameter.name)) { "path" } else { "query" };
                json!({
                    "name": parameter.name, "in": place, "required": parameter.required,
                    "description": parameter.meaning, "schema": parameter.schema,
                })
            })
            .collect();
        if self.takes_key {
            parameters.push(json!({
                "name": IDEMPOTENCY_KEY_HEADER, "in": "header", "required": false,
                "description": "Makes the write repeatable: the same key with the same request is answered again, not done again.",
                "schema": schema::key("string"),
            }));
        }
        let needs = match self.scope {
            Some(scope) => format!("A signed token needs the scope `{scope}`."),
            None => "Only the operator's own token may do this.".to_owned(),
        };
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": needs,
            "parameters": parameters,
            "responses": self.responses(mode),
        });
        if let (true, Value::Object(fields)) = (self.is_extension, &mut described) {
            fields.insert("x-im-chats-extension".to_owned(), true.into());
        }
        if let (Some(body), Value::Object(fields)) = (&self.body, &mut described) {
            let content = match body {
                Body::Json(name) => json!({"application/json": {"schema": reference(name)}}),
                Body::File(name) => json!({
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                    "multipart/form-data": {"schema": reference(name)},
                }),
            };
            fields.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
        }
        described
    }

    fn responses(&self, mode: Mode) -> Value {
        let content = match &self.content {
            Content::Json(name) => json!({"application/json": {"schema": reference(name)}}),
            Content::Image => schema::image_types(),
            // A file has its own type; generated clients know how to read bytes, but not those of any type.
            Content::File => {
                let bytes = json!({"schema": {"type": "string", "format": "binary"}});
                json!({"*/*": &bytes, "application/octet-stream": &bytes})
            }
        };
        let done =
            json!({"description": "Done.", "content": content, "headers": {REQUEST_ID_HEADER: {"schema": {"type": "string"}}}});
        let mut responses = Map::from_iter([("200".to_owned(), done), ("default".to_owned(), failure("Why not."))]);
        for (status, meaning, when) in FAILURES {
            let applies = match when {
                When::Always => true,
                When::Body => self.body.is_some(),
                When::Relay => mode == Mode::Relay,
            };
            if applies {
                responses.insert(status.to_string(), failure(meaning));
            }
        }
        Value::Object(responses)
    }
}

fn health(mode: Mode) -> Value {
    let up = match mode {
        Mode::Emulator => json!({"text/plain": {"schema": {"type": "string"}}}),
        Mode::Relay => json!({"application/json": {"schema": reference("Health")}}),
    };
    json!({"get": {
        "operationId": "health", "summary": "Whether the gateway is up.", "security": [],
        "responses": {
            "200": {"description": "It is.", "content": up},
            "503": {
                "description": "It is not, or is busy; the body says why.",
                "content": {"application/json": {"schema": {"anyOf": [reference("Health"), reference("Failure")]}}},
            },
            "default": failure("Why not."),
        },
    }})
}

fn health_schema() -> Value {
    object(
        &["status"],
        &json!({
            "status": {"type": "string", "enum": ["ok", "degraded"]}, "code": {"type": "string"}, "reason": {"type": "string"},
        }),
    )
}

fn failure(meaning: &str) -> Value {
    json!({"description": meaning, "content": {"application/json": {"schema": reference("Failure")}}})
}

fn failure_schema() -> Value {
    let text = json!({"type": "string"});
    let required = ["code", "message", "source", "errorCode", "retryable", "context", "requestId"];
    object(
        &required,
        &json!({
            "code": text, "message": text, "source": text, "errorCode": text, "retryable": {"type": "boolean"},
            "context": {"type": "object", "additionalProperties": text}, "retryAfterMs": {"type": "integer", "minimum": 0},
            "requestId": text,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::failure::Failure;
    use im_chats_protocol::error::{Error, ErrorCode, GrpcCode};

    #[test]
    fn a_failure_has_the_fields_that_the_document_describes() {
        let schema = failure_schema();
        let mut with_all = Error::new(ErrorCode::InternalError, "why");
        with_all.retry_after_ms = Some(5);
        for (error, is_full) in [(Error::new(ErrorCode::InternalError, "why"), false), (with_all, true)] {
            let body = Failure::from(error).render(&mut http::HeaderMap::new(), "r-1");
            let body: Map<String, Value> = serde_json::from_slice(&body).unwrap();
            let required = schema["required"].as_array().unwrap();
            let described = schema["properties"].as_object().unwrap();
            assert!(required.iter().all(|name| body.contains_key(name.as_str().unwrap())));
            assert!(body.keys().all(|name| described.contains_key(name)));
            assert_eq!(body.len() == described.len(), is_full);
        }
    }

    #[test]
    fn every_status_that_an_error_can_have_is_described() {
        for code in GrpcCode::ALL {
            let status = code.http_status();
            let is_described = FAILURES.iter().any(|(described, _, _)| *described == status);
            // 499 is for a caller who has gone, so nobody reads it.
            assert!(is_described || matches!(code, GrpcCode::Ok | GrpcCode::Cancelled), "{status}");
        }
    }
}
