//! The making of tokens in the OpenAPI document.

use im_chats_protocol::grant::{MAX_CHATS, Scope};
use serde_json::{Map, Value, json};

use crate::http::openapi::schema::{guid, object};
use crate::tokens::{MAX_LIFETIME_S, MAX_NAME_BYTES};

/// What no request is: a token that is limited to chats and has a scope of the whole account.
fn of_chats_and_of_the_account() -> Value {
    let names: Vec<&str> = Scope::ALL.into_iter().filter(|scope| scope.is_of_account()).map(Scope::as_str).collect();
    json!({
        "required": ["chats", "scope"],
        "properties": {
            "scope": {"type": "string", "pattern": format!("(^| )({})( |$)", names.join("|"))},
        },
    })
}

/// The schemas of the request and the answer.
pub(super) fn schemas() -> Map<String, Value> {
    let names = Scope::ALL.map(Scope::as_str).join("|");
    let scopes = Scope::ALL.map(Scope::as_str).join(", ");
    let request = json!({
        "sub": {
            "type": "string", "minLength": 1,
            "description": format!("Whose token it is, in your own words. At most {MAX_NAME_BYTES} bytes."),
        },
        "scope": {
            "type": "string", "pattern": format!("^ *({names})( +({names}))* *$"), "examples": ["chats:read events"],
            "description": format!("What it allows, space-separated: {scopes}. chats:create and chats:count not beside `chats`."),
        },
        "chats": {
            "type": "array", "minItems": 1, "maxItems": MAX_CHATS, "items": guid(),
            "description": "The chats that it is limited to; every chat when absent.",
        },
        "ttlSeconds": {
            "type": "integer", "minimum": 1, "maximum": MAX_LIFETIME_S, "description": "How long it is good.",
        },
    });
    let mut request = object(&["sub", "scope", "ttlSeconds"], &request);
    if let Value::Object(request) = &mut request {
        request.insert("additionalProperties".to_owned(), false.into());
        request.insert("not".to_owned(), of_chats_and_of_the_account());
    }
    let answer = json!({
        "token": {"type": "string"},
        "expiresAt": {"type": "string", "format": "date-time"},
    });
    let schemas = [("CreateTokenRequest", request), ("CreateTokenResponse", object(&["token", "expiresAt"], &answer))];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
