//! What both ends agree on: the documented shapes, errors, limits, wire formats, and the two session machines.
//!
//! May use: nothing but its own rooms, in this order: [`number`] and [`error`] ← [`model`] and [`limits`] ← [`grant`]
//! ← [`wire`] ← [`client`] and [`server`].
//! It has no I/O, no clock, no randomness and no JavaScript: time, bytes and random numbers come in as arguments, so the
//! simulation, the fuzzer and a browser run the same code.

// Without the standard library no room in here can reach a clock, a file or a socket. That of `tsify`, with the feature `typescript`,
// is for its trait alone.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod client;
pub mod error;
pub mod grant;
pub mod limits;
pub mod model;
pub mod number;
pub mod server;
pub mod wire;
