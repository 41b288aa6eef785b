//! The client's session machine: the transcripts of `docs/protocol.md`, and what the page promises a user beyond them.

mod attempts;
mod close_codes;
mod delivery;
mod gaps;
mod liveness;
mod rig;
mod states;
mod streams;
mod tokens;
mod transcripts;
