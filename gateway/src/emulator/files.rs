//! The calls about attachments.

use futures_util::{StreamExt as _, stream};
use im_chats_emulator::{Attachment, Reply};
use im_chats_protocol::error::Error;

use super::{Beside, Emulator, draft, input};
use crate::log::kind::Kind;
use crate::service::calls::Pieces;
use crate::service::context::CallContext;
use crate::service::proto::download_attachment_response::Payload;
use crate::service::proto::{
    DownloadAttachmentRequest, DownloadAttachmentResponse, DownloadHeader, GetAttachmentInfoRequest, GetAttachmentInfoResponse,
    UploadAttachmentRequest, UploadAttachmentResponse,
};

const GUID: &str = "attachmentGuid";

impl Emulator {
    pub(super) async fn upload(
        &self,
        call: &CallContext,
        request: UploadAttachmentRequest,
    ) -> Result<UploadAttachmentResponse, Error> {
        let command = draft::upload(&request)?;
        let companion = request.companion.as_ref().map(|companion| companion.data.clone()).unwrap_or_default();
        let beside = Beside { data: request.data.clone(), companion };
        let size = beside.data.len().saturating_add(beside.companion.len());
        let write = input::write_apart("UploadAttachment", call, None, size, request).await?;
        match self.execute(command, write, beside).await?.answer {
            Reply::Attachment(attachment) => {
                let Attachment { info, companion } = attachment.as_ref();
                Ok(UploadAttachmentResponse { attachment: Some(info.into()), companion: companion.as_ref().map(Into::into) })
            }
            _ => Err(draft::unexpected()),
        }
    }

    pub(super) fn attachment_info(&self, request: &GetAttachmentInfoRequest) -> Result<GetAttachmentInfoResponse, Error> {
        let guid = input::name(&request.attachment_guid, GUID)?;
        let view = self.0.view.read();
        Ok(GetAttachmentInfoResponse { attachment: Some((&view.attachment(&guid)?.info).into()) })
    }

    /// What is known of it, then its bytes, then those of its companion. Both are checked before the first of them.
    pub(super) async fn download(
        &self,
        request: &DownloadAttachmentRequest,
    ) -> Result<Pieces<DownloadAttachmentResponse>, Error> {
        let guid = input::name(&request.attachment_guid, GUID)?;
        let Attachment { info, companion } = self.0.view.read().attachment(&guid)?.clone();
        let file = self.stored(Kind::Attachment, &guid, |state| state.attachment(&guid).map(|_| true)).await?;
        let has_companion = companion.is_some();
        let movie = self.stored(Kind::Companion, &guid, |state| state.attachment(&guid).map(|_| has_companion)).await?;
        let header = DownloadHeader { attachment: Some((&info).into()), companion: companion.as_ref().map(Into::into) };
        let answer = |payload| DownloadAttachmentResponse { payload: Some(payload) };
        let first = stream::iter([Ok(answer(Payload::Header(header)))]);
        let file = stream::iter(file).flat_map(|file| file.into_pieces(()));
        let movie = stream::iter(movie).flat_map(|movie| movie.into_pieces(()));
        let file = file.map(move |piece| piece.map(|piece| answer(Payload::PrimaryChunk(piece))));
        let movie = movie.map(move |piece| piece.map(|piece| answer(Payload::CompanionChunk(piece))));
        Ok(first.chain(file).chain(movie).boxed())
    }
}
