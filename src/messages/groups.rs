//! `im.groups`: who is in a group, and what it is called.

use std::rc::Rc;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::ChatGuid;
use im_chats_protocol::wire::messaging::groups::group;
use im_chats_protocol::wire::request::Request;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls, start};
use crate::input::{Options, addresses, text};
use crate::messages::input::key;
use crate::promise::{ChatPromise, VoidPromise};
use crate::value::Value;

/// Reads and changes groups.
#[wasm_bindgen]
pub struct Groups {
    pub(super) calls: Rc<Calls>,
}

#[wasm_bindgen]
impl Groups {
    /// Fetches a group. A direct chat is refused before anything is sent; `chats.get` fetches both.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server, such as the `guid` of a direct chat; `context.field` names it
    /// @throws NotFoundError of code `chatNotFound` when there is no such group
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const { displayName, participants } = await im.groups.get(chat.guid);
    #[wasm_bindgen(return_description = "the group")]
    pub fn get(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the group's `guid`, which begins with `any;+;`")]
        chat: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "CallOptions", param_description = "`signal` aborts the call")] options: JsValue,
    ) -> ChatPromise {
        self.run(named(&chat).map(|group| Request::get_group(&group)), &Options::new(options)).unchecked_into()
    }

    /// Names a group.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server, such as the `guid` of a direct chat; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when this account left the group
    /// @throws NotFoundError of code `chatNotFound` when there is no such group
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.groups.rename(chat.guid, "Trip to Rome");
    #[wasm_bindgen(return_description = "the group as it is now")]
    pub fn rename(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the group's `guid`, which begins with `any;+;`")]
        chat: JsValue,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the new name, not empty")] name: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "ChangeGroupOptions & CallOptions",
            param_description = "an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> ChatPromise {
        let options = Options::new(options);
        let request = || Request::rename_group(&named(&chat)?, &text(&name, "name")?, key(&options)?);
        self.run(request(), &options).unchecked_into()
    }

    /// Adds people to a group.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server, such as the `guid` of a direct chat; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when this account left the group
    /// @throws NotFoundError of code `chatNotFound` when there is no such group
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.groups.add(chat.guid, ["bob@example.com"]);
    #[wasm_bindgen(return_description = "the group as it is now")]
    pub fn add(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the group's `guid`, which begins with `any;+;`")]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "readonly string[]",
            param_description = "1 to 1,024 full e-mail addresses or E.164 phone numbers"
        )]
        addresses: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "ChangeGroupOptions & CallOptions",
            param_description = "an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> ChatPromise {
        self.change(&chat, &addresses, true, options).unchecked_into()
    }

    /// Removes people from a group. Somebody else must stay.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server, such as the `guid` of a direct chat; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when this account left the group
    /// @throws NotFoundError of code `chatNotFound` when there is no such group
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.groups.remove(chat.guid, ["bob@example.com"]);
    #[wasm_bindgen(return_description = "the group as it is now")]
    pub fn remove(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the group's `guid`, which begins with `any;+;`")]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_param_type = "readonly string[]",
            param_description = "1 to 1,024 full e-mail addresses or E.164 phone numbers"
        )]
        addresses: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "ChangeGroupOptions & CallOptions",
            param_description = "an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> ChatPromise {
        self.change(&chat, &addresses, false, options).unchecked_into()
    }

    /// Leaves a group. Only somebody who is in it can bring this account back.
    ///
    /// @throws ValidationError when an argument is wrong, here or for the server, such as the `guid` of a direct chat; `context.field` names it
    /// @throws ValidationError of code `preconditionFailed` when this account left the group before
    /// @throws NotFoundError of code `chatNotFound` when there is no such group
    /// @throws IMessageError of code `duplicateMessage` when the `clientMessageId` was used for another write
    /// @throws AuthenticationError when the token is refused, or does not allow this
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// await im.groups.leave(chat.guid);
    #[wasm_bindgen(return_description = "nothing, once the server did it")]
    pub fn leave(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string", param_description = "the group's `guid`, which begins with `any;+;`")]
        chat: JsValue,
        #[wasm_bindgen(
            unchecked_optional_param_type = "ChangeGroupOptions & CallOptions",
            param_description = "an idempotency key, and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> VoidPromise {
        let options = Options::new(options);
        let request = || Request::leave_group(&named(&chat)?, key(&options)?);
        self.run(request(), &options).unchecked_into()
    }
}

impl Groups {
    fn change(&self, chat: &JsValue, addresses: &JsValue, add: bool, options: JsValue) -> Promise {
        let options = Options::new(options);
        let request = || Request::change_participants(&named(chat)?, &self::addresses(addresses)?, add, key(&options)?);
        self.run(request(), &options)
    }

    fn run(&self, request: Result<Request<Value>, Error>, options: &Options) -> Promise {
        start(&self.calls, Call::new(request, options))
    }
}

fn named(chat: &JsValue) -> Result<ChatGuid, Error> {
    group(&text(chat, "chat")?)
}
