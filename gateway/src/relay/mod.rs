//! The relay: the real service, for clients that cannot reach it themselves, with a durable log of its events.

pub mod merge;
pub mod refusal;
