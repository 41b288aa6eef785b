//! What stands between every front and the service: it lets a call through when the caller's token allows it. The fronts are handed
//! a [`Guard`] and never the service itself, so none of them can forget to ask.

mod messaging;
#[cfg(test)]
mod messaging_tests;

use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::grant::{Grant, Scope};
use im_chats_protocol::limits::check_key;
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::chat_list::LIST_CHATS;
use im_chats_protocol::wire::routes::{CHAT_GUID, CLIENT_MESSAGE_ID, Method, Route};
use sha2::{Digest as _, Sha256};

use crate::base::hex::hex;
use crate::log::EventLog;
use crate::service::audit::{audit, code};
use crate::service::auth::{Authenticator, Pass};
use crate::service::backend::Backend;
use crate::service::chat_list::{ListChatsRequest, ListChatsResponse};
use crate::service::context::CallContext;
use crate::service::proto::{
    CreateChatRequest, CreateChatResponse, GetChatCountRequest, GetChatCountResponse, GetChatRequest, GetChatResponse,
    HasBackgroundRequest, HasBackgroundResponse, MarkChatReadRequest, RemoveBackgroundRequest, SetBackgroundRequest,
    SetTypingRequest, ShareContactInfoRequest,
};

/// Who calls, and what travels beside the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The caller's token.
    pub pass: Pass,
    /// What travels beside the request.
    pub context: CallContext,
}

/// A chat service behind the rules of tokens. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    backend: Arc<dyn Backend>,
    authenticator: Arc<dyn Authenticator>,
}

macro_rules! calls_for_a_chat {
    ($($(#[$doc:meta])* $name:ident, $route:ident, $request:ident => $answer:ty;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// `unauthorized` when the token does not allow it, else those of the service.
            pub async fn $name(&self, caller: &Caller, mut request: $request) -> Result<$answer, Error> {
                let route = Route::$route.definition();
                let line = Line::of(route.method, route.path, caller);
                let result = match self.admit(route.scope, caller, Some(&mut request.chat_guid)) {
                    Ok(context) => self.backend.$name(&context, request).await,
                    Err(error) => Err(error),
                };
                line.write(result)
            }
        )*
    };
}

impl Guard {
    /// Stands before a service.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { backend, authenticator }
    }

    /// Creates a chat, or finds the one there is.
    ///
    /// # Errors
    /// `unauthorized` when the token does not allow it, else those of the service.
    pub async fn create_chat(&self, caller: &Caller, mut request: CreateChatRequest) -> Result<CreateChatResponse, Error> {
        let route = Route::CreateChat.definition();
        let line = Line::of(route.method, route.path, caller);
        let result = match self.admit_create(caller, &mut request) {
            Ok(context) => self.backend.create_chat(&context, request).await,
            Err(error) => Err(error),
        };
        line.write(result)
    }

    fn admit_create(&self, caller: &Caller, request: &mut CreateChatRequest) -> Result<CallContext, Error> {
        let context = self.admit(Scope::ChatsCreate, caller, None)?;
        if let Some(key) = &mut request.client_message_id {
            check_key(key, CLIENT_MESSAGE_ID.name)?;
            *key = own_key(&caller.pass.grant, std::mem::take(key));
        }
        Ok(context)
    }

    /// How many chats there are.
    ///
    /// # Errors
    /// As [`Guard::create_chat`].
    pub async fn get_chat_count(&self, caller: &Caller, request: GetChatCountRequest) -> Result<GetChatCountResponse, Error> {
        let context = self.admit(Scope::ChatsCount, caller, None)?;
        self.backend.get_chat_count(&context, request).await
    }

    /// A page of chats, the one in which something happened last first. A token that is limited to chats gets those alone.
    ///
    /// # Errors
    /// As [`Guard::create_chat`].
    pub async fn list_chats(&self, caller: &Caller, mut request: ListChatsRequest) -> Result<ListChatsResponse, Error> {
        let context = self.admit(LIST_CHATS.scope, caller, None)?;
        request.within = caller.pass.grant.chats.clone();
        self.backend.list_chats(&context, request).await
    }

    calls_for_a_chat! {
        /// Clears the unread count.
        mark_chat_read, MarkChatRead, MarkChatReadRequest => ();
        /// Sets or replaces the background.
        set_background, SetBackground, SetBackgroundRequest => ();
        /// Removes the background.
        remove_background, RemoveBackground, RemoveBackgroundRequest => ();
        /// Sends the account's contact card.
        share_contact_info, ShareContactInfo, ShareContactInfoRequest => ();
        /// Shows or hides the typing indicator.
        set_typing, SetTyping, SetTypingRequest => ();
        /// One chat.
        get_chat, GetChat, GetChatRequest => GetChatResponse;
        /// Whether a chat has a custom background.
        has_background, HasBackground, HasBackgroundRequest => HasBackgroundResponse;
    }

    /// The durable log of events. Who reads it must keep to the reader's grant: see
    /// [`EventFilter::within`](im_chats_protocol::server::EventFilter::within).
    #[must_use]
    pub fn log(&self) -> &EventLog {
        self.backend.log()
    }

    /// Lets a call in, as the service is to see it. The token is looked at again: its body may have come long after its head.
    fn admit(&self, scope: Scope, caller: &Caller, chat: Option<&mut String>) -> Result<CallContext, Error> {
        caller.pass.check_time()?;
        self.authenticator.recheck(&caller.pass)?;
        admit(scope, caller, chat)
    }
}

