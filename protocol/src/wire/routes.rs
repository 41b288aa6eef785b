//! The REST routes: the method, path, request fields and response of each of the nine calls, in one table for both ends.
//!
//! The client's requests, the gateway's router and the OpenAPI document all read [`Route::definition`]. Prose about routes
//! belongs to the OpenAPI document: nothing in here but paths and names reaches the wasm.

use super::response::ResponseShape;
pub use super::services::{IMESSAGE, SERVICES};
use crate::grant::Scope;

/// Where the operator's own token gets scoped ones for others.
pub const TOKENS_PATH: &str = "/v1/tokens";

/// The path of the WebSocket that carries live events.
pub const EVENTS_PATH: &str = "/v1/events";

/// The path that says whether the gateway is up. It needs no token.
pub const HEALTH_PATH: &str = "/healthz";

/// The path of the OpenAPI document. It needs no token.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// The header with the idempotency key of a write.
pub const IDEMPOTENCY_KEY_HEADER: &str = "x-idempotency-key";

/// The header that names a request, in the request and in its answer.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// The header that marks an answer as the service's own, not an intermediary's.
pub const MIDDLEWARE_HEADER: &str = "x-spectrum-middleware";

/// The header that chooses an instance of the real service.
pub const SERVER_HEADER: &str = "x-photon-server";

/// How a route is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A read: the request fields are query parameters.
    Get,
    /// A write: the request fields are a JSON body, and an idempotency key makes it safe to repeat.
    Post,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteDefinition {
    /// How it is called.
    pub method: Method,
    /// The path below the service's address.
    pub path: &'static str,
    /// The gRPC method's name, beginning with a small letter: the `operationId` of the OpenAPI document.
    pub operation: &'static str,
    /// The fields of the query or the body.
    pub fields: &'static [RequestField],
    /// What a success returns.
    pub response: ResponseShape,
    /// What a token must allow.
    pub scope: Scope,
}

impl RouteDefinition {
    /// Whether the body carries an image, which may be large.
    #[must_use]
    pub fn takes_image(&self) -> bool {
        self.fields.iter().any(|field| field.kind == Image)
    }
}

/// One field of a request, by its proto3-JSON name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestField {
    /// Its name, in camel case.
    pub name: &'static str,
    /// What it holds.
    pub kind: RequestKind,
    /// Whether a request without it is refused.
    pub required: bool,
}

/// What a request field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A chat's GUID.
    ChatGuid,
    /// A boolean; false when absent.
    Flag,
    /// A list of e-mail addresses and phone numbers.
    Addresses,
    /// A transport: one of [`SERVICES`], or its place there as a number.
    Service,
    /// The text of a message; not empty.
    MessageText,
    /// The subject line of a message.
    Subject,
    /// Apple's identifier of a message effect.
    Effect,
    /// An idempotency key.
    IdempotencyKey,
    /// Any bytes, in base64.
    Bytes,
    /// The bytes of an image, in base64; not empty.
    Image,
    /// How many items of a list at most.
    PageSize,
    /// Where the page before ended.
    PageToken,
    /// An object with these fields.
    Object(&'static [RequestField]),
}

use RequestKind::{Addresses, Bytes, Effect, Flag, IdempotencyKey, Image, MessageText, Object, Service, Subject};

const fn required(name: &'static str, kind: RequestKind) -> RequestField {
    RequestField { name, kind, required: true }
}

pub(super) const fn optional(name: &'static str, kind: RequestKind) -> RequestField {
    RequestField { name, kind, required: false }
}

/// The chat that a call is about.
pub const CHAT_GUID: RequestField = required("chatGuid", RequestKind::ChatGuid);
/// Whether to count archived chats too.
pub const INCLUDE_ARCHIVED: RequestField = optional("includeArchived", Flag);
/// Whether to show the typing indicator.
pub const IS_TYPING: RequestField = optional("isTyping", Flag);
/// The image of a background.
pub const DATA: RequestField = required("data", Image);
/// Who is in a new chat.
pub const ADDRESSES: RequestField = required("addresses", Addresses);
/// The transport of a new chat.
pub const SERVICE: RequestField = optional("service", Service);
/// The message that a new chat begins with.
pub const INITIAL_MESSAGE: RequestField =
    optional("initialMessage", Object(&[TEXT, optional("attributedBody", Bytes), EFFECT_ID, SUBJECT]));
