//! `im.messages` and `im.groups`: sending, reading and changing messages, and what groups are. Only the wasm of `im-chats/messages` has it.

mod attachment;
pub(crate) mod file_message;
mod groups;
mod input;
mod shapes;

use std::rc::Rc;

use im_chats_protocol::error::Error;
use im_chats_protocol::wire::request::Request;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls, start};
use crate::client::Client;
use crate::input::{Options, guid, text};
use crate::messages::groups::Groups;
use crate::messages::input::{key, list_options, reaction, send_options, target};
use crate::promise::VoidPromise;
use crate::value::Value;

#[wasm_bindgen]
extern "C" {
    /// Of a message.
    #[wasm_bindgen(typescript_type = "Promise<Message>")]
    pub type MessagePromise;

    /// Of a page of messages.
    #[wasm_bindgen(typescript_type = "Promise<MessagePage>")]
    pub type MessagePagePromise;
}

#[wasm_bindgen]
impl Client {
    /// Sends, changes and reads messages.
    #[wasm_bindgen(getter)]
    pub fn messages(&self) -> Messages {
        Messages { calls: Rc::clone(&self.calls) }
    }

    /// Reads and changes groups.
    #[wasm_bindgen(getter)]
    pub fn groups(&self) -> Groups {
        Groups { calls: Rc::clone(&self.calls) }
    }
}

/// Sends, changes and reads messages.
#[wasm_bindgen]
pub struct Messages {
    calls: Rc<Calls>,
}