/// Lets a call in, as the service is to see it.
fn admit(scope: Scope, caller: &Caller, chat: Option<&mut String>) -> Result<CallContext, Error> {
    let grant = &caller.pass.grant;
    match chat {
        Some(chat) if grant.chats.is_some() => own_chat(grant, scope, chat, CHAT_GUID.name)?,
        _ => grant.check(scope, None)?,
    }
    let mut context = caller.context.clone();
    context.idempotency_key = context.idempotency_key.map(|key| own_key(grant, key));
    Ok(context)
}

/// Checks a chat for a token that is limited to chats. The service gets the very GUID that was compared: it might read another spelling as
/// another chat.
fn own_chat(grant: &Grant, scope: Scope, chat: &mut String, field: &'static str) -> Result<(), Error> {
    *chat = ChatGuid::parse(chat, field)?.as_str().to_owned();
    grant.check(scope, Some(chat))
}

/// The audit line of a write, which is written whatever becomes of it: a caller who hangs up may have written all the same.
struct Line<'a> {
    caller: &'a Caller,
    /// The path; none for a read, or once the line is written.
    path: Option<&'static str>,
}

impl<'a> Line<'a> {
    fn of(method: Method, path: &'static str, caller: &'a Caller) -> Self {
        Self { caller, path: (method == Method::Post).then_some(path) }
    }

    fn write<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Some(path) = self.path.take() {
            audit(&self.caller.pass, path, &self.caller.context.request_id, code(&result));
        }
        result
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            audit(&self.caller.pass, path, &self.caller.context.request_id, "cancelled");
        }
    }
}

/// An idempotency key as the service is to know it: each subject has keys of its own, so that nobody meets, or takes, another's. The
/// operator's are as they were given.
fn own_key(grant: &Grant, key: String) -> String {
    let Some(subject) = &grant.subject else { return key };
    // The length says where the subject ends.
    let length = u64::try_from(subject.len()).unwrap_or(u64::MAX).to_be_bytes();
    hex(&Sha256::new().chain_update(length).chain_update(&**subject).chain_update(key).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use im_chats_protocol::grant::Scopes;

    #[test]
    fn keys_of_two_subjects_never_meet_and_the_operators_stay() {
        let of = |subject: &str| Grant { subject: Some(subject.into()), scopes: Scopes::ALL, chats: None, expires_in_ms: None };
        let key = |subject: &str, key: &str| own_key(&of(subject), key.to_owned());
        assert_eq!(own_key(&Grant::ADMIN, "k".to_owned()), "k");
        assert_eq!(key("a", "bc"), key("a", "bc"));
        assert_ne!(key("a", "bc"), key("ab", "c"));
        assert_ne!(key("a", "bc"), key("b", "bc"));
        assert!(check_key(&key("a", "k"), "key").is_ok());
    }
}