/// The text of the first message.
pub const TEXT: RequestField = required("text", MessageText);
/// The effect of the first message.
pub const EFFECT_ID: RequestField = optional("effectId", Effect);
/// The subject line of the first message.
pub const SUBJECT: RequestField = optional("subject", Subject);
/// The idempotency key of a create, in its body.
pub const CLIENT_MESSAGE_ID: RequestField = optional("clientMessageId", IdempotencyKey);

macro_rules! routes {
    ($($(#[$doc:meta])* $route:ident: $method:ident $path:literal, $operation:literal, [$($field:ident),*] => $response:ident, $scope:ident;)*) => {
        /// One of the nine calls.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Route {
            $($(#[$doc])* $route,)*
        }

        impl Route {
            /// Every route.
            pub const ALL: &'static [Self] = &[$(Self::$route,)*];

            /// Its row of the table. Inlined, so that the wasm keeps only the columns that it reads.
            #[inline(always)]
            #[must_use]
            pub const fn definition(self) -> RouteDefinition {
                match self {
                    $(Self::$route => RouteDefinition {
                        method: Method::$method,
                        path: $path,
                        operation: $operation,
                        fields: &[$($field),*],
                        response: ResponseShape::$response,
                        scope: Scope::$scope,
                    },)*
                }
            }
        }
    };
}

routes! {
    /// Creates a chat, or resolves an existing one.
    CreateChat: Post "/v1/chats", "createChat", [ADDRESSES, SERVICE, INITIAL_MESSAGE, CLIENT_MESSAGE_ID] => Created, ChatsCreate;
    /// Marks everything in a chat as read.
    MarkChatRead: Post "/v1/chats:markRead", "markChatRead", [CHAT_GUID] => Empty, ChatsWrite;
    /// Sets a chat's background.
    SetBackground: Post "/v1/chats:setBackground", "setBackground", [CHAT_GUID, DATA] => Empty, ChatsWrite;
    /// Removes a chat's background.
    RemoveBackground: Post "/v1/chats:removeBackground", "removeBackground", [CHAT_GUID] => Empty, ChatsWrite;
    /// Sends the account's contact card.
    ShareContactInfo: Post "/v1/chats:shareContactInfo", "shareContactInfo", [CHAT_GUID] => Empty, ChatsWrite;
    /// Shows or hides the typing indicator.
    SetTyping: Post "/v1/chats:setTyping", "setTyping", [CHAT_GUID, IS_TYPING] => Empty, ChatsWrite;
    /// Fetches a chat.
    GetChat: Get "/v1/chats:get", "getChat", [CHAT_GUID] => Chat, ChatsRead;
    /// Counts the chats.
    GetChatCount: Get "/v1/chats:count", "getChatCount", [INCLUDE_ARCHIVED] => Count, ChatsCount;
    /// Tells whether a chat has a custom background.
    HasBackground: Get "/v1/chats:hasBackground", "hasBackground", [CHAT_GUID] => BackgroundPresent, ChatsRead;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_share_a_path_or_an_operation() {
        for route in Route::ALL.iter().copied() {
            let definition = route.definition();
            for other in Route::ALL.iter().copied().filter(|other| *other != route).map(Route::definition) {
                assert!(definition.path != other.path && definition.operation != other.operation, "{}", definition.path);
            }
        }
    }

    #[test]
    fn a_read_takes_only_what_fits_into_a_query() {
        for definition in Route::ALL.iter().map(|route| route.definition()) {
            let plain = definition.fields.iter().all(|field| matches!(field.kind, RequestKind::ChatGuid | Flag));
            assert!(definition.method == Method::Post || plain, "{}", definition.path);
        }
    }

    #[test]
    fn only_a_background_carries_an_image() {
        let carriers: Vec<_> = Route::ALL.iter().copied().filter(|route| route.definition().takes_image()).collect();
        assert_eq!(carriers, [Route::SetBackground]);
    }
}
