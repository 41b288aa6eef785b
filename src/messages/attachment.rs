//! Sending a file: the upload and the message, as one call with one idempotency identity.

use std::rc::Rc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::wire::messaging::upload::upload_key;
use im_chats_protocol::wire::request::Request;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls, Progress, start};
use crate::input::{Options, guid, text};
use crate::js::text_of;
use crate::messages::file_message::FileMessage;
use crate::messages::input::{file, send_options};
use crate::value::Value;

/// Sends a file, or an attachment that is at the service already.
pub(super) fn send(calls: &Rc<Calls>, chat: &JsValue, data: &JsValue, options: &Options) -> Promise {
    let call = || {
        let chat = guid(chat)?;
        let mut sending = send_options(options)?;
        if data.is_string() {
            return Call::new(Request::send_attachment(&chat, &text(data, "data")?, sending), options);
        }
        // The upload names the file.
        let Some(name) = sending.file_name.take() else {
            return Err(Error::invalid("fileName", "expected the name of the file, such as \"photo.jpg\""));
        };
        let mut upload = Request::upload(&name)?;
        let key = calls.key(sending.client_message_id.clone());
        upload.idempotency_key = key.as_deref().map(upload_key);
        let message = FileMessage { chat, options: sending, key };
        // Nothing is uploaded for a message that could not be sent.
        message.request("unknown")?;
        let call = Call::with_data(upload, Some(file(data)?), options)?;
        Ok(Call { then: Some(message), ..call })
    };
    start(calls, call())
}

impl Calls {
    /// Sends a request, and after an upload the message that it is for. Each is tried again by itself. An error of the message says in
    /// `context.attachmentGuid` what was uploaded.
    pub(crate) async fn steps(
        &self,
        mut request: Request<Value>,
        mut data: Option<Uint8Array>,
        mut then: Option<FileMessage>,
        progress: &Progress,
    ) -> Result<JsValue, Error> {
        let mut uploaded = None;
        loop {
            // In one place for all steps: each other one would be a copy of all that sends a request.
            let answer = self.attempts(request, data.take(), progress).await;
            match (then.take(), uploaded) {
                (Some(message), _) => {
                    let Some(attachment) = text_of(&answer?, "guid") else {
                        return Err(Error::new(ErrorCode::InternalError, "the upload has no guid"));
                    };
                    request = message.request(&attachment)?;
                    uploaded = Some(attachment);
                }
                (None, Some(attachment)) => {
                    return answer.map_err(|error| error.with_context("attachmentGuid", attachment));
                }
                (None, None) => return answer,
            }
        }
    }
}
