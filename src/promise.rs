//! Promises of what calls and streams give, by their TypeScript types.

use std::future::Future;
use std::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

#[wasm_bindgen]
extern "C" {
    /// Of a chat that was created, and perhaps its first message.
    #[wasm_bindgen(typescript_type = "Promise<CreateChatResult>")]
    pub type CreatedPromise;

    /// Of a chat.
    #[wasm_bindgen(typescript_type = "Promise<Chat>")]
    pub type ChatPromise;

    /// Of a page of chats.
    #[wasm_bindgen(typescript_type = "Promise<{ readonly chats: Chat[]; readonly nextPageToken?: string }>")]
    pub type ChatPagePromise;

    /// Of a number.
    #[wasm_bindgen(typescript_type = "Promise<number>")]
    pub type NumberPromise;

    /// Of true or false.
    #[wasm_bindgen(typescript_type = "Promise<boolean>")]
    pub type BooleanPromise;

    /// Of a token that was made.
    #[wasm_bindgen(typescript_type = "Promise<CreateTokenResult>")]
    pub type TokenPromise;

    /// Of nothing but the success.
    #[wasm_bindgen(typescript_type = "Promise<void>")]
    pub type VoidPromise;

    /// Of an array of at least one event, or undefined at the end.
    #[wasm_bindgen(typescript_type = "Promise<unknown[] | undefined>")]
    pub type BatchPromise;
}

/// Runs a future, and gives the promise of its result.
///
/// The exports are no `async fn`: each would bring a copy of what runs a future, 9 KB together, where this one serves all.
pub(crate) fn promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let future: Pin<Box<dyn Future<Output = _>>> = Box::pin(future);
    future_to_promise(future)
}
