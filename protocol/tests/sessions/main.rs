//! Both session machines through the crate's public interface, under a virtual clock.
//!
//! One test program, not one per file: a change of the crate costs one link.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod client;
mod server;
