//! The binding: `im.chats` for JavaScript. It converts values and carries out what `im_chats_protocol` decides.
//!
//! May use: `im_chats_protocol`, and JavaScript, which no other crate knows.
//!
//! The TypeScript shell (`pkg-template/`) owns `fetch`, `WebSocket`, timers and waiting: it carries out what is decided here,
//! through the `host::Host` that it hands in and the calls of `client::Core`. Not gloo-net: it alone added 18 KB (brotli) to a
//! package whose budget was 33 KB, its `WebSocket` has an unbounded queue of received frames and knows no `ws` for the Node
//! versions without a global one, and a send after close is lost without an error. Not wasm-bindgen-futures: the async code of
//! the calls was a seventh of the module. No value is converted with serde-wasm-bindgen on the way to a user (its derived code
//! for three option objects was 17 KB); it checks the shapes in the tests instead.

// The shipped module leaves the standard library out, since its panics come with their messages, and what makes those is an
// eighth of the module. Everywhere else, in tests above all, panics are worth reading.
#![cfg_attr(feature = "no-std", no_std)]
#![cfg(target_arch = "wasm32")]

extern crate alloc;

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
mod waiters;
