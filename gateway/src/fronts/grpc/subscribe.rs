//! The live streams of message, group and poll events. Each begins at the head of its moment and says at once that it is attached.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::frame::Topic;
use serde::Deserialize;
use tonic::{Request, Response, Status};

use super::Front;
use super::events::change;
use super::reader::Reader;
use super::stream::{Keeps, LogReader, Range, Step};
use crate::log::{EventKind, LoggedEvent};
use crate::service::convert::event::Change;
use crate::service::proto::{
    self, Heartbeat, SubscribeGroupEventsRequest, SubscribeGroupEventsResponse, SubscribeMessageEventsRequest,
    SubscribeMessageEventsResponse, SubscribePollEventsRequest, SubscribePollEventsResponse,
};
use crate::service::status;

type Answers<T> = Result<Response<BoxStream<'static, Result<T, Status>>>, Status>;

macro_rules! answer {
    ($response:ident, $payload:ident, $member:ident, $kind:ident) => {
        |step: Step| {
            use proto::$payload::Payload;
            let (sequence, payload) = match step {
                Step::Event(event) => match change(&event).map_err(|error| status::from_error(&error))? {
                    Change::$kind(change) => (Some(event.sequence), Some(Payload::$member(*change))),
                    // A kind of change that this version does not know; its sequence is sent all the same.
                    _ => (Some(event.sequence), None),
                },
                // A stream without an end has no `Complete`.
                Step::Heartbeat | Step::Complete(_) => (None, Some(Payload::Heartbeat(Heartbeat {}))),
            };
            Ok($response { sequence, payload })
        }
    };
}

/// Of one chat, or of all that the caller may see.
pub(super) async fn subscribe_message_events(
    front: &Front,
    request: Request<SubscribeMessageEventsRequest>,
) -> Answers<SubscribeMessageEventsResponse> {
    let reader = Reader::of(front, request.extensions())?;
    let chat = request.into_inner().chat_guid;
    let answer = answer!(SubscribeMessageEventsResponse, subscribe_message_events_response, MessageChanged, Message);
    live(front, reader, chat.as_deref(), Box::new(|event| event.kind == EventKind::Message), answer)
}

/// As [`subscribe_message_events`].
pub(super) async fn subscribe_group_events(
    front: &Front,
    request: Request<SubscribeGroupEventsRequest>,
) -> Answers<SubscribeGroupEventsResponse> {
    let reader = Reader::of(front, request.extensions())?;
    let chat = request.into_inner().chat_guid;
    let answer = answer!(SubscribeGroupEventsResponse, subscribe_group_events_response, GroupChanged, Group);
    live(front, reader, chat.as_deref(), Box::new(|event| event.kind == EventKind::Group), answer)
}

/// Of one poll, or of all in the chats that the caller may see.
pub(super) async fn subscribe_poll_events(
    front: &Front,
    request: Request<SubscribePollEventsRequest>,
) -> Answers<SubscribePollEventsResponse> {
    let reader = Reader::of(front, request.extensions())?;
    let poll = request.into_inner().poll_message_guid;
    let keeps =
        move |event: &LoggedEvent| event.kind == EventKind::Poll && poll.as_deref().is_none_or(|poll| is_about(event, poll));
    let answer = answer!(SubscribePollEventsResponse, subscribe_poll_events_response, PollChanged, Poll);
    live(front, reader, None, Box::new(keeps), answer)
}

fn is_about(event: &LoggedEvent, poll: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct About<'a> {
        #[serde(borrow)]
        poll_message_guid: std::borrow::Cow<'a, str>,
    }
    serde_json::from_str::<About<'_>>(&event.json).is_ok_and(|about| about.poll_message_guid == poll)
}

fn live<T: Send + 'static>(
    front: &Front,
    reader: Reader,
    chat: Option<&str>,
    keeps: Keeps,
    answer: impl Fn(Step) -> Result<T, Status> + Send + 'static,
) -> Answers<T> {
    let chat = chat.map(|chat| ChatGuid::parse(chat, "chatGuid")).transpose();
    let chat = chat.map_err(|error| status::from_error(&error))?;
    let filter = reader.sees(Topic::All, chat.as_ref().map(ChatGuid::as_str))?;
    let head = front.guard.log().watch_head();
    let state = front.guard.log().state();
    let after = state.now();
    let range = Range { log: state.id, after, until: None, filter, from_beginning: false };
    let steps = LogReader::new(front, head, range, reader)?.keeping(keeps).steps();
    Ok(super::streaming(steps.map(move |step| step.and_then(&answer)).boxed()))
}
