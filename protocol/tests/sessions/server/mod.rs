//! The server's session machine: the transcripts of `docs/protocol.md`, the rules that none shows, and random sessions against an
//! oracle.

mod property;
mod rig;
mod rules;
mod transcripts;
