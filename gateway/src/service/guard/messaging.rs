//! The calls about messages, groups, polls, attachments, addresses and locations, checked against the caller's token.

use im_chats_protocol::error::Error;
use im_chats_protocol::grant::{Grant, Scope};
use im_chats_protocol::limits::check_key;
use im_chats_protocol::wire::messaging::routes::MessagingRoute;
use im_chats_protocol::wire::routes::{CHAT_GUID, CLIENT_MESSAGE_ID};

use super::{Caller, Guard, Line, own_chat, own_key};
use crate::service::calls::{Pieces, messaging_calls};
use crate::service::context::CallContext;
use crate::service::proto;

/// Makes the idempotency key of a body the subject's own. Reads and uploads carry none.
macro_rules! own_body_key {
    (reads, $caller:ident, $request:ident) => {};
    (uploads, $caller:ident, $request:ident) => {};
    ($kind:ident, $caller:ident, $request:ident) => {
        if let Some(key) = &mut $request.client_message_id {
            check_key(key, CLIENT_MESSAGE_ID.name)?;
            *key = own_key(&$caller.pass.grant, std::mem::take(key));
        }
    };
}

/// Checks what a request says of the chat that it is about, for a token that is limited to chats.
macro_rules! check_place {
    (chat, $limited:ident, $request:ident) => {
        own_chat($limited.grant, $limited.scope, &mut $request.chat_guid, CHAT_GUID.name)?
    };
    (target, $limited:ident, $request:ident) => {
        match &mut $request.target {
            Some(target) => $limited.message(&mut target.chat_guid, &target.message_guid, "target.chatGuid").await?,
            None => return Err(Error::invalid("target", "name the chat and the message")),
        }
    };
    (session, $limited:ident, $request:ident) => {
        match &mut $request.session {
            Some(session) => {
                $limited.message(&mut session.chat_guid, &session.message_guid, "session.chatGuid").await?;
                if session.target_message_guid != session.message_guid {
                    let target = &session.target_message_guid;
                    $limited.message(&mut session.chat_guid, target, "session.chatGuid").await?;
                }
            }
            None => return Err(Error::invalid("session", "name the session of the card")),
        }
    };
    (message, $limited:ident, $request:ident) => {
        $limited.message(&mut $request.chat_guid, &$request.message_guid, CHAT_GUID.name).await?
    };
    (poll, $limited:ident, $request:ident) => {
        $limited.poll(&$request.poll_message_guid).await?
    };
    (account, $limited:ident, $request:ident) => {
        $limited.grant.check_account($limited.scope)?
    };
    ($place:ident, $limited:ident, $request:ident) => {
        let _ = &$limited;
    };
}

/// Checks what an answer says of the chat that it is about.
macro_rules! check_answer {
    (found_message, $limited:ident, $answer:ident) => {
        $limited.found_message(&$answer)?
    };
    (found_poll, $limited:ident, $answer:ident) => {
        $limited.found_poll(&$answer)?
    };
    ($place:ident, $limited:ident, $answer:ident) => {};
}

macro_rules! guarded {
    ($($service:ident in $module:ident {
        $($(#[$doc:meta])* $kind:ident $method:ident $name:ident($request:ident) -> $answer:ident at $place:ident;)*
    } streams { $($stream:tt)* })*) => {
        impl Guard {
            $($(
                $(#[$doc])*
                ///
                /// # Errors
                /// `unauthorized` when the token does not allow it, else those of the service.
                pub async fn $name(&self, caller: &Caller, request: proto::$request) -> Result<proto::$answer, Error> {
                    let route = MessagingRoute::$method.definition();
                    let line = Line::of(route.method, route.path, caller);
                    let checked = async {
                        #[allow(unused_mut, reason = "some requests stay as they are")]
                        let mut request = request;
                        let context = self.admit(route.scope, caller, None)?;
                        own_body_key!($kind, caller, request);
                        if caller.pass.grant.chats.is_none() {
                            return self.backend.$name(&context, request).await;
                        }
                        let limited = Limited::of(self, caller, route.scope, &context);
                        check_place!($place, limited, request);
                        let answer = self.backend.$name(&context, request).await?;
                        check_answer!($place, limited, answer);
                        Ok(answer)
                    };
                    line.write(checked.await)
                }
            )*)*
        }
    };
}

messaging_calls!(guarded);

impl Guard {
    /// An attachment: what is known of it, then its bytes and those of its companion, as fast as they are taken.
    ///
    /// # Errors
    /// `unauthorized` when the token does not allow it, else those of the service.
    pub async fn download_attachment(
        &self,
        caller: &Caller,
        request: proto::DownloadAttachmentRequest,
    ) -> Result<Pieces<proto::DownloadAttachmentResponse>, Error> {
        let context = self.admit_account(Scope::MessagesRead, caller)?;
        self.backend.download_attachment(&context, request).await
    }

    /// The places of friends, as they change.
    ///
    /// # Errors
    /// As [`Guard::download_attachment`].
    pub async fn watch_shared_friend_locations(
        &self,
        caller: &Caller,
        request: proto::WatchSharedFriendLocationsRequest,
    ) -> Result<Pieces<proto::WatchSharedFriendLocationsResponse>, Error> {
        let context = self.admit_account(Scope::MessagesRead, caller)?;
        self.backend.watch_shared_friend_locations(&context, request).await
    }

    /// Lets a call in that is about the whole account.
    fn admit_account(&self, scope: Scope, caller: &Caller) -> Result<CallContext, Error> {
        let context = self.admit(scope, caller, None)?;
        caller.pass.grant.check_account(scope)?;
        Ok(context)
    }
}

/// The caller of one call, whose token is limited to chats.
struct Limited<'a> {
    guard: &'a Guard,
    grant: &'a Grant,
    scope: Scope,
    /// For what is looked up first: it carries no key.
    context: CallContext,
}

impl<'a> Limited<'a> {
    fn of(guard: &'a Guard, caller: &'a Caller, scope: Scope, context: &CallContext) -> Self {
        let context = CallContext { idempotency_key: None, ..context.clone() };
        Self { guard, grant: &caller.pass.grant, scope, context }
    }

    /// A message in a chat. It is looked up: a service may go by the message alone, and that may be one of another chat.
    async fn message(&self, chat: &mut String, message: &str, field: &'static str) -> Result<(), Error> {
        own_chat(self.grant, self.scope, chat, field)?;
        let request = proto::GetMessageRequest { message_guid: message.to_owned() };
        let found = self.guard.backend.get_message(&self.context, request).await?;
        self.found_message(&found)
    }

    async fn poll(&self, poll: &str) -> Result<(), Error> {
        let request = proto::GetPollRequest { poll_message_guid: poll.to_owned() };
        self.found_poll(&self.guard.backend.get_poll(&self.context, request).await?)
    }

    fn found_message(&self, answer: &proto::GetMessageResponse) -> Result<(), Error> {
        self.grant.check_found(answer.message.iter().flat_map(|message| &message.chat_guids).map(String::as_str))
    }

    fn found_poll(&self, answer: &proto::PollResponse) -> Result<(), Error> {
        self.grant.check_found(answer.poll.iter().map(|poll| poll.chat_guid.as_str()))
    }
}
