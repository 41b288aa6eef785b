//! `im.chats`: nine unary calls, the pages of the list of chats, and the stream of chat events.

use std::rc::Rc;

use im_chats_protocol::error::Error;
use im_chats_protocol::wire::frame::Topic;
use im_chats_protocol::wire::request::Request;
use im_chats_protocol::wire::routes::Route;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls, start};
use crate::driver::Driver;
use crate::input::{Options, addresses, bytes, flag, guid};
use crate::promise::{BooleanPromise, ChatPagePromise, ChatPromise, CreatedPromise, NumberPromise, VoidPromise};
use crate::stream::EventStream;
use crate::value::Value;

/// Creates and manages conversations, and watches them.
#[wasm_bindgen]
pub struct Chats {
    pub(crate) calls: Rc<Calls>,
    pub(crate) driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Chats {
    /// Creates a chat, or resolves the one that is already there: one address gives the direct chat, two or more a group.
    ///
    /// The server normalises addresses and rejects short codes, service numbers, invalid e-mail addresses and duplicates.
    /// `effect` and `subject` go out only together with `message`. With `clientMessageId` a repeated create gives the first
    /// result again, also after a crash.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server; `context.field` names it
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another create
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const { chat, initialMessage } = await im.chats.create(["alice@example.com"], { message: "Hello", effect: "confetti" });
    /// console.log(chat.guid, initialMessage?.dateCreated);
    #[wasm_bindgen(return_description = "the chat, and the opening message when there was one")]
    pub fn create(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "readonly string[]",
            param_description = "1 to 1,024 full e-mail addresses or E.164 phone numbers"
        )]
        addresses: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "CreateChatOptions & CallOptions",
            param_description = "an opening message, an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> CreatedPromise {
        let options = Options::new(options);
        let request = || Request::create(self::addresses(&addresses)?, options.create()?);
        self.run(request(), &options).unchecked_into()
    }

    /// Fetches a chat.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when the chat does not exist or cannot be resolved
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const chat = await im.chats.get("any;-;alice@example.com");
    /// console.log(chat.displayName, chat.unreadCount, chat.isGroup);
    #[wasm_bindgen(return_description = "the chat as it is now")]
    pub fn get(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> ChatPromise {
        self.about(Route::GetChat, &chat, options).unchecked_into()
    }

    /// Counts the visible chats; archived ones only with `includeArchived: true`.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const active = await im.chats.count();
    /// const all = await im.chats.count({ includeArchived: true });
    #[wasm_bindgen(return_description = "how many there are")]
    pub fn count(
        &self,
        #[wasm_bindgen(
            unchecked_optional_param_type = "CountChatsOptions & CallOptions",
            param_description = "`includeArchived`, by default false, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> NumberPromise {
        let options = Options::new(options);
        let request = options.flag("includeArchived").map(|archived| Request::count(archived.unwrap_or(false)));
        self.run(request, &options).unchecked_into()
    }

    /// Marks every message in the chat as read. Safe to repeat.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.chats.markRead(chat.guid);
    #[wasm_bindgen(js_name = markRead, return_description = "nothing, once the server did it")]
    pub fn mark_read(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> VoidPromise {
        self.about(Route::MarkChatRead, &chat, options).unchecked_into()
    }

    /// Shows or hides the typing indicator. It is temporary: no event of it is logged, and none can be caught up.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.chats.setTyping(chat.guid, true);
    /// await im.chats.setTyping(chat.guid, false);
    #[wasm_bindgen(js_name = setTyping, return_description = "nothing, once the server did it")]
    pub fn set_typing(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            js_name = isTyping,
            unchecked_param_type = "boolean",
            param_description = "true shows the indicator, false hides it"
        )]
        is_typing: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> VoidPromise {
        let request = || Ok(Request::set_typing(&guid(&chat)?, flag(&is_typing, "isTyping")?));
        self.run(request(), &Options::new(options)).unchecked_into()
    }

    /// Sends the account's contact card. The card comes from the Mac that runs the service; its fields cannot be chosen.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.chats.shareContactInfo(chat.guid);
    #[wasm_bindgen(js_name = shareContactInfo, return_description = "nothing, once the server did it")]
    pub fn share_contact_info(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> VoidPromise {
        self.about(Route::ShareContactInfo, &chat, options).unchecked_into()
    }

    /// Sets the chat's background from raw image bytes: JPEG, PNG, HEIC or HEIF, which the server tells by their content.
    ///
    /// When it resolves, the change was submitted; other people's devices usually show it within 30 s.
    ///
    /// @throws ValidationError when an argument is wrong, or the image is empty, too large or of another kind; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// import { readFile } from "node:fs/promises";
    ///
    /// await im.chats.setBackground(chat.guid, await readFile("background.jpg"));
    #[wasm_bindgen(js_name = setBackground, return_description = "nothing, once the change was submitted")]
    pub fn set_background(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "ArrayBufferView | ArrayBuffer",
            param_description = "the image: 1 to 20,971,520 bytes (20 MiB); of a view only what it shows is sent"
        )]
        data: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> VoidPromise {
        let call = || {
            let request = Request::about(Route::SetBackground, &guid(&chat)?);
            Call::with_data(request, Some(bytes(&data)?), &Options::new(options))
        };
        start(&self.calls, call()).unchecked_into()
    }

    /// Whether the chat has a custom background.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// if (await im.chats.hasBackground(chat.guid)) await im.chats.removeBackground(chat.guid);
    #[wasm_bindgen(js_name = hasBackground, return_description = "true when there is one")]
    pub fn has_background(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> BooleanPromise {
        self.about(Route::HasBackground, &chat, options).unchecked_into()
    }

    /// Removes the custom background. Safe to repeat, also when none is set.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such chat
    /// @throws AuthenticationError when the token is refused
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.chats.removeBackground(chat.guid);
    #[wasm_bindgen(js_name = removeBackground, return_description = "nothing, once the server did it")]
    pub fn remove_background(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "string",
            param_description = "the chat's `guid`, as `create`, `get` or an event gave it: at most 512 bytes"
        )]
        chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> VoidPromise {
        self.about(Route::RemoveBackground, &chat, options).unchecked_into()
    }

    /// A page of chats. What users get is the list, which the shell makes of the pages.
    #[wasm_bindgen(js_name = listPage)]
    pub fn list_page(&self, #[wasm_bindgen(unchecked_param_type = "object")] options: JsValue) -> ChatPagePromise {
        let options = Options::new(options);
        let request = || Request::list_chats(options.list_chats()?);
        self.run(request(), &options).unchecked_into()
    }

    /// Opens a stream of chat events.
    #[wasm_bindgen(js_name = subscribeEvents)]
    pub fn subscribe_events(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "object")] options: JsValue,
    ) -> Result<EventStream, JsValue> {
        EventStream::subscribe(&self.driver, Topic::Chats, &Options::new(options))
    }
}

impl Chats {
    /// A call about one chat that takes no option but `signal`.
    fn about(&self, route: Route, chat: &JsValue, options: JsValue) -> Promise {
        let request = guid(chat).map(|chat| Request::about(route, &chat));
        self.run(request, &Options::new(options))
    }

    fn run(&self, request: Result<Request<Value>, Error>, options: &Options) -> Promise {
        start(&self.calls, Call::new(request, options))
    }
}
