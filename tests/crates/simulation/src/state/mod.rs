//! What there is in the world: data, without what happens to it. It may use the script and the log.

pub mod client;
pub mod connection;
pub mod seat;
pub mod server;
pub mod stream;
