//! The list of chats. It is an extension of this gateway's: the real service has no such call.

use super::json::MakeJson;
use super::request::{Endpoint, Request};
use super::response::{CHAT_PAGE, ResponseShape};
use super::routes::{Method, RequestField, RequestKind, RouteDefinition, optional};
use crate::error::{Error, ErrorCode};
use crate::grant::Scope;
use crate::model::ChatGuid;
use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The chats of a page, when a request does not say, and the most.
pub const PAGE_SIZE: (usize, usize) = (50, 100);

/// Whether to list the archived chats, and not the visible ones.
pub const ARCHIVED: RequestField = optional("archived", RequestKind::Flag);
/// How many chats at most.
pub const SIZE: RequestField = optional("pageSize", RequestKind::PageSize);
/// Where the page before ended.
pub const TOKEN: RequestField = optional("pageToken", RequestKind::PageToken);

/// The route. It is in no proto, and so not one of [`Route`](super::routes::Route).
pub const LIST_CHATS: RouteDefinition = RouteDefinition {
    method: Method::Get,
    path: "/v1/chats",
    operation: "listChats",
    fields: &[ARCHIVED, SIZE, TOKEN],
    response: ResponseShape::ChatPage,
    scope: Scope::ChatsRead,
};

/// What the answer of a server means that has no such route.
const NOT_LISTED: &str = "this server does not list chats: it needs an im-chats gateway of version 0.1.0 or later";

/// Which chats to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListChatsOptions {
    /// The archived ones, and not the visible ones.
    pub archived: bool,
    /// How many at most; `Some(None)` when what was given is no whole number.
    pub page_size: Option<Option<u64>>,
    /// Where the page before ended.
    pub page_token: Option<String>,
}

impl<J: MakeJson> Request<J> {
    /// Lists chats.
    ///
    /// # Errors
    /// `invalidArgument` for a page of no or too many chats; `context.field` is `pageSize`.
    pub fn list_chats(options: ListChatsOptions) -> Result<Self, Error> {
        let mut fields = Vec::new();
        if options.archived {
            fields.push((ARCHIVED.name, J::from_flag(true)));
        }
        if let Some(size) = options.page_size {
            let Some(size) = size.filter(|size| (1..=100).contains(size)) else {
                return Err(Error::invalid(SIZE.name, "expected a whole number from 1 to 100"));
            };
            fields.push((SIZE.name, J::from_integer(size)));
        }
        if let Some(token) = options.page_token {
            fields.push((TOKEN.name, J::from_text(&token)));
        }
        let endpoint = Endpoint {
            method: LIST_CHATS.method,
            path: Cow::Borrowed(LIST_CHATS.path),
            response: &CHAT_PAGE,
            repeatable: true,
        };
        Ok(Self { endpoint, fields, idempotency_key: None })
    }
}

impl Endpoint {
    /// The error of this call, for its user. A server that does not list chats says so in its own way, or nothing at all.
    #[must_use]
    pub fn explain(&self, mut error: Error) -> Error {
        let is_missing = error.code == ErrorCode::OperationNotSupported.as_str()
            || matches!(error.context_value("httpStatus"), Some("404" | "405" | "501"));
        if core::ptr::eq(self.response, &CHAT_PAGE) && is_missing {
            error.code = ErrorCode::OperationNotSupported.as_str().into();
            error.grpc_code = ErrorCode::OperationNotSupported.grpc_code();
            error.message = NOT_LISTED.into();
        }
        error
    }
}

/// Where a page of chats ended: a place in their order, which is by activity, then by GUID, the highest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChatPlace {
    /// When something last happened in the chat, in milliseconds since 1970.
    pub activity: i64,
    /// The chat's GUID.
    pub guid: String,
}

impl ChatPlace {
    /// The page token that says it, for one of the two lists.
    #[must_use]
    pub fn token(&self, archived: bool) -> String {
        [list(archived), ".", &self.activity.to_string(), ".", &self.guid].concat()
    }

