//! `im.tokens`: scoped tokens for others, as a back end gives them to its users.

use std::rc::Rc;

use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls, start};
use crate::input::{Options, token};
use crate::promise::TokenPromise;

/// Makes tokens for others.
#[wasm_bindgen]
pub struct Tokens {
    pub(crate) calls: Rc<Calls>,
}

#[wasm_bindgen]
impl Tokens {
    /// Makes a token that allows only what it says: for the page of a signed-in user, which must not have the operator's own token.
    ///
    /// For back ends: it needs the operator's own token (`--token-file` of the gateway), which allows everything. In a browser it is
    /// refused before anything is sent, unless `createClient` has `allowTokenCreationInBrowser`. It is safe to repeat: a token that
    /// nobody got does no harm, and ends by itself.
    ///
    /// @throws ValidationError when an argument is wrong; `context.field` names it. Of code `preconditionFailed` in a browser
    /// @throws AuthenticationError when the client's own token is refused, or is not the operator's
    /// @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
    /// @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
    /// @throws the reason of `signal`, once that is aborted
    ///
    /// @example
    /// const { token, expiresAt } = await im.tokens.create({
    ///   sub: "user-42",
    ///   scope: ["chats:read", "events"],
    ///   chats: ["any;-;alice@example.com"],
    ///   ttlSeconds: 900,
    /// });
    #[wasm_bindgen(return_description = "the token, and when it ends")]
    pub fn create(
        &self,
        #[wasm_bindgen(
            unchecked_param_type = "CreateTokenOptions & CallOptions",
            param_description = "whose token, what it allows, for which chats and how long; and `signal`, which aborts the call"
        )]
        options: JsValue,
    ) -> TokenPromise {
        let options = Options::new(options);
        start(&self.calls, Call::new(token(&options), &options)).unchecked_into()
    }
}
