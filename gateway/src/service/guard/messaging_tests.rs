//! Who may do what with messages, groups, polls and attachments, shown with a service that only writes down what reaches it.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::{ChatSet, Grant, Scopes};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::log::EventLog;
use crate::service::auth::{Authenticator, Identity, Pass};
use crate::service::backend::Backend;
use crate::service::calls::{Messaging, Pieces, not_supported};
use crate::service::chat_list::{ListChatsRequest, ListChatsResponse};
use crate::service::context::CallContext;
use crate::service::guard::{Caller, Guard};
use crate::service::proto::*;

const OWN: &str = "any;-;alice@example.com";
const OTHER: &str = "any;-;bob@example.com";

/// Has a message and a poll in each of two chats, named after them, and writes down what it is asked.
#[derive(Default)]
struct Service {
    asked: Mutex<Vec<String>>,
}

impl Service {
    fn write(&self, line: impl Into<String>) {
        self.asked.lock().push(line.into());
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock())
    }
}

#[async_trait]
impl Messaging for Service {
    async fn send_text_message(&self, call: &CallContext, request: SendTextMessageRequest) -> Result<MessageResponse, Error> {
        let keys = [call.idempotency_key.clone(), request.client_message_id].into_iter().flatten();
        self.write(format!("send {} {}", request.chat_guid, keys.collect::<Vec<_>>().join(" ")));
        Ok(MessageResponse::default())
    }

    async fn edit_message(&self, _: &CallContext, _: EditMessageRequest) -> Result<MessageResponse, Error> {
        self.write("edit");
        Ok(MessageResponse::default())
    }

    async fn get_message(&self, call: &CallContext, request: GetMessageRequest) -> Result<GetMessageResponse, Error> {
        assert_eq!(call.idempotency_key, None, "what is looked up carries no key");
        self.write("get");
        if ![OWN, OTHER].contains(&&*request.message_guid) {
            return Err(Error::new(ErrorCode::MessageNotFound, "no such message"));
        }
        let message = Message { chat_guids: vec![request.message_guid], ..Message::default() };
        Ok(GetMessageResponse { message: Some(message) })
    }

    async fn get_poll(&self, _: &CallContext, request: GetPollRequest) -> Result<PollResponse, Error> {
        self.write("poll");
        let poll = PollInfo { chat_guid: request.poll_message_guid, ..PollInfo::default() };
        Ok(PollResponse { poll: Some(poll) })
    }

    async fn vote_poll(&self, _: &CallContext, _: VotePollRequest) -> Result<PollResponse, Error> {
        self.write("vote");
        Ok(PollResponse::default())
    }

    async fn list_recent_messages(
        &self,
        _: &CallContext,
        _: ListRecentMessagesRequest,
    ) -> Result<ListRecentMessagesResponse, Error> {
        self.write("recent");
        Ok(ListRecentMessagesResponse::default())
    }

    async fn upload_attachment(&self, _: &CallContext, _: UploadAttachmentRequest) -> Result<UploadAttachmentResponse, Error> {
        self.write("upload");
        Ok(UploadAttachmentResponse::default())
    }

    async fn download_attachment(
        &self,
        _: &CallContext,
        _: DownloadAttachmentRequest,
    ) -> Result<Pieces<DownloadAttachmentResponse>, Error> {
        self.write("download");
        Ok(stream::empty().boxed())
    }
}

macro_rules! refused {
    ($($name:ident, $request:ident => $answer:ty;)*) => {
        #[async_trait]
        impl Backend for Service {
            $(
                async fn $name(&self, _: &CallContext, _: $request) -> Result<$answer, Error> {
                    Err(not_supported(stringify!($name)))
                }
            )*

            fn log(&self) -> &EventLog {
                unimplemented!("no test reads it")
            }
        }
    };
}

