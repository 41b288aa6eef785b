//! The server's session machine: the transcripts of `docs/protocol.md`, the rules that none shows, its limits, what a moving log
//! and one that lags mean to it, and random sessions against an oracle.

mod grants;
mod limits;
mod progress;
mod property;
mod replica;
mod rig;
mod rules;
mod transcripts;
