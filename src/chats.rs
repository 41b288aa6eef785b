//! `im.chats`: the nine unary calls. Each checks what it was given and makes a [`PreparedCall`] of it.

use wasm_bindgen::prelude::*;

use crate::call::PreparedCall;
use crate::client::Core;
use crate::failure::to_js;
use crate::input::{Options, addresses, bytes, flag, guid};
use crate::js::Parsed;
use im_chats_protocol::error::Error;
use im_chats_protocol::wire::request::Request;
use im_chats_protocol::wire::routes::Route;

impl Core {
    fn call(&self, call: Result<PreparedCall, Error>) -> Result<JsValue, JsValue> {
        match call {
            Ok(call) => Ok(call.into_js(&self.driver.base_url)),
            Err(error) => Err(to_js(&self.driver.host, &error, &JsValue::UNDEFINED)),
        }
    }

    /// A call about one chat that takes no option but `signal`.
    fn about(&self, chat: &JsValue, options: JsValue, route: Route) -> Result<JsValue, JsValue> {
        self.call(guid(chat).and_then(|chat| plain(Request::about(route, &chat), options)))
    }
}

fn plain(request: Request<Parsed>, options: JsValue) -> Result<PreparedCall, Error> {
    let options = Options::new(options);
    Ok(PreparedCall { request, image: None, signal: options.signal()? })
}

// The types are those of the methods as users meet them: the shell carries the call out, and passes types and documentation on.
#[wasm_bindgen]
impl Core {
    /// Creates a chat, or resolves the one that is already there: one address gives the direct chat, two or more a group.
    ///
    /// The server normalises addresses and rejects short codes, service numbers, invalid e-mail addresses and duplicates.
    /// `effect` and `subject` go out only together with `message`. With `clientMessageId` a repeated create gives the first
    /// result again, also after a crash; the same id with other arguments is an `IMessageError` with code
    /// `duplicateMessage`.
    ///
    /// @example
    /// const { chat } = await im.chats.create(["alice@example.com"], { message: "Hello" });
    #[wasm_bindgen(unchecked_return_type = "Promise<CreateChatResult>")]
    pub fn create(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "readonly string[]",
            param_description = "at least one full e-mail address or E.164 phone number"
        )]
        addresses: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CreateChatOptions & CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let call = || {
            let addresses = self::addresses(addresses)?;
            let options = Options::new(options);
            let request = Request::create(addresses, options.create()?)?;
            Ok(PreparedCall { request, image: None, signal: options.signal()? })
        };
        self.call(call())
    }

    /// Fetches a chat. Throws `NotFoundError` when it does not exist or cannot be resolved.
    #[wasm_bindgen(unchecked_return_type = "Promise<Chat>")]
    pub fn get(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.about(chat, options, Route::GetChat)
    }

    /// Counts the visible chats; archived ones only with `includeArchived: true`.
    #[wasm_bindgen(unchecked_return_type = "Promise<number>")]
    pub fn count(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "CountChatsOptions & CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let call = || {
            let options = Options::new(options);
            let request = Request::count(options.flag("includeArchived")?.unwrap_or(false));
            Ok(PreparedCall { request, image: None, signal: options.signal()? })
        };
        self.call(call())
    }

    /// Marks every message in the chat as read. Safe to repeat.
    #[wasm_bindgen(js_name = markRead, unchecked_return_type = "Promise<void>")]
    pub fn mark_read(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.about(chat, options, Route::MarkChatRead)
    }

    /// Shows or hides the typing indicator. It is temporary: no event of it is logged, and none can be caught up.
    #[wasm_bindgen(js_name = setTyping, unchecked_return_type = "Promise<void>")]
    pub fn set_typing(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(
            js_name = isTyping,
            unchecked_param_type = "boolean",
            param_description = "true shows the indicator, false hides it"
        )]
        is_typing: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let call = || {
            let chat = guid(chat)?;
            plain(Request::set_typing(&chat, flag(is_typing, "isTyping")?), options)
        };
        self.call(call())
    }

    /// Sends the account's contact card. The card comes from the Mac that runs the service; its fields cannot be chosen.
    #[wasm_bindgen(js_name = shareContactInfo, unchecked_return_type = "Promise<void>")]
    pub fn share_contact_info(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.about(chat, options, Route::ShareContactInfo)
    }

    /// Sets the chat's background from raw image bytes: JPEG, PNG, HEIC or HEIF, which the server tells by their content.
    ///
    /// When it resolves, the change was submitted; other people's devices usually show it within 30 s.
    #[wasm_bindgen(js_name = setBackground, unchecked_return_type = "Promise<void>")]
    pub fn set_background(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "ArrayBufferView | ArrayBuffer",
            param_description = "the image, not empty; of a view only what it shows is sent"
        )]
        data: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let call = || {
            let chat = guid(chat)?;
            let data = bytes(data)?;
            Ok(PreparedCall { image: Some(data), ..plain(Request::about(Route::SetBackground, &chat), options)? })
        };
        self.call(call())
    }

    /// Whether the chat has a custom background.
    #[wasm_bindgen(js_name = hasBackground, unchecked_return_type = "Promise<boolean>")]
    pub fn has_background(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.about(chat, options, Route::HasBackground)
    }

    /// Removes the custom background. Safe to repeat, also when none is set.
    #[wasm_bindgen(js_name = removeBackground, unchecked_return_type = "Promise<void>")]
    pub fn remove_background(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the chat's guid")] chat: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions")] options: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.about(chat, options, Route::RemoveBackground)
    }
}

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Options that every call takes. */
export interface CallOptions {
    /** Aborts the call; it then rejects with the signal's reason. */
    readonly signal?: AbortSignal | undefined;
}

/** Options of `chats.count`. */
export interface CountChatsOptions {
    /** Also count archived chats. Default false. */
    readonly includeArchived?: boolean | undefined;
}
"#;
