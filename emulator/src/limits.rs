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

/// Bubbles of one message at most.
pub const MAX_MESSAGE_PARTS: usize = 100;

/// Formatted stretches of one text at most.
pub const MAX_FORMATTING: usize = 1_000;

/// Messages kept at most; beyond it the oldest is forgotten first.
pub const MESSAGE_LIMIT: usize = 100_000;

/// Attachments kept at most; beyond it the oldest is forgotten first.
pub const ATTACHMENT_LIMIT: usize = 10_000;

/// The largest file, in bytes: 100 MiB.
pub const MAX_ATTACHMENT_BYTES: u64 = 104_857_600;

/// All attachments together, in bytes; beyond it the oldest is forgotten first: 2 GiB.
pub const MAX_ATTACHMENTS_BYTES: u64 = 2_147_483_648;

/// Longest name of a file, in bytes.
pub const MAX_FILE_NAME_BYTES: usize = 255;

/// Longest name of a group, in bytes.
pub const MAX_GROUP_NAME_BYTES: usize = 256;

/// Longest title of a poll and text of one of its options, in bytes.
pub const MAX_POLL_TEXT_BYTES: usize = 256;

/// Options of a poll at most.
pub const MAX_POLL_OPTIONS: usize = 100;

/// Messages of one page of a list: what a caller gets who asks for no number, and the most.
pub const MESSAGE_PAGE: (usize, usize) = (25, 100);

/// How long a message may be edited after it was sent, in milliseconds.
pub const EDIT_WINDOW_MS: i64 = 15 * 60 * 1000;

/// How long a message may be taken back after it was sent, in milliseconds.
pub const UNSEND_WINDOW_MS: i64 = 2 * 60 * 1000;
