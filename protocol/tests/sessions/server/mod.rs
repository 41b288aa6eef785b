//! The server's session machine: the transcripts of `docs/protocol.md`, the rules that none shows, its limits, what a moving log
//! means to it, and random sessions against an oracle.

mod grants;
mod limits;
mod progress;
mod property;
mod rig;
mod rules;
mod transcripts;
