//! What tests of the running gateway share.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

pub mod grpc;
pub mod messaging;
pub mod proxy;
pub mod server;
pub mod tokens;
pub mod upstream;
