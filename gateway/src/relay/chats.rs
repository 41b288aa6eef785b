//! The list of chats. The real service has no such call: the log says which chats there are and in which order, and the service what each
//! of them is.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use im_chats_protocol::error::{Category, Error, ErrorCode, GrpcCode};
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::chat_list::ChatPlace;
use im_chats_protocol::wire::routes::CHAT_GUID;

use super::Relay;
use super::service::GET_CHAT;
use crate::base::log_throttle::LogThrottle;
use crate::log::{ChatNote, SeenChat, SeenQuery};
use crate::service::chat_list::{ListChatsRequest, ListChatsResponse};
use crate::service::context::CallContext;
use crate::service::proto::{Chat, GetChatRequest, GetChatResponse};

/// Chats that are read at once for one page.
const AT_ONCE: usize = 8;

impl Relay {
    /// A page of the chats that were seen, each as it is now. One that is gone is left out, and so is one that is in the other list by now.
    /// One that the service refuses to read, while it reads others, has its GUID alone: without it the list would hide that chat, and a
    /// failure would hide all the others.
    pub(super) async fn page_of_chats(
        &self,
        call: &CallContext,
        request: ListChatsRequest,
    ) -> Result<ListChatsResponse, Error> {
        let ListChatsRequest { archived, page_size, page_token, within } = request;
        let after = page_token.map(|token| ChatPlace::parse(&token, archived)).transpose()?;
        // One more says whether there is another page.
        let query = SeenQuery { archived, after, within, limit: page_size.saturating_add(1) };
        let mut seen = self.log.seen_chats(query).await?;
        let is_last = seen.len() <= page_size;
        seen.truncate(page_size);
        let next_page_token = seen.last().filter(|_| !is_last).map(|last| last.place.token(archived));

        let asked = seen.len();
        let call = CallContext { idempotency_key: None, ..call.clone() };
        let reads = seen.into_iter().map(|seen| async {
            let read = self.read_chat(&call, &seen.place.guid).await;
            (seen, read)
        });
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        let (mut chats, mut notes, mut refused, mut failed) = (Vec::new(), Vec::new(), Vec::new(), None);
        while let Some((seen, read)) = reads.next().await {
            match read {
                Ok(chat) => {
                    let activity = last_message(&chat).unwrap_or(seen.place.activity);
                    let place = ChatPlace { activity, guid: seen.place.guid.clone() };
                    let now = SeenChat { place, archived: Some(chat.is_archived) };
                    if now != seen {
                        notes.push(ChatNote::Changed(seen, now));
                    }
                    if chat.is_archived == archived {
                        chats.push(chat);
                    }
                }
                Err(error) if error.category() == Category::NotFound => {
                    self.noted.forget(&seen.place.guid);
                    notes.push(ChatNote::Gone(seen));
                }
                Err(error) if is_refusal(&error) => {
                    // One of which nothing is known is named by a token alone, and perhaps no chat at all.
                    let is_known = seen.archived.is_some() || seen.place.activity != 0;
                    if is_known && seen.archived.unwrap_or(false) == archived {
                        chats.push(guid_alone(&seen.place.guid, archived));
                    }
                    refused.push(naming(error, seen.place.guid));
                }
                Err(error) => {
                    failed = Some(naming(error, seen.place.guid));
                    break;
                }
            }
        }
        drop(reads);
        self.note(notes).await;
        match (failed, refused.first()) {
            (Some(error), _) => return Err(error),
            // It is no single chat that is wrong when there is no other one.
            (None, Some(error)) if refused.len() == asked => return Err(error.clone()),
            (None, Some(error)) => note_refusal(error, refused.len()),
            (None, None) => {}
        }
        Ok(ListChatsResponse { chats, next_page_token })
    }

    async fn read_chat(&self, call: &CallContext, guid: &str) -> Result<Chat, Error> {
        let request = GetChatRequest { chat_guid: guid.to_owned() };
        let answer: GetChatResponse = self.upstream.unary(GET_CHAT, call, request).await?;
        answer.chat.ok_or_else(|| Error::new(ErrorCode::InternalError, "the upstream answered without the chat"))
    }

    /// Notes a chat that an answer has shown; `is_new` when it may have been created just now.
    pub(super) async fn seen(&self, chat: Option<&Chat>, is_new: bool) {
        let Some(chat) = chat else { return };
        let last_message = last_message(chat);
        if !self.noted.is_new(chat, last_message) {
            return;
        }
        let created = is_new.then(|| Utc::now().timestamp_millis());
        let note = ChatNote::Shown { guid: chat.guid.clone(), last_message, created, archived: chat.is_archived };
        self.note(vec![note]).await;
    }

    /// What cannot be noted now is noted when it is seen again: no call fails for it.
    async fn note(&self, notes: Vec<ChatNote>) {
        static FAILED: LogThrottle = LogThrottle::per_minute();
        if notes.is_empty() {
            return;
        }
        let Err(error) = self.log.note_chats(notes).await else { return };
        self.noted.forget_all();
        if let Some(repeated) = FAILED.hit() {
            tracing::warn!(%error, repeated, "what was seen of chats cannot be noted; a list may lack them");
        }
    }
}

/// Whether the service refuses what it was asked for: not whoever asks, and not everything for a while.
fn is_refusal(error: &Error) -> bool {
    !error.retryable
        && error.grpc_code != GrpcCode::Unauthenticated
        && !matches!(error.category(), Category::RateLimit | Category::Connection)
}

/// The error, with the chat that it is about.
fn naming(error: Error, guid: String) -> Error {
    if error.context_value(CHAT_GUID.name).is_some() { error } else { error.with_context(CHAT_GUID.name, guid) }
}

/// What is known of a chat that the service refuses to read.
fn guid_alone(guid: &str, is_archived: bool) -> Chat {
    Chat { guid: guid.to_owned(), is_group: guid.starts_with(ChatGuid::GROUP_PREFIX), is_archived, ..Chat::default() }
}

fn note_refusal(error: &Error, chats: usize) {
    static REFUSED: LogThrottle = LogThrottle::per_minute();
    if let Some(repeated) = REFUSED.hit() {
        let chat = error.context_value(CHAT_GUID.name);
        tracing::warn!(%error, chat, chats, repeated, "the upstream refuses to read chats that the log names; they are listed without details");
    }
}

/// When a chat's last message was written, in milliseconds since 1970.
fn last_message(chat: &Chat) -> Option<i64> {
    let at = chat.last_message.as_ref()?.date_created?;
    DateTime::<Utc>::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?).map(|at| at.timestamp_millis())
}
