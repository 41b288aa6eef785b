//! What the upstream answers piece by piece, passed on as fast as it is taken.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use im_chats_protocol::error::{Error, ErrorCode};
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::{Upstream, Use, in_time};
use crate::relay::failure;
use crate::service::backend::CallContext;
use crate::service::calls::Pieces;

impl Upstream {
    /// A call with a streamed answer, passed through. One piece is in memory at a time, beside what the connection lets the
    /// upstream send ahead; a caller who stops taking stops the upstream. `silence` is how long the upstream may need for a
    /// piece; none, where pieces come when something happens.
    ///
    /// # Errors
    /// What the upstream says before the first piece; `serviceUnavailable` when it cannot be reached and `timeout` when it
    /// does not begin.
    pub async fn pieces<Q, A>(
        &self,
        path: &'static str,
        call: &CallContext,
        message: Q,
        silence: Option<Duration>,
    ) -> Result<Pieces<A>, Error>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut request = self.request(message);
        self.accompany(&mut request, call)?;
        let mut client = self.client(Use::Transfer);
        let open = async move {
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            client.server_streaming(request, PathAndQuery::from_static(path), codec).await
        };
        let answer = in_time(self.0.settings.timeout, open).await.map_err(|status| failure::from_status(&status))?;
        // After an error nothing comes any more.
        let pieces = stream::unfold(Some(answer.into_inner()), move |pieces| async move {
            let mut pieces = pieces?;
            match next(&mut pieces, silence).await {
                Ok(Some(piece)) => Some((Ok(piece), Some(pieces))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(pieces.boxed())
    }
}

async fn next<A>(pieces: &mut Streaming<A>, silence: Option<Duration>) -> Result<Option<A>, Error> {
    let piece = match silence {
        Some(silence) => tokio::time::timeout(silence, pieces.message())
            .await
            .map_err(|_| Error::new(ErrorCode::Timeout, "the upstream did not go on with its answer in time"))?,
        None => pieces.message().await,
    };
    piece.map_err(|status| failure::from_status(&status))
}
