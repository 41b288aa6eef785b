//! Sending a file: the upload and the message, as one call with one idempotency identity.

use std::rc::Rc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::messaging::request::SendOptions;
use im_chats_protocol::wire::messaging::upload::upload_key;
use im_chats_protocol::wire::request::Request;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::call::{Call, Calls, Progress, start};
use crate::input::{Options, guid, text};
use crate::js::text_of;
use crate::messages::input::{file, send_options};
use crate::promise::promise;
use crate::value::Value;

/// A file on its way into a chat, whose input was checked.
struct FileMessage {
    chat: ChatGuid,
    bytes: Uint8Array,
    upload: Request<Value>,
    options: SendOptions,
    signal: Option<AbortSignal>,
}

/// Sends a file, or an attachment that is at the service already.
pub(super) fn send(calls: &Rc<Calls>, chat: &JsValue, data: &JsValue, options: &Options) -> Promise {
    if data.is_string() {
        let request = || Request::send_attachment(&guid(chat)?, &text(data, "data")?, send_options(options)?);
        return start(calls, Call::new(request(), options));
    }
    let message = FileMessage::new(chat, data, options);
    let calls = Rc::clone(calls);
    promise(async move {
        match message {
            Ok(message) => message.send(&calls).await,
            // It tells the error as any call does.
            Err(error) => calls.run(Err(error)).await,
        }
    })
}

impl FileMessage {
    fn new(chat: &JsValue, data: &JsValue, options: &Options) -> Result<Self, Error> {
        let mut sending = send_options(options)?;
        // The upload names the file.
        let Some(name) = sending.file_name.take() else {
            return Err(Error::invalid("fileName", "expected the name of the file, such as \"photo.jpg\""));
        };
        let message = Self {
            chat: guid(chat)?,
            bytes: file(data)?,
            upload: Request::upload(&name)?,
            options: sending,
            signal: options.signal()?,
        };
        // Nothing is uploaded for a message that could not be sent.
        message.request("unknown")?;
        Ok(message)
    }

    /// The message, once its attachment has a GUID.
    fn request(&self, attachment: &str) -> Result<Request<Value>, Error> {
        Request::send_attachment(&self.chat, attachment, self.options.clone())
    }

    async fn send(mut self, calls: &Calls) -> Result<JsValue, JsValue> {
        let progress = Progress::default();
        let signal = self.signal.take();
        calls.bounded(signal, &progress, self.both(calls, &progress)).await
    }

    /// Uploads the file once, and sends it. An error of the second step says in `context.attachmentGuid` what was uploaded.
    async fn both(self, calls: &Calls, progress: &Progress) -> Result<JsValue, Error> {
        let key = calls.key(self.options.client_message_id.clone());
        let mut upload = self.upload.clone();
        upload.idempotency_key = key.as_deref().map(upload_key);
        let attachment = calls.attempts(upload, Some(self.bytes.clone()), progress).await?;
        let Some(attachment) = text_of(&attachment, "guid") else {
            return Err(Error::new(ErrorCode::InternalError, "the upload has no guid"));
        };
        let mut request = self.request(&attachment)?;
        request.idempotency_key = key;
        let sent = calls.attempts(request, None, progress).await;
        sent.map_err(|error| error.with_context("attachmentGuid", attachment))
    }
}