#[wasm_bindgen]
impl Messages {
    /// Sends a text into a chat.
    ///
    /// The server trims the text; it must not be empty. Without `effect`, `subject`, `formatting` and `replyTo` it is a plain message.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` or `messageNotFound` when there is no such chat, or no such message to answer
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const message = await im.messages.send(chat.guid, "Hello!", { effect: "confetti" });
    /// await im.messages.send(chat.guid, "How are you?", { replyTo: message.guid });
    #[wasm_bindgen(return_description = "the message as it was sent")]
    pub fn send(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the text, not empty: with everything else in the request at most 262,144 bytes"
        )]
        text: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "SendMessageOptions & CallOptions",
            param_description = "what it answers, its effect, subject and formatting, an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> MessagePromise {
        let options = Options::new(options);
        let request = || Request::send_text(&guid(&chat)?, &self::text(&text, "text")?, send_options(&options)?);
        self.run(request(), &options).unchecked_into()
    }

    /// Sends a file into a chat: uploads its bytes, then sends the message, as one call with one `timeout` and one idempotency key.
    ///
    /// The `guid` of an attachment that was uploaded before is sent without an upload. When the upload was done and the message was not
    /// sent, the error's `context.attachmentGuid` names the attachment: send that, or repeat the call with the same `clientMessageId`,
    /// which uploads nothing twice.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound`, `messageNotFound` or `attachmentNotFound` when there is no such chat, message to answer or attachment
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// import { readFile } from "node:fs/promises";
    ///
    /// await im.messages.sendAttachment(chat.guid, await readFile("photo.jpg"), { fileName: "photo.jpg" });
    #[wasm_bindgen(js_name = sendAttachment, return_description = "the message as it was sent")]
    pub fn send_attachment(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "ArrayBufferView | ArrayBuffer | string",
            param_description = "the file, 1 to 104,857,600 bytes (100 MiB), or the `guid` of an attachment of this account; of a view only what it shows is sent"
        )]
        data: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "SendAttachmentOptions & CallOptions",
            param_description = "`fileName`, which bytes need; whether it is a voice message, what it answers, its effect, an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> MessagePromise {
        attachment::send(&self.calls, &chat, &data, &Options::new(options)).unchecked_into()
    }

    /// Changes the text of an own message. The service allows it for 15 minutes after the message was sent; formatting is lost.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when the message is another's, too old, taken back, or has no text
    /// @throws NotFoundError of code `messageNotFound` when there is no such message
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const message = await im.messages.send(chat.guid, "Thinking …");
    /// await im.messages.edit(chat.guid, message.guid, "The answer is 42.");
    #[wasm_bindgen(return_description = "the message as it is now")]
    pub fn edit(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the message's `guid`, as a call or an event gave it"
        )]
        message: JsValue,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the new text, not empty")] text: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "EditMessageOptions & CallOptions",
            param_description = "which part, a text for old devices, an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> MessagePromise {
        let options = Options::new(options);
        let request = || {
            let (chat, target, text) = (guid(&chat)?, target(&message, &options)?, self::text(&text, "text")?);
            Request::edit_message(&chat, &target, &text, options.text("backwardCompatText")?.as_deref(), key(&options)?)
        };
        self.run(request(), &options).unchecked_into()
    }

    /// Takes an own message back. The service allows it for 2 minutes after the message was sent.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when the message is another's, too old, or taken back already
    /// @throws NotFoundError of code `messageNotFound` when there is no such message
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.messages.unsend(chat.guid, message.guid);
    #[wasm_bindgen(return_description = "nothing, once the server did it")]
    pub fn unsend(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the message's `guid`, as a call or an event gave it"
        )]
        message: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "UnsendMessageOptions & CallOptions",
            param_description = "which part, an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> VoidPromise {
        let options = Options::new(options);
        let request = || Request::unsend_message(&guid(&chat)?, &target(&message, &options)?, key(&options)?);
        self.run(request(), &options).unchecked_into()
    }

    /// Puts a reaction on a message, or removes it with `remove: true`. Of one person a message has one reaction: another one replaces it.
    ///
    /// A reaction is a name, or an object as a message has it in `appliedReactions`: `{ kind: "emoji", emoji: "🎉" }` is any emoji.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when the message was taken back
    /// @throws NotFoundError of code `messageNotFound` when there is no such message
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.messages.react(chat.guid, message.guid, "love");
    /// await im.messages.react(chat.guid, message.guid, { kind: "emoji", emoji: "🎉" });
    /// await im.messages.react(chat.guid, message.guid, { kind: "emoji", emoji: "🎉" }, { remove: true });
    #[wasm_bindgen(return_description = "the message that it is on, with its `appliedReactions`")]
    pub fn react(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the message's `guid`, as a call or an event gave it"
        )]
        message: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "MessageReactionName | MessageReaction",
            param_description = "`love`, `like`, `dislike`, `laugh`, `emphasize` or `question`, or `{ kind: \"emoji\", emoji }`"
        )]
        reaction: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "ReactOptions & CallOptions",
            param_description = "`remove`, by default false, which part, an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> MessagePromise {
        let options = Options::new(options);
        let request = || {
            let (chat, target) = (guid(&chat)?, target(&message, &options)?);
            let (kind, emoji) = self::reaction(&reaction)?;
            let is_set = !options.flag("remove")?.unwrap_or(false);
            Request::set_reaction(&chat, &target, &kind, emoji.as_deref(), is_set, key(&options)?)
        };
        self.run(request(), &options).unchecked_into()
    }

    /// Fetches a message.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws NotFoundError of code `messageNotFound` when there is no such message
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const message = await im.messages.get(guid);
    /// console.log(message.content.text, message.dateRead);
    #[wasm_bindgen(return_description = "the message")]
    pub fn get(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the message's `guid`, as a call or an event gave it"
        )]
        message: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> MessagePromise {
        let request = text(&message, "message").and_then(|message| Request::get_message(&message));
        self.run(request, &Options::new(options)).unchecked_into()
    }

    /// Lists the messages of a chat, the newest first, a page at a time. Filters are combined: a message passes all of them.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// let pageToken;
    /// do {
    ///   const page = await im.messages.list(chat.guid, { pageSize: 100, pageToken });
    ///   for (const message of page.messages) console.log(message.dateCreated, message.content.text);
    ///   pageToken = page.nextPageToken;
    /// } while (pageToken);
    #[wasm_bindgen(return_description = "the messages, and what leads to the next page when there is one")]
    pub fn list(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "ListMessagesOptions & CallOptions",
            param_description = "how many, from where on, which, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> MessagePagePromise {
        let options = Options::new(options);
        let request = || Request::list_messages(&guid(&chat)?, list_options(&options)?);
        self.run(request(), &options).unchecked_into()
    }
}

impl Messages {
    fn run(&self, request: Result<Request<Value>, Error>, options: &Options) -> Promise {
        start(&self.calls, Call::new(request, options))
    }
}
