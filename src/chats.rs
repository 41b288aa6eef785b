//! `im.chats`: the nine unary calls, and the stream of chat events.

use std::rc::Rc;

use im_chats_protocol::error::Error;
use im_chats_protocol::wire::request::Request;
use im_chats_protocol::wire::routes::Route;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls};
use crate::driver::Driver;
use crate::input::{Options, addresses, bytes, flag, guid};
use crate::promise::{BooleanPromise, ChatPromise, CreatedPromise, NumberPromise, VoidPromise, promise};
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
    /// result again, also after a crash; the same id with other arguments is an `IMessageError` with code
    /// `duplicateMessage`.
    ///
    /// @example
    /// const { chat } = await im.chats.create(["alice@example.com"], { message: "Hello" });
    pub fn create(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "readonly string[]",
            param_description = "at least one full e-mail address or E.164 phone number"
        )]
        addresses: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CreateChatOptions & CallOptions")] options: JsValue,
    ) -> CreatedPromise {
        let options = Options::new(options);
        let request = || Request::create(self::addresses(&addresses)?, options.create()?);
        self.run(request(), &options).unchecked_into()
    }

    /// Fetches a chat. Throws `NotFoundError` when it does not exist or cannot be resolved.
    pub fn get(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> ChatPromise {
        self.about(Route::GetChat, &chat, options).unchecked_into()
    }

    /// Counts the visible chats; archived ones only with `includeArchived: true`.
    pub fn count(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "CountChatsOptions & CallOptions")] options: JsValue,
    ) -> NumberPromise {
        let options = Options::new(options);
        let request = options.flag("includeArchived").map(|archived| Request::count(archived.unwrap_or(false)));
        self.run(request, &options).unchecked_into()
    }

    /// Marks every message in the chat as read. Safe to repeat.
    #[wasm_bindgen(js_name = markRead)]
    pub fn mark_read(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> VoidPromise {
        self.about(Route::MarkChatRead, &chat, options).unchecked_into()
    }

    /// Shows or hides the typing indicator. It is temporary: no event of it is logged, and none can be caught up.
    #[wasm_bindgen(js_name = setTyping)]
    pub fn set_typing(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(
            js_name = isTyping,
            unchecked_param_type = "boolean",
            param_description = "true shows the indicator, false hides it"
        )]
        is_typing: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> VoidPromise {
        let request = || Ok(Request::set_typing(&guid(&chat)?, flag(&is_typing, "isTyping")?));
        self.run(request(), &Options::new(options)).unchecked_into()
    }

    /// Sends the account's contact card. The card comes from the Mac that runs the service; its fields cannot be chosen.
    #[wasm_bindgen(js_name = shareContactInfo)]
    pub fn share_contact_info(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> VoidPromise {
        self.about(Route::ShareContactInfo, &chat, options).unchecked_into()
    }

    /// Sets the chat's background from raw image bytes: JPEG, PNG, HEIC or HEIF, which the server tells by their content.
    ///
    /// When it resolves, the change was submitted; other people's devices usually show it within 30 s.
    #[wasm_bindgen(js_name = setBackground)]
    pub fn set_background(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "ArrayBufferView | ArrayBuffer",
            param_description = "the image, not empty; of a view only what it shows is sent"
        )]
        data: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> VoidPromise {
        let call = || {
            let request = Request::about(Route::SetBackground, &guid(&chat)?);
            Ok(Call { request, image: Some(bytes(&data)?), signal: Options::new(options).signal()? })
        };
        self.start(call()).unchecked_into()
    }

    /// Whether the chat has a custom background.
    #[wasm_bindgen(js_name = hasBackground)]
    pub fn has_background(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> BooleanPromise {
        self.about(Route::HasBackground, &chat, options).unchecked_into()
    }

    /// Removes the custom background. Safe to repeat, also when none is set.
    #[wasm_bindgen(js_name = removeBackground)]
    pub fn remove_background(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> VoidPromise {
        self.about(Route::RemoveBackground, &chat, options).unchecked_into()
    }

    /// Opens a stream of chat events.
    #[wasm_bindgen(js_name = subscribeEvents)]
    pub fn subscribe_events(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "object")] options: JsValue,
    ) -> Result<EventStream, JsValue> {
        EventStream::subscribe(&self.driver, &Options::new(options))
    }
}

impl Chats {
    /// A call about one chat that takes no option but `signal`.
    fn about(&self, route: Route, chat: &JsValue, options: JsValue) -> Promise {
        let request = guid(chat).map(|chat| Request::about(route, &chat));
        self.run(request, &Options::new(options))
    }

    fn run(&self, request: Result<Request<Value>, Error>, options: &Options) -> Promise {
        self.start(request.and_then(|request| Ok(Call { request, image: None, signal: options.signal()? })))
    }

    fn start(&self, call: Result<Call, Error>) -> Promise {
        let calls = Rc::clone(&self.calls);
        promise(async move { calls.run(call).await })
    }
}
