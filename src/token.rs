//! The user's token: a text, or a function that is asked for every call and every connection.

use im_chats_protocol::error::{Error, ErrorCode};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::error::{cause, own};
use crate::host::WeakHost;

/// The token as it is now.
///
/// # Errors
/// `unauthenticated` when the function fails or gives no token; an error of our own classes that it throws passes through.
pub(crate) async fn fetch(host: &WeakHost) -> Result<String, Error> {
    let Some(host) = host.deref() else { return Err(refused("the client is gone")) };
    let given = async {
        let given = host.token()?;
        // Most tokens are texts, and waiting for one would cost a turn of the event loop.
        if given.is_object() { JsFuture::from(Promise::resolve(&given)).await } else { Ok(given) }
    };
    let token = given.await.map_err(|error| failed(&error))?;
    token
        .as_string()
        .filter(|token| is_token(token))
        .ok_or_else(|| refused("the token is empty or not made of visible ASCII characters"))
}

/// Anything else could not travel in a header, and `fetch` would call it a network failure.
fn is_token(token: &str) -> bool {
    !token.is_empty() && is_visible_ascii(token)
}

/// Whether a header carries a text unchanged.
pub(crate) fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn failed(error: &JsValue) -> Error {
    own(error).unwrap_or_else(|| refused("the token function failed").with_cause(cause(error.clone())))
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorCode::Unauthenticated, message)
}
