//! What the emulator takes at most, beside the limits of the protocol.
//!
//! Limits of one thing stand with it: [`KEY_LIMIT`](crate::KEY_LIMIT), [`KEY_BYTES`](crate::KEY_BYTES) and
//! [`KEY_LIFETIME_MS`](crate::KEY_LIFETIME_MS) of idempotency keys, [`MAX_EMAIL_BYTES`](crate::MAX_EMAIL_BYTES) of an address.

/// Addresses of one chat at most: a group in Messages has 32 people, this account among them.
pub const MAX_CHAT_ADDRESSES: usize = 31;

/// Longest text of a message, in bytes.
pub const MAX_TEXT_BYTES: usize = 20_000;

/// Longest subject line, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 1_000;
