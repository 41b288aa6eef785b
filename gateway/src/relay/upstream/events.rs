//! The streams of events.

use std::future::Future;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use im_chats_protocol::error::{Error, ErrorCode};
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};

use super::{OPEN_TIMEOUT, Upstream, Use};
use crate::relay::failure;
use crate::relay::frame::{self, Frame, RawAnswers, field};
use crate::relay::merge::Lane;
use crate::service::proto::{
    CatchUpEventsRequest, SubscribeChatEventsRequest, SubscribeGroupEventsRequest, SubscribeMessageEventsRequest,
    SubscribePollEventsRequest,
};

impl Upstream {
    /// A live stream of all events of a kind.
    pub fn live(&self, lane: Lane) -> BoxStream<'static, Result<Frame, Error>> {
        match lane {
            Lane::Chats => {
                let request = self.request(SubscribeChatEventsRequest { chat_guid: None });
                self.stream("/photon.imessage.v1.ChatService/SubscribeChatEvents", request, live::<{ field::CHAT }>)
            }
            Lane::Messages => {
                let request = self.request(SubscribeMessageEventsRequest { chat_guid: None });
                self.stream("/photon.imessage.v1.MessageService/SubscribeMessageEvents", request, live::<{ field::MESSAGE }>)
            }
            Lane::Groups => {
                let request = self.request(SubscribeGroupEventsRequest { chat_guid: None });
                self.stream("/photon.imessage.v1.GroupService/SubscribeGroupEvents", request, live::<{ field::GROUP }>)
            }
            Lane::Polls => {
                let request = self.request(SubscribePollEventsRequest { poll_message_guid: None });
                self.stream("/photon.imessage.v1.PollService/SubscribePollEvents", request, live::<{ field::POLL }>)
            }
        }
    }

    /// A catch-up.
    pub fn catch_up(&self, after: Option<u64>) -> BoxStream<'static, Result<Frame, Error>> {
        let request = self.request(CatchUpEventsRequest { after_sequence: after });
        self.stream("/photon.imessage.v1.EventService/CatchUpEvents", request, frame::catch_up)
    }

    /// A stream that always ends with an error: its end is one.
    fn stream<Q: Message + 'static>(
        &self,
        path: &'static str,
        request: Request<Q>,
        read: fn(Bytes) -> Result<Frame, Error>,
    ) -> BoxStream<'static, Result<Frame, Error>> {
        let mut client = self.client(Use::Call);
        let open = async move {
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let codec = RawAnswers::<Q>::default();
            Ok(client.server_streaming(request, PathAndQuery::from_static(path), codec).await?.into_inner())
        };
        let frames = stream::once(in_time(open)).try_flatten();
        let frames = frames.map(move |frame| frame.map_err(|status| failure::from_status(&status)).and_then(read));
        let end = Error::new(ErrorCode::ServiceUnavailable, "the upstream ended the stream");
        frames.chain(stream::iter([Err(end)])).boxed()
    }
}

fn live<const FIELD: u32>(frame: Bytes) -> Result<Frame, Error> {
    frame::live(frame, FIELD)
}

async fn in_time<T>(open: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(OPEN_TIMEOUT, open).await {
        Ok(opened) => opened,
        Err(_) => Err(Status::deadline_exceeded("the upstream did not begin the stream in time")),
    }
}
