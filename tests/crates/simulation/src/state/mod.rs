//! What there is in the world: data, without what happens to it. It may use the script, the log and tokens.

pub mod client;
pub mod connection;
pub mod seat;
pub mod server;
pub mod stream;
