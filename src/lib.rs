//! `im.chats` for JavaScript: the binding of the Rust core, compiled to WebAssembly.
//!
//! | what was ordered | where it is |
//! |---|---|
//! | an `im.chats` object with methods that return promises | `Chats` in `chats.rs`: nine calls, each one future of `call.rs` |
//! | sending and reading messages, groups | `messages/`, only in the wasm of `im-chats/messages` (feature `messages`) |
//! | tokens for others, as a back end makes them | `Client::create_token` in `client.rs`: one more such call |
//! | an async-iterable event stream over the WebSocket | `EventStream` in `stream.rs`, which `driver.rs` feeds from `socket.rs` |
//! | TypeScript types that match the documented JSON | tsify, on the shapes of `im_chats_protocol::model` |
//!
//! | package | its part here |
//! |---|---|
//! | wasm-bindgen | the classes `Client`, `Chats`, `Events`, `EventStream`, and what they import |
//! | wasm-bindgen-futures | one future for each call (`call.rs`), token (`token.rs`) and pull of a batch (`stream.rs`, `promise.rs`) |
//! | gloo-net | the headers of calls, and their responses (`transport.rs`) |
//! | web-sys | the event WebSocket (`socket.rs`), signals (`ending.rs`), wake-ups (`wake.rs`) |
//! | js-sys | promises, functions, dates and JSON texts that stay in JavaScript (`js.rs`) |
//! | serde-wasm-bindgen | makes what goes out: bodies, frames, answers, errors, gaps (`value.rs`) |
//! | tsify | the `.d.ts` of every documented shape and option object (`im_chats_protocol::model`, `shapes.rs`) |
//!
//! What the protocol decides is in `im_chats_protocol`, which this crate feeds. The TypeScript shell (`pkg-template/`) loads the
//! wasm when it is first used, and has the classes of errors and the stream's combinators; `host.rs` declares what it hands in.
//!
//! May use: `im_chats_protocol`, and JavaScript, which no other crate knows.

#![cfg(target_arch = "wasm32")]

mod answer;
mod batch;
mod call;
mod chats;
mod client;
mod diagnosis;
mod driver;
mod ending;
mod error;
mod events;
mod host;
mod idempotency;
mod input;
mod js;
mod mailbox;
#[cfg(feature = "messages")]
mod messages;
mod probe;
mod promise;
mod shapes;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod timer;
mod token;
mod transport;
mod value;
mod wake;

/// A third of the size of the standard library's allocator.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
