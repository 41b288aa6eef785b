//! The binding: the only room that knows JavaScript. It converts and carries out; what can be wrong in an interesting way is
//! decided in `wire` and `session`.
//!
//! `fetch`, `WebSocket`, timers and waiting are the shell's: it carries out what is decided here, through the [`host::Host`] that it
//! hands in and the calls of [`client::Core`]. Not gloo-net: it alone added 18 KB (brotli) to a package whose budget is 33 KB, its
//! `WebSocket` has an unbounded queue of received frames and knows no `ws` for the Node versions without a global one, and a send
//! after close is lost without a word. Not wasm-bindgen-futures: the async code of the calls was a seventh of the module. Likewise
//! no value is converted with serde-wasm-bindgen on the way to a user (its derived code for three option objects was 17 KB); it
//! checks the shapes in the tests instead.

mod call;
mod chats;
mod client;
mod driver;
mod failure;
mod host;
mod input;
mod js;
#[cfg(feature = "no-std")]
mod panic;
mod refusal;
mod stream;
#[cfg(test)]
mod tests;
pub mod types;
