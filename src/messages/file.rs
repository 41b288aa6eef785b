//! The message that follows an upload.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::messaging::request::SendOptions;
use im_chats_protocol::wire::request::Request;

use crate::value::Value;

/// The message that a file is uploaded for. Its input was checked.
pub(crate) struct FileMessage {
    pub(super) chat: ChatGuid,
    pub(super) options: SendOptions,
    /// The key of the message, of which the upload's is made.
    pub(super) key: Option<String>,
}

impl FileMessage {
    /// The message, once its attachment has a GUID.
    pub(super) fn request(&self, attachment: &str) -> Result<Request<Value>, Error> {
        let mut request = Request::send_attachment(&self.chat, attachment, self.options.clone())?;
        request.idempotency_key.clone_from(&self.key);
        Ok(request)
    }
}
