//! What the upstream answers piece by piece, passed on as fast as it is taken.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use im_chats_protocol::error::{Error, ErrorCode};
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::{DOWNLOADS, MAX_PIECE, Upstream, Use};
use crate::relay::failure;
use crate::service::calls::Pieces;
use crate::service::context::CallContext;
use crate::service::full;

/// How long the upstream may need for the next piece of a download.
const DOWNLOAD_SILENCE: Duration = Duration::from_secs(30);

impl Upstream {
    /// A call whose streamed answer ends, passed through. One piece is in memory at a time, beside one that the upstream may
    /// send ahead; a caller who stops taking stops the upstream.
    ///
    /// # Errors
    /// As for [`Upstream::watch`]; `serviceUnavailable` when too many are under way.
    pub async fn download<Q, A>(&self, path: &'static str, call: &CallContext, message: Q) -> Result<Pieces<A>, Error>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let place = Arc::clone(&self.0.downloads).try_acquire_owned().map_err(|_| full::error("downloads", DOWNLOADS))?;
        let pieces = self.open(path, call, message, Use::Transfer).await?;
        let next = |mut pieces: Streaming<A>| async move {
            let piece = tokio::time::timeout(DOWNLOAD_SILENCE, pieces.message()).await;
            let piece = piece.map_err(|_| Error::new(ErrorCode::Timeout, "the upstream did not go on with its answer in time"));
            (piece.and_then(|piece| piece.map_err(|status| failure::from_status(&status))), pieces)
        };
        // After an error nothing comes any more. The place is given back with the last piece.
        let pieces = stream::unfold(Some((pieces, place)), move |held| async move {
            let (pieces, place) = held?;
            let (piece, pieces) = next(pieces).await;
            let piece = piece.transpose()?;
            let rest = piece.is_ok().then_some((pieces, place));
            Some((piece, rest))
        });
        Ok(pieces.boxed())
    }

    /// A call whose answer tells what happens, for as long as the caller wants, passed through.
    ///
    /// # Errors
    /// What the upstream says before the first piece; `serviceUnavailable` when it cannot be reached and `timeout` when it
    /// does not begin.
    pub async fn watch<Q, A>(&self, path: &'static str, call: &CallContext, message: Q) -> Result<Pieces<A>, Error>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let pieces = self.open(path, call, message, Use::Call).await?;
        Ok(pieces.map(|piece| piece.map_err(|status| failure::from_status(&status))).boxed())
    }

    async fn open<Q, A>(&self, path: &'static str, call: &CallContext, message: Q, of: Use) -> Result<Streaming<A>, Error>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut request = self.request(message);
        self.accompany(&mut request, call)?;
        let mut client = self.client(of).max_decoding_message_size(MAX_PIECE);
        let open = async move {
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            client.server_streaming(request, PathAndQuery::from_static(path), codec).await
        };
        let opened = tokio::time::timeout(self.0.settings.timeout, open).await;
        let opened = opened.map_err(|_| failure::timed_out())?;
        Ok(opened.map_err(|status| failure::from_status(&status))?.into_inner())
    }
}
