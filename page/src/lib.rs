//! The emulator inside a page: everything of the gateway's service that needs no server, for JavaScript.
//!
//! - `clock`: the page's time, which its caller moves.
//! - `socket`: one socket of the event stream, frames in and frames out.
//! - `binding`: both for JavaScript; on any other target there is none of it.
//!
//! It may use `im_chats_gateway` without its feature `server`, and `im_chats_protocol`. Nothing in it waits for a timer: what is due by the
//! clock happens when the caller says what time it is.

pub mod clock;
pub mod socket;

#[cfg(target_arch = "wasm32")]
mod binding;
