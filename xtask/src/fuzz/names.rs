// The targets of `tests/crates/fuzz` by name. Its tests include this file, and compare this list with the targets themselves.

/// Every target, in the order in which they run.
pub(super) const TARGETS: [&str; 6] = ["client-frames", "server-frames", "rest-answers", "texts", "rest-bodies", "addresses"];

/// Those of them that need the gateway built.
pub(super) const OF_THE_GATEWAY: [&str; 2] = ["rest-bodies", "addresses"];
