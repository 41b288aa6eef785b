//! The services of messages, groups, polls, attachments, addresses and locations: each method is made from the table of calls.

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use im_chats_protocol::error::Error;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::reader::Reader;
use super::subscribe::{subscribe_group_events, subscribe_message_events, subscribe_poll_events};
use super::{Front, incoming, outgoing};
use crate::service::calls::{Pieces, messaging_calls};
use crate::service::{proto, status};

macro_rules! served {
    ($($service:ident in $module:ident {
        $($(#[$doc:meta])* $kind:ident $method:ident $name:ident($request:ident) -> $answer:ident at $place:ident;)*
    } streams {
        $($stream_method:ident $stream:ident($stream_request:ident) -> $piece:ident as $type:ident;)*
    })*) => {
        $(
            #[tonic::async_trait]
            impl proto::$module::$service for Front {
                $(
                    async fn $name(&self, request: Request<proto::$request>) -> Result<Response<proto::$answer>, Status> {
                        let (caller, request) = incoming(request)?;
                        outgoing(self.guard.$name(&caller, request).await)
                    }
                )*
                $(
                    type $type = BoxStream<'static, Result<proto::$piece, Status>>;

                    async fn $stream(&self, request: Request<proto::$stream_request>) -> Result<Response<Self::$type>, Status> {
                        $stream(self, request).await
                    }
                )*
            }
        )*

        /// The names of these services, for health.
        pub(super) const SERVICES: &[&str] = &[$(proto::$module::SERVICE_NAME),*];
    };
}

messaging_calls!(served);

/// An attachment has a place like a stream of events, and is sent as fast as the client takes it.
async fn download_attachment(
    front: &Front,
    request: Request<proto::DownloadAttachmentRequest>,
) -> Result<Response<BoxStream<'static, Result<proto::DownloadAttachmentResponse, Status>>>, Status> {
    let reader = Reader::of(front, request.extensions())?;
    let (caller, request) = incoming(request)?;
    let slot = front.places.event_stream().map_err(|error| status::from_error(&error))?;
    let pieces = front.guard.download_attachment(&caller, request).await.map_err(|error| status::from_error(&error))?;
    // What has begun may end: a drain waits for it as long as for any answer.
    Ok(Response::new(until_it_may_not(pieces, reader, CancellationToken::new(), slot)))
}

async fn watch_shared_friend_locations(
    front: &Front,
    request: Request<proto::WatchSharedFriendLocationsRequest>,
) -> Result<Response<BoxStream<'static, Result<proto::WatchSharedFriendLocationsResponse, Status>>>, Status> {
    let reader = Reader::of(front, request.extensions())?;
    let (caller, request) = incoming(request)?;
    let slot = front.places.event_stream().map_err(|error| status::from_error(&error))?;
    let watched = front.guard.watch_shared_friend_locations(&caller, request).await;
    let watched = watched.map_err(|error| status::from_error(&error))?;
    Ok(super::streaming(until_it_may_not(watched, reader, front.drain.clone(), slot)))
}

/// Pieces, for as long as the reader may read on. `place` is given back with the last of them.
fn until_it_may_not<T: Send + 'static, P: Send + 'static>(
    pieces: Pieces<T>,
    reader: Reader,
    drain: CancellationToken,
    place: P,
) -> BoxStream<'static, Result<T, Status>> {
    let held = Some((pieces, reader, drain, place));
    stream::unfold(held, |held| async move {
        let (mut pieces, mut reader, drain, place) = held?;
        let next = async { pieces.next().await.transpose() };
        let next: Result<Option<T>, Error> = reader.while_it_may(&drain, next).await;
        match next {
            Ok(piece) => Some((Ok(piece?), Some((pieces, reader, drain, place)))),
            Err(error) => Some((Err(status::from_error(&error)), None)),
        }
    })
    .boxed()
}
