//! The core of `im-chats`: the documented shapes, what travels, the event stream's session machine, and – for
//! WebAssembly only – the binding that JavaScript sees.
//!
//! Dependencies go one way: `model` ← `wire` ← `session` ← `web`. The gateway uses everything but `web`.

pub mod error;
pub mod model;
pub mod session;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod wire;