refused! {
    create_chat, CreateChatRequest => CreateChatResponse;
    mark_chat_read, MarkChatReadRequest => ();
    set_background, SetBackgroundRequest => ();
    remove_background, RemoveBackgroundRequest => ();
    share_contact_info, ShareContactInfoRequest => ();
    set_typing, SetTypingRequest => ();
    get_chat, GetChatRequest => GetChatResponse;
    get_chat_count, GetChatCountRequest => GetChatCountResponse;
    has_background, HasBackgroundRequest => HasBackgroundResponse;
    list_chats, ListChatsRequest => ListChatsResponse;
}

/// Every token is as good as it says.
struct Trusting(watch::Sender<u64>);

impl Authenticator for Trusting {
    fn verify(&self, _: &str) -> Result<Pass, Error> {
        Err(Error::new(ErrorCode::Unauthenticated, "nobody asks"))
    }
    fn recheck(&self, _: &Pass) -> Result<(), Error> {
        Ok(())
    }
    fn changes(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

fn guarded() -> (Guard, Arc<Service>) {
    let service = Arc::new(Service::default());
    (Guard::new(Arc::clone(&service) as Arc<dyn Backend>, Arc::new(Trusting(watch::channel(0).0))), service)
}

fn user(scopes: &str, chats: Option<&[&str]>) -> Caller {
    let chats = chats.map(|chats| ChatSet::parse(chats).unwrap());
    let grant = Grant { subject: Some("user".into()), scopes: Scopes::parse(scopes).unwrap(), chats, expires_in_ms: None };
    let pass = Pass::new(grant, Identity::Static { digest: [0; 32] });
    let context = CallContext { idempotency_key: Some("key".to_owned()), ..CallContext::default() };
    Caller { pass, context }
}

fn text(chat: &str) -> SendTextMessageRequest {
    SendTextMessageRequest {
        chat_guid: chat.to_owned(),
        client_message_id: Some("key".to_owned()),
        ..SendTextMessageRequest::default()
    }
}

fn edit(chat: &str, message: &str) -> EditMessageRequest {
    let target = MessageTarget { chat_guid: chat.to_owned(), message_guid: message.to_owned(), ..MessageTarget::default() };
    EditMessageRequest { target: Some(target), ..EditMessageRequest::default() }
}

fn code<T>(result: Result<T, Error>) -> String {
    result.err().map_or_else(|| "ok".to_owned(), |error| error.code.to_string())
}

#[tokio::test]
async fn each_call_needs_its_own_scope() {
    let (guard, service) = guarded();
    for (scopes, read, write, group) in [
        ("messages:read", "ok", "unauthorized", "unauthorized"),
        ("messages:write", "unauthorized", "ok", "unauthorized"),
        ("groups:write", "unauthorized", "unauthorized", "operationNotSupported"),
        ("chats:read chats:write chats:create chats:count events:all", "unauthorized", "unauthorized", "unauthorized"),
    ] {
        let caller = user(scopes, None);
        let get = GetMessageRequest { message_guid: OWN.to_owned() };
        let mut without_key = caller.clone();
        without_key.context.idempotency_key = None;
        assert_eq!(code(guard.get_message(&without_key, get).await), read, "{scopes}");
        assert_eq!(code(guard.send_text_message(&caller, text(OWN)).await), write, "{scopes}");
        assert_eq!(code(guard.leave_group(&caller, LeaveGroupRequest::default()).await), group, "{scopes}");
    }
    assert_eq!(service.taken().len(), 2, "what is refused does not reach the service");
}

#[tokio::test]
async fn the_keys_of_a_body_are_the_subjects_own() {
    let (guard, service) = guarded();
    guard.send_text_message(&user("messages:write", None), text(OWN)).await.unwrap();
    let line = service.taken().remove(0);
    let keys: Vec<&str> = line.split(' ').skip(2).collect();
    assert_eq!((keys.len(), keys[0], keys[0].len()), (2, keys[1], 64), "{line}");
    let mut bad = text(OWN);
    bad.client_message_id = Some("\n".to_owned());
    let error = guard.send_text_message(&user("messages:write", None), bad).await.unwrap_err();
    assert_eq!(error.context_value("field"), Some("clientMessageId"));
}

#[tokio::test]
async fn a_token_for_chats_writes_into_no_other() {
    let (guard, service) = guarded();
    let caller = user("messages:write", Some(&[OWN]));
    for (chat, expected) in
        [(OWN, "ok"), (" any;-;alice@example.com ", "ok"), (OTHER, "unauthorized"), ("x", "invalidArgument")]
    {
        assert_eq!(code(guard.send_text_message(&caller, text(chat)).await), expected, "{chat}");
    }
    for line in service.taken() {
        assert!(line.starts_with(&format!("send {OWN} ")), "the service gets the very GUID that was compared: {line}");
    }
}

#[tokio::test]
async fn a_message_of_another_chat_cannot_be_changed_under_the_name_of_an_own_one() {
    let (guard, service) = guarded();
    let caller = user("messages:write", Some(&[OWN]));
    for (chat, message, expected) in
        [(OWN, OWN, "ok"), (OWN, OTHER, "unauthorized"), (OTHER, OWN, "unauthorized"), (OWN, "none", "messageNotFound")]
    {
        assert_eq!(code(guard.edit_message(&caller, edit(chat, message)).await), expected, "{chat} {message}");
    }
    assert_eq!(service.taken(), ["get", "edit", "get", "get"]);
    let nowhere = EditMessageRequest::default();
    assert_eq!(guard.edit_message(&caller, nowhere).await.unwrap_err().context_value("field"), Some("target"));
    // Who may do it everywhere costs the service one call only.
    guard.edit_message(&user("messages:write", None), edit(OTHER, OTHER)).await.unwrap();
    assert_eq!(service.taken(), ["edit"]);
}

#[tokio::test]
async fn what_is_named_by_itself_is_looked_at_before_it_is_shown_or_changed() {
    let (guard, service) = guarded();
    let reader = user("messages:read messages:write", Some(&[OWN]));
    for (guid, expected) in [(OWN, "ok"), (OTHER, "unauthorized")] {
        let mut caller = reader.clone();
        caller.context.idempotency_key = None;
        let message = guard.get_message(&caller, GetMessageRequest { message_guid: guid.to_owned() }).await;
        if let Err(error) = &message {
            assert_eq!(error.context_value("chat"), None, "the refusal does not tell where it is");
        }
        assert_eq!(code(message), expected);
        let poll = GetPollRequest { poll_message_guid: guid.to_owned() };
        assert_eq!(code(guard.get_poll(&caller, poll).await), expected);
        service.taken();
        let vote = VotePollRequest { poll_message_guid: guid.to_owned(), ..VotePollRequest::default() };
        assert_eq!(code(guard.vote_poll(&reader, vote).await), expected);
        assert_eq!(service.taken().contains(&"vote".to_owned()), expected == "ok");
    }
}

#[tokio::test]
async fn what_is_about_the_whole_account_is_for_no_token_that_is_limited() {
    let (guard, service) = guarded();
    for (chats, expected) in [(None, "ok"), (Some(&[OWN][..]), "unauthorized")] {
        let caller = user("messages:read messages:write", chats);
        assert_eq!(code(guard.list_recent_messages(&caller, ListRecentMessagesRequest::default()).await), expected);
        assert_eq!(code(guard.download_attachment(&caller, DownloadAttachmentRequest::default()).await), expected);
        assert_eq!(code(guard.upload_attachment(&caller, UploadAttachmentRequest::default()).await), "ok");
    }
    assert_eq!(service.taken(), ["recent", "download", "upload", "upload"]);
    let info = guard.get_attachment_info(&user("messages:read", Some(&[OWN])), GetAttachmentInfoRequest::default()).await;
    assert_eq!(code(info), "unauthorized");
}