    /// Reads a page token of one of the two lists.
    ///
    /// # Errors
    /// `invalidArgument` naming `pageToken` when none of its pages gave it.
    pub fn parse(token: &str, archived: bool) -> Result<Self, Error> {
        let place = || {
            let (activity, guid) = token.strip_prefix(list(archived))?.strip_prefix('.')?.split_once('.')?;
            let guid = ChatGuid::parse(guid, TOKEN.name).ok()?.as_str().to_owned();
            let place = Self { activity: activity.parse().ok()?, guid };
            (place.token(archived) == token).then_some(place)
        };
        place().ok_or_else(|| Error::invalid(TOKEN.name, "no page of this list gave this; begin again without it"))
    }
}

/// The name of a list in a token.
const fn list(archived: bool) -> &'static str {
    if archived { "archived" } else { "visible" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Category;
    use crate::wire::failure::{self, FailedResponse};
    use serde_json::{Value, json};

    type Request = super::Request<Value>;

    fn list(options: ListChatsOptions) -> Result<Value, Error> {
        Ok(Value::object(Request::list_chats(options)?.fields))
    }

    #[test]
    fn a_page_is_asked_for_with_what_was_given_and_nothing_else() {
        assert_eq!(list(ListChatsOptions::default()), Ok(json!({})));
        let token = || Some("t".to_owned());
        let all = ListChatsOptions { archived: true, page_size: Some(Some(100)), page_token: token() };
        assert_eq!(list(all), Ok(json!({ "archived": true, "pageSize": 100, "pageToken": "t" })));
        for size in [None, Some(0), Some(101), Some(u64::MAX)] {
            let error = list(ListChatsOptions { page_size: Some(size), ..ListChatsOptions::default() }).unwrap_err();
            assert_eq!((error.context_value("field"), error.category()), (Some("pageSize"), Category::Validation));
            assert!(error.message.ends_with(&PAGE_SIZE.1.to_string()), "{error}");
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_by_its_own_list_alone() {
        for (activity, guid) in [(0, "any;-;a@b.c"), (1_767_268_800_120, "any;+;g.1"), (-1, "any;+;.")] {
            let place = ChatPlace { activity, guid: guid.to_owned() };
            for archived in [false, true] {
                assert_eq!(ChatPlace::parse(&place.token(archived), archived), Ok(place.clone()));
                assert!(ChatPlace::parse(&place.token(!archived), archived).is_err());
            }
        }
        for wrong in
            ["", "x", "visible", "visible.1", "visible.1.alice", "visible.+1.any;+;g", "visible.01.any;+;g", "visible..any;+;g"]
        {
            let error = ChatPlace::parse(wrong, false).unwrap_err();
            assert_eq!((error.code.as_ref(), error.context_value("field")), ("invalidArgument", Some("pageToken")), "{wrong}");
        }
    }

    #[test]
    fn a_server_that_does_not_list_chats_is_told_from_one_that_fails() {
        let endpoint = Request::list_chats(ListChatsOptions::default()).unwrap().endpoint;
        let failed = |status: u16, body: Option<Value>| {
            let response = FailedResponse { status, retry_after_ms: None, request_id: None };
            endpoint.explain(failure::read(response, body.as_ref()))
        };
        let own = json!({ "code": "unimplemented", "errorCode": "operationNotSupported", "message": "nothing here" });
        for (status, body) in [(404, None), (404, Some(json!("text"))), (405, None), (501, None), (404, Some(own))] {
            let error = failed(status, body);
            assert_eq!((error.code.as_ref(), error.grpc_code.number(), error.retryable), ("operationNotSupported", 12, false));
            assert_eq!(error.message, NOT_LISTED);
        }
        let full = json!({ "code": "unavailable", "errorCode": "serviceUnavailable", "message": "full" });
        assert_eq!(failed(503, Some(full)).message, "full");
        assert_eq!(failed(502, None).code, "serviceUnavailable");
        // Another call's 404 stays what it is.
        let error = failure::read::<&Value>(FailedResponse { status: 404, retry_after_ms: None, request_id: None }, None);
        assert_eq!(Request::count(false).endpoint.explain(error).code, "internalError");
    }
}
