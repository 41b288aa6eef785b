//! Arbitrary bytes for every parser that outside data reaches, at both ends.
//!
//! Each [`Target`] takes bytes and panics when a promise is broken. Two things feed them: the tests of this crate, with random
//! and mutated bytes, in a minute; and `cargo xtask fuzz`, with libFuzzer, which sees which bytes reach new code, for as long
//! as one likes. Both begin with the frames of `docs/protocol.md` and a few bodies.
#![allow(clippy::panic, reason = "a promise that is broken is told to the fuzzer by a panic")]

#[cfg(feature = "gateway")]
mod address;
mod answer;
#[cfg(feature = "gateway")]
mod body;
mod client;
mod server;
mod sessions;
mod text;

/// What is fed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Takes one input; panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them. Those of the emulator and the gateway need the feature `gateway`; the others need nothing but the protocol.
pub const TARGETS: &[Target] = &[
    Target { name: "client-frames", run: client::run, seeds: client::seeds },
    Target { name: "server-frames", run: server::run, seeds: server::seeds },
    Target { name: "rest-answers", run: answer::run, seeds: answer::seeds },
    Target { name: "texts", run: text::run, seeds: text::seeds },
    #[cfg(feature = "gateway")]
    Target { name: "rest-bodies", run: body::run, seeds: body::seeds },
    #[cfg(feature = "gateway")]
    Target { name: "addresses", run: address::run, seeds: address::seeds },
];
