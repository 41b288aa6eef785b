//! The calls about messages, groups, polls, attachments, addresses and locations, as a service answers them.

mod table;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use im_chats_protocol::error::{Error, ErrorCode};

use super::context::CallContext;
use super::proto;
pub(crate) use table::messaging_calls;

/// What a service answers piece by piece.
pub type Pieces<T> = BoxStream<'static, Result<T, Error>>;

/// The error of a call that this service does not serve.
#[must_use]
pub fn not_supported(method: &'static str) -> Error {
    Error::new(ErrorCode::OperationNotSupported, "this service does not serve this call").with_context("method", method)
}

macro_rules! messaging {
    ($($service:ident in $module:ident {
        $($(#[$doc:meta])* $kind:ident $method:ident $name:ident($request:ident) -> $answer:ident at $place:ident;)*
    } streams { $($stream:tt)* })*) => {
        /// The calls about messages, groups, polls, attachments, addresses and locations. What a service does not serve it leaves out, and
        /// the caller gets `operationNotSupported`.
        #[async_trait]
        pub trait Messaging: Send + Sync + 'static {
            $($(
                $(#[$doc])*
                async fn $name(&self, _call: &CallContext, _request: proto::$request) -> Result<proto::$answer, Error> {
                    Err(not_supported(stringify!($method)))
                }
            )*)*

            /// An attachment: what is known of it, then its bytes and those of its companion, as fast as they are taken.
            async fn download_attachment(
                &self,
                _call: &CallContext,
                _request: proto::DownloadAttachmentRequest,
            ) -> Result<Pieces<proto::DownloadAttachmentResponse>, Error> {
                Err(not_supported("DownloadAttachment"))
            }

            /// The places of friends, as they change.
            async fn watch_shared_friend_locations(
                &self,
                _call: &CallContext,
                _request: proto::WatchSharedFriendLocationsRequest,
            ) -> Result<Pieces<proto::WatchSharedFriendLocationsResponse>, Error> {
                Err(not_supported("WatchSharedFriendLocations"))
            }
        }
    };
}

messaging_calls!(messaging);
